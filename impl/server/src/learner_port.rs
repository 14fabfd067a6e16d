//! How do a learner and its leader find each other? The leader listens while it leads; the learner calls.
//!
//! Outside of a reign the port is bound and does not listen, so that learners are refused at once and try
//! again, as at an Apache server's.

mod numbers;

use crate::inbox::Event;
use crate::links::{self, Limits, Side};
use crate::sockets;
use numbers::Numbers;
use quorate_store::Snapshots;
use quorate_wire::quorum::ConnName;
use quorate_zab::{Conn, ServerId};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

/// How often a learner calls its leader before it looks for another.
const CALLS_MAX: u32 = 7;
/// How long it waits after the first call; twice as long after each further one. A learner often knows of
/// its election before the leader does. Apache's waits 100 ms four times.
const CALL_PAUSE: Duration = Duration::from_millis(10);
/// Learner connections that may be open at once.
const LEARNERS_MAX: usize = 256;
/// Learners that may wait to be accepted.
const BACKLOG: i32 = 128;

/// What the port needs to know.
pub(crate) struct LearnerPlan {
    pub(crate) me: ServerId,
    /// Which start of this server's process this is, for the names of connections.
    pub(crate) boot: u32,
    /// Where this server listens when it leads.
    pub(crate) listen: SocketAddr,
    /// Where the others do, `host:port`, resolved at each call.
    pub(crate) peers: BTreeMap<ServerId, String>,
    /// How long all calls of one leader may take together.
    pub(crate) connect_limit: Duration,
    pub(crate) of_learners: Limits,
    pub(crate) of_leader: Limits,
    pub(crate) snapshots: Snapshots,
}

/// The driver's end.
pub(crate) struct LearnerPort {
    plan: Arc<LearnerPlan>,
    inbox: mpsc::Sender<Event>,
    numbers: Numbers,
    /// Bound, not listening.
    reserved: Option<Socket>,
    accepting: Option<AbortHandle>,
    calling: Option<AbortHandle>,
}

impl LearnerPort {
    /// Binds the port.
    ///
    /// # Errors
    ///
    /// If it cannot be bound, or somebody else listens there.
    pub(crate) fn bind(plan: LearnerPlan, inbox: mpsc::Sender<Event>) -> io::Result<Self> {
        // Only listening shows whether another process has the port.
        std::net::TcpListener::bind(plan.listen)?;
        let reserved = reserve(plan.listen)?;
        Ok(Self {
            plan: Arc::new(plan),
            inbox,
            numbers: Numbers::default(),
            reserved: Some(reserved),
            accepting: None,
            calling: None,
        })
    }

    /// Listens: this server leads.
    pub(crate) fn open(&mut self) {
        let socket = self.reserved.take().map_or_else(|| reserve(self.plan.listen), Ok);
        let listening = socket.and_then(|socket| {
            socket.listen(BACKLOG)?;
            TcpListener::from_std(socket.into())
        });
        match listening {
            Ok(listener) => {
                let (plan, inbox, numbers) = (self.plan.clone(), self.inbox.clone(), self.numbers.clone());
                self.accepting = Some(tokio::spawn(accept(listener, plan, inbox, numbers)).abort_handle());
            }
            Err(error) => {
                tracing::error!(port = %self.plan.listen, %error, "no learner can connect to this leader")
            }
        }
    }

    /// Neither listens nor calls: the role is over.
    pub(crate) fn close(&mut self) {
        if let Some(calling) = self.calling.take() {
            calling.abort();
        }
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
        }
    }

    /// Whether learners may connect.
    pub(crate) fn is_open(&self) -> bool {
        self.accepting.is_some()
    }

    /// The number of a connection that a test accepts in the port's place.
    #[cfg(test)]
    pub(crate) fn accepted(&self) -> Conn {
        self.numbers.next()
    }

    /// Calls `leader`. What becomes of it is told under the connection's number.
    pub(crate) fn connect(&mut self, leader: ServerId) -> Conn {
        let conn = self.numbers.next();
        let (plan, inbox) = (self.plan.clone(), self.inbox.clone());
        self.calling = Some(tokio::spawn(call(conn, leader, plan, inbox)).abort_handle());
        conn
    }
}

impl Drop for LearnerPort {
    fn drop(&mut self) {
        self.close();
    }
}

fn reserve(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::from(address))?;
    Ok(socket)
}

async fn accept(listener: TcpListener, plan: Arc<LearnerPlan>, inbox: mpsc::Sender<Event>, numbers: Numbers) {
    let places = Arc::new(Semaphore::new(LEARNERS_MAX));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                sockets::accept_failed("learner port", &error).await;
                continue;
            }
        };
        if let Err(error) = sockets::tune(&stream) {
            tracing::debug!(%error, "a learner was gone before it was served");
            continue;
        }
        let addresses = sockets::addresses(&stream);
        let announce = |link| Event::Accepted { link, addresses };
        let conn = numbers.next();
        links::start(
            stream.into_split(),
            conn,
            Side::Learner,
            plan.of_learners,
            inbox.clone(),
            Some(place),
            announce,
        )
        .await;
    }
}

async fn call(conn: Conn, leader: ServerId, plan: Arc<LearnerPlan>, inbox: mpsc::Sender<Event>) {
    let Some(address) = plan.peers.get(&leader) else {
        let why = io::Error::new(io::ErrorKind::NotFound, "it is not in the configuration");
        let _ = inbox.send(Event::Unreachable { conn, leader, why }).await;
        return;
    };
    let calls = async {
        let (mut calls, mut pause) = (1, CALL_PAUSE);
        loop {
            match sockets::connect(address).await {
                Err(error) if calls == CALLS_MAX => return Err(error),
                Err(error) => {
                    tracing::debug!(leader = leader.get(), address, %error, "the leader does not answer yet")
                }
                connected => return connected,
            }
            calls += 1;
            sleep(pause).await;
            pause *= 2;
        }
    };
    match timeout(plan.connect_limit, calls)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    {
        Ok(stream) => {
            let name = ConnName {
                sid: plan.me.get(),
                boot: plan.boot,
                counter: conn.get(),
            };
            let addresses = sockets::addresses(&stream);
            let announce = |link| Event::Connected {
                link,
                leader,
                name,
                addresses,
            };
            let side = Side::Leader(plan.snapshots.clone());
            links::start(
                stream.into_split(),
                conn,
                side,
                plan.of_leader,
                inbox,
                None,
                announce,
            )
            .await;
        }
        Err(why) => {
            // The driver is gone when this fails.
            let _ = inbox.send(Event::Unreachable { conn, leader, why }).await;
        }
    }
}
