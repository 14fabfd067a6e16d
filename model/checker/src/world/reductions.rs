//! Which worlds are taken for one, and which steps are taken at once?

use crate::bounds::Bounds;

/// Which worlds are taken for one, and which steps are taken at once. Each is sound by an argument in
/// `docs/properties.md`, and each is guarded by a run without it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reductions {
    /// Worlds that differ in the servers' names alone are one.
    pub symmetry: bool,
    /// A leader's connections are numbered in the order of its learners, not of their coming.
    pub numbering: bool,
    /// Frames arrive at once if their arrival commutes with everything and nobody sees it.
    pub quiet_arrivals: bool,
    /// Epoch files are written at once where no crash can come between.
    pub epoch_files: bool,
    /// A server that nobody reaches any more goes on before all others.
    pub solitude: bool,
    /// What a learner that is gone said first is left on the way as long as it makes no difference.
    pub stale_greetings: bool,
    /// Once nothing can go wrong any more, frames whose arrival nobody can tell arrive at once.
    pub peace: bool,
}

impl Reductions {
    /// All of them.
    pub const ALL: Self = Self {
        symmetry: true,
        numbering: true,
        quiet_arrivals: true,
        epoch_files: true,
        solitude: true,
        stale_greetings: true,
        peace: true,
    };
    /// The plain state space.
    pub const NONE: Self = Self {
        symmetry: false,
        numbering: false,
        quiet_arrivals: false,
        epoch_files: false,
        solitude: false,
        stale_greetings: false,
        peace: false,
    };
}

impl Reductions {
    /// Those of them whose arguments hold within these bounds. Orders of steps are argued for servers that
    /// remember, and for leaders that do not run out of zxids. Where members change, transactions name servers.
    pub(super) fn fit_for(self, bounds: Bounds) -> Self {
        let named = Self {
            symmetry: self.symmetry && !bounds.changes(),
            ..self
        };
        if bounds.elects {
            // Votes compare names, and tell when a server began to look.
            return Self {
                numbering: self.numbering,
                quiet_arrivals: self.quiet_arrivals,
                ..Self::NONE
            };
        }
        if bounds.wipes == 0 && bounds.last_counter == 0 {
            return named;
        }
        Self {
            epoch_files: false,
            solitude: false,
            stale_greetings: false,
            peace: false,
            ..named
        }
    }
}
