//! Which runs are kept and broken? Named scripts, and what is made of several runs.

use super::breaking::{BootRecords, Place, find, is_ack, load, place};
use super::{Rehearsal, Script};
use quorate_trace::Record;
use quorate_zab::{Configuration, Context, Server, Zab, Zxid};
use std::cell::Cell;
use tempfile::TempDir;

/// The good runs that are kept: named, and what is in them.
pub(crate) const GOOD: &[(&str, &str)] = &[
    ("quiet", "three servers elect, commit and stop in order"),
    (
        "killed-and-back",
        "servers are killed within and between rounds, and come back",
    ),
    ("cut-off", "connections break at one end, leaders change"),
    ("open-member", "one of three servers has no trace"),
    (
        "nameless",
        "connections have no names, as those with Apache servers: what they bring is believed",
    ),
    (
        "power-loss",
        "a server's machine lost power: its trace ends before its disk does",
    ),
    ("emptied", "a server comes back with an empty disk"),
];

fn rehearsed(script: Script) -> Vec<BootRecords> {
    let dir = TempDir::new().expect("a temporary directory");
    Rehearsal::new(dir.path(), script, Zab).run();
    load(&dir.path().join("recorded"))
}

/// The run that is broken in all the ways of [`BREAKS`]; not every seed has all that is to be broken.
pub(crate) fn base(seed: u64) -> Vec<BootRecords> {
    rehearsed(Script {
        kills: 150,
        rounds: 1500,
        writes: 60,
        ..Script::quiet(seed)
    })
}

/// The good run of that name.
pub(crate) fn good(name: &str) -> Vec<BootRecords> {
    let small = |script: Script| Script {
        rounds: 700,
        writes: 25,
        ..script
    };
    match name {
        "quiet" => rehearsed(small(Script::quiet(1))),
        "killed-and-back" => rehearsed(Script {
            kills: 80,
            ..small(Script::quiet(6))
        }),
        "cut-off" => rehearsed(Script {
            breaks: 60,
            ..small(Script::quiet(3))
        }),
        "open-member" => rehearsed(Script {
            unrecorded: vec![1],
            ..small(Script::quiet(4))
        }),
        "nameless" => rehearsed(Script {
            nameless: true,
            ..small(Script::quiet(5))
        }),
        "power-loss" => power_loss(base(2)).expect("a server that came back"),
        "emptied" => rehearsed(Script {
            kills: 200,
            wipes: 1,
            ..Script::quiet(3)
        }),
        other => panic!("no good run is called {other}"),
    }
}

/// The records at which `fact` changes from what it was, when the boot is replayed.
fn replayed<T: PartialEq>(boot: &BootRecords, fact: impl Fn(&Server) -> T) -> Vec<usize> {
    let mut fx = Vec::new();
    let Some((_, Record::Boot(image))) = boot.records.first() else {
        panic!("a boot begins with its image");
    };
    let mut server = Server::boot(&Zab, &image.image, image.memory, &mut fx).expect("it started");
    let configuration = Configuration::fixed(boot.header.ensemble());
    let cx = Context {
        me: boot.header.server,
        configuration: &configuration,
        rules: &Zab,
    };
    let mut changes = Vec::new();
    for (at, (_, record)) in boot.records.iter().enumerate() {
        if let Record::Input { input, .. } = record {
            let before = fact(&server);
            server.step(&cx, input.clone(), &mut fx);
            fx.clear();
            if fact(&server) != before {
                changes.push(at);
            }
        }
    }
    changes
}

/// The machine of the first server that came back lost power before: the last records of the boot before are
/// missing, and the machine is another start of itself.
pub(crate) fn power_loss(boots: Vec<BootRecords>) -> Option<Vec<BootRecords>> {
    let (mut boots, at) = shortened(boots)?;
    let server = boots[at].header.server;
    for boot in &mut boots[at..] {
        if boot.header.server == server {
            boot.header.facts = vec![("machineBoot".into(), "the machine after the power loss".into())];
        }
    }
    Some(boots)
}

/// The last records of a boot are missing, as far as anybody can tell since the next boot, which is the second of these.
pub(crate) fn shortened(mut boots: Vec<BootRecords>) -> Option<(Vec<BootRecords>, usize)> {
    let at = (0..boots.len()).find(|&at| boots[at].header.boot.ordinal > 1)?;
    let left = boots[at - 1].records.len() * 4 / 5;
    boots[at - 1].records.truncate(left.max(1));
    Some((boots, at))
}

/// A leader whose acknowledgements come over connections without names from nobody: the servers that they
/// speak for never heard of it.
pub(crate) fn commit_without_quorum() -> (Vec<BootRecords>, Vec<Place>) {
    let script = Script {
        nameless: true,
        ..Script::quiet(7)
    };
    let mut boots = rehearsed(script.clone());
    let (leader, _) = find(&boots, is_ack);
    let server = boots[leader].header.server;
    boots.retain(|boot| boot.header.server == server);
    let idle = rehearsed(Script {
        rounds: 0,
        ports: 20_000,
        ..script
    });
    boots.extend(idle.into_iter().filter(|boot| boot.header.server != server));
    // The last commit of all is the one that no other server ever had.
    let (leading, _) = find(&boots, is_ack);
    let highest = Cell::new(Zxid::ZERO);
    let changes = replayed(&boots[leading], |server| {
        highest.set(highest.get().max(server.committed().unwrap_or_default()));
        highest.get()
    });
    let places = place(&boots[leading], *changes.last().expect("it commits"));
    (boots, places)
}

/// Two runs that know nothing of each other, taken for one: each elects a leader of epoch 1.
pub(crate) fn two_leaders() -> (Vec<BootRecords>, Vec<Place>) {
    let script = Script {
        nameless: true,
        ..Script::quiet(7)
    };
    let mut boots = rehearsed(Script {
        absent: vec![3],
        ports: 20_000,
        ..script.clone()
    });
    boots.extend(
        rehearsed(script)
            .into_iter()
            .filter(|boot| boot.header.server.get() == 3),
    );
    // At whichever of the two gets its quorum's promise later.
    let chosen = |boot: &BootRecords| Some(place(boot, *replayed(boot, Server::is_chosen).first()?));
    let places = boots.iter().filter_map(chosen).flatten().collect();
    (boots, places)
}

/// Breaks that are made of several runs: name, what is done, the check that finds it, and a part of its words;
/// the traces, and where it is found.
pub(crate) type Composed = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    fn() -> (Vec<BootRecords>, Vec<Place>),
);

/// All of them.
pub(crate) const COMPOSED: &[Composed] = &[
    (
        "commit-without-quorum",
        "a leader commits on the word of impostors: no other server has what it committed",
        "C7",
        "never durable",
        commit_without_quorum,
    ),
    (
        "two-leaders",
        "two servers lead epoch 1, each with a quorum's promise",
        "C7",
        "leads epoch 1",
        two_leaders,
    ),
];
