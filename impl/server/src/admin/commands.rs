//! Which commands are there? ZooKeeper's, under all their names.

/// What is asked at `/commands/<name>`.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Command {
    Configuration,
    ConnectionStatReset,
    Connections,
    Dirs,
    Dump,
    Environment,
    GetTraceMask,
    Hash,
    InitialConfiguration,
    IsReadOnly,
    LastSnapshot,
    Leader,
    Monitor,
    ObserverConnectionStatReset,
    Observers,
    Restore,
    Ruok,
    ServerStats,
    SetTraceMask,
    Snapshot,
    StatReset,
    Stats,
    SystemProperties,
    VotingView,
    WatchSummary,
    Watches,
    WatchesByPath,
    ZabState,
}

use Command::*;

/// Each command with its names, the primary one first.
pub(crate) const COMMANDS: &[(Command, &[&str])] = &[
    (Configuration, &["configuration", "conf", "config"]),
    (ConnectionStatReset, &["connection_stat_reset", "crst"]),
    (Connections, &["connections", "cons"]),
    (Dirs, &["dirs"]),
    (Dump, &["dump"]),
    (Environment, &["environment", "env", "envi"]),
    (GetTraceMask, &["get_trace_mask", "gtmk"]),
    (Hash, &["hash"]),
    (InitialConfiguration, &["initial_configuration", "icfg"]),
    (IsReadOnly, &["is_read_only", "isro"]),
    (LastSnapshot, &["last_snapshot", "lsnp"]),
    (Leader, &["leader", "lead"]),
    (Monitor, &["monitor", "mntr"]),
    (
        ObserverConnectionStatReset,
        &["observer_connection_stat_reset", "orst"],
    ),
    (Observers, &["observers", "obsr"]),
    (Restore, &["restore", "rest"]),
    (Ruok, &["ruok"]),
    (ServerStats, &["server_stats", "srvr"]),
    (SetTraceMask, &["set_trace_mask", "stmk"]),
    (Snapshot, &["snapshot", "snap"]),
    (StatReset, &["stat_reset", "srst"]),
    (Stats, &["stats", "stat"]),
    (SystemProperties, &["system_properties", "sysp"]),
    (VotingView, &["voting_view"]),
    (WatchSummary, &["watch_summary", "wchs"]),
    (Watches, &["watches", "wchc"]),
    (WatchesByPath, &["watches_by_path", "wchp"]),
    (ZabState, &["zabstate"]),
];

impl Command {
    /// The command that goes by this name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let known = COMMANDS.iter().find(|(_, names)| names.contains(&name));
        known.map(|&(command, _)| command)
    }

    /// Its primary name.
    pub(crate) fn name(self) -> &'static str {
        let known = COMMANDS.iter().find(|(command, _)| *command == self);
        known.expect("every command is listed").1[0]
    }

    /// Whether it is answered only while clients are served, as in Apache.
    pub(crate) fn needs_service(self) -> bool {
        !matches!(
            self,
            Environment | GetTraceMask | SetTraceMask | Monitor | SystemProperties | ZabState
        )
    }

    /// Whether its answer names the sizes of the data directories, which take a while to find.
    pub(crate) fn needs_sizes(self) -> bool {
        matches!(self, Dirs | ServerStats | Stats)
    }
}
