//! What can be done to one server, and what can be seen of it?

use rustix::process::Signal;
use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use crate::address::{CLIENT_PORT, ELECTION_PORT, QUORUM_PORT};
use crate::client::{Client, ClientError};
use crate::config::{Kind, Peer, Settings, zoo_cfg};
use crate::four_letters::{self, Srvr};
use crate::process::Process;
use crate::wait::{LONG, wait_until};
use crate::{apache, command};

/// Sessions of tests outlive an election.
const SESSION_TIMEOUT_MS: i32 = 30_000;

/// One server of an ensemble, running or not.
#[derive(Debug)]
pub struct Member {
    id: u64,
    kind: Kind,
    dir: PathBuf,
    address: Ipv4Addr,
    settings: Settings,
    peers: Vec<Peer>,
    process: Option<Process>,
    paused: bool,
}

impl Member {
    pub(crate) fn new(
        id: u64,
        kind: Kind,
        dir: PathBuf,
        address: Ipv4Addr,
        settings: Settings,
        peers: Vec<Peer>,
    ) -> Member {
        fs::create_dir_all(dir.join("data")).expect("the scratch directory is writable");
        let member = Member {
            id,
            kind,
            dir,
            address,
            settings,
            peers,
            process: None,
            paused: false,
        };
        fs::write(member.data_dir().join("myid"), format!("{id}\n")).expect("myid is written");
        member
    }

    /// The server's id.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Whose server it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Lets another kind of server take over the data directory at the next start.
    ///
    /// # Panics
    ///
    /// If the server is running.
    pub fn become_kind(&mut self, kind: Kind) {
        assert!(self.process.is_none(), "server {} runs", self.id);
        self.kind = kind;
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Adds a line to `zoo.cfg` from the next start on.
    pub fn configure(&mut self, key: &str, value: &str) {
        self.settings.extra.push((key.to_owned(), value.to_owned()));
    }

    /// What the configuration says, as the next start would write it.
    pub fn config_text(&self) -> String {
        zoo_cfg(&self.settings, self.kind, &self.dir, self.address, &self.peers)
    }

    /// Where clients connect.
    pub fn client_address(&self) -> SocketAddr {
        SocketAddrV4::new(self.address, CLIENT_PORT).into()
    }

    /// Where learners connect (not through a relay).
    pub fn quorum_address(&self) -> SocketAddr {
        SocketAddrV4::new(self.address, QUORUM_PORT).into()
    }

    /// Where votes are sent.
    pub fn election_address(&self) -> SocketAddr {
        SocketAddrV4::new(self.address, ELECTION_PORT).into()
    }

    /// The server's directory: `zoo.cfg`, `data`, `trace`, `log`, `pid`.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// Where transaction logs and snapshots are.
    pub fn version_dir(&self) -> PathBuf {
        self.data_dir().join("version-2")
    }

    /// Where this server records its trace.
    pub fn trace_dir(&self) -> PathBuf {
        self.dir.join("trace")
    }

    /// What the server printed so far, over all its starts.
    pub fn log(&self) -> String {
        fs::read(self.dir.join("log"))
            .map(|log| String::from_utf8_lossy(&log).into_owned())
            .unwrap_or_default()
    }

    /// Whether the process is there and not stopped by a signal.
    pub fn is_running(&self) -> bool {
        self.process.is_some() && !self.paused
    }

    /// The id of the server's process, while there is one.
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Starts the server; returns as soon as the process exists.
    ///
    /// # Panics
    ///
    /// If it runs already or cannot be started.
    pub fn start(&mut self) {
        let config = self.write_config();
        self.start_on(&config);
    }

    /// Starts the server on a configuration of the test's own.
    ///
    /// # Panics
    ///
    /// If it runs already or the process cannot be started.
    pub fn start_on(&mut self, config: &Path) {
        assert!(self.process.is_none(), "server {} runs already", self.id);
        let words = match self.kind {
            Kind::Apache => apache::server_words(&self.dir, config, self.settings.measured),
            Kind::Quorate => {
                vec![
                    command::binary().display().to_string(),
                    "serve".into(),
                    config.display().to_string(),
                ]
            }
        };
        let name = format!("server {} ({:?})", self.id, self.kind);
        let process = Process::start(&name, &words, &self.dir.join("log"), &self.dir);
        fs::write(self.dir.join("pid"), format!("{}\n", process.id())).expect("the pid file is written");
        self.process = Some(process);
    }

    /// Writes `zoo.cfg` as the next start would, and gives its path.
    pub fn write_config(&self) -> PathBuf {
        let config = self.dir.join("zoo.cfg");
        fs::write(&config, self.config_text()).expect("zoo.cfg is written");
        config
    }

    /// Waits until the server ends by itself, and says how.
    ///
    /// # Panics
    ///
    /// If it does not within [`LONG`], or was never started.
    pub fn wait_ended(&mut self) -> ExitStatus {
        let process = self.process.as_mut().expect("the server was started");
        let status = process.wait(LONG);
        self.forget();
        status
    }

    /// How the process ended, if it has by itself.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.as_mut().and_then(Process::ended)
    }

    fn forget(&mut self) {
        self.process = None;
        self.paused = false;
        let _ = fs::remove_file(self.dir.join("pid"));
    }

    fn end_with(&mut self, signal: Signal) -> ExitStatus {
        let process = self
            .process
            .as_mut()
            .unwrap_or_else(|| panic!("server {} does not run", self.id));
        process.signal(signal);
        self.wait_ended()
    }

    /// `kill -9`, and waits until the process is gone.
    pub fn kill(&mut self) {
        self.end_with(Signal::KILL);
    }

    /// Asks the server to end as a service manager does, and waits until it has.
    pub fn stop(&mut self) -> ExitStatus {
        self.end_with(Signal::TERM)
    }

    /// Asks the server to end as Ctrl-C does, and waits until it has.
    pub fn interrupt(&mut self) -> ExitStatus {
        self.end_with(Signal::INT)
    }

    /// Stops the process where it is: alive, silent, its connections open.
    pub fn pause(&mut self) {
        self.process
            .as_mut()
            .expect("only a running server can be paused")
            .signal(Signal::STOP);
        self.paused = true;
    }

    /// Lets a paused process go on, unaware that time has passed.
    pub fn resume(&mut self) {
        self.process
            .as_mut()
            .expect("only a paused server can go on")
            .signal(Signal::CONT);
        self.paused = false;
    }

    /// Waiting for a server that has ended by itself is in vain: says so at once.
    ///
    /// # Panics
    ///
    /// If it was started, and has ended without being asked to.
    #[track_caller]
    pub fn assert_alive(&self) {
        let over = self.process.as_ref().is_some_and(Process::is_over);
        assert!(
            !over,
            "server {} ended by itself, see the end of its log",
            self.id
        );
    }

    /// The answer to a four-letter word; nothing from a server that is down, paused or silent.
    pub fn ask(&self, word: &str) -> Option<String> {
        if self.is_running() {
            four_letters::ask(self.client_address(), word)
        } else {
            None
        }
    }

    /// What it is and how far it has come; nothing while it does not serve.
    pub fn srvr(&self) -> Option<Srvr> {
        Srvr::parse(&self.ask("srvr")?)
    }

    /// The metrics; empty while it does not serve.
    pub fn mntr(&self) -> BTreeMap<String, String> {
        self.ask("mntr")
            .map(|answer| four_letters::parse_mntr(&answer))
            .unwrap_or_default()
    }

    /// A new session at this server.
    ///
    /// # Panics
    ///
    /// If the server does not give one within [`LONG`]; a closed connection is tried again.
    #[track_caller]
    pub fn client(&self) -> Client {
        wait_until(LONG, &format!("server {} takes a client", self.id), || {
            self.assert_alive();
            self.try_client().ok()
        })
    }

    /// One attempt to open a session here.
    ///
    /// # Errors
    ///
    /// If the server refuses.
    pub fn try_client(&self) -> Result<Client, ClientError> {
        Client::connect(self.client_address(), SESSION_TIMEOUT_MS)
    }
}
