//! Who listens, and how does a request become a question? One task per connection, few of them at a time;
//! nothing is believed about a request beyond its path, its query and one header.

mod body;
mod respond;

use super::{Command, Question};
use crate::config::Config;
use crate::sizes;
use crate::sockets;
use body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::{TokioIo, TokioTimer};
use quorate_store::Snapshots;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, lookup_host};
use tokio::sync::{Semaphore, mpsc};

/// Connections that are served at a time; further ones wait to be accepted.
const CONNECTIONS_MAX: usize = 32;
/// Bytes that a request's head may have.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// How long the driver may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// What a port serves.
#[derive(Debug)]
pub(crate) struct Plan {
    /// What the paths of commands begin with; `None`: metrics alone.
    pub(crate) command_url: Option<String>,
    pub(crate) idle_timeout: Duration,
    pub(crate) questions: mpsc::Sender<Question>,
    /// Whose sizes are told.
    pub(crate) directories: [PathBuf; 2],
    /// Snapshots that may be asked for.
    pub(crate) snapshots: Option<Arc<SnapshotPlan>>,
}

/// Who writes a snapshot for somebody who asks, and how often.
#[derive(Debug)]
pub(crate) struct SnapshotPlan {
    files: Snapshots,
    dir: PathBuf,
    interval: Duration,
    last: Mutex<Option<Instant>>,
}

impl SnapshotPlan {
    pub(crate) fn new(config: &Config, files: Snapshots) -> Self {
        Self {
            files,
            dir: config.data_dir.join("version-2"),
            interval: Duration::from_millis(config.admin.snapshot_interval_ms),
            last: Mutex::new(None),
        }
    }

    /// Whether it is time for another one; then the next has to wait.
    fn may_take(&self) -> bool {
        let mut last = self.last.lock().expect("nothing panics while it is held");
        let may = last.is_none_or(|last| last.elapsed() >= self.interval);
        if may {
            *last = Some(Instant::now());
        }
        may
    }
}

/// Listens at `host` and `port` until nobody answers questions any more. Answers where that is.
///
/// # Errors
///
/// If the address cannot be resolved or bound.
pub(crate) async fn listen(host: &str, port: u16, plan: Plan) -> io::Result<SocketAddr> {
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for candidate in lookup_host((host, port)).await? {
        match TcpListener::bind(candidate).await {
            Ok(listener) => {
                let bound = listener.local_addr()?;
                tokio::spawn(accept(listener, Arc::new(plan)));
                return Ok(bound);
            }
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

async fn accept(listener: TcpListener, plan: Arc<Plan>) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(slot) = slots.clone().acquire_owned().await else {
            return;
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = plan.questions.closed() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                sockets::accept_failed("admin.serverPort", &error).await;
                continue;
            }
        };
        let plan = plan.clone();
        tokio::spawn(async move {
            let serve = service_fn(|request| handle(request, peer, &plan));
            let served = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(plan.idle_timeout)
                .max_buf_size(HEAD_BYTES_MAX)
                .serve_connection(TokioIo::new(stream), serve)
                .await;
            if let Err(error) = served {
                tracing::debug!(%peer, %error, "connection to the admin server ended");
            }
            drop(slot);
        });
    }
}

async fn handle(
    request: Request<Incoming>,
    peer: SocketAddr,
    plan: &Plan,
) -> Result<Response<Body>, Infallible> {
    Ok(plan.respond(&request, peer).await)
}

impl Plan {
    /// The sizes of the data directories, if `command` tells them.
    async fn sizes(&self, command: Command) -> crate::service::DirectorySizes {
        if !command.needs_sizes() {
            return Default::default();
        }
        let directories = self.directories.clone();
        let looking = tokio::task::spawn_blocking(move || sizes::of(&directories));
        looking.await.unwrap_or_default()
    }
}
