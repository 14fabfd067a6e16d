//! When may a leader answer `sync`, and count on a learner that forgot? Once a quorum has said, after either
//! came, that it still follows.
//!
//! Apache's leader answers at once and may be deposed without knowing it (ZOOKEEPER-1675). Here the
//! answer waits for a round of PINGs begun after the `sync` arrived, and for the commit of all that
//! was proposed before it: then no later leader can have committed anything that the reader misses.
//! Rounds are shared, and the ordinary PINGs of each half tick are rounds too.

use crate::leader::{Leader, LeaderPhase, Stage};
use crate::server::{Context, Handled, Role, Server};
use crate::{Conn, Effect, Message, Rules, Violation, Zxid};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The rounds of PINGs and the syncs that wait for them.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub(crate) struct Reads {
    /// The last round begun.
    round: u64,
    /// Oldest first, and so in order of `round` and `upto` as well.
    waiting: VecDeque<Waiting>,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
struct Waiting {
    /// The learner's connection, none for this server's own clients.
    conn: Option<Conn>,
    /// The first round begun after it came.
    round: u64,
    /// The last zxid proposed before it came.
    upto: Zxid,
}

impl Reads {
    /// The first round that begins from now on.
    pub(crate) fn next_round(&self) -> u64 {
        self.round + 1
    }

    pub(crate) fn renumber(&mut self, renumber: &dyn Fn(Conn) -> Conn) {
        for waiting in &mut self.waiting {
            waiting.conn = waiting.conn.map(renumber);
        }
    }

    pub(crate) fn drop_conn(&mut self, conn: Conn) {
        self.waiting.retain(|waiting| waiting.conn != Some(conn));
    }
}

impl Server {
    /// A client asks for `sync`.
    pub(crate) fn on_sync<R: Rules>(&mut self, cx: &Context<'_, R>, conn: Option<Conn>) {
        let upto = self.history.last();
        let Role::Leading(leader) = &mut self.role else {
            return;
        };
        let LeaderPhase::Broadcast { reads, .. } = &mut leader.phase else {
            return;
        };
        let round = if cx.rules.confirms_sync() {
            reads.next_round()
        } else {
            0
        };
        reads.waiting.push_back(Waiting { conn, round, upto });
    }

    /// The ping of each half tick.
    pub(crate) fn on_ping_learners<P>(&mut self, fx: &mut Vec<Effect<P>>) {
        self.begin_round(fx);
    }

    fn begin_round<P>(&mut self, fx: &mut Vec<Effect<P>>) {
        let last = self.history.last();
        let Role::Leading(leader) = &mut self.role else {
            return;
        };
        let LeaderPhase::Broadcast { epoch, reads, .. } = &mut leader.phase else {
            return;
        };
        reads.round += 1;
        let zxid = last.max(Zxid::new(*epoch, 0));
        for learner in leader.learners.values_mut() {
            if let Stage::Synced { unanswered, .. } = &mut learner.stage {
                unanswered.push_back((reads.round, zxid));
                fx.push(Effect::Send {
                    conn: learner.conn,
                    message: Message::Ping { zxid },
                });
            }
        }
    }

    /// PING's answer. Connections keep order, so it answers the oldest question.
    pub(crate) fn on_ping_answer(&mut self, conn: Conn, zxid: Zxid) -> Handled {
        let Role::Leading(leader) = &mut self.role else {
            return Ok(());
        };
        let Some((_, learner)) = leader.learner_of(conn) else {
            return Ok(());
        };
        let Stage::Synced {
            unanswered, answered, ..
        } = &mut learner.stage
        else {
            return Err(Violation::PingMismatch {
                asked: None,
                got: zxid,
            });
        };
        match unanswered.pop_front() {
            Some((round, asked)) if asked == zxid => {
                *answered = round;
                Ok(())
            }
            asked => Err(Violation::PingMismatch {
                asked: asked.map(|(_, zxid)| zxid),
                got: zxid,
            }),
        }
    }

    /// The leader's conclusions: tell and answer who is confirmed, and begin the round that the rest waits
    /// for unless one is under way.
    pub(crate) fn settle_reads<P, R: Rules>(&mut self, cx: &Context<'_, R>, fx: &mut Vec<Effect<P>>) {
        while self.tell_forgetful(cx, fx) || self.answer_sync(cx, fx) || self.begin_wanted_round(cx, fx) {}
    }

    /// Lets a forgetful learner serve that has waited long enough.
    fn tell_forgetful<P, R: Rules>(&mut self, cx: &Context<'_, R>, fx: &mut Vec<Effect<P>>) -> bool {
        let Role::Leading(leader) = &mut self.role else {
            return false;
        };
        let LeaderPhase::Broadcast { reads, .. } = &leader.phase else {
            return false;
        };
        let begun = reads.round;
        let waits = leader
            .learners
            .iter()
            .find_map(|(&server, learner)| match learner.stage {
                Stage::Forgetful { round, told: false } => Some((server, round)),
                _ => None,
            });
        let Some((server, round)) = waits else {
            return false;
        };
        let confirmed = round <= begun && is_confirmed(cx, leader, round);
        if cx.rules.confirms_recall() && !confirmed {
            return false;
        }
        if let Some(learner) = leader.learners.get_mut(&server) {
            learner.stage = Stage::Forgetful { round, told: true };
            fx.push(Effect::Send {
                conn: learner.conn,
                message: Message::UpToDate,
            });
        }
        true
    }

    /// Answers the oldest `sync` if that may be.
    fn answer_sync<P, R: Rules>(&mut self, cx: &Context<'_, R>, fx: &mut Vec<Effect<P>>) -> bool {
        let delivered = self.delivered;
        let Role::Leading(leader) = &mut self.role else {
            return false;
        };
        let LeaderPhase::Broadcast { committed, reads, .. } = &leader.phase else {
            return false;
        };
        let Some(first) = reads.waiting.front() else {
            return false;
        };
        let confirmed =
            first.round == 0 || first.round <= reads.round && is_confirmed(cx, leader, first.round);
        // A learner's own tree is the learner's to wait for.
        let here = first.conn.is_some() || delivered >= first.upto;
        if !(confirmed && here && first.upto <= *committed) {
            return false;
        }
        let conn = first.conn;
        if let LeaderPhase::Broadcast { reads, .. } = &mut leader.phase {
            reads.waiting.pop_front();
        }
        fx.push(match conn {
            Some(conn) => Effect::Send {
                conn,
                message: Message::Sync,
            },
            None => Effect::SyncDone,
        });
        true
    }

    fn begin_wanted_round<P, R: Rules>(&mut self, cx: &Context<'_, R>, fx: &mut Vec<Effect<P>>) -> bool {
        let Role::Leading(leader) = &self.role else {
            return false;
        };
        let LeaderPhase::Broadcast { reads, .. } = &leader.phase else {
            return false;
        };
        let begun = reads.round;
        let of_forgetful = leader.learners.values().map(|learner| match learner.stage {
            Stage::Forgetful { round, told: false } => round,
            _ => 0,
        });
        let newest = reads.waiting.back().map_or(0, |waiting| waiting.round);
        let wanted = of_forgetful.max().unwrap_or(0).max(newest);
        let idle = begun == 0 || is_confirmed(cx, leader, begun);
        if wanted > begun && idle {
            self.begin_round(fx);
            return true;
        }
        false
    }
}

/// Whether this server and those that answered `round` are a quorum.
fn is_confirmed<R: Rules>(cx: &Context<'_, R>, leader: &Leader, round: u64) -> bool {
    let answered = leader
        .learners
        .iter()
        .filter_map(|(&server, learner)| match learner.stage {
            Stage::Synced { answered, .. } if answered >= round => Some(server),
            _ => None,
        });
    cx.is_quorum_with(true, answered)
}
