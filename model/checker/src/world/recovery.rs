//! Does it go on? From a world in which anything may have happened, faults end: disks finish, messages
//! arrive, ends of connections are noticed, limits pass. Is there soon one leader that all servers follow, and does
//! a new transaction commit and reach every one of them?
//!
//! Liveness proper speaks of fair infinite runs, of which a search through states knows nothing. This
//! is one fair run, the same each time, with a bound: what does not recover in it is a finding.

use super::{Action, Agreement, World, find_link, id, index};
use crate::link::{End, Link};
use crate::story::{Names, tell};
use crate::witness::Witness;
use quorate_zab::{Configuration, Input, Rules, Server, Standing, Zxid};
use std::sync::atomic::{AtomicU64, Ordering};

/// Rounds of clocks and elections; no world that was tried needed more than five.
const ROUNDS_MAX: u32 = 24;
/// Single steps of all servers together.
const STEPS_MAX: u32 = 4_000;
/// What the transaction says that is proposed at the end; no other says it.
const NEW: u64 = u64::MAX >> 1;

/// Which worlds of a run are tried, and how it went.
#[derive(Debug)]
pub(crate) struct Recoveries {
    every: u64,
    tried: AtomicU64,
    most_rounds: AtomicU64,
    most_steps: AtomicU64,
}

/// What it took.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Recovered {
    /// How many worlds were tried.
    pub tried: u64,
    /// How often, at most, somebody had to give up or be elected.
    pub rounds: u64,
    /// How many single steps it took at most.
    pub steps: u64,
}

impl Recoveries {
    /// Of so many worlds one is tried.
    pub(crate) fn every(every: u64) -> Self {
        Self {
            every,
            tried: AtomicU64::new(0),
            most_rounds: AtomicU64::new(0),
            most_steps: AtomicU64::new(0),
        }
    }

    pub(crate) fn outcome(&self) -> Recovered {
        Recovered {
            tried: self.tried.load(Ordering::Relaxed),
            rounds: self.most_rounds.load(Ordering::Relaxed),
            steps: self.most_steps.load(Ordering::Relaxed),
        }
    }
}

/// A fair run from some world.
struct Run<'a, R> {
    model: &'a Agreement<R>,
    world: World,
    rounds: u32,
    steps: u32,
    /// What happened, if it is to be told, and what the servers are called.
    told: Option<(Vec<String>, Names)>,
}

impl<R: Rules> Agreement<R> {
    /// Whether `world`, if it is one of those to be tried, fails to recover.
    pub(crate) fn fails_to_recover(&self, world: &World) -> bool {
        let Some(recoveries) = &self.recoveries else {
            return false;
        };
        // Whoever explores, and in which order, tries the same ones.
        if !self.fingerprint(world).is_multiple_of(recoveries.every) {
            return false;
        }
        recoveries.tried.fetch_add(1, Ordering::Relaxed);
        match self.witnessed.aside(|| self.recover(world)) {
            Ok((rounds, steps)) => {
                recoveries.most_rounds.fetch_max(rounds.into(), Ordering::Relaxed);
                recoveries.most_steps.fetch_max(steps.into(), Ordering::Relaxed);
                if rounds > 0 {
                    self.witnessed.note(Witness::Recovered);
                }
                false
            }
            Err(_) => true,
        }
    }

    /// Lets everything fair happen to `world`, and says after how many rounds and steps all is well; or
    /// what is not.
    fn recover(&self, world: &World) -> Result<(u32, u32), String> {
        let mut run = self.fair_run(world, None);
        run.recover().map(|()| (run.rounds, run.steps))
    }

    /// What happens from `world` on, and what is wrong with that.
    pub(crate) fn tell_recovery(&self, world: &World, names: Names) -> Vec<String> {
        let begin =
            "faults end; what follows is what clocks and disks and connections do by themselves".to_owned();
        let mut run = self.fair_run(world, Some((vec![begin], names)));
        let why = run.recover().err();
        let told = run.told.map(|(told, _)| told).unwrap_or_default();
        told.into_iter().chain(why).collect()
    }

    fn fair_run(&self, world: &World, told: Option<(Vec<String>, Names)>) -> Run<'_, R> {
        let mut world = world.clone();
        // A fault never comes again; elections and transactions do.
        world.left.breaks = 0;
        world.left.crashes = 0;
        world.left.disk_errors = 0;
        world.left.wipes = 0;
        world.left.elections = u8::MAX;
        // Who is elected then is told in a word.
        world.votes = None;
        Run {
            model: self,
            world,
            rounds: 0,
            steps: 0,
            told,
        }
    }
}

impl<R: Rules> Run<'_, R> {
    fn recover(&mut self) -> Result<(), String> {
        let mut goal: Option<Zxid> = None;
        loop {
            self.calm()?;
            match (self.leader_of_all(), goal) {
                (Some(leader), Some(goal)) if self.all_hold(leader, goal) => return Ok(()),
                (Some(leader), None) => goal = Some(self.propose(leader)?),
                // Whoever lost the new transaction has lost it for good: it was acknowledged by all.
                (Some(_), Some(goal)) => return Err(format!("{goal} does not reach every server")),
                (None, _) => self.turn()?,
            }
        }
    }

    fn perform(&mut self, action: Action) {
        if let Some((told, names)) = &mut self.told {
            told.push(tell(&self.model.rules, &self.world, &action, names));
        }
        self.model.perform(&mut self.world, action, &mut |_, _| ());
        self.steps += 1;
    }

    fn input(&mut self, i: usize, input: Input<u64>) {
        if let Some((told, names)) = &mut self.told {
            told.push(format!("{:?}: {input:?}", names[i]));
        }
        self.model.input(&mut self.world, i, input);
    }

    /// Lets arrive what is on its way, disks finish, and every end of a connection learn of the other's.
    fn calm(&mut self) -> Result<(), String> {
        loop {
            let looks = || (0..self.world.nodes.len()).find_map(|i| self.model.hears(&self.world, i).next());
            let heard = || self.model.hearing(&self.world).or_else(looks);
            let noticed = || self.notice().or_else(heard);
            if let Some(action) = self.model.calm_action(&self.world).or_else(noticed) {
                self.perform(action);
            } else {
                return Ok(());
            }
            if self.steps > STEPS_MAX {
                return Err(format!("it does not come to rest in {STEPS_MAX} steps"));
            }
            if let Some(property) = self.world.ghost.broken() {
                return Err(format!("on the way, a property is broken: {property}"));
            }
        }
    }

    /// An end of a connection whose other end is gone.
    fn notice(&self) -> Option<Action> {
        let links = self.world.links.iter().enumerate();
        links.into_iter().find_map(|(at, link)| {
            let half_open = |end: &End| link.conn(*end).is_some() && link.conn(Link::other(*end)).is_none();
            let end = [End::Learner, End::Leader].into_iter().find(half_open)?;
            Some(Action::Break(at, end))
        })
    }

    fn server(&self, i: usize) -> &Server {
        self.world.nodes[i]
            .server()
            .expect("no Java learner recovers here")
    }

    fn servers(&self) -> impl Iterator<Item = (usize, &Server)> + Clone + '_ {
        (0..self.world.nodes.len()).map(|i| (i, self.server(i)))
    }

    /// The leader that serves and that all others serve under, if there is one.
    fn leader_of_all(&self) -> Option<usize> {
        let leads = |server: &Server| server.standing() == (Standing::Leading { serving: true });
        let leader = self.servers().find(|(_, server)| leads(server))?.0;
        let follows = |(i, server): (usize, &Server)| {
            i == leader
                || matches!(server.standing(), Standing::Following { leader: of, serving: true, conn: Some(conn) }
                    if index(of) == leader && find_link(&self.world, id(i), conn).is_some())
        };
        let settled = self.goes_by(leader).pending().is_none();
        let mut servers = self.servers().filter(|(i, _)| self.is_counted(*i, leader));
        (settled && servers.all(follows)).then_some(leader)
    }

    fn goes_by(&self, i: usize) -> &Configuration {
        self.model.goes_by(&self.world.nodes[i])
    }

    /// Whether the server has to be there: all have, but for those that are not members where members change.
    fn is_counted(&self, i: usize, leader: usize) -> bool {
        !self.model.bounds.changes() || self.goes_by(leader).is_voter(id(i))
    }

    fn all_hold(&self, leader: usize, goal: Zxid) -> bool {
        self.servers()
            .filter(|(i, _)| self.is_counted(*i, leader))
            .all(|(_, server)| server.delivered() >= goal && server.history().last() >= goal)
    }

    fn propose(&mut self, leader: usize) -> Result<Zxid, String> {
        let zxid = self.server(leader).next_zxid(&self.model.rules);
        let zxid = zxid.ok_or("a leader that serves has no zxid for a new transaction")?;
        self.input(leader, Input::Propose { zxid, payload: NEW });
        Ok(zxid)
    }

    /// What the clocks do once nothing is under way: a tick for all, then an election if one is possible,
    /// and the longest limit if none is.
    fn turn(&mut self) -> Result<(), String> {
        self.rounds += 1;
        if self.rounds > ROUNDS_MAX {
            return Err(format!("no leader that all follow after {ROUNDS_MAX} rounds"));
        }
        for i in 0..self.world.nodes.len() {
            self.input(i, Input::CheckQuorum);
            self.input(i, Input::PingLearners);
        }
        self.calm()?;
        // A limit that passes again and again is not held up by elections that lead nowhere.
        let elected = !self.rounds.is_multiple_of(4) && self.elect();
        if !elected {
            for i in 0..self.world.nodes.len() {
                self.input(i, Input::LimitPassed);
            }
        }
        Ok(())
    }

    /// What fast leader election comes to among servers that hear each other: who looks joins the leader
    /// that a quorum stands by; if there is none, those who look follow the best of them whose vote weighs anything,
    /// if they are a quorum.
    fn elect(&mut self) -> bool {
        let mut lookers: Vec<usize> = self
            .servers()
            .filter(|(_, server)| server.is_votable())
            .map(|(i, _)| i)
            .collect();
        if lookers.is_empty() {
            return false;
        }
        if let Some(leader) = (0..self.world.nodes.len()).find(|&i| self.stands(i)) {
            for learner in lookers {
                self.perform(Action::Join { learner, leader });
            }
            return true;
        }
        lookers.retain(|&looker| self.server(looker).memory().remembers());
        let credential = |&i: &usize| {
            let server = self.server(i);
            (server.current(), server.history().last(), id(i))
        };
        let stands = |&looker: &usize| {
            let own = self.goes_by(looker);
            let voters = lookers.iter().map(|&looker| id(looker));
            own.weight(id(looker)) > 0 && self.model.rules.is_joint_quorum(own, voters)
        };
        let best = lookers.iter().copied().filter(stands).max_by_key(credential);
        let Some(best) = best else {
            return false;
        };
        self.perform(Action::Lead(best));
        for learner in lookers.into_iter().filter(|&looker| looker != best) {
            self.perform(Action::Join {
                learner,
                leader: best,
            });
        }
        true
    }

    /// Whether the server leads, and a quorum says so.
    fn stands(&self, leader: usize) -> bool {
        if !matches!(self.server(leader).standing(), Standing::Leading { .. }) {
            return false;
        }
        let says = |server: &Server| matches!(server.standing(), Standing::Following { leader: of, .. } if index(of) == leader);
        let followers = self.servers().filter(|(_, server)| says(server));
        let voters = followers.map(|(i, _)| id(i)).chain([id(leader)]);
        self.model.rules.is_joint_quorum(self.goes_by(leader), voters)
    }
}
