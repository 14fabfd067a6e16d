//! The runs of the agreement grain, with their counts.

use super::{AgreementRun, Set, cold, warm};
use crate::bounds::Bounds;
use crate::witness::Witness;
use crate::world::Reductions;

const NO_SALT: u64 = 0;

/// What a run without transactions meets, if servers can lose each other.
const EPOCHS: &[Witness] = &[
    Witness::FollowerServes,
    Witness::LaterReign,
    Witness::TwoLeaders,
    Witness::LateEstablishment,
    Witness::StaleLeaderGivesWay,
];

/// What a run with breaks meets besides.
const HOSTILE: &[Witness] = &[
    Witness::Commit,
    Witness::Delivery,
    Witness::FollowerServes,
    Witness::LaterReign,
    Witness::TwoLeaders,
    Witness::LateEstablishment,
    Witness::CommitByDeposed,
    Witness::TailDropped,
    Witness::EnteredWithHistory,
    Witness::StaleLeaderGivesWay,
    Witness::WorseLeaderRefused,
    Witness::CommitsInherited,
    Witness::ServesHistory,
    Witness::ServedAgain,
    Witness::CommittedDropped,
    Witness::PromisedAgain,
    Witness::VotesCompared,
    Witness::LogsShare,
    Witness::Recovered,
];

/// What it meets with a crash.
const HOSTILE_CRASH: &[Witness] = &all_of::<{ HOSTILE.len() + 1 }>(HOSTILE, &[Witness::Reboot]);

/// What two transactions meet that one does not.
const TWO: &[Witness] = &[Witness::SecondDelivery, Witness::ProposedOnTop];
const HOSTILE_TWO: &[Witness] = &all_of::<{ HOSTILE.len() + TWO.len() }>(HOSTILE, TWO);
const HOSTILE_CRASH_TWO: &[Witness] = &all_of::<{ HOSTILE_CRASH.len() + TWO.len() }>(HOSTILE_CRASH, TWO);

/// What a run from an established epoch meets that has one election.
const ONE_MORE: &[Witness] = &[
    Witness::Commit,
    Witness::Delivery,
    Witness::FollowerServes,
    Witness::LaterReign,
    Witness::TailDropped,
    Witness::EnteredWithHistory,
    Witness::SnapshotInstalled,
    Witness::Reboot,
    Witness::CommitsInherited,
    Witness::ServesHistory,
    Witness::ServedAgain,
    Witness::CommittedDropped,
    Witness::PromisedAgain,
    Witness::VotesCompared,
    Witness::LogsShare,
];
const ONE_MORE_TWO: &[Witness] = &all_of::<{ ONE_MORE.len() + TWO.len() }>(ONE_MORE, TWO);

/// What an observer is there for.
const INFORMED: &[Witness] = &[Witness::ObserverDelivers];
const ONE_MORE_INFORMED: &[Witness] = &all_of::<{ ONE_MORE.len() + 1 }>(ONE_MORE, INFORMED);
const HOSTILE_INFORMED: &[Witness] = &all_of::<{ HOSTILE.len() + 1 }>(HOSTILE, INFORMED);
const SYNC_INFORMED: &[Witness] = &all_of::<{ SYNC.len() + 1 }>(SYNC, INFORMED);
const ONE_INFORMED: &[Witness] = &all_of::<{ ONE.len() + 1 }>(ONE, INFORMED);

/// What a change of members meets.
const CHANGED: &[Witness] = &[Witness::Commit, Witness::Delivery, Witness::MembersChange];
const CHANGES: &[Witness] =
    &all_of::<{ CHANGED.len() + 2 }>(CHANGED, &[Witness::LeaderLeftOut, Witness::JoinerCounts]);
/// And where an epoch ends.
const ENDS: &[Witness] = &[
    Witness::LaterReign,
    Witness::MembersChangeBySync,
    Witness::CommitsInherited,
];
const CHANGES_ON: &[Witness] = &all_of::<{ CHANGES.len() + ENDS.len() }>(CHANGES, ENDS);
const LEAVES: &[Witness] = &all_of::<{ CHANGED.len() + 1 }>(CHANGED, &[Witness::LeaderLeftOut]);
/// And where it ends before the change is done.
const BROKEN_OFF: &[Witness] = &all_of::<{ ENDS.len() + 3 }>(
    ENDS,
    &[
        Witness::ChangeCompleted,
        Witness::ChangeDropped,
        Witness::SnapshotInstalled,
    ],
);
const CHANGES_BROKEN_OFF: &[Witness] = &all_of::<{ CHANGES.len() + BROKEN_OFF.len() }>(CHANGES, BROKEN_OFF);
const JOINS_BROKEN_OFF: &[Witness] = &all_of::<{ CHANGED.len() + BROKEN_OFF.len() }>(CHANGED, BROKEN_OFF);
const LEAVES_BROKEN_OFF: &[Witness] = &all_of::<{ LEAVES.len() + BROKEN_OFF.len() }>(LEAVES, BROKEN_OFF);

/// What members may become: one more, one less, or another in the place of one; the leader is the first, and the other
/// two are alike.
const JOIN: &[&[u8]] = &[&[1, 2, 3, 4]];
const LEADER_LEAVES: &[&[u8]] = &[&[2, 3]];
const LEADER_REPLACED: &[&[u8]] = &[&[2, 3, 4]];
const ANY: &[&[u8]] = &[JOIN[0], &[1, 2], LEADER_LEAVES[0], &[1, 2, 4], LEADER_REPLACED[0]];

/// What elections are there for, beside the agreement that they are for.
const ELECTED: &[Witness] = &[
    Witness::ElectedCommits,
    Witness::JoinsEstablished,
    Witness::StaleVoteAnswered,
    Witness::Commit,
    Witness::Delivery,
    Witness::FollowerServes,
];
const ELECTED_CRASH: &[Witness] = &all_of::<{ ELECTED.len() + 6 }>(
    ELECTED,
    &[
        Witness::ElectedAfterCrash,
        Witness::LaterReign,
        Witness::CommitsInherited,
        Witness::CommittedDropped,
        Witness::VotesCompared,
        Witness::Recovered,
    ],
);
const ELECTED_BREAK: &[Witness] = &[
    Witness::JoinsEstablished,
    Witness::Commit,
    Witness::Delivery,
    Witness::FollowerServes,
    Witness::Recovered,
];

/// Two lists as one.
const fn all_of<const N: usize>(some: &[Witness], others: &[Witness]) -> [Witness; N] {
    let mut all = [Witness::Commit; N];
    let mut at = 0;
    while at < N {
        all[at] = if at < some.len() {
            some[at]
        } else {
            others[at - some.len()]
        };
        at += 1;
    }
    all
}

const SYNC: &[Witness] = &[Witness::SyncAnswered, Witness::Commit, Witness::Delivery];

const DISK: &[Witness] = &[
    Witness::DiskFailed,
    Witness::Commit,
    Witness::LaterReign,
    Witness::Recovered,
];
const WIPED: &[Witness] = &[
    Witness::Recalled,
    Witness::Commit,
    Witness::LaterReign,
    Witness::Recovered,
];
const SHORT: &[Witness] = &[
    Witness::CounterUsedUp,
    Witness::Commit,
    Witness::SecondDelivery,
    Witness::LaterReign,
    Witness::Recovered,
];

/// One epoch.
const ONE: &[Witness] = &[Witness::Commit, Witness::Delivery, Witness::FollowerServes];

const fn run(
    set: Set,
    name: &'static str,
    bounds: Bounds,
    witnesses: &'static [Witness],
    pinned: u64,
) -> AgreementRun {
    AgreementRun {
        name,
        set,
        bounds,
        reductions: Reductions::ALL,
        salt: NO_SALT,
        pinned,
        witnesses,
    }
}

const fn without(reductions: Reductions, pinned: u64, of: AgreementRun) -> AgreementRun {
    AgreementRun {
        reductions,
        pinned,
        ..of
    }
}

const fn salted(of: AgreementRun) -> AgreementRun {
    AgreementRun { salt: 0x5eed, ..of }
}

const fn syncs(syncs: u8, pings: u8, bounds: Bounds) -> Bounds {
    Bounds {
        syncs,
        pings,
        ..bounds
    }
}

const fn java(bounds: Bounds) -> Bounds {
    Bounds { java: 1, ..bounds }
}

const fn purge(bounds: Bounds) -> Bounds {
    Bounds { purges: 1, ..bounds }
}

const fn wiped(autocreate: bool, bounds: Bounds) -> Bounds {
    Bounds {
        wipes: 1,
        autocreate,
        ..bounds
    }
}

const fn observed(bounds: Bounds) -> Bounds {
    Bounds {
        observers: 1,
        ..bounds
    }
}

const fn changing(targets: &'static [&'static [u8]], bounds: Bounds) -> Bounds {
    Bounds {
        joiners: 1,
        reconfigs: 1,
        targets,
        ..bounds
    }
}

const fn weighing(servers: u8, groups: &'static [&'static [u32]], bounds: Bounds) -> Bounds {
    Bounds {
        servers,
        groups,
        ..bounds
    }
}

const fn elected(bounds: Bounds) -> Bounds {
    Bounds {
        elects: true,
        ..bounds
    }
}

const fn five(bounds: Bounds) -> Bounds {
    Bounds { servers: 5, ..bounds }
}

pub(super) fn all() -> Vec<AgreementRun> {
    use Set::{Ci, Nightly, Quick};
    let guarded = run(Ci, "", cold(0, 2, 1, 0), EPOCHS, 21_693);
    let named = |name| AgreementRun { name, ..guarded };
    // Each kind of fault and of request has both kinds of run as well.
    let (broken, purged) = (cold(0, 2, 0, 1), purge(warm(1, 1, 1, 0)));
    let (asked, learns) = (syncs(1, 1, warm(1, 1, 0, 0)), java(warm(1, 1, 1, 0)));
    let (weighed, seen) = (
        weighing(3, &[&[2, 1, 1]], warm(1, 1, 1, 0)),
        observed(cold(1, 1, 0, 0)),
    );
    let (changed, left) = (
        changing(ANY, warm(0, 0, 0, 0)),
        changing(LEADER_LEAVES, warm(0, 1, 0, 0)),
    );
    let plain = |name, bounds, witnesses, pinned| {
        without(Reductions::NONE, pinned, run(Ci, name, bounds, witnesses, pinned))
    };
    vec![
        run(
            Quick,
            "from empty disks, with a break",
            cold(1, 2, 0, 1),
            HOSTILE,
            87_980,
        ),
        run(
            Quick,
            "from empty disks, with a crash",
            cold(1, 2, 1, 0),
            HOSTILE_CRASH,
            99_421,
        ),
        run(
            Quick,
            "an epoch ends, by crash and break",
            warm(1, 1, 1, 1),
            ONE_MORE,
            99_435,
        ),
        run(
            Quick,
            "sync, with a break",
            syncs(1, 1, warm(1, 1, 0, 1)),
            SYNC,
            261_422,
        ),
        run(
            Quick,
            "sync, with a crash",
            syncs(1, 1, warm(1, 1, 1, 0)),
            SYNC,
            349_437,
        ),
        run(
            Quick,
            "an Apache learner",
            java(warm(1, 1, 1, 1)),
            ONE_MORE,
            114_267,
        ),
        run(
            Quick,
            "a purge in an epoch that ends",
            purge(warm(1, 1, 1, 0)),
            ONE_MORE,
            10_966,
        ),
        run(
            Quick,
            "five servers, first epoch",
            five(cold(1, 1, 0, 0)),
            ONE,
            916,
        ),
        run(
            Quick,
            "one server weighs twice as much",
            weighing(3, &[&[2, 1, 1]], warm(1, 1, 1, 1)),
            ONE_MORE,
            100_239,
        ),
        run(
            Quick,
            "an observer",
            observed(warm(1, 1, 1, 0)),
            ONE_MORE_INFORMED,
            63_695,
        ),
        run(
            Quick,
            "votes, from empty disks",
            elected(cold(1, 1, 0, 0)),
            ELECTED,
            112_287,
        ),
        run(
            Ci,
            "votes, a crash in an established epoch",
            elected(warm(1, 1, 1, 0)),
            ELECTED_CRASH,
            1_168_521,
        ),
        run(
            Ci,
            "votes, a break in an established epoch",
            elected(warm(1, 1, 0, 1)),
            ELECTED_BREAK,
            2_741,
        ),
        run(
            Ci,
            "one server weighs nothing",
            weighing(3, &[&[1, 1, 0]], warm(1, 1, 1, 1)),
            ONE_MORE,
            207_794,
        ),
        run(
            Ci,
            "groups of one, one and three",
            weighing(5, &[&[1], &[1], &[3, 1, 1]], warm(1, 1, 1, 0)),
            ONE_MORE,
            2_144_460,
        ),
        run(
            Ci,
            "three groups of two",
            weighing(6, &[&[1, 1], &[1, 1], &[1, 1]], warm(1, 1, 0, 1)),
            ONE,
            39_852,
        ),
        run(
            Ci,
            "an observer, with a crash and a break",
            observed(warm(1, 1, 1, 1)),
            ONE_MORE_INFORMED,
            1_617_211,
        ),
        run(
            Ci,
            "an observer from empty disks, with a break",
            observed(cold(1, 2, 0, 1)),
            HOSTILE_INFORMED,
            1_887_144,
        ),
        run(
            Ci,
            "an observer, and a purge",
            observed(purge(warm(1, 1, 1, 0))),
            ONE_MORE_INFORMED,
            211_930,
        ),
        run(
            Ci,
            "sync with an observer",
            observed(syncs(1, 1, warm(1, 0, 0, 1))),
            SYNC_INFORMED,
            578_493,
        ),
        run(
            Ci,
            "crash and break from empty disks",
            cold(1, 2, 1, 1),
            HOSTILE_CRASH,
            1_736_186,
        ),
        run(
            Ci,
            "three elections from empty disks",
            cold(1, 3, 1, 0),
            HOSTILE_CRASH,
            1_049_978,
        ),
        run(
            Ci,
            "two transactions, with a crash",
            cold(2, 2, 1, 0),
            HOSTILE_CRASH_TWO,
            870_000,
        ),
        run(
            Ci,
            "two transactions, with a break",
            cold(2, 2, 0, 1),
            HOSTILE_TWO,
            716_592,
        ),
        run(
            Ci,
            "two transactions, three elections, with a crash",
            cold(2, 3, 1, 0),
            HOSTILE,
            8_122_179,
        ),
        run(
            Ci,
            "two transactions in an epoch that ends",
            warm(2, 1, 1, 1),
            ONE_MORE_TWO,
            1_398_727,
        ),
        run(
            Ci,
            "a purge between two transactions",
            purge(warm(2, 1, 1, 0)),
            ONE_MORE_TWO,
            184_545,
        ),
        run(
            Ci,
            "a purge, with a crash and a break",
            purge(warm(1, 1, 1, 1)),
            ONE_MORE,
            220_321,
        ),
        run(
            Ci,
            "a disk fails",
            Bounds {
                disk_errors: 1,
                ..cold(1, 2, 0, 0)
            },
            DISK,
            55_668,
        ),
        run(
            Ci,
            "a disk is emptied",
            wiped(false, cold(1, 2, 0, 0)),
            WIPED,
            401_265,
        ),
        run(
            Ci,
            "a disk is emptied, with a break",
            wiped(true, warm(1, 1, 0, 1)),
            WIPED,
            542_230,
        ),
        run(
            Ci,
            "a disk is emptied, with a crash",
            wiped(true, warm(1, 1, 1, 0)),
            WIPED,
            941_393,
        ),
        run(
            Ci,
            "epochs of two zxids each",
            Bounds {
                last_counter: 2,
                ..cold(2, 2, 0, 0)
            },
            SHORT,
            119_257,
        ),
        run(
            Ci,
            "sync across elections",
            syncs(1, 1, cold(1, 2, 0, 0)),
            SYNC,
            150_413,
        ),
        run(
            Ci,
            "five servers, an epoch ends",
            five(warm(1, 1, 1, 0)),
            ONE_MORE,
            178_047,
        ),
        run(
            Quick,
            "members change in one epoch",
            changing(ANY, warm(0, 0, 0, 0)),
            CHANGES,
            1_754,
        ),
        run(
            Ci,
            "members change beside a transaction",
            changing(ANY, warm(1, 0, 0, 0)),
            CHANGES,
            63_073,
        ),
        run(
            Ci,
            "members change, and an epoch ends",
            changing(ANY, warm(0, 1, 0, 0)),
            CHANGES_ON,
            406_120,
        ),
        run(
            Ci,
            "a member joins, with a crash",
            changing(JOIN, warm(0, 1, 1, 0)),
            JOINS_BROKEN_OFF,
            909_419,
        ),
        run(
            Ci,
            "the leader leaves, with a crash",
            changing(LEADER_LEAVES, warm(0, 1, 1, 0)),
            LEAVES_BROKEN_OFF,
            4_287_792,
        ),
        run(
            Nightly,
            "the leader is replaced, with a crash",
            changing(LEADER_REPLACED, warm(0, 1, 1, 0)),
            CHANGES_BROKEN_OFF,
            10_791_154,
        ),
        run(
            Ci,
            "members that never change, and others filed as seen last",
            Bounds {
                misfiled: true,
                ..cold(0, 1, 0, 0)
            },
            &[Witness::FollowerServes],
            58,
        ),
        run(
            Nightly,
            "two transactions, three elections, a crash and a break",
            cold(2, 3, 1, 1),
            HOSTILE_CRASH_TWO,
            186_348_533,
        ),
        run(
            Nightly,
            "two transactions, with a crash and a break",
            cold(2, 2, 1, 1),
            HOSTILE_CRASH_TWO,
            18_075_709,
        ),
        AgreementRun {
            set: Quick,
            ..named("guard: with all reductions")
        },
        AgreementRun {
            set: Quick,
            ..salted(named("guard: other hashes"))
        },
        without(
            Reductions {
                symmetry: false,
                ..Reductions::ALL
            },
            127_689,
            named("guard: names kept"),
        ),
        without(
            Reductions {
                numbering: false,
                ..Reductions::ALL
            },
            49_640,
            named("guard: numbers kept"),
        ),
        without(
            Reductions {
                quiet_arrivals: false,
                ..Reductions::ALL
            },
            27_386,
            named("guard: every arrival a step"),
        ),
        without(
            Reductions {
                epoch_files: false,
                ..Reductions::ALL
            },
            38_240,
            named("guard: epoch files written late"),
        ),
        without(
            Reductions {
                solitude: false,
                ..Reductions::ALL
            },
            30_204,
            named("guard: nobody goes before others"),
        ),
        without(
            Reductions {
                stale_greetings: false,
                ..Reductions::ALL
            },
            30_591,
            named("guard: stale greetings are read"),
        ),
        without(
            Reductions {
                peace: false,
                ..Reductions::ALL
            },
            25_944,
            named("guard: no peace"),
        ),
        without(Reductions::NONE, 1_803_264, named("guard: nothing reduced")),
        run(Ci, "guard: a break", broken, EPOCHS, 18_044),
        plain("guard: a break, nothing reduced", broken, EPOCHS, 1_793_364),
        plain("guard: a purge, nothing reduced", purged, ONE_MORE, 166_143),
        run(Ci, "guard: sync", asked, SYNC, 11_830),
        plain("guard: sync, nothing reduced", asked, SYNC, 26_485),
        run(Ci, "guard: an Apache learner", learns, ONE, 5_682),
        plain("guard: an Apache learner, nothing reduced", learns, ONE, 37_291),
        run(Ci, "guard: weights", weighed, ONE_MORE, 4_057),
        plain(
            "guard: votes, nothing reduced",
            elected(cold(1, 1, 0, 0)),
            ELECTED,
            393_954,
        ),
        plain("guard: weights, nothing reduced", weighed, ONE_MORE, 55_252),
        plain("guard: members change, nothing reduced", changed, CHANGES, 15_178),
        plain(
            "guard: the leader leaves, nothing reduced",
            left,
            LEAVES,
            3_662_869,
        ),
        run(Ci, "guard: the leader leaves", left, LEAVES, 110_082),
        run(Ci, "guard: an observer", seen, ONE_INFORMED, 696),
        plain("guard: an observer, nothing reduced", seen, ONE_INFORMED, 410_175),
    ]
}
