//! How is a round played against the servers of one kind?
//!
//! One session acts at a time, and waits for the replies to what it asked in one piece: so the order of transactions is the
//! same for both kinds. Where there are several servers, whoever acts lets its server catch up first.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::Answers;
use super::reading::{self, Header, Line, Names};
use super::step::{Request, Round, SLOTS, Step, name};
use crate::client::{Acl, Client, ClientError, Code, Session};
use crate::config::Kind;
use crate::ensemble::Ensemble;
use crate::jute::{Reader, Writer};

/// Much longer than any reply takes.
const PATIENCE: Duration = Duration::from_secs(30);
/// Sessions outlive the comparison.
const TIMEOUT_MS: i32 = 600_000;
/// The xid of what a step asks for its own sake.
const ASIDE: i32 = 0x7fff_0000;

/// The superuser.
pub(super) const SUPER: &[u8] = b"super:test";
const SUPER_DIGEST: &str = "super:D/InIHSb7yEEbrWz8b9l71RjZJU=";

/// What came in a round.
#[derive(Clone, Debug, Default)]
pub struct Played {
    /// The lines of each step, and those of the tree in the end.
    pub(super) steps: Vec<Vec<String>>,
    pub(super) operations: usize,
    pub(super) notifications: usize,
    pub(super) answers: Answers,
}

/// Servers of one kind, and the sessions of the round under way.
#[derive(Debug)]
pub(super) struct Side {
    ensemble: Ensemble,
    control: Client,
    slots: Vec<Slot>,
    /// Sessions that are left behind: nothing of them may outlive the round.
    left: Vec<Session>,
    names: Names,
    played: Played,
}

#[derive(Debug, Default)]
struct Slot {
    connection: Option<Client>,
    session: Option<Session>,
}

impl Side {
    pub(super) fn start(kind: Kind, servers: usize, home: Option<&PathBuf>) -> Side {
        let mut builder = Ensemble::builder("random", vec![kind; servers])
            .measured()
            .config("extendedTypesEnabled", "true")
            .config("enforceQuota", "true")
            .config("maxSessionTimeout", "600000")
            .config("DigestAuthenticationProvider.superDigest", SUPER_DIGEST)
            // Nothing happens by the clock.
            .config("znode.container.checkIntervalMs", "86400000");
        if let Some(home) = home {
            builder = builder.home(home);
        }
        let ensemble = builder.start();
        let mut control = Client::attach(
            ensemble.at(1).client_address(),
            &Session::fresh(TIMEOUT_MS),
            0,
            PATIENCE,
        )
        .expect("a server that serves");
        control.auth("digest", SUPER).expect("the superuser is known");
        Side {
            ensemble,
            control,
            slots: Vec::new(),
            left: Vec::new(),
            names: Names::default(),
            played: Played::default(),
        }
    }

    pub(super) fn play(&mut self, round: &Round) -> Played {
        let base = self.control.sync("/").expect("the server answers");
        self.names.begin(base);
        self.slots = (0..SLOTS).map(|_| Slot::default()).collect();
        self.played = Played::default();
        for step in &round.steps {
            let lines = self.step(step);
            self.played.steps.push(lines);
        }
        let lines = self.tree();
        self.played.steps.push(lines);
        self.clean();
        std::mem::take(&mut self.played)
    }

    fn step(&mut self, step: &Step) -> Vec<String> {
        let mut lines = Vec::new();
        match step {
            Step::Open {
                slot,
                server,
                timeout_ms,
                read_only,
                then,
            } => {
                self.leave(*slot);
                let record = connect(0, *timeout_ms, 0, &[0; 16], *read_only);
                self.attach(*slot, *server, &record, then, &mut lines);
            }
            Step::Resume {
                slot,
                server,
                keeps_old,
                right_password,
                from_the_future,
                then,
            } => {
                let Some(session) = self.slots[*slot].session.clone() else {
                    return vec!["there is no session".to_owned()];
                };
                let old = self.slots[*slot].connection.take();
                let mut old = if *keeps_old { old } else { None };
                let seen = if *from_the_future {
                    self.names.absolute(1 << 20)
                } else {
                    self.names.base
                };
                let mut password = session.password.clone();
                password[3] ^= u8::from(!right_password);
                let record = connect(seen, session.timeout_ms, session.id, &password, Some(false));
                self.attach(*slot, *server, &record, then, &mut lines);
                if let Some(old) = &mut old {
                    self.listen_to_the_end(old, &mut lines);
                }
            }
            Step::Send {
                slot,
                may_end,
                requests,
            } => {
                let known = self.names.last;
                self.send(*slot, requests, &mut lines);
                if *may_end {
                    self.probe(*slot, &mut lines);
                }
                if requests.iter().any(|request| request.malformed) {
                    let last = self.control.sync("/").expect("the server answers");
                    self.names.skip(known, last);
                }
            }
            Step::Raw { slot, bytes } => {
                // What is on its way to whoever breaks the protocol may be lost with the connection: it is taken first.
                if let Some(mut connection) = self.slots[*slot].connection.take()
                    && self.ping(&mut connection, &mut lines)
                {
                    let _ = connection.send_raw(bytes);
                    self.slots[*slot].connection = Some(connection);
                    self.probe(*slot, &mut lines);
                }
            }
        }
        self.put_down(lines)
    }

    /// Lines as they are compared: what the end of a session does, it does in the order of a hash table.
    fn put_down(&mut self, lines: Vec<Line>) -> Vec<String> {
        let mut lines = lines;
        self.played.notifications += lines.iter().filter(|line| line.event.is_some()).count();
        let closing = |line: Option<&Line>| {
            line.and_then(|line| line.event)
                .filter(|zxid| self.names.closing.contains(zxid))
        };
        let mut from = 0;
        for at in 1..=lines.len() {
            if closing(lines.get(at)).is_none() || closing(lines.get(at)) != closing(lines.get(from)) {
                if closing(lines.get(from)).is_some() {
                    lines[from..at].sort_by(|one, two| one.text.cmp(&two.text));
                }
                from = at;
            }
        }
        lines.into_iter().map(|line| line.text).collect()
    }

    /// The session of this slot, if any, is nobody's any more.
    fn leave(&mut self, slot: usize) {
        let Slot { connection, session } = std::mem::take(&mut self.slots[slot]);
        drop(connection);
        self.left.extend(session);
    }

    /// Connects with `record`, and asks `then` without waiting.
    fn attach(&mut self, slot: usize, server: u64, record: &[u8], then: &[Request], lines: &mut Vec<Line>) {
        let mut connection =
            Client::raw(self.ensemble.at(server).client_address()).expect("the server listens");
        let aside = self.aside();
        let mut bytes = record.to_vec();
        bytes.extend(aside.iter().chain(then).flat_map(|request| self.frame(request)));
        if connection.send_raw(&bytes).is_err() {
            lines.push(plain("the connection is refused"));
            return;
        }
        let frame = match connection.frame(Instant::now() + PATIENCE) {
            Ok(frame) => frame,
            Err(why) => return lines.push(plain(how_it_ended(&why))),
        };
        let mut reader = Reader::new(&frame);
        let read = || {
            let (version, timeout_ms, id) = (reader.int()?, reader.int()?, reader.long()?);
            let password = reader.buffer()?.to_vec();
            Some((
                version,
                Session {
                    id,
                    password,
                    timeout_ms,
                },
            ))
        };
        let mut read = read;
        let Some((version, session)) = read() else {
            return lines.push(plain("a response that cannot be read"));
        };
        lines.push(plain(&format!(
            "session {}, version {version}, {} ms, password of {} bytes, and {:?}",
            if session.id == 0 { "refused" } else { "granted" },
            session.timeout_ms,
            session.password.len(),
            reader.rest()
        )));
        if session.id == 0 {
            match connection.closed_by_server(PATIENCE) {
                Ok(()) => lines.push(plain("ended")),
                Err(why) => lines.push(plain(how_it_ended(&why))),
            }
            return;
        }
        self.names.session(session.id, slot);
        self.slots[slot] = Slot {
            connection: Some(connection),
            session: Some(session),
        };
        self.receive(slot, &aside, then, lines);
    }

    /// What brings a session's server up to date: elsewhere something may have happened.
    fn aside(&self) -> Vec<Request> {
        let sync = || Request {
            xid: ASIDE,
            op: 9,
            body: Writer::new().string("/").bytes,
            zxid_at: None,
            malformed: false,
        };
        (self.ensemble.members().len() > 1)
            .then(sync)
            .into_iter()
            .collect()
    }

    fn frame(&self, request: &Request) -> Vec<u8> {
        let mut body = request.body.clone();
        if let Some(at) = request.zxid_at
            && let Some(field) = body.get_mut(at..at + 8)
        {
            let count = i64::from_be_bytes((&*field).try_into().expect("eight bytes"));
            field.copy_from_slice(&self.names.absolute(count).to_be_bytes());
        }
        Writer::new().int(request.xid).int(request.op).raw(&body).frame()
    }

    fn send(&mut self, slot: usize, requests: &[Request], lines: &mut Vec<Line>) {
        let aside = self.aside();
        // Not in one piece: what is unknown Apache's servers answer out of turn.
        if !aside.is_empty() {
            self.send_together(slot, &aside, &[], lines);
        }
        self.send_together(slot, &[], requests, lines);
    }

    fn send_together(&mut self, slot: usize, aside: &[Request], requests: &[Request], lines: &mut Vec<Line>) {
        let bytes: Vec<u8> = aside
            .iter()
            .chain(requests)
            .flat_map(|request| self.frame(request))
            .collect();
        let Some(connection) = &mut self.slots[slot].connection else {
            return lines.push(plain("there is no connection"));
        };
        // If it is gone, reading tells.
        let _ = connection.send_raw(&bytes);
        self.receive(slot, aside, requests, lines);
    }

    /// Reads until everything that was asked is answered, or the connection ends. Pings and auths are answered out of
    /// turn, by their xids: they come last here, in no order.
    fn receive(&mut self, slot: usize, aside: &[Request], requests: &[Request], lines: &mut Vec<Line>) {
        let Some(mut connection) = self.slots[slot].connection.take() else {
            return;
        };
        let is_beside = |request: &&Request| matches!(request.op, 11 | 100);
        let alone = requests.len() == 1 && aside.is_empty();
        let mut due: VecDeque<&Request> = aside
            .iter()
            .chain(requests)
            .filter(|request| !is_beside(request))
            .collect();
        let mut beside: Vec<&Request> = requests.iter().filter(is_beside).collect();
        let mut last = Vec::new();
        let mut closed = None;
        while !(due.is_empty() && beside.is_empty()) {
            let frame = match connection.frame(Instant::now() + PATIENCE) {
                Ok(frame) => frame,
                Err(why) => {
                    lines.push(plain(how_it_ended(&why)));
                    closed = Some(());
                    break;
                }
            };
            let mut reader = Reader::new(&frame);
            let Some(header) = Header::read(&mut reader) else {
                lines.push(plain("a frame without a header"));
                continue;
            };
            if header.xid == -1 {
                lines.push(reading::event(&mut self.names, header, &mut reader));
                continue;
            }
            let out_of_turn = match header.xid {
                -2 => beside.iter().position(|request| request.op == 11),
                -4 => beside.iter().position(|request| request.op == 100),
                _ => None,
            };
            let (request, with_zxid) = match out_of_turn {
                Some(at) => (beside.remove(at), alone || header.zxid <= 0),
                None => match due.pop_front() {
                    Some(request) => (request, !request.malformed),
                    None => {
                        lines.push(plain(&format!("a reply to {} that nobody asked", header.xid)));
                        continue;
                    }
                },
            };
            let told = reading::reply(&mut self.names, request, header, &mut reader, with_zxid);
            if request.xid == ASIDE {
                continue;
            }
            self.played.operations += 1;
            *self
                .played
                .answers
                .entry((name(request.op), header.err))
                .or_default() += 1;
            if request.op == -11 {
                self.names.closing.insert(header.zxid);
            }
            if out_of_turn.is_some() {
                last.push(plain(&told));
            } else {
                lines.push(plain(&told));
            }
        }
        last.sort_by(|one: &Line, two| one.text.cmp(&two.text));
        lines.append(&mut last);
        if closed.is_none() {
            self.slots[slot].connection = Some(connection);
        }
    }

    /// Whether the connection has ended, which a ping finds out; or the second one, since Apache's servers may still
    /// answer one that comes while they are about to close.
    fn probe(&mut self, slot: usize, lines: &mut Vec<Line>) {
        let Some(mut connection) = self.slots[slot].connection.take() else {
            return;
        };
        for _ in 0..2 {
            if !self.ping(&mut connection, lines) {
                return;
            }
        }
        lines.push(plain("goes on"));
        self.slots[slot].connection = Some(connection);
    }

    /// Everything that was on its way comes before the answer to a ping. Whether there is one.
    fn ping(&mut self, connection: &mut Client, lines: &mut Vec<Line>) -> bool {
        let _ = connection.send_raw(&Writer::new().int(-2).int(11).frame());
        loop {
            match connection.frame(Instant::now() + PATIENCE) {
                Ok(frame) => {
                    let mut reader = Reader::new(&frame);
                    match Header::read(&mut reader) {
                        Some(header) if header.xid == -1 => {
                            lines.push(reading::event(&mut self.names, header, &mut reader));
                        }
                        Some(Header { xid: -2, .. }) => return true,
                        header => lines.push(plain(&format!("unasked: {header:?}"))),
                    }
                }
                Err(why) => {
                    lines.push(plain(how_it_ended(&why)));
                    return false;
                }
            }
        }
    }

    /// A connection that another one has replaced: what it is still told, and that it ends.
    fn listen_to_the_end(&mut self, old: &mut Client, lines: &mut Vec<Line>) {
        loop {
            match old.frame(Instant::now() + PATIENCE) {
                Ok(frame) => {
                    let mut reader = Reader::new(&frame);
                    match Header::read(&mut reader) {
                        Some(header) if header.xid == -1 => {
                            let mut line = reading::event(&mut self.names, header, &mut reader);
                            line.text.insert_str(0, "before: ");
                            lines.push(line);
                        }
                        header => lines.push(plain(&format!("unasked: {header:?}"))),
                    }
                }
                Err(why) => return lines.push(plain(&format!("before: {}", how_it_ended(&why)))),
            }
        }
    }

    /// Every znode, as the superuser sees it.
    fn tree(&mut self) -> Vec<String> {
        self.control.sync("/").expect("the server answers");
        let mut lines = Vec::new();
        for path in self.paths() {
            let record = Writer::new().string(&path);
            let (got, list) = (
                self.control.submit(4, record.clone().bool(false)),
                self.control.submit(6, record),
            );
            let [got, list] = [got, list].map(|xid| {
                let reply = self
                    .control
                    .reply(xid.expect("the server listens"), PATIENCE)
                    .expect("the server answers");
                [vec![0; 16], reply.body].concat()
            });
            // Of several servers it names the addresses, and the data is each one's own.
            let hides_data = path == "/zookeeper/config" && self.ensemble.members().len() > 1;
            lines.push(reading::znode(&mut self.names, &path, [&got, &list], hides_data));
        }
        lines
    }

    /// All paths, parents first.
    fn paths(&mut self) -> Vec<String> {
        let mut paths = vec!["/".to_owned()];
        let mut at = 0;
        while let Some(path) = paths.get(at).cloned() {
            at += 1;
            let (names, _) = self
                .control
                .children(&path, false)
                .expect("the superuser sees everything");
            paths.extend(
                names
                    .iter()
                    .map(|name| format!("{}/{name}", path.trim_end_matches('/'))),
            );
        }
        paths
    }

    /// Ends every session and removes every znode of the round.
    fn clean(&mut self) {
        for slot in 0..SLOTS {
            self.leave(slot);
        }
        for session in std::mem::take(&mut self.left) {
            let address = self.ensemble.at(1).client_address();
            match Client::attach(address, &session, 0, PATIENCE) {
                Ok(client) => client.close().expect("a session can be closed"),
                Err(ClientError::Expired) => {}
                Err(why) => panic!("a session cannot be closed: {why}"),
            }
        }
        self.control.sync("/").expect("the server answers");
        let mut paths = self.paths();
        paths.reverse();
        for path in paths {
            match &*path {
                "/zookeeper/config" => {}
                "/" | "/zookeeper" | "/zookeeper/quota" => {
                    self.control
                        .set_acl(&path, &Acl::open(), -1)
                        .expect("the superuser may");
                    self.control.set(&path, b"", -1).expect("the superuser may");
                }
                _ => match self.control.delete(&path, -1) {
                    Ok(_) | Err(ClientError::Code(Code::NO_NODE)) => {}
                    Err(why) => panic!("{path} cannot be removed: {why}"),
                },
            }
        }
    }
}

fn connect(seen: i64, timeout_ms: i32, id: i64, password: &[u8], read_only: Option<bool>) -> Vec<u8> {
    let record = Writer::new()
        .int(0)
        .long(seen)
        .int(timeout_ms)
        .long(id)
        .buffer(password);
    match read_only {
        Some(yes) => record.bool(yes).frame(),
        None => record.frame(),
    }
}

fn plain(text: &str) -> Line {
    Line {
        text: text.to_owned(),
        event: None,
    }
}

fn how_it_ended(why: &ClientError) -> &'static str {
    match why {
        ClientError::Closed | ClientError::Broken(_) => "ended",
        ClientError::TimedOut => "silent",
        _ => "a frame that cannot be read",
    }
}
