//! What is one step of a round, and how is it written so that it can be played again?

use std::fmt;

/// What is played against both kinds of servers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Round {
    /// How many servers each kind needs.
    pub servers: u64,
    pub(super) steps: Vec<Step>,
}

/// The number of sessions that a round has at a time.
pub(super) const SLOTS: usize = 4;

/// What is done next, by one session; all that it asks is answered before the next step.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Step {
    /// A new session in this slot, and what is asked without waiting for it.
    Open {
        slot: usize,
        server: u64,
        timeout_ms: i32,
        /// Whether the client says that it would take a read-only server; nothing from old clients.
        read_only: Option<bool>,
        then: Vec<Request>,
    },
    /// Another connection for the session in this slot.
    Resume {
        slot: usize,
        server: u64,
        /// Whether the connection before it is left for the server to end.
        keeps_old: bool,
        right_password: bool,
        /// Whether the client says that it has seen what is yet to come.
        from_the_future: bool,
        then: Vec<Request>,
    },
    /// Requests of one session, in one piece.
    Send {
        slot: usize,
        /// Whether the connection may have ended behind it.
        may_end: bool,
        requests: Vec<Request>,
    },
    /// Bytes that are no request.
    Raw { slot: usize, bytes: Vec<u8> },
}

/// One request as it goes over the wire.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Request {
    pub(super) xid: i32,
    pub(super) op: i32,
    pub(super) body: Vec<u8>,
    /// Where in the body a zxid stands that counts from the round's beginning.
    pub(super) zxid_at: Option<usize>,
    /// The body cannot be decoded: it is open whether a transaction comes of it.
    pub(super) malformed: bool,
}

/// The names of operations.
pub(super) fn name(op: i32) -> &'static str {
    match op {
        1 => "create",
        2 => "delete",
        3 => "exists",
        4 => "getData",
        5 => "setData",
        6 => "getACL",
        7 => "setACL",
        8 => "getChildren",
        9 => "sync",
        11 => "ping",
        12 => "getChildren2",
        13 => "check",
        14 => "multi",
        15 => "create2",
        17 => "checkWatches",
        18 => "removeWatches",
        19 => "createContainer",
        21 => "createTTL",
        22 => "multiRead",
        100 => "auth",
        101 => "setWatches",
        103 => "getEphemerals",
        104 => "getAllChildrenNumber",
        105 => "setWatches2",
        106 => "addWatch",
        107 => "whoAmI",
        -11 => "closeSession",
        _ => "unknown",
    }
}

impl Request {
    pub(super) fn told(&self) -> String {
        let mark = if self.malformed { " malformed" } else { "" };
        let body: String = self
            .body
            .iter()
            .take(300)
            .flat_map(|byte| byte.escape_ascii())
            .map(char::from)
            .collect();
        format!(
            "{}{mark} xid {} \"{}\"",
            name(self.op),
            self.xid,
            body.replace("\\x00", ".")
        )
    }
}

impl Step {
    pub(super) fn requests(&self) -> &[Request] {
        match self {
            Step::Open { then, .. } | Step::Resume { then, .. } => then,
            Step::Send { requests, .. } => requests,
            Step::Raw { .. } => &[],
        }
    }

    pub(super) fn requests_mut(&mut self) -> Option<&mut Vec<Request>> {
        match self {
            Step::Open { then, .. } | Step::Resume { then, .. } => Some(then),
            Step::Send { requests, .. } => Some(requests),
            Step::Raw { .. } => None,
        }
    }

    /// What a reader wants to know of it.
    pub(super) fn told(&self) -> String {
        let requests: Vec<_> = self.requests().iter().map(Request::told).collect();
        let words = self.to_string();
        let words = words.split(" |").next().unwrap_or_default();
        [words, &requests.join("; ")].join(" ")
    }
}

fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "-".to_owned();
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if text == "-" {
        return Some(Vec::new());
    }
    let digits: Option<Vec<u8>> = text.chars().map(|c| Some(c.to_digit(16)? as u8)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.xid, self.op, hex(&self.body))?;
        if let Some(at) = self.zxid_at {
            write!(f, "@{at}")?;
        }
        f.write_str(if self.malformed { "!" } else { "" })
    }
}

impl Request {
    fn parse(text: &str) -> Option<Request> {
        let mut parts = text.splitn(3, ':');
        let (xid, op, rest) = (parts.next()?, parts.next()?, parts.next()?);
        let (rest, malformed) = match rest.strip_suffix('!') {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let (body, at) = match rest.split_once('@') {
            Some((body, at)) => (body, Some(at.parse().ok()?)),
            None => (rest, None),
        };
        Some(Request {
            xid: xid.parse().ok()?,
            op: op.parse().ok()?,
            body: unhex(body)?,
            zxid_at: at,
            malformed,
        })
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Open {
                slot,
                server,
                timeout_ms,
                read_only,
                ..
            } => {
                let read_only = read_only.map_or("old", |yes| if yes { "read-only" } else { "read-write" });
                write!(f, "open {slot} {server} {timeout_ms} {read_only}")?;
            }
            Step::Resume {
                slot,
                server,
                keeps_old,
                right_password,
                from_the_future,
                ..
            } => write!(
                f,
                "resume {slot} {server} {keeps_old} {right_password} {from_the_future}"
            )?,
            Step::Send { slot, may_end, .. } => write!(f, "send {slot} {may_end}")?,
            Step::Raw { slot, bytes } => write!(f, "raw {slot} {}", hex(bytes))?,
        }
        f.write_str(" |")?;
        self.requests()
            .iter()
            .try_for_each(|request| write!(f, " {request}"))
    }
}

impl Step {
    fn parse(line: &str) -> Option<Step> {
        let (words, requests) = line.split_once(" |")?;
        let requests: Option<Vec<_>> = requests.split_whitespace().map(Request::parse).collect();
        let then = requests?;
        let words: Vec<_> = words.split(' ').collect();
        Some(match words[..] {
            ["open", slot, server, timeout_ms, read_only] => Step::Open {
                slot: slot.parse().ok()?,
                server: server.parse().ok()?,
                timeout_ms: timeout_ms.parse().ok()?,
                read_only: match read_only {
                    "old" => None,
                    other => Some(other == "read-only"),
                },
                then,
            },
            ["resume", slot, server, keeps_old, right_password, from_the_future] => Step::Resume {
                slot: slot.parse().ok()?,
                server: server.parse().ok()?,
                keeps_old: keeps_old.parse().ok()?,
                right_password: right_password.parse().ok()?,
                from_the_future: from_the_future.parse().ok()?,
                then,
            },
            ["send", slot, may_end] => Step::Send {
                slot: slot.parse().ok()?,
                may_end: may_end.parse().ok()?,
                requests: then,
            },
            ["raw", slot, bytes] => Step::Raw {
                slot: slot.parse().ok()?,
                bytes: unhex(bytes)?,
            },
            _ => return None,
        })
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "servers {}", self.servers)?;
        for step in &self.steps {
            writeln!(f, "# {}\n{step}", step.told().replace('\n', " "))?;
        }
        Ok(())
    }
}

impl Round {
    /// Reads what was written of a round; nothing if it is no such text.
    pub fn parse(text: &str) -> Option<Round> {
        let mut lines = text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty());
        let servers = lines.next()?.strip_prefix("servers ")?.parse().ok()?;
        Some(Round {
            servers,
            steps: lines.map(Step::parse).collect::<Option<_>>()?,
        })
    }

    /// How many steps it has.
    pub fn length(&self) -> usize {
        self.steps.len()
    }
}
