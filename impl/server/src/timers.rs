//! When does time itself become an input? Every duration of the server's own is chosen and kept here.
//!
//! All of it is monotonic time: a jump of the wall clock moves nothing.

#[cfg(test)]
mod tests;

use quorate_zab::ElectionTimer;
use std::time::Duration;
use tokio::time::Instant;

/// The first wait for notifications before they are sent again [ZooKeeper `minNotificationInterval`].
pub(crate) const RESEND_FIRST: Duration = Duration::from_millis(200);
/// The waits double up to this [ZooKeeper `maxNotificationInterval`].
pub(crate) const RESEND_LAST: Duration = Duration::from_secs(60);
/// How long a quorum of equal votes must stand unopposed [ZooKeeper `finalizeWait`].
pub(crate) const SETTLE: Duration = Duration::from_millis(200);

/// For how long a leader is looked for, at least, before reads are served without one.
pub(crate) const READS_AFTER: Duration = Duration::from_secs(2);

/// What is due.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Due {
    /// Half a tick has passed in a role: learners are pinged.
    Ping,
    /// A tick has passed in a role.
    Tick,
    /// initLimit has passed since the role was taken.
    Limit,
    /// Notifications are to be sent again.
    Resend,
    /// The votes have stood unopposed.
    Settled,
    /// Sessions and other housekeeping of the service.
    Service,
    /// A leader was looked for long enough: clients can have reads without one.
    Reads,
}

const KINDS: usize = 7;
const ALL: [Due; KINDS] = [
    Due::Ping,
    Due::Tick,
    Due::Limit,
    Due::Resend,
    Due::Settled,
    Due::Service,
    Due::Reads,
];

/// The deadlines that are armed.
pub(crate) struct Timers {
    tick: Duration,
    init_limit: Duration,
    resend: Duration,
    deadlines: [Option<Instant>; KINDS],
}

impl Timers {
    /// Nothing armed but the service's own, every half tick.
    pub(crate) fn new(tick: Duration, init_limit: Duration) -> Self {
        let mut timers = Self {
            tick,
            init_limit,
            resend: RESEND_FIRST,
            deadlines: [None; KINDS],
        };
        timers.arm(Due::Service, timers.tick / 2);
        timers
    }

    fn arm(&mut self, due: Due, after: Duration) {
        self.deadlines[due as usize] = Some(Instant::now() + after);
    }

    /// A role was taken.
    pub(crate) fn enter_role(&mut self) {
        self.arm(Due::Ping, self.tick / 2);
        self.arm(Due::Tick, self.tick);
        self.arm(Due::Limit, self.init_limit);
        self.deadlines[Due::Resend as usize] = None;
        self.deadlines[Due::Settled as usize] = None;
        self.deadlines[Due::Reads as usize] = None;
    }

    /// The role was left.
    pub(crate) fn leave_role(&mut self) {
        for due in [Due::Ping, Due::Tick, Due::Limit] {
            self.deadlines[due as usize] = None;
        }
    }

    /// An election begins: the waits start small again.
    pub(crate) fn enter_election(&mut self) {
        self.resend = RESEND_FIRST;
    }

    /// A leader is looked for, and reads are to be had if none is found soon [ZooKeeper `QuorumPeer.run`].
    pub(crate) fn await_reads(&mut self) {
        self.arm(Due::Reads, self.tick.max(READS_AFTER));
    }

    /// Starts a timer of the election, or starts it again.
    pub(crate) fn arm_election(&mut self, timer: ElectionTimer) {
        match timer {
            ElectionTimer::Resend => self.arm(Due::Resend, self.resend),
            ElectionTimer::Settle => self.arm(Due::Settled, SETTLE),
        }
    }

    /// When the next deadline is.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.deadlines.iter().flatten().min().copied()
    }

    /// Takes one that is due, oldest deadline first, and arms what recurs. A recurring one that is late
    /// counts once.
    pub(crate) fn take_due(&mut self) -> Option<Due> {
        let now = Instant::now();
        let due = ALL
            .into_iter()
            .filter(|&due| self.deadlines[due as usize].is_some_and(|at| at <= now))
            .min_by_key(|&due| self.deadlines[due as usize])?;
        self.deadlines[due as usize] = match due {
            Due::Ping | Due::Service => Some(now + self.tick / 2),
            Due::Tick => Some(now + self.tick),
            Due::Resend => {
                self.resend = (self.resend * 2).min(RESEND_LAST);
                None
            }
            Due::Limit | Due::Settled | Due::Reads => None,
        };
        Some(due)
    }
}
