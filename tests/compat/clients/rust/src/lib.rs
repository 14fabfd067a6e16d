//! The vocabulary in which suites with zookeeper-client say what happened; ../README.md explains the lines.

use std::env;
use std::io::{Write, stdin, stdout};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use zookeeper_client::*;

/// How long a fact may be waited for.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Prints a line.
pub fn say(line: impl AsRef<str>) {
    println!("{}", line.as_ref());
    stdout().flush().expect("the runner listens");
}

/// Has the runner do something to the servers.
pub fn ask(words: &str) -> String {
    say(format!("!{words}"));
    let mut answer = String::new();
    stdin().read_line(&mut answer).expect("the runner answers");
    answer.trim().to_owned()
}

/// The servers.
pub fn hosts() -> Vec<String> {
    let words = env::args().nth(1).expect("hosts are the first argument");
    words.split(',').map(str::to_owned).collect()
}

/// A path below the suite's own.
pub fn at(path: &str) -> String {
    env::var("SUITE_ROOT").expect("SUITE_ROOT") + path
}

/// A client of these servers, tried in this order.
pub async fn connected(hosts: &[String]) -> Client {
    let connector = Client::connector().with_session_timeout(Duration::from_secs(20));
    connector
        .connect(&hosts.join(","))
        .await
        .expect("a server takes us")
}

/// An error's name as ZooKeeper has it.
pub fn name(error: &Error) -> String {
    match error {
        Error::InvalidAcl => "InvalidACL".into(),
        Error::RuntimeInconsistent => "RuntimeInconsistency".into(),
        Error::BadArguments(why) => format!("BadArguments ({why})"),
        other => format!("{other:?}"),
    }
}

/// A value in a line.
pub trait Show {
    /// As the client's session sees it.
    fn show(&self, client: &Client) -> String;
}

impl Show for Stat {
    fn show(&self, client: &Client) -> String {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970")
            .as_millis() as i64;
        let near = |time: i64| (now - time).abs() < 3_600_000;
        let times = match (self.ctime, self.mtime) {
            (0, 0) => "zero",
            (created, modified) if created <= modified && near(created) && near(modified) => "right",
            _ => "wrong",
        };
        let owner = match self.ephemeral_owner {
            0 => "none",
            id if id == client.session_id().0 => "mine",
            _ => "other",
        };
        format!(
            "czxid=<z:{}> mzxid=<z:{}> pzxid=<z:{}> version={} cversion={} aversion={} owner={owner} length={} \
             children={} times={times}",
            self.czxid,
            self.mzxid,
            self.pzxid,
            self.version,
            self.cversion,
            self.aversion,
            self.data_length,
            self.num_children
        )
    }
}

impl Show for () {
    fn show(&self, _: &Client) -> String {
        String::new()
    }
}

impl Show for usize {
    fn show(&self, _: &Client) -> String {
        self.to_string()
    }
}

impl Show for Vec<u8> {
    fn show(&self, _: &Client) -> String {
        format!("'{}'", String::from_utf8_lossy(self))
    }
}

impl Show for Vec<String> {
    fn show(&self, _: &Client) -> String {
        let mut sorted = self.clone();
        sorted.sort();
        format!("[{}]", sorted.join(" "))
    }
}

impl Show for Vec<Acl> {
    fn show(&self, _: &Client) -> String {
        let one = |acl: &Acl| format!("{}:{}:{:?}", acl.scheme(), acl.id(), acl.permission());
        format!("[{}]", self.iter().map(one).collect::<Vec<_>>().join(" "))
    }
}

impl Show for Vec<AuthUser> {
    fn show(&self, client: &Client) -> String {
        self.iter()
            .map(|user| format!("{}:{}", user.scheme(), user.user()))
            .collect::<Vec<_>>()
            .show(client)
    }
}

impl Show for CreateSequence {
    fn show(&self, _: &Client) -> String {
        self.to_string()
    }
}

impl<T: Show> Show for Option<T> {
    fn show(&self, client: &Client) -> String {
        self.as_ref().map_or("none".into(), |value| value.show(client))
    }
}

impl<A: Show, B: Show> Show for (A, B) {
    fn show(&self, client: &Client) -> String {
        format!("{} {}", self.0.show(client), self.1.show(client))
    }
}

/// Says what came of a step.
pub fn step<T: Show>(client: &Client, label: &str, result: Result<T, Error>) {
    let line = match result {
        Ok(value) => format!("ok {}", value.show(client)),
        Err(error) => name(&error),
    };
    say(format!("{label}: {}", line.trim()));
}

/// Says an event.
pub fn event(event: &WatchedEvent) {
    say(format!(
        "  event {:?} {} zxid=<z:{}>",
        event.event_type, event.path, event.zxid
    ));
}

/// Waits for a one-shot watch.
pub async fn told(watcher: OneshotWatcher) {
    event(
        &tokio::time::timeout(PATIENCE, watcher.changed())
            .await
            .expect("the watch fires"),
    );
}

/// Waits for so many events of a persistent watch that are about znodes.
pub async fn told_of(watcher: &mut PersistentWatcher, mut count: usize) {
    while count > 0 {
        let told = tokio::time::timeout(PATIENCE, watcher.changed())
            .await
            .expect("the watch fires");
        if told.event_type != EventType::Session {
            event(&told);
            count -= 1;
        }
    }
}

/// What every znode of a suite is made with.
pub const OPEN: CreateOptions<'static> = CreateMode::Persistent.with_acls(Acls::anyone_all());
