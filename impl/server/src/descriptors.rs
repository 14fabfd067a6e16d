//! How many connections can this process have? Each takes a file descriptor, and so does each file of the log: if
//! clients had them all, the next file could not be opened, and the server would have to stop.

use crate::config::Config;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors for what is not a client: logs, snapshots, members, the trace.
pub const BESIDE: u64 = 128;

/// Raises this process's limit as far as it may by itself.
pub fn raise() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        // If the system does not want that, the limit stays what it is, and counts as that.
        let _ = setrlimit(
            Resource::Nofile,
            Rlimit {
                current: maximum,
                maximum,
            },
        );
    }
}

/// How many clients there is room for; `None`: the system sets no limit.
pub(crate) fn room() -> Option<u64> {
    room_in(getrlimit(Resource::Nofile).current)
}

fn room_in(limit: Option<u64>) -> Option<u64> {
    // However low it is, somebody has to get in to see what is wrong.
    limit.map(|limit| limit.saturating_sub(BESIDE).max(1))
}

/// So many connections are let in: as many as configured (0 is no limit), unless there is room for fewer.
pub(crate) fn connections_max(configured: u32) -> u32 {
    fitted(configured, room())
}

fn fitted(configured: u32, room: Option<u64>) -> u32 {
    let Some(room) = room.and_then(|room| u32::try_from(room).ok()) else {
        return configured;
    };
    match configured {
        0 => room,
        configured => configured.min(room),
    }
}

/// What the configuration allows and there is no room for, in a line with its figures.
pub fn shortage(config: &Config) -> Option<String> {
    let limit = getrlimit(Resource::Nofile).current?;
    shortage_in(config, limit)
}

fn shortage_in(config: &Config, limit: u64) -> Option<String> {
    let room = room_in(Some(limit))?;
    let asked = [
        ("maxCnxns", config.connections_max),
        ("maxClientCnxns", config.connections_per_address_max),
    ];
    let too_many: Vec<_> = asked
        .iter()
        .filter(|(_, count)| u64::from(*count) > room)
        .collect();
    let most = too_many.iter().map(|(_, count)| u64::from(*count)).max()?;
    let names: Vec<_> = too_many
        .iter()
        .map(|(key, count)| format!("{key}={count}"))
        .collect();
    Some(format!(
        "{} cannot be had: this process may have {limit} open files, which leaves {room} for clients; raise the limit \
         to {} (ulimit -Hn)",
        names.join(" and "),
        most + BESIDE
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ClientAddress;
    use std::path::Path;

    fn config(all: u32, per_address: u32) -> Config {
        let address = ClientAddress { host: None, port: 0 };
        Config {
            connections_max: all,
            connections_per_address_max: per_address,
            ..Config::standalone(Path::new("data"), address)
        }
    }

    #[test]
    fn clients_leave_descriptors_for_files() {
        for (configured, room, fitted) in [
            (0, Some(896), 896),
            (60, Some(896), 60),
            (5000, Some(896), 896),
            (5000, None, 5000),
            (0, None, 0),
            (0, Some(1 << 40), 0),
        ] {
            assert_eq!(
                super::fitted(configured, room),
                fitted,
                "{configured} in {room:?}"
            );
        }
        assert_eq!(
            [Some(1024), Some(100), None].map(room_in),
            [Some(896), Some(1), None]
        );
    }

    #[test]
    fn what_does_not_fit_is_told_in_a_line_with_its_figures() {
        assert_eq!(shortage_in(&config(0, 0), 1024), None);
        assert_eq!(shortage_in(&config(896, 60), 1024), None);
        assert_eq!(
            shortage_in(&config(897, 60), 1024).as_deref(),
            Some(
                "maxCnxns=897 cannot be had: this process may have 1024 open files, which leaves 896 for clients; \
                 raise the limit to 1025 (ulimit -Hn)"
            )
        );
        let both = shortage_in(&config(2000, 5000), 1024).expect("neither fits");
        assert!(
            both.starts_with("maxCnxns=2000 and maxClientCnxns=5000 cannot be had"),
            "{both}"
        );
        assert!(both.ends_with("to 5128 (ulimit -Hn)"), "{both}");
    }
}
