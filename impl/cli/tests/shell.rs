//! Does the shell say what zkCli says, and tell scripts what they need? Real processes, of the shell and of a
//! server alone.

#[path = "common/server.rs"]
mod server;

use bytes::BytesMut;
use quorate_tree::EventKind;
use quorate_wire::client::reply::{self, ReplyHeader};
use quorate_wire::client::{ConnectResponse, Opcode, RequestHeader};
use quorate_wire::frame::{CLIENT_FRAME_BYTES_MAX, take_frame};
use serde_json::{Value, json};
use server::{COMMAND, Server, said, wait_until_it_serves};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, ChildStdin, Command, Stdio};
use tempfile::TempDir;

/// What zkCli 3.9.3 answered, at Apache's server: a line `> COMMAND`, then the lines of both its streams.
/// `tests/compat/shell/side-by-side --record` made it.
const RECORDED: &str = include_str!("recorded/zkcli.txt");

/// A server, with nothing in its tree to begin with; it ends with the test if it is held here.
struct World {
    address: String,
    _server: Option<Server>,
    _dir: Option<TempDir>,
}

impl World {
    fn begin() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let mut server = Server::start(None, dir.path(), Stdio::piped());
        let mut lines = BufReader::new(server.0.stdout.take().expect("a pipe"));
        let address = said(&mut lines, "Connect to ");
        // Whoever listens hears it to the end.
        std::thread::spawn(move || lines.read_to_string(&mut String::new()));
        wait_until_it_serves(&address);
        Self {
            address,
            _server: Some(server),
            _dir: Some(dir),
        }
    }

    fn shell(&self, words: &[&str]) -> Command {
        let mut command = Command::new(COMMAND);
        command.args(["shell", "-s", &self.address]).args(words);
        command.env("TZ", "UTC");
        command
    }

    /// One command: its exit code, standard output and standard error.
    fn ask(&self, words: &[&str]) -> Told {
        told(&mut self.shell(words), "")
    }

    /// Commands from a pipe.
    fn pipe(&self, words: &[&str], commands: &str) -> Told {
        told(&mut self.shell(words), commands)
    }

    /// The JSON objects of what one command says.
    fn json(&self, words: &[&str]) -> Vec<Value> {
        let told = self.ask(&[&["--json"], words].concat());
        assert_eq!((told.code, told.err.as_str()), (0, ""), "{words:?}");
        objects(&told.out)
    }
}

#[derive(Debug, Eq, PartialEq)]
struct Told {
    code: i32,
    out: String,
    err: String,
}

fn told(command: &mut Command, input: &str) -> Told {
    let piped = || Stdio::piped();
    let mut child = command
        .stdin(piped())
        .stdout(piped())
        .stderr(piped())
        .spawn()
        .expect("the command is there");
    let mut stdin = child.stdin.take().expect("a pipe");
    // One that has failed already reads no more.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().expect("a child");
    Told {
        code: output.status.code().expect("it ends by itself"),
        out: String::from_utf8(output.stdout).expect("text"),
        err: String::from_utf8(output.stderr).expect("text"),
    }
}

fn objects(text: &str) -> Vec<Value> {
    let object = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    text.lines().map(object).collect()
}

/// The line without what no two runs share.
fn normalised(line: &str) -> String {
    let hex = |name: &str, word: &str| {
        let value = line.strip_prefix(name)?.strip_prefix(" = 0x")?;
        Some(match value {
            "0" => line.to_owned(),
            _ => format!("{name} = 0x{word}"),
        })
    };
    let time = |name: &str| {
        let begins = line.strip_prefix(name)?.starts_with(" = ");
        begins.then(|| format!("{name} = TIME"))
    };
    let event = || {
        let (before, zxid) = line.rsplit_once(" zxid: ")?;
        (zxid != "-1").then(|| format!("{before} zxid: ZXID"))
    };
    time("ctime")
        .or_else(|| time("mtime"))
        .or_else(|| hex("cZxid", "ZXID"))
        .or_else(|| hex("mZxid", "ZXID"))
        .or_else(|| hex("pZxid", "ZXID"))
        .or_else(|| hex("ephemeralOwner", "SESSION"))
        .or_else(event)
        .unwrap_or_else(|| line.to_owned())
}

#[test]
fn the_shell_answers_as_zkcli_does() {
    let world = World::begin();
    let commands: Vec<_> = RECORDED
        .lines()
        .filter_map(|line| line.strip_prefix("> "))
        .collect();
    assert!(commands.len() >= 60, "{}", commands.len());
    // The version tells where an answer ends. The first command is the one that the recorded `redo` repeats.
    let mut input = "stat /\nversion\n".to_owned();
    for command in &commands {
        input.push_str(command);
        input.push_str("\nversion\n");
    }
    // Both streams as one, in the order in which they are written.
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            "exec \"$0\" shell -k -s \"$1\" 2>&1",
            COMMAND,
            &world.address,
        ])
        .env("TZ", "UTC");
    let told = told(&mut command, &input);
    let mut answers = told
        .out
        .split_inclusive('\n')
        .fold(vec![Vec::new()], |mut answers, line| {
            let line = line.trim_end();
            if line.starts_with("quorate CLI version: ") {
                answers.push(Vec::new());
            } else if !line.is_empty() {
                answers.last_mut().expect("one at least").push(normalised(line));
            }
            answers
        });
    answers.remove(0);
    let mut transcript = String::new();
    for (command, answer) in commands.iter().zip(&answers) {
        writeln!(transcript, "> {command}").expect("memory");
        for line in answer {
            writeln!(transcript, "{line}").expect("memory");
        }
    }
    let differs = RECORDED
        .lines()
        .zip(transcript.lines())
        .position(|(theirs, ours)| theirs != ours);
    if let Some(at) = differs {
        let around = |text: &str| {
            let lines: Vec<_> = text.lines().skip(at.saturating_sub(4)).take(12).collect();
            lines.join("\n")
        };
        panic!(
            "zkCli:\n{}\nthe shell:\n{}",
            around(RECORDED),
            around(&transcript)
        );
    }
    assert_eq!(RECORDED, transcript);
}

#[test]
fn a_pipe_stops_at_the_first_failure_unless_asked_to_go_on() {
    let world = World::begin();
    let commands = "# a comment\n\ncreate /a x\nget /none\nget /a\nnosuch\nquit\nget /a\n";
    let stopped = world.pipe(&[], commands);
    assert_eq!(
        stopped,
        Told {
            code: 1,
            out: String::new(),
            err: "Created /a\nNode does not exist: /none\n".to_owned(),
        }
    );
    let went_on = world.pipe(&["-k"], commands);
    assert_eq!(
        went_on,
        Told {
            code: 1,
            out: "x\n".to_owned(),
            err: "Node already exists: /a\nNode does not exist: /none\nCommand not found: nosuch\n`help` \
                  lists the commands.\n"
                .to_owned(),
        }
    );
    assert_eq!(world.pipe(&[], "get /a").code, 0);
}

#[test]
fn the_exit_code_says_what_went_wrong() {
    let world = World::begin();
    for (words, code, err) in [
        (&["ls", "/"][..], 0, ""),
        (&["get", "/none"], 1, "Node does not exist: /none\n"),
        (
            &["delete", "/zookeeper/none"],
            1,
            "Node does not exist: /zookeeper/none\n",
        ),
        (&["get", "none"], 1, "Path must start with / character\n"),
        (
            &["nosuch", "/"],
            127,
            "Command not found: nosuch\n`help` lists the commands.\n",
        ),
        (&["get"], 2, "get [-s] [-w] [-b] [-x] path\n"),
        (
            &["create", "/a", "x", "world:anyone"],
            2,
            "world:anyone does not have the form scheme:id:perm\n",
        ),
        (&["set", "/", "x", "-v", "9"], 1, "version No is not valid : /\n"),
    ] {
        let told = world.ask(words);
        assert_eq!((told.code, told.err.as_str()), (code, err), "{words:?}");
    }
    assert_eq!(world.ask(&["get", "-q", "/"]).code, 2);
    assert_eq!(world.ask(&["--timeout", "0", "ls", "/"]).code, 2);
    assert_eq!(world.pipe(&[], "get 'x\n").code, 2);
}

#[test]
fn without_a_server_it_says_so_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound").to_string();
    drop(listener);
    let told = told(
        Command::new(COMMAND).args(["shell", "-s", &address, "ls", "/"]),
        "",
    );
    assert_eq!((told.code, told.out.as_str()), (1, ""));
    assert!(
        told.err.starts_with(&format!("cannot connect to {address}: ")),
        "{}",
        told.err
    );
    let no_list = Command::new(COMMAND)
        .args(["shell", "-s", "a,,b", "ls", "/"])
        .output();
    assert_eq!(no_list.expect("the command is there").status.code(), Some(2));
    // Nobody need be there for help.
    let help = Command::new(COMMAND)
        .args(["shell", "-s", &address, "help", "get"])
        .output();
    let help = help.expect("the command is there");
    assert_eq!(help.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&help.stdout).starts_with("get [-s] [-w] [-b] [-x] path\n"));
}

#[test]
fn zkcli_s_own_options_are_understood() {
    let world = World::begin();
    let mut command = Command::new(COMMAND);
    command.args(["shell", "-server", &world.address, "-timeout", "9000", "ls", "/"]);
    let told = told(&mut command, "");
    assert_eq!((told.code, told.out.as_str()), (0, "[zookeeper]\n"));
}

#[test]
fn paths_are_below_the_chroot() {
    let world = World::begin();
    assert_eq!(world.pipe(&[], "create /app\ncreate /app/one x\n").code, 0);
    let below = format!("{}/app", world.address);
    let mut command = Command::new(COMMAND);
    command.args(["shell", "-s", &below]);
    let told = told(&mut command, "ls /\ncreate -s /job- y\nls -R /\ndelete /none\n");
    assert_eq!(
        told,
        Told {
            code: 1,
            out: "[one]\n/\n/job-0000000001\n/one\n".to_owned(),
            err: "Created /job-0000000001\nNode does not exist: /none\n".to_owned(),
        }
    );
}

#[test]
fn json_has_the_documented_shapes() {
    let world = World::begin();
    let one = |words: &[&str]| {
        let mut objects = world.json(words);
        assert_eq!(objects.len(), 1, "{words:?}: {objects:?}");
        objects.remove(0)
    };
    assert_eq!(one(&["create", "/a", "x"]), json!({ "created": "/a" }));
    assert_eq!(one(&["create", "/a/b"]), json!({ "created": "/a/b" }));
    let got = one(&["get", "/a"]);
    assert_eq!((&got["path"], &got["data"]), (&json!("/a"), &json!("x")));
    let stat = &got["stat"];
    for hex in ["cZxid", "mZxid", "pZxid", "ephemeralOwner"] {
        assert!(
            stat[hex].as_str().is_some_and(|text| text.starts_with("0x")),
            "{stat}"
        );
    }
    for number in [
        "ctime",
        "mtime",
        "cversion",
        "dataVersion",
        "aclVersion",
        "dataLength",
        "numChildren",
    ] {
        assert!(stat[number].is_i64(), "{stat}");
    }
    assert_eq!(one(&["get", "-b", "/a"])["base64"], "eA==");
    assert_eq!(one(&["get", "/a/b"])["data"], Value::Null);
    assert_eq!(one(&["set", "/a", "//8=", "-b"])["stat"]["dataVersion"], 1);
    let bytes = one(&["get", "/a"]);
    assert_eq!((&bytes["base64"], bytes.get("data")), (&json!("//8="), None));
    assert_eq!(one(&["ls", "/"])["children"], json!(["a", "zookeeper"]));
    assert_eq!(one(&["ls", "-R", "/a"])["paths"], json!(["/a", "/a/b"]));
    let branch = |name: &str, children: Value| json!({ "name": name, "ephemeral": false, "hidden": 0, "children": children });
    assert_eq!(
        one(&["tree", "/a"])["tree"],
        branch("/a", json!([branch("b", json!([]))]))
    );
    assert_eq!(one(&["tree", "/a", "-d", "0"])["tree"]["hidden"], 1);
    assert_eq!(one(&["stat", "/a"])["stat"]["numChildren"], 1);
    let acl = json!([{ "scheme": "world", "id": "anyone", "perms": "cdrwa" }]);
    assert_eq!(one(&["getAcl", "/a"])["acl"], acl);
    assert_eq!(
        one(&["getAllChildrenNumber", "/a"]),
        json!({ "path": "/a", "number": 1 })
    );
    assert_eq!(one(&["getEphemerals"]), json!({ "path": "/", "ephemerals": [] }));
    assert_eq!(one(&["sync", "/"]), json!({ "synced": "/" }));
    let identities = json!([{ "scheme": "ip", "user": "127.0.0.1" }]);
    assert_eq!(one(&["whoami"]), json!({ "identities": identities }));
    let none = json!({ "path": "/a", "limits": null, "usage": null });
    assert_eq!(one(&["listquota", "/a"]), none);
    assert_eq!(
        one(&["deleteall", "/a", "-b", "0"]),
        json!({ "deleted": "/a", "count": 2 })
    );
    assert_eq!(one(&["version"])["version"], env!("CARGO_PKG_VERSION"));

    let failed = world.ask(&["--json", "get", "/none"]);
    assert_eq!((failed.code, failed.out.as_str()), (1, ""));
    let error = json!({
        "message": "Node does not exist: /none",
        "exit": 1,
        "code": -101,
        "name": "NoNode",
        "path": "/none",
    });
    assert_eq!(objects(&failed.err), [json!({ "error": error })]);
    let not_found = objects(&world.ask(&["--json", "nosuch"]).err);
    assert_eq!(not_found[0]["error"]["exit"], 127);
}

#[test]
fn a_tree_is_drawn_without_colours_into_a_pipe() {
    let world = World::begin();
    let commands = "create /a\ncreate /a/b\ncreate /a/b/c\ncreate -e /a/d\ntree /a\ntree -d 1 /a\n";
    let told = world.pipe(&[], commands);
    let drawn = "/a\n├── b\n│   └── c\n└── d (ephemeral)\n\n4 znodes\n/a\n├── b (+1)\n└── d (ephemeral)\n\n3 znodes\n";
    assert_eq!((told.code, told.out.as_str()), (0, drawn));
}

/// A shell that is given its commands one by one.
struct Talk {
    child: Child,
    input: ChildStdin,
    lines: BufReader<std::process::ChildStdout>,
}

impl Talk {
    fn begin(world: &World, words: &[&str]) -> Self {
        let mut child = world
            .shell(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the command is there");
        Self {
            input: child.stdin.take().expect("a pipe"),
            lines: BufReader::new(child.stdout.take().expect("a pipe")),
            child,
        }
    }

    fn say(&mut self, line: &str) {
        writeln!(self.input, "{line}").expect("it reads");
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("text");
        line.trim_end().to_owned()
    }

    fn end(mut self) -> Option<i32> {
        drop(self.input);
        self.child.wait().expect("a child").code()
    }
}

#[test]
fn what_a_watch_reports_is_printed_while_the_shell_waits() {
    let world = World::begin();
    assert_eq!(world.ask(&["create", "/a", "x"]).code, 0);
    let mut talk = Talk::begin(&world, &["--json"]);
    talk.say("get -w /a");
    let got: Value = serde_json::from_str(&talk.line()).expect("JSON");
    assert_eq!(got["data"], "x");
    assert_eq!(world.ask(&["set", "/a", "y"]).code, 0);
    let event: Value = serde_json::from_str(&talk.line()).expect("JSON");
    assert_eq!(
        (&event["event"], &event["path"]),
        (&json!("NodeDataChanged"), &json!("/a"))
    );
    let zxid = event["zxid"].as_str().expect("text").to_owned();
    talk.say("stat /a");
    let stat: Value = serde_json::from_str(&talk.line()).expect("JSON");
    assert_eq!(stat["stat"]["mZxid"], zxid);
    assert_eq!(talk.end(), Some(0));
}

#[test]
fn a_session_outlives_the_death_of_its_server() {
    let dir = tempfile::tempdir().expect("a directory");
    // An address of this process alone: the port is there again after the server's death.
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let host = format!("127.{}.{middle}.{low}", 100 + high % 100);
    let config = dir.path().join("zoo.cfg");
    let data = dir.path().join("data");
    let text = format!(
        "tickTime=2000\ndataDir={}\nclientPortAddress={host}\nclientPort=21815\n",
        data.display()
    );
    std::fs::write(&config, text).expect("it is written");
    let address = format!("{host}:21815");
    let start = || {
        let mut server = Server::start(Some(&config), dir.path(), Stdio::null());
        let mut log = BufReader::new(server.0.stderr.take().expect("a pipe"));
        said(&mut log, "started address=");
        std::thread::spawn(move || log.read_to_string(&mut String::new()));
        wait_until_it_serves(&address);
        server
    };
    let mut server = start();
    let world = World {
        address: address.clone(),
        _server: None,
        _dir: None,
    };
    let mut talk = Talk::begin(&world, &["--json"]);
    talk.say("create -e /here x");
    assert_eq!(talk.line(), r#"{"created":"/here"}"#);
    server.0.kill().expect("it runs");
    server.0.wait().expect("a child");
    let state = |name: &str| format!(r#"{{"event":"State","state":"{name}"}}"#);
    assert_eq!(talk.line(), state("Disconnected"));
    server = start();
    assert_eq!(talk.line(), state("SyncConnected"));
    talk.say("getEphemerals");
    assert_eq!(talk.line(), r#"{"ephemerals":["/here"],"path":"/"}"#);
    assert_eq!(talk.end(), Some(0));
    drop(server);
}

/// A server of one session that fires `events` once it has been asked for a watch.
fn watched(events: &'static [(EventKind, &'static str)]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound").to_string();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut read = BytesMut::new();
        let mut is_first = true;
        loop {
            let frame = loop {
                if let Some(frame) = take_frame(&mut read, CLIENT_FRAME_BYTES_MAX).expect("a length") {
                    break frame;
                }
                let mut some = [0; 1024];
                match stream.read(&mut some) {
                    Ok(0) | Err(_) => return,
                    Ok(count) => read.extend_from_slice(&some[..count]),
                }
            };
            let mut out = BytesMut::new();
            if std::mem::take(&mut is_first) {
                ConnectResponse {
                    timeout_ms: 20_000,
                    session: 7,
                    read_only: Some(false),
                    ..ConnectResponse::default()
                }
                .encode(&mut out);
            } else {
                let asked = RequestHeader::decode(&frame).expect("a header");
                if asked.opcode == Opcode::AddWatch.number() {
                    reply::put_int(&mut out, ReplyHeader::ok(asked.xid, 1), 0);
                    for (zxid, (kind, path)) in (2..).zip(events) {
                        reply::put_event(&mut out, Some(zxid), *kind, path);
                    }
                } else {
                    reply::put_header(&mut out, ReplyHeader::ok(asked.xid, 9));
                }
            }
            if stream.write_all(&out).is_err() {
                return;
            }
        }
    });
    address
}

#[test]
fn watch_prints_an_event_a_line_and_ends_when_it_has_seen_enough() {
    const EVENTS: &[(EventKind, &str)] = &[
        (EventKind::NodeCreated, "/a/b"),
        (EventKind::NodeDataChanged, "/a"),
        (EventKind::NodeDeleted, "/a/b"),
        (EventKind::NodeCreated, "/a/c"),
    ];
    let watch = |words: &[&str]| {
        let address = watched(EVENTS);
        let mut command = Command::new(COMMAND);
        command.args(["shell", "-s", &address]).args(words);
        let told = told(&mut command, "");
        assert_eq!((told.code, told.err.as_str()), (0, ""));
        told.out
    };
    assert_eq!(
        watch(&["watch", "-n", "3", "/a"]),
        "NodeCreated /a/b 0x2\nNodeDataChanged /a 0x3\nNodeDeleted /a/b 0x4\n"
    );
    let objects = objects(&watch(&["--json", "watch", "-n", "1", "/a"]));
    let event = json!({ "event": "NodeCreated", "path": "/a/b", "zxid": "0x2" });
    assert_eq!(objects[0], event);
}
