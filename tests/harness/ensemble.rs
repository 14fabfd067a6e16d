//! How does a test get servers that found each other, and how does it learn who leads?

use std::fmt;
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::address::{Block, QUORUM_PORT};
use crate::config::{Kind, Peer, Settings};
use crate::four_letters::Mode;
use crate::member::Member;
use crate::relay::Relay;
use crate::wait::{LONG, wait_until};

/// What an ensemble is to look like.
#[derive(Clone, Debug)]
pub struct Builder {
    name: String,
    kinds: Vec<Kind>,
    settings: Settings,
    observers: usize,
    relayed: bool,
    home: Option<PathBuf>,
}

impl Builder {
    /// Sets milliseconds per tick; the default is 1000.
    pub fn tick_ms(mut self, tick_ms: u32) -> Builder {
        self.settings.tick_ms = tick_ms;
        self
    }

    /// Sets how many ticks a learner has to connect and synchronise; the default is 20.
    pub fn init_limit(mut self, ticks: u32) -> Builder {
        self.settings.init_limit = ticks;
        self
    }

    /// Sets how many ticks a learner may be silent; the default is 5.
    pub fn sync_limit(mut self, ticks: u32) -> Builder {
        self.settings.sync_limit = ticks;
        self
    }

    /// Runs the servers as an installation does, not as a test that starts many of them.
    pub fn measured(mut self) -> Builder {
        self.settings.tick_ms = 2000;
        self.settings.measured = true;
        self
    }

    /// Adds a line to every `zoo.cfg`.
    pub fn config(mut self, key: &str, value: &str) -> Builder {
        self.settings.extra.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Lays the directories out below this one.
    pub fn home(mut self, home: &Path) -> Builder {
        self.home = Some(home.to_owned());
        self
    }

    /// Lets the last so many servers observe.
    pub fn observers(mut self, count: usize) -> Builder {
        self.observers = count;
        self
    }

    /// Puts a relay on every link from a learner to a leader.
    pub fn relayed(mut self) -> Builder {
        self.relayed = true;
        self
    }

    /// Lays out the directories without starting anything.
    pub fn build(self) -> Ensemble {
        let block = Block::claim();
        let home = self.home.unwrap_or_else(std::env::temp_dir);
        let dir =
            TempDir::with_prefix_in(format!("quorate-{}-", self.name), home).expect("a scratch directory");
        let ids = 1..=self.kinds.len() as u64;
        let relay = self.relayed.then(|| {
            let pairs = ids.clone().flat_map(|from| ids.clone().map(move |to| (from, to)));
            Relay::start(pairs.filter(|(from, to)| from != to).map(|(from, to)| {
                (
                    from,
                    to,
                    block.relay(from, to),
                    SocketAddrV4::new(block.server(to), QUORUM_PORT),
                )
            }))
        });
        let members = ids.clone().zip(&self.kinds).map(|(id, kind)| {
            let peers = ids.clone().map(|peer| {
                let direct = SocketAddrV4::new(block.server(peer), QUORUM_PORT);
                let relayed = self.relayed && peer != id;
                Peer {
                    id: peer,
                    observes: peer as usize + self.observers > self.kinds.len(),
                    quorum: if relayed { block.relay(id, peer) } else { direct },
                }
            });
            let home = dir.path().join(id.to_string());
            Member::new(
                id,
                *kind,
                home,
                block.server(id),
                self.settings.clone(),
                peers.collect(),
            )
        });
        let members = members.collect();
        Ensemble {
            name: self.name,
            members,
            observers: self.observers,
            relay,
            dir: Some(dir),
            block,
        }
    }

    /// Starts every server and waits until all serve under one leader.
    pub fn start(self) -> Ensemble {
        let mut ensemble = self.build();
        ensemble.start_all();
        ensemble.wait_all_serve();
        ensemble
    }

    /// Starts the servers so that `leader` leads: with empty directories, of the first two the one with
    /// the higher id wins, and the others find it established.
    ///
    /// # Panics
    ///
    /// If another server leads, or `leader` is 1.
    pub fn start_led_by(self, leader: u64) -> Ensemble {
        assert!(leader > 1, "among empty servers the lowest id never leads");
        let mut ensemble = self.build();
        for id in [1, leader] {
            ensemble.member(id).start();
        }
        assert_eq!(ensemble.wait_all_serve(), leader);
        ensemble.start_all();
        assert_eq!(ensemble.wait_all_serve(), leader);
        ensemble
    }
}

/// Servers that know each other. Dropped, it kills them and removes their files, unless the test is
/// failing: then it keeps the files, and prints where they are and how the logs end.
pub struct Ensemble {
    name: String,
    members: Vec<Member>,
    observers: usize,
    relay: Option<Relay>,
    dir: Option<TempDir>,
    block: Block,
}

impl fmt::Debug for Ensemble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ensemble")
            .field("name", &self.name)
            .field("members", &self.members)
            .finish()
    }
}

impl Ensemble {
    /// An ensemble of `kinds`, ids counted from 1; a single server is a standalone one.
    pub fn builder(name: &str, kinds: impl Into<Vec<Kind>>) -> Builder {
        let settings = Settings {
            tick_ms: 1000,
            init_limit: 20,
            sync_limit: 5,
            measured: false,
            extra: Vec::new(),
        };
        Builder {
            name: name.to_owned(),
            kinds: kinds.into(),
            settings,
            observers: 0,
            relayed: false,
            home: None,
        }
    }

    /// The directory of this test run.
    pub fn dir(&self) -> &Path {
        self.dir
            .as_ref()
            .expect("the directory lives as long as the ensemble")
            .path()
    }

    /// The server `id`.
    pub fn member(&mut self, id: u64) -> &mut Member {
        self.members.get_mut(id as usize - 1).expect("ids count from 1")
    }

    /// The server `id`, to look at.
    pub fn at(&self, id: u64) -> &Member {
        self.members.get(id as usize - 1).expect("ids count from 1")
    }

    /// All servers.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// All servers, to do something to.
    pub fn members_mut(&mut self) -> &mut [Member] {
        &mut self.members
    }

    /// The ids of all servers but these.
    pub fn others(&self, but: &[u64]) -> Vec<u64> {
        self.members
            .iter()
            .map(Member::id)
            .filter(|id| !but.contains(id))
            .collect()
    }

    /// The relay on the learner links.
    ///
    /// # Panics
    ///
    /// If the ensemble was built without one.
    pub fn relay(&self) -> &Relay {
        self.relay
            .as_ref()
            .expect("the ensemble was built with `relayed`")
    }

    /// Where the servers that were recorded wrote their traces.
    pub fn trace_dirs(&self) -> Vec<PathBuf> {
        self.members
            .iter()
            .filter(|member| member.kind() == Kind::Quorate)
            .map(Member::trace_dir)
            .collect()
    }

    /// A further server, not started, that calls itself `id` at an address of its own and with an empty
    /// directory, and knows the others as they are.
    pub fn impostor(&self, id: u64) -> Member {
        let model = self.at(id);
        let address = self.block.server(100 + id);
        let quorum = |peer: u64| {
            let host = if peer == id {
                address
            } else {
                self.block.server(peer)
            };
            Peer {
                id: peer,
                observes: peer as usize + self.observers > self.members.len(),
                quorum: SocketAddrV4::new(host, QUORUM_PORT),
            }
        };
        let peers = self.members.iter().map(|member| quorum(member.id())).collect();
        let dir = self.dir().join(format!("impostor-{id}"));
        Member::new(id, model.kind(), dir, address, model.settings().clone(), peers)
    }

    /// Starts every server that does not run.
    pub fn start_all(&mut self) {
        for member in self.members.iter_mut().filter(|member| !member.is_running()) {
            member.start();
        }
    }

    /// The running server that says it leads, if exactly one does. A paused one cannot say so.
    pub fn leader(&self) -> Option<u64> {
        let leads = |member: &&Member| {
            member
                .srvr()
                .is_some_and(|srvr| matches!(srvr.mode, Mode::Leader | Mode::Standalone))
        };
        let leaders: Vec<_> = self.members.iter().filter(leads).map(Member::id).collect();
        if let [leader] = leaders[..] {
            Some(leader)
        } else {
            None
        }
    }

    /// Waits until one server other than `but` leads, and gives its id.
    #[track_caller]
    pub fn wait_leader(&self, but: &[u64]) -> u64 {
        self.explain(LONG, &format!("one server leads, other than {but:?}"), || {
            self.leader().filter(|leader| !but.contains(leader))
        })
    }

    /// Waits until every running server serves and one leads, and gives the leader's id.
    #[track_caller]
    pub fn wait_all_serve(&self) -> u64 {
        self.explain(LONG, "every running server serves and one leads", || {
            let running = self.members.iter().filter(|member| member.is_running());
            let all = running.map(Member::srvr).collect::<Option<Vec<_>>>();
            all.and_then(|_| self.leader())
        })
    }

    /// Waits for `fact` and, in vain, says what each server is.
    #[track_caller]
    fn explain<T>(&self, deadline: Duration, what: &str, mut fact: impl FnMut() -> Option<T>) -> T {
        let start = std::time::Instant::now();
        wait_until(deadline, what, || {
            self.members.iter().for_each(Member::assert_alive);
            let value = fact();
            if value.is_none() && start.elapsed() >= deadline {
                for member in &self.members {
                    eprintln!(
                        "server {}: running {}, {:?}",
                        member.id(),
                        member.is_running(),
                        member.srvr()
                    );
                }
            }
            value
        })
    }

    /// Stops every running server as a service manager does.
    pub fn stop_all(&mut self) {
        for member in self.members.iter_mut().filter(|member| member.is_running()) {
            member.stop();
        }
    }
}

impl Drop for Ensemble {
    fn drop(&mut self) {
        let failing = std::thread::panicking();
        if failing && let Some(dir) = self.dir.take() {
            eprintln!("ensemble {:?}: files kept in {}", self.name, dir.keep().display());
            for member in &self.members {
                let log = member.log();
                let lines: Vec<_> = log.lines().collect();
                eprintln!("--- server {}, the last lines of its log:", member.id());
                for line in &lines[lines.len().saturating_sub(12)..] {
                    eprintln!("{line}");
                }
            }
        }
        self.members.clear();
    }
}
