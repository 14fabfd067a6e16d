//! Which connection to a peer counts? The switchboard knows: it accepts, calls, replaces and forgets.

use super::connection::Connection;
use super::greeting::{self, Greeting};
use super::slot::PeerSlot;
use super::{ElectionEvent, ElectionPlan, Outgoing};
use crate::sockets;
use quorate_trace::Side;
use quorate_zab::{Conn, ServerId};
use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Callers that may be busy saying who they are; further ones wait in the listen queue.
const GREETINGS_MAX: usize = 64;
/// Servers outside the configuration that may be connected at once: they ask who leads.
const STRANGERS_MAX: usize = 16;

/// What the driver asks of the switchboard.
pub(super) enum Command {
    /// `outgoing` is the newest for `to`.
    Send { to: ServerId, outgoing: Outgoing },
}

struct Peer {
    /// The configured address, or what a stranger advertised.
    address: Option<String>,
    configured: bool,
    slot: Arc<PeerSlot<Outgoing>>,
    live: Option<Live>,
    calling: bool,
}

struct Live {
    conn: Conn,
    from: IpAddr,
    /// Dropped or used, it ends the connection.
    _end: oneshot::Sender<()>,
    /// Answered by a drop once it takes nothing more from the slot.
    over: oneshot::Receiver<()>,
}

/// What a task of the switchboard came to.
enum Done {
    Greeted(io::Result<(TcpStream, IpAddr, Greeting)>),
    Called {
        to: ServerId,
        answer: io::Result<TcpStream>,
    },
    Ended {
        peer: ServerId,
        conn: Conn,
        why: io::Error,
    },
}

struct Switchboard {
    plan: ElectionPlan,
    peers: BTreeMap<ServerId, Peer>,
    events: mpsc::Sender<ElectionEvent>,
    tasks: JoinSet<Done>,
    greetings: usize,
    connections: u32,
}

/// Runs until the driver drops its end.
pub(super) async fn run(
    listener: TcpListener,
    plan: ElectionPlan,
    events: mpsc::Sender<ElectionEvent>,
    mut orders: mpsc::Receiver<Command>,
) {
    let peers = plan
        .peers
        .iter()
        .map(|(&id, address)| (id, Peer::configured(address.clone())))
        .collect();
    let mut board = Switchboard {
        plan,
        peers,
        events,
        tasks: JoinSet::new(),
        greetings: 0,
        connections: 0,
    };
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(Command::Send { to, outgoing }) => board.send(to, outgoing),
                None => return,
            },
            Some(done) = board.tasks.join_next() => match done {
                Ok(done) => board.on_done(done),
                Err(ended) if ended.is_panic() => std::panic::resume_unwind(ended.into_panic()),
                Err(_) => {}
            },
            accepted = listener.accept(), if board.greetings < GREETINGS_MAX => match accepted {
                Ok((stream, from)) => board.greet(stream, from.ip()),
                Err(error) => sockets::accept_failed("election port", &error).await,
            },
        }
    }
}

impl Peer {
    fn configured(address: String) -> Self {
        Self {
            address: Some(address),
            configured: true,
            slot: Arc::default(),
            live: None,
            calling: false,
        }
    }

    fn stranger() -> Self {
        Self {
            address: None,
            configured: false,
            slot: Arc::default(),
            live: None,
            calling: false,
        }
    }
}

impl Switchboard {
    fn send(&mut self, to: ServerId, outgoing: Outgoing) {
        let Some(peer) = self.peers.get_mut(&to) else {
            tracing::debug!(
                to = to.get(),
                "no way to a server that is neither configured nor connected"
            );
            return;
        };
        peer.slot.put(outgoing);
        if peer.live.is_none() {
            self.call(to);
        }
    }

    fn call(&mut self, to: ServerId) {
        let Some(peer) = self.peers.get_mut(&to) else {
            return;
        };
        let Some(address) = peer.address.clone() else {
            return;
        };
        if std::mem::replace(&mut peer.calling, true) {
            return;
        }
        let greeting = Greeting {
            server: self.plan.me,
            addresses: vec![self.plan.advertised.clone()],
        };
        let limit = self.plan.connect_limit;
        self.tasks.spawn(async move {
            let call = async {
                let mut stream = sockets::connect(&address).await?;
                greeting::write(&mut stream, &greeting).await?;
                Ok(stream)
            };
            let answer = timeout(limit, call)
                .await
                .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
            Done::Called { to, answer }
        });
    }

    fn greet(&mut self, mut stream: TcpStream, from: IpAddr) {
        self.greetings += 1;
        let limit = self.plan.greeting_limit;
        self.tasks.spawn(async move {
            let read = async {
                sockets::tune(&stream)?;
                let greeting = greeting::read(&mut stream).await?;
                Ok((stream, from, greeting))
            };
            Done::Greeted(
                timeout(limit, read)
                    .await
                    .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
            )
        });
    }

    fn on_done(&mut self, done: Done) {
        match done {
            Done::Greeted(greeted) => {
                self.greetings -= 1;
                match greeted {
                    Ok((stream, from, greeting)) => self.on_caller(stream, from, greeting),
                    Err(error) => tracing::debug!(%error, "election port: a caller did not say who it is"),
                }
            }
            Done::Called { to, answer } => self.on_answer(to, answer),
            Done::Ended { peer, conn, why } => {
                let Some(ended) = self.peers.get_mut(&peer) else {
                    return;
                };
                if ended.live.as_ref().is_some_and(|live| live.conn == conn) {
                    tracing::debug!(peer = peer.get(), %why, "election connection ended");
                    ended.live = None;
                }
            }
        }
    }

    fn on_caller(&mut self, stream: TcpStream, from: IpAddr, greeting: Greeting) {
        let caller = greeting.server;
        if caller == self.plan.me {
            tracing::warn!(%from, id = caller.get(), "election port: a caller has this server's own id");
            return;
        }
        if !self.peers.contains_key(&caller) {
            let strangers = self.peers.iter().filter(|(_, peer)| !peer.configured);
            let gone: Vec<_> = strangers
                .clone()
                .filter(|(_, peer)| peer.live.is_none() && !peer.calling)
                .map(|(&id, _)| id)
                .collect();
            if strangers.count() - gone.len() >= STRANGERS_MAX {
                tracing::warn!(%from, id = caller.get(), "election port: too many servers outside the configuration");
                return;
            }
            for id in gone {
                self.peers.remove(&id);
            }
            self.peers.insert(caller, Peer::stranger());
        }
        let peer = self.peers.get_mut(&caller).expect("just looked up");
        if !peer.configured {
            peer.address = greeting.reachable().map(str::to_owned);
        }
        if caller < self.plan.me {
            self.call(caller);
        } else if let Some(live) = &peer.live
            && live.from != from
        {
            tracing::warn!(%from, id = caller.get(), standing = %live.from, "election port: another host claims a connected server's id");
        } else {
            self.establish(caller, stream, from, Side::Acceptor);
        }
    }

    fn on_answer(&mut self, to: ServerId, answer: io::Result<TcpStream>) {
        let Some(peer) = self.peers.get_mut(&to) else {
            return;
        };
        peer.calling = false;
        match answer {
            // The connection that counts is opened by the larger id: this one only asked for a call back.
            Ok(_) if to > self.plan.me => {}
            Ok(stream) => match stream.peer_addr() {
                Ok(address) => self.establish(to, stream, address.ip(), Side::Initiator),
                Err(error) => tracing::debug!(peer = to.get(), %error, "election connection ended"),
            },
            Err(error) => tracing::debug!(peer = to.get(), address = peer.address, %error, "cannot call"),
        }
    }

    fn establish(&mut self, with: ServerId, stream: TcpStream, from: IpAddr, side: Side) {
        self.connections += 1;
        let conn = Conn::new(self.connections);
        let peer = self
            .peers
            .get_mut(&with)
            .expect("a connection is with a known peer");
        let (end, ended) = oneshot::channel();
        let (in_use, over) = oneshot::channel::<()>();
        let connection = Connection::new(conn, with, peer.slot.clone(), self.events.clone());
        let live = Live {
            conn,
            from,
            _end: end,
            over,
        };
        // The one before it, if there is one, ends by the drop of the rest.
        let before = peer.live.replace(live).map(|live| live.over);
        tracing::debug!(peer = with.get(), %from, "election connection stands");
        self.tasks.spawn(async move {
            if let Some(before) = before {
                let _ = before.await;
            }
            let addresses = sockets::addresses(&stream);
            let (reader, writer) = stream.into_split();
            let why = connection.run(reader, writer, side, addresses, ended).await;
            drop(in_use);
            Done::Ended {
                peer: with,
                conn,
                why,
            }
        });
    }
}
