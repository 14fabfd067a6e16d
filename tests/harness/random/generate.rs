//! Which operations are worth comparing?
//!
//! Few paths, so that sessions meet; every operation with all it can be given, good and bad; and now and then what no
//! client library would send. A round has one of three flavours, because two differences are there on purpose
//! (docs/compatibility.md): where lists of access forbid things only the superuser sets its watches again, since ours
//! tells nobody of what it may not read; and where quotas limit things nothing is under way together, since ours
//! counts what is under way as used.

use super::dice::Dice;
use super::side::SUPER;
use super::step::{Request, Round, SLOTS, Step};
use crate::jute::Writer;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Flavour {
    /// Everybody may do everything.
    Open,
    /// Lists of access.
    Access,
    /// Limits.
    Quota,
}

/// A session that outlives the comparison; the longest that is granted.
const TIMEOUT_MS: i32 = 600_000;
const AMY: &str = "amy:Iq0onHjzb4KyxPAp8YWOIC8zzwY=";
const BOB: &str = "bob:fyVmFCwVbTJYrznoSu1koqYEYF0=";

/// A round of about so many operations.
pub(super) fn round(mut dice: Dice, servers: u64, operations: usize) -> Round {
    let flavour = dice.weighed(&[(5, Flavour::Open), (4, Flavour::Access), (1, Flavour::Quota)]);
    let mut maker = Maker {
        dice,
        flavour,
        servers,
        at: vec![At::Nothing; SLOTS],
        xids: vec![0; SLOTS],
        writes: 0,
        in_multi: false,
        is_alone: false,
    };
    let mut steps = Vec::new();
    match flavour {
        Flavour::Quota => steps.extend(maker.arm()),
        Flavour::Open | Flavour::Access => steps.extend(maker.plant()),
    }
    let mut made = 0;
    while made < operations {
        let step = maker.step();
        made += step.requests().len().max(1);
        steps.push(step);
    }
    // What has not been told yet is told before the answer to this.
    for slot in 0..SLOTS {
        if maker.at[slot] == At::Connection {
            let requests = vec![maker.read_of(slot, 107, Vec::new())];
            steps.push(Step::Send {
                slot,
                may_end: true,
                requests,
            });
        }
    }
    Round { servers, steps }
}

/// What a slot has, if all went as meant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum At {
    Nothing,
    /// A session whose connection has ended.
    Session,
    Connection,
}

struct Maker {
    dice: Dice,
    flavour: Flavour,
    servers: u64,
    at: Vec<At>,
    xids: Vec<i32>,
    /// About how many transactions there were.
    writes: i64,
    in_multi: bool,
    is_alone: bool,
}

/// A text as it is put into a request; a path that is null or no UTF-8 is one too.
type Text = Option<Vec<u8>>;

fn some(text: &str) -> Text {
    Some(text.as_bytes().to_vec())
}

fn put(writer: Writer, text: &Text) -> Writer {
    match text {
        Some(bytes) => writer.buffer(bytes),
        None => writer.int(-1),
    }
}

const PATHS: [&str; 11] = [
    "/a",
    "/b",
    "/c",
    "/a/b",
    "/a/c",
    "/a/d",
    "/a/b/c",
    "/a/b/d",
    "/b/e",
    "/b/\u{e9}\u{20ac}",
    "/a/b/c/d",
];
const SEQUENCES: [&str; 7] = ["/a/s-", "/a/", "/b/", "/b/q", "/a/b/", "/a/b/s", "/s"];
const ODD: [&str; 38] = [
    "",
    "/",
    "a",
    "a/b",
    "//",
    "/a//b",
    "/a/",
    "/a/b/",
    "/.",
    "/..",
    "/a/.",
    "/a/..",
    "/a/../b",
    "/a/./b",
    "/a/\0",
    "/\0",
    "/a/\u{1}",
    "/a/\u{7f}",
    "/a/\u{9f}",
    "/a/\u{e000}",
    "/a/\u{f8ff}",
    "/a/\u{fff0}",
    "/a/\u{ffff}",
    "/a/\u{1f600}",
    "/a/ ",
    "/ ",
    "/a/...",
    "/a/..b",
    "/zookeeper",
    "/zookeeper/",
    "/zookeeper/config",
    "/zookeeper/quota",
    "/zookeeper/x",
    "/zookeeper/config/x",
    "/zookeeperx",
    "/zookeeper/quota/",
    "/a/\u{a0}",
    "/a/\u{fefe}",
];

impl Maker {
    fn server(&mut self) -> u64 {
        1 + self.dice.below(self.servers as usize) as u64
    }

    fn step(&mut self) -> Step {
        let slot = self.dice.weighed(&[(3, 0), (3, 1), (2, 2), (2, 3)]);
        match self.at[slot] {
            At::Nothing => return self.open(slot),
            At::Session if self.dice.percent(85) => return self.resume(slot),
            At::Session => return self.open(slot),
            At::Connection => {}
        }
        match self.dice.below(1000) {
            0..8 => self.open(slot),
            8..22 => self.resume(slot),
            22..32 => self.ending(slot),
            32..52 => self.malformed(slot),
            _ => {
                let alone = self.flavour == Flavour::Quota || self.dice.percent(55);
                let count = if alone { 1 } else { 2 + self.dice.below(14) };
                let mut requests = self.together(slot, count);
                if count > 1 && self.dice.percent(4) {
                    self.at[slot] = At::Nothing;
                    requests.push(self.plain(slot, -11, Vec::new()));
                }
                let may_end = self.at[slot] == At::Nothing;
                Step::Send {
                    slot,
                    may_end,
                    requests,
                }
            }
        }
    }

    /// Requests under way together. The last is one that sets a list of access: Apache's servers check what is under way
    /// behind it by the old list or the new one, as it happens; ours by the new one.
    fn together(&mut self, slot: usize, count: usize) -> Vec<Request> {
        let mut requests = Vec::new();
        self.is_alone = count == 1;
        while requests.len() < count {
            requests.push(self.request(slot));
            if requests.last().is_some_and(|request| request.op == 7) {
                break;
            }
        }
        self.is_alone = false;
        requests
    }

    fn open(&mut self, slot: usize) -> Step {
        self.xids[slot] = 0;
        self.writes += 1;
        let mut then = self.identity(slot);
        let mut timeout_ms = TIMEOUT_MS;
        self.at[slot] = At::Connection;
        if self.dice.percent(5) {
            timeout_ms = self.dice.one(&[-1, 0, 1, 5000, i32::MAX, i32::MIN]);
            then.push(self.plain(slot, -11, Vec::new()));
            self.at[slot] = At::Nothing;
        } else if self.flavour != Flavour::Quota {
            let more = self.dice.one(&[0, 2, 3]);
            then.extend(self.together(slot, more));
        }
        Step::Open {
            slot,
            server: self.server(),
            timeout_ms,
            read_only: self.dice.weighed(&[(8, Some(false)), (1, Some(true)), (1, None)]),
            then,
        }
    }

    fn resume(&mut self, slot: usize) -> Step {
        // Which of several servers ends the old connection, and when, is open.
        let keeps_old = self.servers == 1 && self.at[slot] == At::Connection && self.dice.percent(40);
        let right_password = keeps_old || !self.dice.percent(10);
        let from_the_future = !keeps_old && self.dice.percent(5);
        let goes_on = right_password && !from_the_future;
        self.at[slot] = if goes_on { At::Connection } else { At::Session };
        let mut then = Vec::new();
        if goes_on {
            then = self.identity(slot);
            if self.flavour != Flavour::Quota {
                let more = self.dice.one(&[0, 2, 3]);
                then.extend(self.together(slot, more));
            }
        }
        Step::Resume {
            slot,
            server: self.server(),
            keeps_old,
            right_password,
            from_the_future,
            then,
        }
    }

    /// Who the session of this slot says it is.
    fn identity(&mut self, slot: usize) -> Vec<Request> {
        let secret: &[u8] = match slot {
            1 => b"amy:secret",
            2 => b"bob:secret",
            3 => SUPER,
            _ => return Vec::new(),
        };
        if slot < 3 && self.dice.percent(10) {
            return Vec::new();
        }
        vec![auth("digest", secret)]
    }

    /// What ends the connection.
    fn ending(&mut self, slot: usize) -> Step {
        let path = self.path();
        self.at[slot] = At::Session;
        let requests = vec![match self.dice.below(8) {
            0..3 => {
                self.at[slot] = At::Nothing;
                self.writes += 1;
                self.plain(slot, -11, Vec::new())
            }
            3 => {
                let scheme = self
                    .dice
                    .one(&["world", "auth", "nobody", "sasl", "", "Digest", "super"]);
                auth(scheme, b"x:y")
            }
            4 => self.plain(slot, 13, put(Writer::new(), &path).int(-1).bytes),
            5..7 => {
                let op = self
                    .dice
                    .one(&[10, 23, 99, 108, 1000, -5, -1, 0, i32::MAX, i32::MIN, -12]);
                self.plain(slot, op, put(Writer::new(), &path).bytes)
            }
            _ => {
                let bytes: [&[u8]; 7] = [
                    &[0, 0, 0, 0],
                    &[0, 0, 0, 4, 0, 0, 0, 1],
                    &[0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0],
                    &[0xff; 4],
                    &[0x80, 0, 0, 0],
                    &[0x7f, 0xff, 0xff, 0xff],
                    &[0, 0x20, 0, 0],
                ];
                let bytes = self.dice.one(&bytes).to_vec();
                return Step::Raw { slot, bytes };
            }
        }];
        Step::Send {
            slot,
            may_end: true,
            requests,
        }
    }

    /// A request whose body breaks off, or says of itself what cannot be. With several servers what Apache's do with a
    /// malformed write is not to be asked for: it proposes a zxid twice.
    fn malformed(&mut self, slot: usize) -> Step {
        let mut request = self.request(slot);
        while matches!(request.op, 11 | 100 | 107) || self.servers > 1 && is_write(request.op) {
            request = self.request(slot);
        }
        request.malformed = true;
        let length = request.body.len();
        match self.dice.below(4) {
            0 if length > 4 => {
                let wrong = self
                    .dice
                    .one(&[-2, -100, i32::MIN, i32::MAX, 1_000_000, length as i32 + 1]);
                request.body[..4].copy_from_slice(&wrong.to_be_bytes());
                request.zxid_at = None;
            }
            1 => request.body.clear(),
            _ => request.body.truncate(self.dice.below(length)),
        }
        Step::Send {
            slot,
            may_end: true,
            requests: vec![request],
        }
    }

    fn plain(&mut self, slot: usize, op: i32, body: Vec<u8>) -> Request {
        self.xids[slot] += 1;
        let odd = [0, i32::MAX, -3, -100, i32::MIN, 1];
        let xid = if self.dice.percent(3) {
            self.dice.one(&odd)
        } else {
            self.xids[slot]
        };
        Request {
            xid,
            op,
            body,
            zxid_at: None,
            malformed: false,
        }
    }

    fn read_of(&mut self, slot: usize, op: i32, body: Vec<u8>) -> Request {
        self.plain(slot, op, body)
    }

    fn path(&mut self) -> Text {
        let sequences = SEQUENCES.len();
        match self.dice.below(100) {
            0..78 => {
                // Those of the first rows more often: what is deeper needs them.
                let (one, two) = (self.dice.below(PATHS.len()), self.dice.below(PATHS.len()));
                some(PATHS[one.min(two)])
            }
            78..90 => {
                let base = SEQUENCES[self.dice.below(sequences)];
                let number = self.dice.below(8);
                some(&format!("{base}{number:010}"))
            }
            90..99 => match self.dice.one(&ODD) {
                // It names the members' addresses.
                "/zookeeper/config" if self.servers > 1 => some("/zookeeper/configs"),
                odd => some(odd),
            },
            _ => self.dice.one(&[
                Some(b"/a/\xff".to_vec()),
                Some(b"/a/\xed\xa0\x80".to_vec()),
                Some(b"/a/\xc0\x80".to_vec()),
                Some(b"/\xe2\x82".to_vec()),
            ]),
        }
    }

    fn version(&mut self) -> i32 {
        self.dice.weighed(&[
            (40, -1),
            (25, 0),
            (14, 1),
            (8, 2),
            (4, 3),
            (1, -2),
            (1, i32::MIN),
            (1, i32::MAX),
            (1, 7),
        ])
    }

    fn data(&mut self) -> Text {
        match self.dice.below(20) {
            0 => None,
            1..5 => some(""),
            5..17 => {
                let length = 1 + self.dice.below(12);
                Some((0..length).map(|_| b'a' + self.dice.below(26) as u8).collect())
            }
            17..19 => {
                let length = self.dice.below(200);
                Some((0..length).map(|_| self.dice.below(256) as u8).collect())
            }
            _ => Some(vec![b'x'; 1000 + self.dice.below(2_000)]),
        }
    }

    /// A list of access in a request.
    fn acl(&mut self, writer: Writer) -> Writer {
        let open: (i32, Text, Text) = (31, some("world"), some("anyone"));
        if self.flavour != Flavour::Access {
            if self.dice.percent(97) {
                return entries(writer, &[open]);
            }
            // Refused, or as good as open.
            return match self.dice.below(5) {
                0 if !self.in_multi => writer.int(-1),
                2 => entries(writer, &[(31, some("world"), some("bob"))]),
                3 => entries(writer, &[open.clone(), open]),
                1 => writer.int(0),
                _ => entries(writer, &[(31, some("none"), some("")), open]),
            };
        }
        let count = self.dice.weighed(&[(60, 1), (25, 2), (8, 3), (4, 0), (1, 4)]);
        let list: Vec<_> = (0..count).map(|_| self.entry()).collect();
        if count == 0 && !self.in_multi && self.dice.percent(50) {
            return writer.int(-1);
        }
        entries(writer, &list)
    }

    fn entry(&mut self) -> (i32, Text, Text) {
        let perms = self.dice.weighed(&[
            (40, 31),
            (10, 1),
            (6, 2),
            (6, 4),
            (6, 8),
            (6, 16),
            (6, 3),
            (6, 30),
            (4, 15),
            (3, 0),
            (1, 32),
            (1, -1),
            (1, i32::MIN),
        ]);
        let (scheme, id) = self.dice.weighed(&[
            (40, ("world", "anyone")),
            (15, ("digest", AMY)),
            (12, ("digest", BOB)),
            (12, ("auth", "")),
            (2, ("auth", "ignored")),
            (5, ("ip", "127.0.0.1")),
            (2, ("ip", "127.0.0.0/8")),
            (2, ("ip", "10.0.0.1")),
            (1, ("ip", "10.0.0.0/0")),
            (1, ("ip", "127.0.0.1/33")),
            (1, ("ip", "127.0.0.1/-1")),
            (1, ("ip", "127.0.0")),
            (1, ("ip", "127.0.0.256")),
            (1, ("ip", "x")),
            (1, ("ip", "")),
            (1, ("ip", "127.0.0.1/")),
            (1, ("ip", "127.0.0.1/8/8")),
            (1, ("world", "bob")),
            (1, ("world", "")),
            (1, ("digest", "amy")),
            (1, ("digest", ":b")),
            (1, ("digest", "a:")),
            (1, ("digest", "a:b:")),
            (1, ("digest", "a:b:c")),
            (1, ("digest", "")),
            (1, ("digest", "::")),
            (1, ("super", "")),
            (1, ("none", "x")),
            (1, ("", "")),
            (1, ("x509", "CN=a")),
            (1, ("sasl", "a")),
        ]);
        (perms, some(scheme), some(id))
    }

    /// In a multi Apache's servers cannot decode flags that the operation does not know, nor use a list that is null:
    /// such a multi is malformed. A container that is said to be ephemeral is none, but Apache's servers take it for one
    /// as long as it is under way.
    fn flags(&mut self, op: i32) -> i32 {
        let ephemeral = usize::from(self.is_alone);
        match op {
            19 if self.in_multi => self.dice.weighed(&[(10, 4), (1, 0), (1, 2)]),
            1 | 15 if self.in_multi => self.dice.weighed(&[(50, 0), (16, 1), (14, 2), (8, 3), (3, 4)]),
            19 => self.dice.weighed(&[
                (20, 4),
                (3, 0),
                (ephemeral, 1),
                (1, 2),
                (ephemeral, 3),
                (1, 5),
                (1, 6),
                (1, 7),
                (1, -1),
            ]),
            21 if self.in_multi => {
                self.dice
                    .weighed(&[(10, 5), (6, 6), (2, 0), (1, 1), (1, 2), (1, 3), (1, 4)])
            }
            // With other flags Apache's servers end for good.
            21 => self.dice.weighed(&[(10, 5), (6, 6)]),
            _ => self.dice.weighed(&[
                (50, 0),
                (16, 1),
                (14, 2),
                (8, 3),
                (3, 4),
                (2, 5),
                (2, 6),
                (1, 7),
                (1, -1),
                (1, 256),
            ]),
        }
    }

    fn create_record(&mut self, op: i32) -> Vec<u8> {
        let flags = self.flags(op);
        let path = if matches!(flags, 2 | 3 | 6) && self.dice.percent(85) {
            some(self.dice.one(&SEQUENCES))
        } else {
            self.path()
        };
        let writer = put(Writer::new(), &path);
        let writer = put(writer, &self.data());
        let writer = self.acl(writer).int(flags);
        if op != 21 {
            return writer.bytes;
        }
        let max = 0xff_ffff_ffff;
        let ttl = self.dice.weighed(&[
            (20, 3_600_000),
            (4, 1),
            (2, max),
            (1, max + 1),
            (1, 0),
            (1, -1),
            (1, i64::MAX),
            (1, i64::MIN),
        ]);
        writer.long(ttl).bytes
    }

    /// The body of a write that may be part of a multi.
    fn write_record(&mut self, op: i32) -> Vec<u8> {
        match op {
            1 | 15 | 19 | 21 => self.create_record(op),
            2 | 13 => {
                let path = self.path();
                put(Writer::new(), &path).int(self.version()).bytes
            }
            _ => {
                let path = self.path();
                let writer = put(Writer::new(), &path);
                put(writer, &self.data()).int(self.version()).bytes
            }
        }
    }

    fn multi(&mut self) -> Vec<u8> {
        let count = if self.flavour == Flavour::Quota {
            1
        } else {
            self.dice
                .weighed(&[(1, 0), (4, 1), (8, 2), (6, 3), (3, 5), (1, 9)])
        };
        self.in_multi = true;
        let mut writer = Writer::new();
        for _ in 0..count {
            let op = self
                .dice
                .weighed(&[(30, 1), (12, 15), (4, 19), (4, 21), (16, 2), (18, 5), (14, 13)]);
            writer = writer.int(op).bool(false).int(-1).raw(&self.write_record(op));
        }
        self.in_multi = false;
        writer.int(-1).bool(true).int(-1).bytes
    }

    fn multi_read(&mut self) -> Vec<u8> {
        let count = self.dice.below(5);
        let mut writer = Writer::new();
        for _ in 0..count {
            let op = self.dice.one(&[4, 8]);
            let path = self.path();
            writer = put(writer.int(op).bool(false).int(-1), &path).bool(self.dice.percent(30));
        }
        writer.int(-1).bool(true).int(-1).bytes
    }

    fn paths(&mut self, writer: Writer) -> Writer {
        let count = self.dice.weighed(&[(6, 0), (6, 1), (4, 2), (2, 4)]);
        (0..count).fold(writer.int(count), |writer, _| put(writer, &self.path()))
    }

    fn set_watches(&mut self, slot: usize, op: i32) -> Request {
        let far = self.dice.percent(15);
        let zxid = if far {
            self.dice.one(&[0, -1, i64::MAX, i64::MIN])
        } else {
            self.dice.below(self.writes as usize + 2) as i64
        };
        let mut writer = Writer::new().long(zxid);
        for _ in 0..if op == 101 { 3 } else { 5 } {
            writer = self.paths(writer);
        }
        let mut request = self.plain(slot, op, writer.bytes);
        request.xid = if self.dice.percent(90) { -8 } else { request.xid };
        request.zxid_at = (!far).then_some(0);
        request
    }

    fn request(&mut self, slot: usize) -> Request {
        let sets_again = self.flavour != Flavour::Access || slot == 3;
        let op = self.dice.weighed(&[
            (16, 1),
            (8, 15),
            (3, 19),
            (3, 21),
            (9, 2),
            (12, 5),
            (10, 3),
            (9, 4),
            (5, 8),
            (6, 12),
            (4, 6),
            (if self.flavour == Flavour::Access { 8 } else { 2 }, 7),
            (10, 14),
            (4, 22),
            (3, 9),
            (5, 106),
            (4, 18),
            (3, 17),
            (if sets_again { 2 } else { 0 }, 101),
            (if sets_again { 2 } else { 0 }, 105),
            (3, 103),
            (3, 104),
            (1, 107),
            (2, 11),
            (1, 100),
        ]);
        self.writes += i64::from(is_write(op));
        if self.flavour == Flavour::Quota && self.dice.percent(12) {
            return self.limit(slot);
        }
        let body = match op {
            1 | 15 | 19 | 21 | 2 | 5 => self.write_record(op),
            3 | 4 | 8 | 12 => {
                let path = self.path();
                put(Writer::new(), &path).bool(self.dice.percent(50)).bytes
            }
            6 | 9 | 104 => put(Writer::new(), &self.path()).bytes,
            7 => {
                let path = self.path();
                let writer = put(Writer::new(), &path);
                self.acl(writer).int(self.version()).bytes
            }
            14 => self.multi(),
            22 => self.multi_read(),
            106 => {
                let path = self.path();
                let mode = self.dice.weighed(&[(8, 0), (8, 1), (1, 2), (1, -1)]);
                put(Writer::new(), &path).int(mode).bytes
            }
            17 | 18 => {
                let path = self.path();
                let kind =
                    self.dice
                        .weighed(&[(6, 1), (6, 2), (6, 3), (4, 4), (4, 5), (1, 0), (1, 6), (1, -1)]);
                put(Writer::new(), &path).int(kind).bytes
            }
            101 | 105 => return self.set_watches(slot, op),
            103 => {
                let path = self.dice.weighed(&[
                    (6, self.dice.clone().one(&PATHS)),
                    (2, "/"),
                    (1, ""),
                    (1, " "),
                    (1, " / "),
                    (1, "a"),
                    (1, "/a/"),
                ]);
                put(Writer::new(), &some(path)).bytes
            }
            11 => {
                return Request {
                    xid: -2,
                    op,
                    body: Vec::new(),
                    zxid_at: None,
                    malformed: false,
                };
            }
            100 => {
                let mine: &[u8] = match slot {
                    1 => b"amy:secret",
                    2 => b"bob:secret",
                    3 => SUPER,
                    _ => b"other:x",
                };
                let (scheme, secret) =
                    self.dice
                        .one(&[("digest", mine), ("ip", b"x"), ("ip", b""), ("digest", mine)]);
                return auth(scheme, secret);
            }
            _ => Vec::new(),
        };
        let mut body = body;
        // What follows the record is not looked at.
        if self.dice.percent(1) && op != 14 && op != 22 {
            body.extend([1, 2, 3]);
        }
        self.plain(slot, op, body)
    }

    /// A quota's text, as the tools write it.
    fn limits(&mut self) -> Vec<u8> {
        let mut number = |chance| {
            if self.dice.percent(chance) {
                self.dice.one(&[1, 2, 3, 5, 20, 100])
            } else {
                -1
            }
        };
        let (count, bytes, hard_bytes, hard_count) = (number(50), number(50), number(60), number(60));
        let mut text = format!("count={count},bytes={bytes}");
        if hard_bytes != -1 || hard_count != -1 {
            text += &format!("=;byteHardLimit={hard_bytes};countHardLimit={hard_count}");
        }
        text.into_bytes()
    }

    /// The superuser comes, and makes the znodes that others need.
    fn plant(&mut self) -> Vec<Step> {
        let mut steps = vec![self.open(3)];
        while self.at[3] != At::Connection {
            steps.push(self.open(3));
        }
        steps.extend(["/a", "/b", "/a/b"].map(|path| self.create_open(path, b"")));
        steps
    }

    fn create_open(&mut self, path: &str, data: &[u8]) -> Step {
        let open = [(31, some("world"), some("anyone"))];
        let record = entries(Writer::new().string(path).buffer(data), &open)
            .int(0)
            .bytes;
        let requests = vec![self.plain(3, 1, record)];
        Step::Send {
            slot: 3,
            may_end: false,
            requests,
        }
    }

    /// Limits on two of the paths, made as the tools make them.
    fn arm(&mut self) -> Vec<Step> {
        let mut steps = self.plant();
        for path in ["/a", "/b"] {
            let quota = format!("/zookeeper/quota{path}");
            let limits = self.limits();
            steps.push(self.create_open(&quota, b""));
            steps.push(self.create_open(&format!("{quota}/zookeeper_limits"), &limits));
            steps.push(self.create_open(&format!("{quota}/zookeeper_stats"), b"count=0,bytes=0"));
        }
        steps
    }

    /// Something about limits.
    fn limit(&mut self, slot: usize) -> Request {
        let of = self.dice.one(&["/a", "/b"]);
        let leaf = self
            .dice
            .one(&["zookeeper_limits", "zookeeper_limits", "zookeeper_stats"]);
        let path = format!("/zookeeper/quota{of}/{leaf}");
        match self.dice.below(6) {
            0..2 if leaf == "zookeeper_limits" => {
                let limits = self.limits();
                self.plain(slot, 5, Writer::new().string(&path).buffer(&limits).int(-1).bytes)
            }
            0..2 => self.plain(slot, 4, Writer::new().string(&path).bool(true).bytes),
            2..4 => self.plain(slot, 4, Writer::new().string(&path).bool(false).bytes),
            4 => self.plain(slot, 2, Writer::new().string(&path).int(-1).bytes),
            _ => {
                let data = if leaf == "zookeeper_limits" {
                    self.limits()
                } else {
                    b"count=0,bytes=0".to_vec()
                };
                let open = [(31, some("world"), some("anyone"))];
                let record = entries(Writer::new().string(&path).buffer(&data), &open)
                    .int(0)
                    .bytes;
                self.plain(slot, 1, record)
            }
        }
    }
}

fn is_write(op: i32) -> bool {
    matches!(op, 1 | 2 | 5 | 7 | 14 | 15 | 19 | 21 | -11)
}

fn auth(scheme: &str, secret: &[u8]) -> Request {
    Request {
        xid: -4,
        op: 100,
        body: Writer::new().int(0).string(scheme).buffer(secret).bytes,
        zxid_at: None,
        malformed: false,
    }
}

fn entries(writer: Writer, list: &[(i32, Text, Text)]) -> Writer {
    list.iter()
        .fold(writer.int(list.len() as i32), |writer, (perms, scheme, id)| {
            put(put(writer.int(*perms), scheme), id)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_round_each_time_and_it_can_be_written_and_read() {
        for seed in 0..40 {
            let round = super::round(Dice::new(seed), 1 + 2 * (seed % 2), 120);
            assert_eq!(round, super::round(Dice::new(seed), round.servers, 120));
            assert_eq!(Round::parse(&round.to_string()), Some(round));
        }
    }
}
