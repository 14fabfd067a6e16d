//! How is a run told to people? One line for each step.

use super::world::{Action, Cx, Down, Up, World};
use quorate_tree::Txn;

impl World {
    /// One step out of this world, in words.
    pub(super) fn tell_step(&self, cx: &Cx<'_>, action: Action) -> String {
        let role = |at: usize| {
            if at == self.leader.place {
                "leader"
            } else {
                "follower"
            }
        };
        let server = |at: usize| format!("server {} ({})", at + 1, role(at));
        let session = |number: usize| format!("session {}", number + 1);
        match action {
            Action::Ask {
                session: who,
                at,
                ask,
            } => {
                format!("{} hears {} ask for {ask}", server(at), session(who))
            }
            Action::Break {
                session: who,
                received,
            } => {
                let of = self.clients[who].inbox.len();
                format!(
                    "the client of {} loses its connection, having received {received} of {of} frames",
                    session(who)
                )
            }
            Action::Attach { session: who, to } => {
                format!("{} attaches to {}", session(who), server(to))
            }
            Action::Gone { session: who, at } => {
                format!(
                    "{} notices that the client of {} has left",
                    server(at),
                    session(who)
                )
            }
            Action::Commit => format!(
                "{} commits and applies {}",
                server(self.leader.place),
                self.tell_next(cx, self.leader.committed)
            ),
            Action::Up => {
                let packet = self.up.front().map_or_else(String::new, |packet| match packet {
                    Up::Write(asker, ask) => {
                        format!("REQUEST of {}: {ask}", session(asker.session))
                    }
                    Up::Sync => "REQUEST: sync".to_owned(),
                    Up::Revalidate(who, _) => format!("REVALIDATE of {}", session(*who)),
                    Up::Touched(sessions) => {
                        let heard = (0..self.clients.len()).filter(|who| sessions & 1 << who != 0);
                        let heard: Vec<_> = heard.map(session).collect();
                        format!("PING's answer: heard from {}", heard.join(", "))
                    }
                });
                format!("{} receives {packet}", server(self.leader.place))
            }
            Action::Down => {
                let at = 1 - self.leader.place;
                let packet = match self.down.front() {
                    Some(Down::Commit) => {
                        format!(
                            "COMMIT and applies {}",
                            self.tell_next(cx, self.servers[at].applied)
                        )
                    }
                    Some(Down::Revalidated {
                        session: who,
                        is_alive,
                        ..
                    }) => {
                        let lives = if *is_alive { "lives" } else { "is over" };
                        format!("the answer to REVALIDATE: {} {lives}", session(*who))
                    }
                    Some(Down::Synced) => "SYNC".to_owned(),
                    None => String::new(),
                };
                format!("{} receives {packet}", server(at))
            }
            Action::Pong => format!("{} answers a PING", server(1 - self.leader.place)),
            Action::Confirm { of } => format!("a sync of {} is confirmed", server(of)),
            Action::Tick => "a tick passes".to_owned(),
            Action::Expire => format!(
                "{} looks for sessions whose time is up",
                server(self.leader.place)
            ),
            Action::Change { to, kept } => format!(
                "server {} leads from now on, with {kept} of what was proposed and not committed",
                to + 1
            ),
            Action::Rejoin => format!(
                "{} loses its leader and comes back",
                server(1 - self.leader.place)
            ),
            Action::SetLate { session: who, at } => {
                format!("{} sets the watch of {}", server(at), session(who))
            }
        }
    }

    /// The transaction that is next behind `applied`.
    fn tell_next(&self, cx: &Cx<'_>, applied: super::history::History) -> String {
        let Some(next) = cx.histories.next(applied, self.leader.proposed) else {
            return String::new();
        };
        let entry = &cx.histories.logged(next).entry;
        let txn = match &entry.txn {
            Txn::Create {
                create, ephemeral, ..
            } => {
                let kind = if *ephemeral { "create ephemeral" } else { "create" };
                format!("{kind} {}", create.path)
            }
            Txn::SetData { path, .. } => format!("setData {path}"),
            Txn::Delete { path } => format!("delete {path}"),
            Txn::CloseSession { .. } => "closeSession".to_owned(),
            Txn::Error { code } => format!("{:?}", quorate_tree::Code(*code)),
            other => format!("{other:?}"),
        };
        let zxid = entry.header.zxid;
        format!(
            "<{},{}> of session {}: {txn}",
            zxid >> 32,
            zxid & u64::from(u32::MAX),
            entry.header.session
        )
    }
}
