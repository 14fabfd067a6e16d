//! How is a server run? From a `zoo.cfg`, alone with every default, or as an ensemble on this machine.

mod ensemble;
mod introduce;
mod plan;

use crate::CANNOT_RUN;
use crate::say::complain;
use quorate_server::config::{ClientAddress, Config, Loaded, Warning};
use quorate_server::{descriptors, serve};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Where data goes if nobody says where.
const DATA_DIR: &str = "quorate-data";
/// ZooKeeper's port.
const CLIENT_PORT: u16 = 2181;

const EXAMPLES: &str = "\
Examples:
  quorate serve --ensemble 3           three servers, clients at 127.0.0.1:2181, 2182 and 2183
  quorate serve --data /var/lib/q      one server, clients at 127.0.0.1:2181
  QUORATE_LOG=debug quorate serve /etc/zookeeper/conf/zoo.cfg";

/// Runs a server: from a zoo.cfg, alone without one, or several on this machine.
///
/// With a zoo.cfg it is the server that the file describes, alone or a member of an ensemble. Without one it
/// runs alone on 127.0.0.1:2181, its data in ./quorate-data.
///
/// Ctrl-C or SIGTERM stops it in good order; kill -9 does no harm. It logs to standard error, one line per event.
///
/// Exit codes: 0 it stopped when it was told to, 2 it could not start or not go on.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A ZooKeeper configuration file.
    zoo_cfg: Option<PathBuf>,

    /// The directory for data [default: ./quorate-data].
    #[arg(long, value_name = "DIR", conflicts_with = "zoo_cfg")]
    data: Option<PathBuf>,

    /// The port for clients, on 127.0.0.1 [default: 2181]. An ensemble takes one for each server from here on,
    /// and as many 100, 200 and 300 above.
    #[arg(long, value_name = "PORT", conflicts_with = "zoo_cfg")]
    client_port: Option<u16>,

    /// Runs N real servers on this machine, each a process of its own, to try out what an ensemble survives.
    ///
    /// Kill one with kill -9: the others go on, and the killed server comes back and catches up. Ctrl-C
    /// stops all. What they recorded can be audited.
    #[arg(long, value_name = "N", conflicts_with = "zoo_cfg")]
    ensemble: Option<u16>,

    /// What is logged: error, warn, info, debug or trace, for all or by part (info,quorate_server::links=debug)
    /// [default: the environment's QUORATE_LOG, else info].
    #[arg(long, value_name = "FILTER", value_parser = filter)]
    log: Option<String>,

    /// How it is logged: for people, or as one JSON object per line.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,

    /// Stops the server when its standard input ends.
    #[arg(long, hide = true)]
    leashed: bool,
}

/// How events are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
enum LogFormat {
    /// A line for people.
    Text,
    /// An object of JSON: timestamp, level, fields, target.
    Json,
}

impl LogFormat {
    fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

/// A filter that is none is told when the words are read, and not ignored when the server runs.
fn filter(text: &str) -> Result<String, String> {
    EnvFilter::try_new(text)
        .map(|_| text.to_owned())
        .map_err(|error| error.to_string())
}

/// Runs until the server or the ensemble is told to stop.
pub(crate) fn run(args: &Args) -> ExitCode {
    init_log(args);
    end_on_panic();
    // One thread: what a server does is ordered anyway. The disk has threads of its own, and clients' connections
    // where there are cores for them.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain!("quorate serve: cannot begin: {error}");
            return ExitCode::from(CANNOT_RUN);
        }
    };
    let data = args.data.clone().unwrap_or_else(|| PathBuf::from(DATA_DIR));
    let port = args.client_port.unwrap_or(CLIENT_PORT);
    if let Some(count) = args.ensemble {
        return runtime.block_on(ensemble::run(&data, count, port, &args.of_members()));
    }
    let config = match &args.zoo_cfg {
        Some(file) => match load(file) {
            Ok(config) => config,
            Err(code) => return code,
        },
        None => Config::standalone(
            &data,
            ClientAddress {
                host: Some("127.0.0.1".to_owned()),
                port,
            },
        ),
    };
    descriptors::raise();
    if let Some(shortage) = descriptors::shortage(&config) {
        tracing::warn!("{shortage}");
    }
    let code = runtime.block_on(serve(&config, args.leashed));
    // A blocking thread that is still writing a snapshot is not waited for: it leaves nothing half done.
    runtime.shutdown_background();
    code
}

impl Args {
    /// The words with which each server of an ensemble logs as this command was told to.
    fn of_members(&self) -> Vec<String> {
        let mut words = vec!["--log-format".to_owned(), self.log_format.word().to_owned()];
        if let Some(log) = &self.log {
            words.extend(["--log".to_owned(), log.clone()]);
        }
        words
    }
}

/// One line per event on standard error: of the level in `--log`, or in QUORATE_LOG, else `info`.
fn init_log(args: &Args) {
    let filter = match &args.log {
        Some(text) => EnvFilter::new(text),
        None => EnvFilter::try_from_env("QUORATE_LOG").unwrap_or_else(|_| EnvFilter::new("info")),
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // It would tell of a closed pipe on that very pipe, and panic.
        .log_internal_errors(false)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
    match args.log_format {
        LogFormat::Text => log.with_target(false).init(),
        LogFormat::Json => log.json().with_span_list(false).with_current_span(false).init(),
    }
}

/// A server of which a part has failed in a way that nobody foresaw must not go on as if it were whole.
fn end_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::abort();
    }));
}

fn warn_of(warnings: &[Warning]) {
    for warning in warnings {
        tracing::warn!("{warning}");
    }
}

fn load(file: &Path) -> Result<Config, ExitCode> {
    match Config::load(file) {
        Ok(Loaded { config, warnings }) => {
            warn_of(&warnings);
            Ok(config)
        }
        Err(error) => {
            warn_of(&error.warnings);
            complain!("quorate serve: {error}");
            Err(ExitCode::from(CANNOT_RUN))
        }
    }
}

async fn serve(config: &Config, leashed: bool) -> ExitCode {
    let signals = signal(SignalKind::interrupt()).and_then(|int| Ok((int, signal(SignalKind::terminate())?)));
    let (mut interrupt, mut terminate) = match signals {
        Ok(signals) => signals,
        Err(error) => {
            complain!("quorate serve: cannot watch for signals: {error}");
            return ExitCode::from(CANNOT_RUN);
        }
    };
    let mut running = match serve::start(config).await {
        Ok(running) => running,
        Err(error) => {
            complain!("quorate serve: {error}");
            return ExitCode::from(CANNOT_RUN);
        }
    };
    if let Some(address) = running.admin {
        tracing::info!(%address, "admin server");
    }
    if let Some(address) = running.clients {
        tracing::info!(%address, data = %config.data_dir.display(), trace = %config.trace.dir.display(), "started");
    }
    if let Some(address) = running.secure_clients {
        tracing::info!(%address, "clients connect with TLS");
    }
    introduce::introduce(config, running.clients, running.secure_clients);
    tokio::select! {
        ended = running.ended() => return report(ended),
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        () = leash_ends(), if leashed => {}
    }
    tracing::info!("stopping");
    running.stop();
    report(running.ended().await)
}

fn report<E: std::fmt::Display>(ended: Result<(), E>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the server cannot go on");
            ExitCode::from(CANNOT_RUN)
        }
    }
}

/// Waits until whoever holds the other end of standard input is gone.
async fn leash_ends() {
    let (gone, is_gone) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        let mut ignored = [0; 64];
        while std::io::stdin().read(&mut ignored).is_ok_and(|read| read > 0) {}
        drop(gone);
    });
    let _ = is_gone.await;
}
