//! How are servers asked by hand, or by a script? zkCli's commands, on a terminal, from a pipe, or one.

mod acl;
mod commands;
mod complete;
mod editor;
mod failure;
mod options;
mod print;
mod quota;
mod table;
mod tls;
mod words;

use crate::CANNOT_RUN;
use crate::say::{complain, say};
use commands::Answer;
use failure::Failure;
use options::Given;
use print::{Paint, Tone};
use quorate_client::{Client, Error, Event, EventKind, Events, Options, Removed, Servers, State, Tls};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

const EXAMPLES: &str = "\
Examples:
  quorate shell                                  on a terminal: Tab completes commands and paths, `help` lists them
  quorate shell -s zk1:2181,zk2:2181/app ls /    one command, below a path
  printf 'create /a\\nset /a b\\n' | quorate shell   many, until one fails
  quorate shell --json get /a | jq .stat.mZxid   as JSON, one object per line
  quorate shell -s zk1:2281 --tls-ca ca.pem --tls-cert me.pem   with TLS, as who the certificate says

Exit codes: 0 done; 1 refused, or no server; 2 not a way to use the command; 127 no such command; 130 interrupted.";

/// How long the end of the session may take when the shell ends.
const FAREWELL: Duration = Duration::from_secs(2);

/// Asks servers by hand or from a script, with zkCli's commands.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Servers, and the path that all paths are below.
    #[arg(
        short,
        long,
        value_name = "HOST:PORT,...[/PATH]",
        default_value = "localhost:2181"
    )]
    server: String,

    /// The session time-out to ask for, in ms.
    #[arg(long, value_name = "MS", default_value_t = 30_000, value_parser = clap::value_parser!(u32).range(1..))]
    timeout: u32,

    /// Takes a server too that has lost the others and only reads.
    #[arg(short, long)]
    read_only: bool,

    /// Goes on trying until the time-out if no server takes the session at first.
    #[arg(long)]
    wait: bool,

    #[command(flatten)]
    tls: tls::Args,

    /// Prints each result as one JSON object on a line.
    #[arg(long)]
    json: bool,

    /// From a pipe: goes on when a command fails. The exit code is that of the first that did.
    #[arg(short, long)]
    keep_going: bool,

    /// A command and its words; without, commands are read from standard input.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Makes zkCli's options, which have one dash, those of this command. Words of the shell's commands stay.
pub(crate) fn translate(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut args: Vec<_> = args.into_iter().collect();
    if args.get(1).is_none_or(|name| name != "shell") {
        return args;
    }
    let mut at = 2;
    while let Some(word) = args.get(at).and_then(|word| word.to_str()) {
        if !word.starts_with('-') {
            break;
        }
        let (instead, words) = match word {
            "-server" => (Some("--server"), 2),
            "-timeout" => (Some("--timeout"), 2),
            "-waitforconnection" => (Some("--wait"), 1),
            "-s" | "--server" | "--timeout" => (None, 2),
            word if tls::OPTIONS.contains(&word) => (None, 2),
            _ => (None, 1),
        };
        if let Some(instead) = instead {
            args[at] = instead.into();
        }
        at += words;
    }
    args
}

/// Runs what was asked for.
pub(crate) fn run(args: &Args) -> ExitCode {
    let servers = match args.server.parse() {
        Ok(servers) => servers,
        Err(error) => {
            complain!("quorate shell: {error}");
            return ExitCode::from(CANNOT_RUN);
        }
    };
    let tls = match args.tls.read() {
        Ok(tls) => tls,
        Err(why) => {
            complain!("quorate shell: {why}");
            return ExitCode::from(CANNOT_RUN);
        }
    };
    // One thread beside this one: it keeps the session while this one waits for people.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            complain!("quorate shell: cannot begin: {error}");
            return ExitCode::from(CANNOT_RUN);
        }
    };
    let code = runtime.block_on(async {
        let interrupt = Arc::new(Notify::new());
        let told = Arc::clone(&interrupt);
        tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                if std::io::stdin().is_terminal() {
                    // Off the line on which the terminal shows `^C`.
                    say!("");
                }
                told.notify_waiters();
            }
        });
        let mut shell = Shell::new(servers, tls, args, interrupt);
        let code = shell.begin(args).await;
        shell.close().await;
        code
    });
    // A thread may still wait for a line that nobody types.
    runtime.shutdown_background();
    ExitCode::from(code)
}

/// Whether there is more to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Flow {
    On,
    Quit,
}

/// A session, and how it speaks.
pub(crate) struct Shell {
    servers: Servers,
    options: Options,
    client: Option<Client>,
    events: Option<Events>,
    interrupt: Arc<Notify>,
    history: Vec<String>,
    print_watches: bool,
    json: bool,
    out: Paint,
    err: Paint,
}

impl Shell {
    fn new(servers: Servers, tls: Option<Tls>, args: &Args, interrupt: Arc<Notify>) -> Self {
        Self {
            servers,
            options: Options {
                timeout: Duration::from_millis(args.timeout.into()),
                read_only: args.read_only,
                wait: args.wait,
                tls,
            },
            client: None,
            events: None,
            interrupt,
            history: Vec::new(),
            print_watches: true,
            json: args.json,
            out: Paint::for_terminal(std::io::stdout().is_terminal() && !args.json),
            err: Paint::for_terminal(std::io::stderr().is_terminal() && !args.json),
        }
    }

    /// Does the one command, or those of standard input; returns the exit code.
    async fn begin(&mut self, args: &Args) -> u8 {
        let alone =
            args.command.is_empty() && std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        // What needs no server does not wait for one.
        let offline = ["help", "version", "history"];
        let needs_server = args
            .command
            .first()
            .is_none_or(|name| table::find(name).is_some() && !offline.contains(&name.as_str()));
        if needs_server {
            let interrupt = self.interrupt();
            let connected = tokio::select! {
                connected = self.connect() => connected,
                () = interrupt.notified() => Err(Failure::Interrupted),
            };
            if let Err(failure) = connected {
                self.complain(&failure);
                if !alone {
                    return failure.code();
                }
            }
        }
        if !args.command.is_empty() {
            return match self.run(&args.command).await {
                Ok(_) => 0,
                Err(failure) => {
                    self.complain(&failure);
                    failure.code()
                }
            };
        }
        match alone {
            true => self.converse().await,
            false => self.work_off(args.keep_going).await,
        }
    }

    /// Commands from a pipe.
    async fn work_off(&mut self, keep_going: bool) -> u8 {
        let mut lines = editor::pipe();
        let mut code = 0;
        loop {
            let interrupt = self.interrupt();
            let line = tokio::select! {
                line = lines.recv() => line,
                event = self.next_event() => {
                    match event {
                        Some(event) => self.show(&event, None),
                        None => self.events = None,
                    }
                    continue;
                }
                () = interrupt.notified() => return Failure::Interrupted.code(),
            };
            let line = match line {
                None => return code,
                Some(Ok(line)) => line,
                Some(Err(error)) => {
                    complain!("quorate shell: cannot read: {error}");
                    return CANNOT_RUN;
                }
            };
            match self.execute(&line).await {
                Ok(Flow::On) => {}
                Ok(Flow::Quit) => return code,
                Err(failure) => {
                    self.complain(&failure);
                    if code == 0 {
                        code = failure.code();
                    }
                    if !keep_going {
                        return code;
                    }
                }
            }
        }
    }

    /// Commands from a person. As in zkCli, the exit code is that of the last.
    async fn converse(&mut self) -> u8 {
        let mut terminal = match editor::Terminal::open(self.out.0) {
            Ok(terminal) => terminal,
            Err(error) => {
                complain!("quorate shell: cannot edit lines on this terminal: {error}");
                return CANNOT_RUN;
            }
        };
        if let Some(client) = &self.client {
            say!(
                "Connected to {}, session 0x{:x}, time-out {} ms. `help` lists commands, Tab completes.",
                client.server(),
                client.session(),
                client.timeout().as_millis()
            );
        }
        let mut code = 0;
        loop {
            let (plain, styled) = self.prompt();
            terminal.prompt(plain, styled, self.client.clone());
            let line = loop {
                tokio::select! {
                    line = terminal.line() => break line,
                    event = self.next_event() => match event {
                        Some(event) => self.show(&event, Some(&mut terminal)),
                        None => self.events = None,
                    },
                }
            };
            let line = match line {
                None => return code,
                Some(Ok(line)) => line,
                Some(Err(error)) => {
                    complain!("quorate shell: cannot read: {error}");
                    return CANNOT_RUN;
                }
            };
            match self.execute(&line).await {
                Ok(Flow::On) => code = 0,
                Ok(Flow::Quit) => return code,
                Err(failure) => {
                    self.complain(&failure);
                    code = failure.code();
                }
            }
        }
    }

    /// zkCli's prompt, plain and in colour.
    fn prompt(&self) -> (String, String) {
        let state = self.client.as_ref().map_or(State::Closed, Client::state);
        let word = commands::state_word(state);
        let tone = match state {
            State::Connected | State::ConnectedReadOnly => Tone::Good,
            State::Disconnected | State::Expired | State::Closed => Tone::Bad,
        };
        let number = self.history.len();
        let prompt = |word: &str| format!("[zk: {}({word}) {number}] ", self.servers);
        (prompt(word), prompt(&self.out.paint(tone, word)))
    }

    /// One line. Empty ones and comments are passed over.
    async fn execute(&mut self, line: &str) -> Result<Flow, Failure> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(Flow::On);
        }
        self.history.push(line.to_owned());
        let mut words = split(line)?;
        if let [redo, number] = words.as_slice()
            && redo == "redo"
        {
            let again = self.redone(number)?;
            words = split(&again)?;
            if let Some(last) = self.history.last_mut() {
                *last = again;
            }
        }
        self.run(&words).await
    }

    fn redone(&self, number: &str) -> Result<String, Failure> {
        let earlier = &self.history[..self.history.len() - 1];
        let at: Option<usize> = number.parse().ok();
        let line = at.and_then(|at| earlier.get(at)).cloned();
        let line = line.ok_or_else(|| Failure::Usage("Command index out of range".to_owned()))?;
        if line.split_whitespace().next() == Some("redo") {
            return Err(Failure::Usage("No redoing redos".to_owned()));
        }
        Ok(line)
    }

    /// One command.
    async fn run(&mut self, words: &[String]) -> Result<Flow, Failure> {
        let Some((name, rest)) = words.split_first() else {
            return Err(Failure::Usage("No command entered".to_owned()));
        };
        let spec = table::find(name).ok_or_else(|| Failure::NotFound(name.clone()))?;
        let given = Given::read(spec, rest)?;
        if matches!(spec.name, "quit" | "exit") {
            return Ok(Flow::Quit);
        }
        if spec.name == "redo" {
            return Err(given.usage(""));
        }
        let interrupt = self.interrupt();
        let answer = if spec.name == "watch" {
            commands::execute(self, &given, spec.name).await?
        } else {
            tokio::select! {
                answer = commands::execute(self, &given, spec.name) => answer,
                () = interrupt.notified() => Err(Failure::Interrupted),
            }?
        };
        self.answer(&answer);
        Ok(Flow::On)
    }

    fn answer(&mut self, answer: &Answer) {
        // What happened before the answer is told before it.
        self.drain_events();
        if self.json {
            if !answer.json.is_null() {
                say!("{}", answer.json);
            }
            return;
        }
        for note in &answer.notes {
            complain!("{note}");
        }
        if !answer.text.is_empty() {
            say!("{}", answer.text.join("\n"));
        }
    }

    fn complain(&mut self, failure: &Failure) {
        self.drain_events();
        if self.json {
            complain!("{}", failure.json());
        } else {
            complain!("{}", self.err.paint(Tone::Bad, &failure.to_string()));
            if matches!(failure, Failure::NotFound(_)) {
                complain!("`help` lists the commands.");
            }
        }
    }

    /// The session; it is an error if there is none.
    fn client(&self) -> Result<&Client, Failure> {
        let client = self.client.as_ref();
        client.ok_or(Failure::Refused(Error::Closed))
    }

    fn paint(&self) -> Paint {
        self.out
    }

    async fn connect(&mut self) -> Result<(), Failure> {
        let (client, mut events) = Client::connect(self.servers.clone(), self.options.clone()).await?;
        // That it is connected is known.
        let _ = events.try_recv();
        self.client = Some(client);
        self.events = Some(events);
        Ok(())
    }

    async fn close(&mut self) {
        if let Some(client) = self.client.take() {
            let _ = tokio::time::timeout(FAREWELL, client.close()).await;
        }
        self.events = None;
    }

    /// The next event; `None` once the session is over.
    async fn next_event(&mut self) -> Option<Event> {
        match &mut self.events {
            Some(events) => events.recv().await,
            None => std::future::pending().await,
        }
    }

    /// Tells when somebody wants an end.
    fn interrupt(&self) -> Arc<Notify> {
        Arc::clone(&self.interrupt)
    }

    fn drain_events(&mut self) {
        while let Some(event) = self.events.as_mut().and_then(|events| events.try_recv().ok()) {
            self.show(&event, None);
        }
    }

    /// Passes over what a watch that was taken away still had to say.
    fn forget_watch(&mut self) {
        let Some(events) = &mut self.events else {
            return;
        };
        let mut rest = Vec::new();
        while let Ok(event) = events.try_recv() {
            if !matches!(event, Event::Watch { .. } | Event::Removed { .. }) {
                rest.push(event);
            }
        }
        for event in rest {
            self.show(&event, None);
        }
    }

    /// Tells of an event: of watches as zkCli does, of the connection as people want to know.
    fn show(&mut self, event: &Event, terminal: Option<&mut editor::Terminal>) {
        let words = match event {
            Event::Watch { .. } | Event::Removed { .. } if !self.print_watches => return,
            event if self.json => event_json(event).to_string(),
            Event::Watch { kind, path, zxid } => zkcli_event(kind_word(*kind), path, *zxid),
            Event::Removed { kind, path } => zkcli_event(removed_word(*kind), path, -1),
            Event::State(state) => {
                let words = match state {
                    State::Connected => format!("connected to {}", self.server()),
                    State::ConnectedReadOnly => format!("connected to {}, which only reads", self.server()),
                    State::Disconnected => "connection lost; looking for a server".to_owned(),
                    State::Expired => "the session has expired; `connect` begins another".to_owned(),
                    State::Closed => return,
                };
                return self.remark(&words, terminal);
            }
            Event::WatchesLost(code) => {
                let error = Error::Refused {
                    code: *code,
                    path: None,
                };
                return self.remark(&format!("watches could not be set again: {error}"), terminal);
            }
        };
        match terminal {
            Some(terminal) => terminal.print(&words),
            None => say!("{words}"),
        }
    }

    fn remark(&self, words: &str, terminal: Option<&mut editor::Terminal>) {
        match terminal {
            Some(terminal) => terminal.print(&self.out.paint(Tone::Faint, words)),
            None => complain!("{words}"),
        }
    }

    fn server(&self) -> String {
        self.client.as_ref().map(Client::server).unwrap_or_default()
    }

    /// An event as `watch` prints it.
    fn print_event_line(&mut self, event: &Event) {
        match event {
            event if self.json => say!("{}", event_json(event)),
            Event::Watch { kind, path, zxid } => {
                let word = self.out.paint(print::tone(*kind), kind_word(*kind));
                say!("{word} {path} 0x{zxid:x}");
            }
            event => self.show(event, None),
        }
    }
}

fn split(line: &str) -> Result<Vec<String>, Failure> {
    words::split(line).map_err(|error| Failure::Usage(error.to_string()))
}

const fn kind_word(kind: EventKind) -> &'static str {
    match kind {
        EventKind::NodeCreated => "NodeCreated",
        EventKind::NodeDeleted => "NodeDeleted",
        EventKind::NodeDataChanged => "NodeDataChanged",
        EventKind::NodeChildrenChanged => "NodeChildrenChanged",
    }
}

const fn removed_word(kind: Removed) -> &'static str {
    match kind {
        Removed::Child => "ChildWatchRemoved",
        Removed::Data => "DataWatchRemoved",
        Removed::Persistent => "PersistentWatchRemoved",
    }
}

fn zkcli_event(word: &str, path: &str, zxid: i64) -> String {
    format!("\nWATCHER::\n\nWatchedEvent state:SyncConnected type:{word} path:{path} zxid: {zxid}")
}

fn event_json(event: &Event) -> Value {
    match event {
        Event::Watch { kind, path, zxid } => {
            let zxid = match zxid {
                -1 => Value::Null,
                zxid => format!("0x{zxid:x}").into(),
            };
            json!({ "event": kind_word(*kind), "path": path, "zxid": zxid })
        }
        Event::Removed { kind, path } => json!({ "event": removed_word(*kind), "path": path, "zxid": null }),
        Event::State(state) => json!({
            "event": "State",
            "state": match state {
                State::Connected => "SyncConnected",
                State::ConnectedReadOnly => "ConnectedReadOnly",
                State::Disconnected => "Disconnected",
                State::Expired => "Expired",
                State::Closed => "Closed",
            },
        }),
        Event::WatchesLost(code) => json!({ "event": "WatchesLost", "code": code.0 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translated(line: &str) -> String {
        let words: Vec<_> = translate(line.split(' ').map(OsString::from))
            .into_iter()
            .map(|word| word.into_string().expect("text"))
            .collect();
        words.join(" ")
    }

    #[test]
    fn zkcli_s_options_are_understood() {
        assert_eq!(
            translated("quorate shell -server a:1 -timeout 5 -r ls /"),
            "quorate shell --server a:1 --timeout 5 -r ls /"
        );
        assert_eq!(
            translated("quorate shell -waitforconnection set /a -server"),
            "quorate shell --wait set /a -server"
        );
        assert_eq!(
            translated("quorate shell -s -server ls /"),
            "quorate shell -s -server ls /"
        );
        assert_eq!(translated("quorate serve -server"), "quorate serve -server");
    }

    #[test]
    fn events_are_printed_as_zkcli_prints_them() {
        assert_eq!(
            zkcli_event("NodeDataChanged", "/x", 4_294_967_299),
            "\nWATCHER::\n\nWatchedEvent state:SyncConnected type:NodeDataChanged path:/x zxid: 4294967299"
        );
        let event = Event::Watch {
            kind: EventKind::NodeCreated,
            path: "/x".to_owned(),
            zxid: 31,
        };
        assert_eq!(
            event_json(&event).to_string(),
            r#"{"event":"NodeCreated","path":"/x","zxid":"0x1f"}"#
        );
    }
}
