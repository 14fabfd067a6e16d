//! How is each operation asked for, and what does it give?

use super::{Client, ClientError, Code, Reply, Stat};
use crate::jute::{Reader, Writer};
use crate::wait::SHORT;

/// Opcodes, as the protocol numbers them.
mod op {
    pub(super) const CREATE: i32 = 1;
    pub(super) const DELETE: i32 = 2;
    pub(super) const EXISTS: i32 = 3;
    pub(super) const GET_DATA: i32 = 4;
    pub(super) const SET_DATA: i32 = 5;
    pub(super) const GET_ACL: i32 = 6;
    pub(super) const SET_ACL: i32 = 7;
    pub(super) const SYNC: i32 = 9;
    pub(super) const PING: i32 = 11;
    pub(super) const GET_CHILDREN2: i32 = 12;
    pub(super) const CHECK: i32 = 13;
    pub(super) const MULTI: i32 = 14;
    pub(super) const CREATE2: i32 = 15;
    pub(super) const CREATE_CONTAINER: i32 = 19;
    pub(super) const CREATE_TTL: i32 = 21;
    pub(super) const AUTH: i32 = 100;
    pub(super) const SET_WATCHES: i32 = 101;
    pub(super) const CLOSE: i32 = -11;
}

/// What kind of znode a create makes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CreateMode {
    /// Stays until deleted.
    Persistent = 0,
    /// Goes with its session.
    Ephemeral = 1,
    /// Stays, and its name is numbered.
    PersistentSequential = 2,
    /// Goes with its session, and its name is numbered.
    EphemeralSequential = 3,
    /// Goes some time after its last child.
    Container = 4,
    /// Goes when it was not written for a while.
    PersistentTtl = 5,
}

/// One entry of an access control list.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Acl {
    /// Bits: read 1, write 2, create 4, delete 8, admin 16.
    pub perms: i32,
    /// `world`, `auth`, `digest`, `ip`, ...
    pub scheme: String,
    /// Who, in the scheme's own form.
    pub id: String,
}

impl Acl {
    /// Everyone may do everything.
    pub fn open() -> Vec<Acl> {
        vec![Acl {
            perms: 31,
            scheme: "world".into(),
            id: "anyone".into(),
        }]
    }

    fn write(acl: &[Acl], writer: Writer) -> Writer {
        acl.iter().fold(writer.int(acl.len() as i32), |writer, entry| {
            writer.int(entry.perms).string(&entry.scheme).string(&entry.id)
        })
    }

    fn read(reader: &mut Reader<'_>) -> Option<Vec<Acl>> {
        let count = reader.int()?;
        (0..count)
            .map(|_| {
                Some(Acl {
                    perms: reader.int()?,
                    scheme: reader.string()?,
                    id: reader.string()?,
                })
            })
            .collect()
    }
}

/// One part of a multi.
#[derive(Clone, Debug)]
pub enum Part {
    /// Create a znode that everyone may use.
    Create(String, Vec<u8>, CreateMode),
    /// Delete a znode of this version (-1 for any).
    Delete(String, i32),
    /// Set the data of a znode of this version (-1 for any).
    Set(String, Vec<u8>, i32),
    /// Only go on if the znode has this version.
    Check(String, i32),
}

/// What became of one part of a multi.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PartResult {
    /// Created at this path.
    Created(String),
    /// Deleted, or checked.
    Done,
    /// Set.
    Set(Stat),
    /// Not done, and why.
    Failed(Code),
}

fn malformed(what: &'static str) -> impl FnOnce() -> ClientError {
    move || ClientError::Malformed(what)
}

fn create_record(path: &str, data: &[u8], acl: &[Acl], mode: CreateMode) -> Writer {
    Acl::write(acl, Writer::new().string(path).buffer(data)).int(mode as i32)
}

/// Every method gives [`ClientError::Code`] for an answer with an error code, and another error if no
/// answer came.
#[allow(clippy::missing_errors_doc, reason = "said once, for all of them")]
impl Client {
    /// Sends a create of an open persistent znode without waiting for the reply; gives its number.
    pub fn submit_create(&mut self, path: &str, data: &[u8]) -> Result<i32, ClientError> {
        self.submit(
            op::CREATE,
            create_record(path, data, &Acl::open(), CreateMode::Persistent),
        )
    }

    /// Creates a znode and gives its path.
    pub fn create(&mut self, path: &str, data: &[u8], mode: CreateMode) -> Result<String, ClientError> {
        Ok(self.create_reply(path, data, &Acl::open(), mode)?.0)
    }

    /// Creates an open persistent znode and gives the transaction's zxid.
    pub fn create_at(&mut self, path: &str, data: &[u8]) -> Result<i64, ClientError> {
        Ok(self
            .create_reply(path, data, &Acl::open(), CreateMode::Persistent)?
            .1
            .zxid)
    }

    /// Creates a znode under `acl` and gives its path.
    pub fn create_acl(
        &mut self,
        path: &str,
        data: &[u8],
        acl: &[Acl],
        mode: CreateMode,
    ) -> Result<String, ClientError> {
        Ok(self.create_reply(path, data, acl, mode)?.0)
    }

    fn create_reply(
        &mut self,
        path: &str,
        data: &[u8],
        acl: &[Acl],
        mode: CreateMode,
    ) -> Result<(String, Reply), ClientError> {
        let reply = self.call(op::CREATE, create_record(path, data, acl, mode))?;
        let path = Reader::new(&reply.body)
            .string()
            .ok_or_else(malformed("CreateResponse"))?;
        Ok((path, reply))
    }

    /// Creates a znode and gives its path and stat.
    pub fn create2(
        &mut self,
        path: &str,
        data: &[u8],
        mode: CreateMode,
    ) -> Result<(String, Stat), ClientError> {
        self.path_and_stat(op::CREATE2, create_record(path, data, &Acl::open(), mode))
    }

    /// Creates a container.
    pub fn create_container(&mut self, path: &str, data: &[u8]) -> Result<(String, Stat), ClientError> {
        let record = create_record(path, data, &Acl::open(), CreateMode::Container);
        self.path_and_stat(op::CREATE_CONTAINER, record)
    }

    /// Creates a znode that goes when it was not written for `ttl_ms`.
    pub fn create_ttl(
        &mut self,
        path: &str,
        data: &[u8],
        ttl_ms: i64,
    ) -> Result<(String, Stat), ClientError> {
        let record = create_record(path, data, &Acl::open(), CreateMode::PersistentTtl).long(ttl_ms);
        self.path_and_stat(op::CREATE_TTL, record)
    }

    fn path_and_stat(&mut self, op: i32, body: Writer) -> Result<(String, Stat), ClientError> {
        let reply = self.call(op, body)?;
        let mut reader = Reader::new(&reply.body);
        let path = reader.string().ok_or_else(malformed("path"))?;
        Ok((path, Stat::read(&mut reader).ok_or_else(malformed("stat"))?))
    }

    /// Deletes a znode of `version` (-1 for any) and gives the transaction's zxid.
    pub fn delete(&mut self, path: &str, version: i32) -> Result<i64, ClientError> {
        Ok(self
            .call(op::DELETE, Writer::new().string(path).int(version))?
            .zxid)
    }

    /// The stat of a znode, or nothing if there is none; `watch` in either case.
    pub fn exists(&mut self, path: &str, watch: bool) -> Result<Option<Stat>, ClientError> {
        match self.call(op::EXISTS, Writer::new().string(path).bool(watch)) {
            Ok(reply) => {
                let stat = Stat::read(&mut Reader::new(&reply.body));
                Ok(Some(stat.ok_or_else(malformed("stat"))?))
            }
            Err(ClientError::Code(Code::NO_NODE)) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// The data and stat of a znode.
    pub fn get(&mut self, path: &str, watch: bool) -> Result<(Vec<u8>, Stat), ClientError> {
        let reply = self.call(op::GET_DATA, Writer::new().string(path).bool(watch))?;
        let mut reader = Reader::new(&reply.body);
        let data = reader.buffer().ok_or_else(malformed("data"))?.to_vec();
        Ok((data, Stat::read(&mut reader).ok_or_else(malformed("stat"))?))
    }

    /// Sets the data of a znode of `version` (-1 for any).
    pub fn set(&mut self, path: &str, data: &[u8], version: i32) -> Result<Stat, ClientError> {
        let reply = self.call(op::SET_DATA, Writer::new().string(path).buffer(data).int(version))?;
        Stat::read(&mut Reader::new(&reply.body)).ok_or_else(malformed("stat"))
    }

    /// Sends a set without waiting for the reply; gives its number.
    pub fn submit_set(&mut self, path: &str, data: &[u8]) -> Result<i32, ClientError> {
        self.submit(op::SET_DATA, Writer::new().string(path).buffer(data).int(-1))
    }

    /// The names of the children, sorted, and the stat.
    pub fn children(&mut self, path: &str, watch: bool) -> Result<(Vec<String>, Stat), ClientError> {
        let reply = self.call(op::GET_CHILDREN2, Writer::new().string(path).bool(watch))?;
        let mut reader = Reader::new(&reply.body);
        let mut names = reader.strings().ok_or_else(malformed("children"))?;
        names.sort();
        Ok((names, Stat::read(&mut reader).ok_or_else(malformed("stat"))?))
    }

    /// Waits until the server has caught up with what the leader had proposed, and gives its zxid.
    pub fn sync(&mut self, path: &str) -> Result<i64, ClientError> {
        Ok(self.call(op::SYNC, Writer::new().string(path))?.zxid)
    }

    /// The access control list of a znode.
    pub fn acl(&mut self, path: &str) -> Result<(Vec<Acl>, Stat), ClientError> {
        let reply = self.call(op::GET_ACL, Writer::new().string(path))?;
        let mut reader = Reader::new(&reply.body);
        let acl = Acl::read(&mut reader).ok_or_else(malformed("acl"))?;
        Ok((acl, Stat::read(&mut reader).ok_or_else(malformed("stat"))?))
    }

    /// Replaces the access control list of a znode of access version `version` (-1 for any).
    pub fn set_acl(&mut self, path: &str, acl: &[Acl], version: i32) -> Result<Stat, ClientError> {
        let record = Acl::write(acl, Writer::new().string(path)).int(version);
        let reply = self.call(op::SET_ACL, record)?;
        Stat::read(&mut Reader::new(&reply.body)).ok_or_else(malformed("stat"))
    }

    /// Adds an identity to this connection.
    pub fn auth(&mut self, scheme: &str, secret: &[u8]) -> Result<(), ClientError> {
        self.submit_as(-4, op::AUTH, Writer::new().int(0).string(scheme).buffer(secret))?;
        match self.reply(-4, self.patience)?.code {
            Code::OK => Ok(()),
            code => Err(ClientError::Code(code)),
        }
    }

    /// Keeps the session alive.
    pub fn ping(&mut self) -> Result<(), ClientError> {
        self.submit_as(-2, op::PING, Writer::new())?;
        self.reply(-2, self.patience).map(drop)
    }

    /// Sets watches again after a reconnect: on data, on absence, on children; what changed after
    /// `relative_zxid` fires at once.
    pub fn set_watches(
        &mut self,
        relative_zxid: i64,
        data: &[&str],
        exist: &[&str],
        child: &[&str],
    ) -> Result<(), ClientError> {
        let record = Writer::new()
            .long(relative_zxid)
            .strings(data)
            .strings(exist)
            .strings(child);
        self.submit_as(-8, op::SET_WATCHES, record)?;
        match self.reply(-8, self.patience)?.code {
            Code::OK => Ok(()),
            code => Err(ClientError::Code(code)),
        }
    }

    /// Does all parts or none, and says what became of each.
    pub fn multi(&mut self, parts: &[Part]) -> Result<Vec<PartResult>, ClientError> {
        let header = |writer: Writer, op: i32| writer.int(op).bool(false).int(-1);
        let record = parts.iter().fold(Writer::new(), |writer, part| match part {
            Part::Create(path, data, mode) => {
                header(writer, op::CREATE).raw(&create_record(path, data, &Acl::open(), *mode).bytes)
            }
            Part::Delete(path, version) => header(writer, op::DELETE).string(path).int(*version),
            Part::Set(path, data, version) => header(writer, op::SET_DATA)
                .string(path)
                .buffer(data)
                .int(*version),
            Part::Check(path, version) => header(writer, op::CHECK).string(path).int(*version),
        });
        let reply = self.call(op::MULTI, record.int(-1).bool(true).int(-1))?;
        read_multi(&reply.body).ok_or_else(malformed("MultiResponse"))
    }

    /// Ends the session, and waits until the server has closed the connection.
    pub fn close(mut self) -> Result<(), ClientError> {
        self.call(op::CLOSE, Writer::new())?;
        self.closed_by_server(SHORT)
    }
}

fn read_multi(body: &[u8]) -> Option<Vec<PartResult>> {
    let mut reader = Reader::new(body);
    let mut results = Vec::new();
    loop {
        let (op, done, err) = (reader.int()?, reader.bool()?, reader.int()?);
        if done {
            return Some(results);
        }
        results.push(match op {
            op::CREATE => PartResult::Created(reader.string()?),
            op::CREATE2 => {
                let path = reader.string()?;
                Stat::read(&mut reader)?;
                PartResult::Created(path)
            }
            op::SET_DATA => PartResult::Set(Stat::read(&mut reader)?),
            op::DELETE | op::CHECK => PartResult::Done,
            -1 if reader.int()? == err => PartResult::Failed(Code(err)),
            _ => return None,
        });
    }
}
