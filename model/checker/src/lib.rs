//! The model world, its properties, its mutants and the exhaustive runs.

mod election_grain;
mod election_mutants;

pub use election_grain::{
    Credential, ElectionBounds, ElectionOutcome, ElectionProperty, ElectionRun, ElectionSet, ElectionVerdict,
    ElectionWitness, election_runs,
};
pub use election_mutants::{ElectionMutant, election_mutants, order_is_total};

mod session_grain;
mod session_mutants;

pub use session_grain::{
    Ask, Seat, SessionBounds, SessionOutcome, SessionProperty, SessionRun, SessionVerdict, SessionWitness,
    session_runs,
};
pub use session_mutants::{SessionKilling, SessionMutant, session_mutants};

mod bounds;
mod disk;
mod explore;
mod explorer;
mod ghost;
mod intern;
mod java;
mod link;
mod model;
mod mutants;
mod node;
mod property;
mod run;
mod search;
mod seen;
mod sets;
mod story;
mod symmetry;
mod txn;
mod witness;
mod world;

pub use bounds::Bounds;
pub use disk::{Disk, Durable, EpochOp, LogOp, Logical};
pub use explore::{Outcome, Verdict, exhaust, shortest_violation};
pub use ghost::{Ghost, Scene};
pub use java::Java;
pub use link::{End, Link};
pub use mutants::{Killing, Mutant, mutants};
pub use node::{Brain, Changing, Event, Forbidden, Frame, Happening, Node, Out};
pub use property::Property;
pub use run::{Happened, Run};
pub use sets::{AgreementRun, Check, Finding, Hunt, Report, Set, agreement_runs, cpu_used, hunts};
pub use story::{Deed, Drawn, Step};
pub use txn::{Members, Txn};
pub use witness::{Witness, Witnessed};
pub use world::{Action, Agreement, Flaws, Recovered, Reductions, World};
