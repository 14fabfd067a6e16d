//! The runs of the session grain, with their counts.

use super::{Ask, Seat, SessionBounds, SessionRun, SessionWitness};
use crate::sets::Set;

const fn seat(at: usize, asks: u8, menu: &'static [Ask]) -> Seat {
    Seat { at, asks, menu }
}

const fn run(
    set: Set,
    name: &'static str,
    seats: &'static [Seat],
    [breaks, ticks, changes]: [u8; 3],
    witnesses: &'static [SessionWitness],
    pinned: u64,
) -> SessionRun {
    SessionRun {
        name,
        set,
        bounds: SessionBounds {
            seats,
            znodes: &["/a"],
            breaks,
            ticks,
            changes,
        },
        salt: 0,
        pinned,
        witnesses,
    }
}

/// The runs, each with its pinned number of states.
pub fn session_runs() -> Vec<SessionRun> {
    use Ask::*;
    use SessionWitness::*;
    use Set::*;
    const WATCHES: &[Seat] = &[
        seat(1, 2, &[GetData("/a"), Exists("/b"), GetChildren("/")]),
        seat(0, 2, &[SetData("/a"), Create(0, "/b"), Delete("/b")]),
    ];
    const WATCHERS: &[Seat] = &[
        seat(1, 2, &[GetData("/a"), GetChildren("/")]),
        seat(0, 1, &[Exists("/b")]),
        seat(0, 2, &[SetData("/a"), Create(1, "/b"), Delete("/b")]),
    ];
    const REQUESTS: &[Seat] = &[
        seat(1, 3, &[GetData("/a"), SetData("/a"), Sync, Create(0, "/b")]),
        seat(0, 2, &[SetData("/a"), Sync, GetData("/a")]),
    ];
    const FEWER_REQUESTS: &[Seat] = &[
        seat(1, 3, &[GetData("/a"), SetData("/a"), Sync, Create(0, "/b")]),
        seat(0, 1, &[SetData("/a"), Sync, GetData("/a")]),
    ];
    const EPHEMERALS: &[Seat] = &[
        seat(1, 3, &[Create(1, "/e"), Close, Exists("/e")]),
        seat(0, 1, &[Delete("/e"), Create(1, "/e")]),
    ];
    const TIME: &[Seat] = &[
        seat(1, 2, &[Create(1, "/e"), Ping]),
        seat(0, 1, &[GetChildren("/"), Ping]),
    ];
    const TIME_AND_WATCH: &[Seat] = &[
        seat(1, 2, &[Create(1, "/e"), Ping]),
        seat(0, 1, &[GetChildren("/")]),
    ];
    const TIME_ALONE: &[Seat] = &[seat(1, 2, &[Create(1, "/e"), Ping, Exists("/e")])];
    const SEQUENCES: &[Seat] = &[
        seat(1, 3, &[Create(2, "/a/s"), Delete("/a/s0000000000")]),
        seat(0, 2, &[Create(3, "/a/s"), GetChildren("/a")]),
    ];
    const FEWER_SEQUENCES: &[Seat] = &[
        seat(1, 2, &[Create(2, "/a/s"), Delete("/a/s0000000000")]),
        seat(0, 1, &[Create(3, "/a/s")]),
    ];
    vec![
        run(
            Quick,
            "watches, a move",
            WATCHES,
            [1, 0, 0],
            &[
                WatchFired,
                WatchReplayed,
                WatchCarried,
                Moved,
                ServerTooOld,
                OtherConnectionsTxn,
            ],
            129_901,
        ),
        run(
            Quick,
            "requests in their order",
            REQUESTS,
            [0, 0, 0],
            &[
                WatchFired,
                NotifiedAndAnswered,
                ReadWaited,
                SyncConfirmed,
                Overlapping,
            ],
            94_174,
        ),
        run(
            Quick,
            "ephemerals, a change of role",
            EPHEMERALS,
            [0, 0, 1],
            &[EphemeralGone, EphemeralOvertaken, LeaderChanged, TailDropped],
            307_230,
        ),
        run(
            Quick,
            "time",
            TIME,
            [0, 3, 0],
            &[
                Expired,
                TouchedTooLate,
                RefusedBehindEnd,
                EphemeralGone,
                EphemeralOvertaken,
            ],
            295_863,
        ),
        run(
            Quick,
            "sequential znodes",
            SEQUENCES,
            [0, 0, 0],
            &[SequenceContinued, WatchFired, ReadWaited],
            8_594,
        ),
        run(
            Ci,
            "requests in their order, a move",
            FEWER_REQUESTS,
            [1, 0, 0],
            &[
                OtherConnectionsTxn,
                RefusedAsMoved,
                SyncConfirmed,
                ReadWaited,
                WatchReplayed,
                NotifiedAndAnswered,
            ],
            839_371,
        ),
        run(
            Ci,
            "ephemerals, a move",
            EPHEMERALS,
            [1, 0, 0],
            &[
                RefusedBehindEnd,
                RefusedAsMoved,
                EphemeralGone,
                EphemeralOvertaken,
                WatchReplayed,
            ],
            118_893,
        ),
        run(
            Ci,
            "time, a move",
            TIME_AND_WATCH,
            [1, 2, 0],
            &[
                Expired,
                TouchedTooLate,
                RefusedBehindEnd,
                RefusedAsMoved,
                WatchReplayed,
            ],
            1_771_044,
        ),
        run(
            Ci,
            "time, two moves",
            TIME_ALONE,
            [2, 3, 0],
            &[Expired, TouchedTooLate, RefusedBehindEnd, RefusedAsMoved, Moved],
            562_958,
        ),
        run(
            Ci,
            "time, a move, a change of role",
            TIME_ALONE,
            [1, 2, 1],
            &[Expired, LeaderChanged, TailDropped, Moved],
            372_081,
        ),
        run(
            Ci,
            "watches, a change of role",
            WATCHES,
            [0, 0, 1],
            &[WatchReplayed, WatchCarried, LeaderChanged, TailDropped],
            466_191,
        ),
        run(
            Ci,
            "watches of two, a move",
            WATCHERS,
            [1, 0, 0],
            &[WatchFired, WatchReplayed, WatchCarried, Moved],
            300_840,
        ),
        run(
            Ci,
            "sequential znodes, a change of role",
            FEWER_SEQUENCES,
            [0, 0, 1],
            &[SequenceContinued, TailDropped],
            38_443,
        ),
        run(
            Nightly,
            "more sequential znodes, a change of role",
            SEQUENCES,
            [0, 0, 1],
            &[SequenceContinued, WatchReplayed, WatchCarried, TailDropped],
            2_340_520,
        ),
    ]
}
