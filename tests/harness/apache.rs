//! Where does Apache ZooKeeper come from, and how is one of its servers started?
//!
//! `tests/compat/apache.sh` installs it once per user and prints where the jars are. Where that fails
//! so does every test that needs it: a peer that is not there is not a passed test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The directory of the jars, installing them if need be.
///
/// # Panics
///
/// If they can neither be found nor fetched; the message is the script's, which says what to do.
pub fn jars() -> &'static Path {
    static JARS: OnceLock<PathBuf> = OnceLock::new();
    JARS.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("compat/apache.sh");
        let output = Command::new("bash").arg(&script).output().expect("bash runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "Apache ZooKeeper is not available: {said}"
        );
        PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
    })
}

/// The words that start a server on `config`, logging what its operator would read; if it is to be
/// measured, with the whole compiler, room to breathe, and warnings alone in its log.
pub(crate) fn server_words(dir: &Path, config: &Path, measured: bool) -> Vec<String> {
    let level = if measured { "warn" } else { "info" };
    let log4j = LOG4J.replace("LEVEL", level);
    fs::write(dir.join("log4j2.properties"), log4j).expect("log4j2.properties is written");
    let class_path = format!("{}:{}/*", dir.display(), jars().display());
    // A small heap and the quick compiler: tests start many servers and run none for long.
    let flags: &[&str] = if measured {
        &["-Xmx1g"]
    } else {
        &["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
    };
    let text = fs::read_to_string(config).unwrap_or_default();
    let is_property = |line: &&str| {
        line.split_once('=')
            .is_some_and(|(key, _)| PROPERTIES.contains(&key))
    };
    let properties = text.lines().filter(is_property).map(|line| format!("-D{line}"));
    let main = [
        "-cp",
        &class_path,
        "org.apache.zookeeper.server.quorum.QuorumPeerMain",
        &config.display().to_string(),
    ];
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    [words(&["java"]), words(flags), properties.collect(), words(&main)].concat()
}

/// What Apache's servers read from properties of their virtual machine alone.
const PROPERTIES: [&str; 2] = ["readonlymode.enabled", "znode.container.checkIntervalMs"];

/// What Apache's command line client prints of one command at `hosts`, its system properties being `properties`.
///
/// # Panics
///
/// If it cannot be started.
pub fn zkcli(dir: &Path, hosts: &str, properties: &[(&str, String)], command: &[&str]) -> String {
    let mut words = client_words(dir, hosts);
    let properties = properties.iter().map(|(key, value)| format!("-D{key}={value}"));
    words.splice(1..1, properties);
    let output = Command::new(&words[0]).args(&words[1..]).args(command).output();
    let output = output.expect("java runs");
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let of_the_connection = ["Connecting to ", "WATCHER::", "WatchedEvent state:"];
    let is_told =
        |line: &&str| !line.is_empty() && !of_the_connection.iter().any(|begin| line.starts_with(begin));
    said.lines().filter(is_told).collect::<Vec<_>>().join("\n")
}

/// The words that start Apache's command line client at `hosts`, without a word of its log.
pub(crate) fn client_words(dir: &Path, hosts: &str) -> Vec<String> {
    let quiet = dir.join("quiet");
    fs::create_dir_all(&quiet).expect("the scratch directory is writable");
    fs::write(quiet.join("log4j2.properties"), "rootLogger.level=off\n")
        .expect("log4j2.properties is written");
    let class_path = format!("{}:{}/*", quiet.display(), jars().display());
    let flags = [
        "java",
        "-Xmx64m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-cp",
        &class_path,
    ];
    let main = ["org.apache.zookeeper.ZooKeeperMain", "-server", hosts];
    flags.into_iter().chain(main).map(str::to_owned).collect()
}

const LOG4J: &str = "\
rootLogger.level=LEVEL
rootLogger.appenderRef.c.ref=c
appender.c.type=Console
appender.c.name=c
appender.c.layout.type=PatternLayout
appender.c.layout.pattern=%d %p %c{1} %m%n
";
