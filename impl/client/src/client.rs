//! What can be asked of the servers? One method per operation; paths are the client's own, below its chroot.

use crate::address::Servers;
use crate::error::Error;
use crate::path::validate;
use crate::session::{Asked, Event, Session, State, Status};
use crate::tls::Tls;
use crate::watches::Change;
use bytes::Bytes;
use quorate_tree::{Acl, Code, Stat};
use quorate_wire::DecodeError;
use quorate_wire::acl::decode_acl;
use quorate_wire::client::multi::decode_results;
use quorate_wire::client::{CreateRequest, MultiOp, MultiResult, Request};
use quorate_wire::jute::Reader;
use quorate_wire::stat::decode_stat;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// How a session is to be.
#[derive(Clone, Debug)]
pub struct Options {
    /// The session time-out to ask for; servers bound it.
    pub timeout: Duration,
    /// Whether a server that has lost the others will do.
    pub read_only: bool,
    /// Whether to try the servers again, until the time-out, when none takes the session at first.
    pub wait: bool,
    /// How servers are called with TLS; `None`: in plain text.
    pub tls: Option<Tls>,
}

impl Default for Options {
    /// Thirty seconds, with a server that can write, at once, in plain text.
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            read_only: false,
            wait: false,
            tls: None,
        }
    }
}

/// How a znode is created.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Mode {
    /// It is deleted with the session.
    pub ephemeral: bool,
    /// The server appends a number.
    pub sequential: bool,
    /// It is deleted once it has lost its last child.
    pub container: bool,
    /// It is deleted when it has been left alone for so many ms.
    pub ttl_ms: Option<i64>,
}

impl Mode {
    /// ZooKeeper's number.
    const fn flags(self) -> i32 {
        match (self.container, self.ttl_ms) {
            (true, _) => 4,
            (false, Some(_)) => 5 + self.sequential as i32,
            (false, None) => self.ephemeral as i32 + 2 * self.sequential as i32,
        }
    }
}

/// Kinds of watch that stay.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WatchMode {
    /// On one znode.
    Persistent,
    /// On a znode and all below it.
    PersistentRecursive,
}

/// Which watches to take away.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WatcherType {
    /// Of children.
    Children,
    /// Of data and creation.
    Data,
    /// All.
    Any,
    /// [`WatchMode::Persistent`]
    Persistent,
    /// [`WatchMode::PersistentRecursive`]
    PersistentRecursive,
}

impl WatcherType {
    const fn number(self) -> i32 {
        match self {
            Self::Children => 1,
            Self::Data => 2,
            Self::Any => 3,
            Self::Persistent => 4,
            Self::PersistentRecursive => 5,
        }
    }
}

/// What comes without having been asked for.
pub type Events = mpsc::UnboundedReceiver<Event>;

/// A session. Copies of a handle share it; it ends with [`Client::close`], or is left to expire with the last
/// copy.
#[derive(Clone, Debug)]
pub struct Client {
    servers: Servers,
    asked: mpsc::UnboundedSender<Asked>,
    status: watch::Receiver<Status>,
}

impl Client {
    /// Begins a session.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`] if no server takes it.
    pub async fn connect(servers: Servers, options: Options) -> Result<(Self, Events), Error> {
        let (tell, events) = mpsc::unbounded_channel();
        let (session, link, status) = Session::begin(servers.clone(), options, tell).await?;
        let (asked, to_ask) = mpsc::unbounded_channel();
        tokio::spawn(session.run(link, to_ask));
        let client = Self {
            servers,
            asked,
            status,
        };
        Ok((client, events))
    }

    /// How the session stands.
    pub fn state(&self) -> State {
        self.status.borrow().state
    }

    /// The session's id.
    pub fn session(&self) -> i64 {
        self.status.borrow().id
    }

    /// The session time-out that the server granted.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(u64::from(self.status.borrow().timeout_ms.unsigned_abs()))
    }

    /// The server that was reached last, `host:port`.
    pub fn server(&self) -> String {
        self.status.borrow().server.clone()
    }

    /// The servers and the chroot.
    pub fn servers(&self) -> &Servers {
        &self.servers
    }

    /// Ends the session.
    pub async fn close(&self) {
        let (done, is_done) = oneshot::channel();
        if self.asked.send(Asked::Close(done)).is_ok() {
            let _ = is_done.await;
        }
    }

    fn full(&self, path: &str) -> Result<String, Error> {
        validate(path)?;
        Ok(self.servers.outside(path))
    }

    async fn send(&self, request: Request, change: Option<Change>, local: bool) -> Result<Bytes, Error> {
        let (reply, answer) = oneshot::channel();
        let asked = Asked::Request {
            request,
            change,
            local,
            reply,
        };
        self.asked.send(asked).map_err(|_| Error::Closed)?;
        answer.await.unwrap_or(Err(Error::Closed))
    }

    async fn ask(&self, path: &str, request: Request, change: Option<Change>) -> Result<Bytes, Error> {
        self.send(request, change, false)
            .await
            .map_err(|error| error.about(path))
    }

    /// Creates a znode and returns its path.
    ///
    /// # Errors
    ///
    /// As the server says.
    pub async fn create(
        &self,
        path: &str,
        data: Option<Vec<u8>>,
        acl: Vec<Acl>,
        mode: Mode,
    ) -> Result<String, Error> {
        // What is appended makes a path of what ends with a slash.
        if mode.sequential {
            validate(&format!("{path}1"))?;
        } else {
            validate(path)?;
        }
        let create = CreateRequest {
            path: self.servers.outside(path),
            data,
            acl,
            flags: mode.flags(),
        };
        let request = match mode {
            Mode { container: true, .. } => Request::CreateContainer(create),
            Mode {
                ttl_ms: Some(ttl_ms), ..
            } => Request::CreateTtl { create, ttl_ms },
            _ => Request::Create(create),
        };
        let body = self.ask(path, request, None).await?;
        let created = Reader::new(&body).required("path")?;
        Ok(self.servers.inside(&created))
    }

    /// Deletes a znode; version −1 is any.
    ///
    /// # Errors
    ///
    /// As the server says.
    pub async fn delete(&self, path: &str, version: i32) -> Result<(), Error> {
        let request = Request::Delete {
            path: self.full(path)?,
            version,
        };
        self.ask(path, request, None).await.map(drop)
    }

    /// A znode's stat; `None` if there is none, in which case a watch waits for its creation.
    ///
    /// # Errors
    ///
    /// As the server says.
    pub async fn exists(&self, path: &str, watch: bool) -> Result<Option<Stat>, Error> {
        let full = self.full(path)?;
        let change = watch.then(|| Change::Exists(full.clone()));
        let asked = self.ask(path, Request::Exists { path: full, watch }, change);
        match asked.await {
            Ok(body) => Ok(Some(decode_stat(&mut Reader::new(&body))?)),
            Err(error) if error.code() == Some(Code::NO_NODE) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A znode's data and stat.
    ///
    /// # Errors
    ///
    /// As the server says.
    pub async fn get(&self, path: &str, watch: bool) -> Result<(Option<Vec<u8>>, Stat), Error> {
        let full = self.full(path)?;
        let change = watch.then(|| Change::Data(full.clone()));
        let body = self.ask(path, Request::GetData { path: full, watch }, change);
        data_and_stat(&body.await?)
    }

    /// The ensemble's configuration, which lies outside every chroot, and its stat.
    ///
    /// # Errors
    ///
    /// As the server says.
    pub async fn config(&self, watch: bool) -> Result<(Option<Vec<u8>>, Stat), Error> {
        let path = "/zookeeper/config".to_owned();
        let change = watch.then(|| Change::Data(path.clone()));
        let request = Request::GetData {
            path: path.clone(),
            watch,
        };
        data_and_stat(&self.ask(&path, request, change).await?)
    }

    /// Replaces a znode's data; version −1 is any.
    ///
    /// # Errors
    ///
    /// As the server says.
    pub async fn set(&self, path: &str, data: Option<Vec<u8>>, version: i32) -> Result<Stat, Error> {
        let request = Request::SetData {
            path: self.full(path)?,
            data,
            version,
        };
        let body = self.ask(path, request, None).await?;
        Ok(decode_stat(&mut Reader::new(&body))?)
    }

    /// A znode's ACL and stat.
    ///
    /// # Errors
    ///
    /// As the server says.
    pub async fn acl(&self, path: &str) -> Result<(Vec<Acl>, Stat), Error> {
        let request = Request::GetAcl {
            path: self.full(path)?,
        };
        let body = self.ask(path, request, None).await?;
        let mut reader = Reader::new(&body);
        Ok((decode_acl(&mut reader)?, decode_stat(&mut reader)?))
    }

    /// Replaces a znode's ACL; version −1 is any.
    ///
    /// # Errors
    ///
    /// As the server says.
    pub async fn set_acl(&self, path: &str, acl: Vec<Acl>, version: i32) -> Result<Stat, Error> {
        let request = Request::SetAcl {
            path: self.full(path)?,
            acl,
            version,
        };
        let body = self.ask(path, request, None).await?;
        Ok(decode_stat(&mut Reader::new(&body))?)
    }

    /// The names of a znode's children, in no order, and its stat.
    ///
    /// # Errors
    ///
    /// As the server says.
    pub async fn children(&self, path: &str, watch: bool) -> Result<(Vec<String>, Stat), Error> {
        let full = self.full(path)?;
        let change = watch.then(|| Change::Child(full.clone()));
        let body = self.ask(path, Request::GetChildren2 { path: full, watch }, change);
        let body = body.await?;
        let mut reader = Reader::new(&body);
        Ok((names(&mut reader)?, decode_stat(&mut reader)?))
    }

    /// Waits until this server has what the leader had.
    ///
    /// # Errors
    ///
    /// As the server says.
    pub async fn sync(&self, path: &str) -> Result<(), Error> {
        let request = Request::Sync {
            path: Some(self.full(path)?),
        };
        self.ask(path, request, None).await.map(drop)
    }

    /// Does all of it or nothing. The results of a multi that was refused name the operation that failed.
    ///
    /// # Errors
    ///
    /// If the multi was not taken up at all.
    pub async fn multi(&self, ops: Vec<MultiOp>) -> Result<Vec<MultiResult>, Error> {
        let body = self.send(Request::Multi(ops), None, false).await?;
        Ok(decode_results(&mut Reader::new(&body))?)
    }

    /// Deletes these znodes, all or none.
    ///
    /// # Errors
    ///
    /// The error of the first that cannot be deleted.
    pub async fn delete_all(&self, paths: &[String]) -> Result<(), Error> {
        let mut ops = Vec::with_capacity(paths.len());
        for path in paths {
            ops.push(MultiOp::Delete {
                path: self.full(path)?,
                version: -1,
            });
        }
        for (result, path) in self.multi(ops).await?.iter().zip(paths) {
            match result {
                MultiResult::Error(0 | -2) => {}
                MultiResult::Error(code) => {
                    return Err(Error::Refused {
                        code: Code(*code),
                        path: Some(path.clone()),
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Adds a watch that stays.
    ///
    /// # Errors
    ///
    /// As the server says.
    pub async fn add_watch(&self, path: &str, mode: WatchMode) -> Result<(), Error> {
        let full = self.full(path)?;
        let change = Change::Add(full.clone(), mode);
        let request = Request::AddWatch {
            path: full,
            mode: match mode {
                WatchMode::Persistent => 0,
                WatchMode::PersistentRecursive => 1,
            },
        };
        self.ask(path, request, Some(change)).await.map(drop)
    }

    /// Takes watches away; with `local`, here at least, if the server does not.
    ///
    /// # Errors
    ///
    /// As the server says; no such watch, if there is none here.
    pub async fn remove_watches(&self, path: &str, kind: WatcherType, local: bool) -> Result<(), Error> {
        let full = self.full(path)?;
        let change = Change::Remove(full.clone(), kind);
        let request = Request::RemoveWatches {
            path: full,
            kind: kind.number(),
        };
        self.send(request, Some(change), local)
            .await
            .map_err(|error| error.about(path))
            .map(drop)
    }

    /// The session's ephemerals below `prefix`.
    ///
    /// # Errors
    ///
    /// As the server says.
    pub async fn ephemerals(&self, prefix: &str) -> Result<Vec<String>, Error> {
        let request = Request::GetEphemerals {
            prefix: Some(self.full(prefix)?),
        };
        let body = self.ask(prefix, request, None).await?;
        let paths = names(&mut Reader::new(&body))?;
        Ok(paths.iter().map(|path| self.servers.inside(path)).collect())
    }

    /// Number of znodes below a znode.
    ///
    /// # Errors
    ///
    /// As the server says.
    pub async fn all_children_number(&self, path: &str) -> Result<i32, Error> {
        let request = Request::GetAllChildrenNumber {
            path: self.full(path)?,
        };
        let body = self.ask(path, request, None).await?;
        Ok(Reader::new(&body).int("totalNumber")?)
    }

    /// Who this connection is: pairs of scheme and user.
    ///
    /// # Errors
    ///
    /// As the server says.
    pub async fn who_am_i(&self) -> Result<Vec<(String, String)>, Error> {
        let body = self.send(Request::WhoAmI, None, false).await?;
        let pair = |reader: &mut Reader<'_>| {
            Ok((
                reader.required("authScheme")?,
                reader.string("user")?.unwrap_or_default().into_owned(),
            ))
        };
        let identities = Reader::new(&body).vector("clientInfo", pair)?;
        Ok(identities.unwrap_or_default())
    }

    /// Adds an identity, at this connection and all later ones of the session.
    ///
    /// # Errors
    ///
    /// That it was refused: the server ends the connection, and the session goes on without it.
    pub async fn add_auth(&self, scheme: &str, auth: &[u8]) -> Result<(), Error> {
        let (reply, answer) = oneshot::channel();
        let asked = Asked::Auth {
            scheme: scheme.to_owned(),
            auth: auth.to_vec(),
            reply,
        };
        self.asked.send(asked).map_err(|_| Error::Closed)?;
        answer.await.unwrap_or(Err(Error::Closed)).map(drop)
    }

    /// Changes the ensemble; config id −1 is any. Returns the configuration and its stat.
    ///
    /// # Errors
    ///
    /// As the server says.
    pub async fn reconfigure(
        &self,
        joining: Option<String>,
        leaving: Option<String>,
        members: Option<String>,
        config_id: i64,
    ) -> Result<(Option<Vec<u8>>, Stat), Error> {
        let request = Request::Reconfig {
            joining,
            leaving,
            members,
            config_id,
        };
        data_and_stat(&self.send(request, None, false).await?)
    }
}

fn data_and_stat(body: &[u8]) -> Result<(Option<Vec<u8>>, Stat), Error> {
    let mut reader = Reader::new(body);
    Ok((reader.owned_buffer("data")?, decode_stat(&mut reader)?))
}

fn names(reader: &mut Reader<'_>) -> Result<Vec<String>, DecodeError> {
    Ok(reader
        .vector("children", |reader| reader.required("child"))?
        .unwrap_or_default())
}
