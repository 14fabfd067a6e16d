use super::*;
use crate::frame::encode;
use proptest::prelude::*;
use quorate_zab::{Candidacy, Memory, Message, PeerEpoch, PeerState, Round, Run, Skeleton, Violation, Vote};

fn zxids() -> impl Strategy<Value = Zxid> {
    any::<u64>().prop_map(Zxid::from_bits)
}

fn epochs() -> impl Strategy<Value = Epoch> {
    any::<u32>().prop_map(Epoch::new)
}

fn conns() -> impl Strategy<Value = Conn> {
    any::<u32>().prop_map(Conn::new)
}

fn servers() -> impl Strategy<Value = ServerId> {
    any::<u64>().prop_map(ServerId::new)
}

fn sums() -> impl Strategy<Value = Sum> {
    any::<u64>().prop_map(Sum::new)
}

fn digests() -> impl Strategy<Value = Digest> {
    (sums(), any::<u32>()).prop_map(|(sum, bytes)| Digest { sum, bytes })
}

fn contents() -> impl Strategy<Value = Contents> {
    (any::<u64>(), sums()).prop_map(|(transactions, sum)| Contents { transactions, sum })
}

fn messages() -> impl Strategy<Value = Message<Digest>> {
    prop_oneof![
        (servers(), epochs()).prop_map(|(server, accepted)| Message::FollowerInfo { server, accepted }),
        epochs().prop_map(|epoch| Message::LeaderInfo { epoch }),
        (prop::option::of(epochs()), zxids()).prop_map(|(current, last)| Message::AckEpoch { current, last }),
        zxids().prop_map(|zxid| Message::Snap { zxid }),
        (zxids(), digests()).prop_map(|(zxid, payload)| Message::Proposal { zxid, payload }),
        zxids().prop_map(|zxid| Message::Ack { zxid }),
        Just(Message::UpToDate),
        Just(Message::Sync),
        (servers(), epochs()).prop_map(|(server, accepted)| Message::ObserverInfo { server, accepted }),
        (zxids(), digests()).prop_map(|(zxid, payload)| Message::Inform { zxid, payload }),
    ]
}

fn inputs() -> impl Strategy<Value = Input<Digest>> {
    prop_oneof![
        Just(Input::Lead),
        servers().prop_map(|leader| Input::Follow { leader }),
        conns().prop_map(|conn| Input::Closed { conn }),
        (conns(), messages()).prop_map(|(conn, message)| Input::Message { conn, message }),
        any::<u32>().prop_map(|ops| Input::LogDurable { ops }),
        Just(Input::CheckQuorum),
        zxids().prop_map(|floor| Input::Purged { floor }),
        Just(Input::DiskFailed),
        Just(Input::HistoryHeard),
        (zxids(), digests()).prop_map(|(zxid, payload)| Input::Propose { zxid, payload }),
        prop::option::of(conns()).prop_map(|conn| Input::Sync { conn }),
    ]
}

fn notifications() -> impl Strategy<Value = Notification> {
    (servers(), zxids(), any::<i64>(), any::<u64>()).prop_map(|(leader, zxid, epoch, round)| Notification {
        state: PeerState::Observing,
        vote: Vote {
            leader,
            zxid,
            epoch: PeerEpoch::from_bits(epoch),
        },
        round: Round::new(round),
    })
}

fn frames() -> impl Strategy<Value = ElectionFrame> {
    (conns(), any::<u64>()).prop_map(|(conn, number)| ElectionFrame { conn, number })
}

fn election_inputs() -> impl Strategy<Value = ElectionInput> {
    prop_oneof![
        (epochs(), zxids()).prop_map(|(current, last)| ElectionInput::Look {
            candidacy: Candidacy::Forgetful,
            current,
            last
        }),
        (servers(), notifications())
            .prop_map(|(from, notification)| ElectionInput::Notification { from, notification }),
        Just(ElectionInput::Settled),
    ]
}

fn boots() -> impl Strategy<Value = Boot> {
    let runs = prop::collection::vec((epochs(), any::<u32>(), any::<u32>()), 0..4).prop_map(|runs| {
        let run = |(epoch, first, last)| Run { epoch, first, last };
        runs.into_iter().map(run).collect::<Vec<_>>()
    });
    (
        prop::option::of(epochs()),
        zxids(),
        runs,
        contents(),
        any::<bool>(),
    )
        .prop_map(|(accepted, snapshot, runs, contents, forgetful)| Boot {
            image: Image {
                accepted,
                current: accepted,
                snapshot,
                history: runs
                    .first()
                    .map_or(Skeleton::default(), |run| Skeleton::from_runs(snapshot, [*run])),
            },
            contents,
            tree: forgetful.then_some(contents.sum),
            memory: if forgetful {
                Memory::Forgetful
            } else {
                Memory::Newborn
            },
            origin: if forgetful {
                Origin::Emptied
            } else {
                Origin::Continued
            },
        })
}

fn names() -> impl Strategy<Value = ConnName> {
    (servers(), any::<u32>(), any::<u32>()).prop_map(|(initiator, boot, counter)| ConnName {
        initiator,
        boot,
        counter,
    })
}

fn conn_ups() -> impl Strategy<Value = Box<ConnUp>> {
    let address = || any::<(std::net::IpAddr, u16)>().prop_map(SocketAddr::from);
    let addresses = (address(), address());
    (
        conns(),
        prop::option::of(servers()),
        prop::option::of(names()),
        prop::option::of(addresses),
    )
        .prop_map(|(conn, peer, name, addresses)| {
            Box::new(ConnUp {
                conn,
                side: if peer.is_some() {
                    Side::Initiator
                } else {
                    Side::Acceptor
                },
                peer,
                name,
                addresses,
            })
        })
}

fn conn_downs() -> impl Strategy<Value = ConnDown> {
    (conns(), any::<u64>(), any::<u64>()).prop_map(|(conn, read, written)| ConnDown {
        conn,
        why: Ended::Garbled,
        read,
        written,
    })
}

fn deeds() -> impl Strategy<Value = Deeds> {
    (any::<u64>(), sums()).prop_map(|(count, sum)| Deeds { count, sum })
}

/// Every kind of record.
pub(crate) fn records() -> impl Strategy<Value = Record> {
    let effects = (any::<u32>(), sums());
    let marks = (any::<[u64; 4]>(), prop::option::of(sums()));
    prop_oneof![
        boots().prop_map(|boot| Record::Boot(Box::new(boot))),
        (inputs(), any::<Option<u64>>()).prop_map(|(input, number)| Record::Input { input, number }),
        Just(Record::NoEffects),
        effects.prop_map(|(count, sum)| Record::Effects { count, sum }),
        (election_inputs(), prop::option::of(frames()))
            .prop_map(|(input, frame)| Record::ElectionInput { input, frame }),
        (any::<u32>(), sums()).prop_map(|(count, sum)| Record::ElectionEffects { count, sum }),
        Just(Record::NoElectionEffects),
        conn_ups().prop_map(Record::ConnUp),
        (conns(), servers(), prop::option::of(names())).prop_map(|(conn, peer, name)| Record::ConnNamed {
            conn,
            peer,
            name
        }),
        conn_downs().prop_map(Record::ConnDown),
        conn_ups().prop_map(Record::ElectionConnUp),
        (frames(), notifications(), any::<bool>()).prop_map(|(frame, notification, again)| {
            Record::ElectionSent {
                frame,
                notification,
                again,
            }
        }),
        conn_downs().prop_map(Record::ElectionConnDown),
        (any::<u32>(), zxids(), prop::option::of(contents()))
            .prop_map(|(ops, end, contents)| Record::LogSynced { ops, end, contents }),
        (any::<u32>(), prop::option::of(epochs())).prop_map(|(ops, accepted)| Record::EpochsSynced {
            ops,
            accepted,
            current: accepted
        }),
        any::<String>().prop_map(Record::DiskFailed),
        (zxids(), sums()).prop_map(|(zxid, tree)| Record::Applied { zxid, tree }),
        (zxids(), prop::option::of(sums())).prop_map(|(zxid, tree)| Record::SnapshotTaken { zxid, tree }),
        (zxids(), any::<i64>(), any::<i32>(), any::<i32>()).prop_map(|(zxid, session, cxid, op)| {
            Record::Prepared {
                zxid,
                session,
                cxid,
                op,
            }
        }),
        (zxids(), any::<i64>(), any::<i32>(), any::<i32>()).prop_map(|(zxid, session, cxid, error)| {
            Record::Replied {
                session,
                cxid,
                zxid,
                error,
            }
        }),
        marks.prop_map(|([records, inputs, election_inputs, effects], state)| {
            Record::Mark(Box::new(Mark {
                records,
                inputs,
                election_inputs,
                effects,
                state,
            }))
        }),
        any::<u64>().prop_map(|records| Record::Lost { records }),
        (any::<u32>(), any::<u32>(), any::<u64>()).prop_map(|(ordinal, segment, bytes)| {
            Record::Dropped(Dropped {
                ordinal,
                segment,
                bytes,
            })
        }),
        Just(Record::End),
        zxids().prop_map(|zxid| Record::AppliedAtLeast { zxid }),
        (
            deeds(),
            deeds(),
            any::<u64>(),
            prop::collection::vec((conns(), deeds()), 0..4)
        )
            .prop_map(|(log, epochs, syncs, links)| {
                let links = links.into_iter();
                Record::Rest(Box::new(Rest {
                    log,
                    epochs,
                    syncs,
                    links: links.map(|(conn, sent)| LinkDeeds { conn, sent }).collect(),
                }))
            }),
    ]
}

proptest! {
    #[test]
    fn a_record_is_read_as_it_was_written(record in records()) {
        let mut bytes = Vec::new();
        encode(&record, &mut bytes);
        let (read, rest) = postcard::take_from_bytes::<Record>(&bytes).unwrap();
        prop_assert_eq!(read, record);
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn a_record_cut_short_is_refused(record in records(), cut in any::<prop::sample::Index>()) {
        let mut bytes = Vec::new();
        encode(&record, &mut bytes);
        let cut = cut.index(bytes.len());
        prop_assert!(postcard::take_from_bytes::<Record>(&bytes[..cut]).is_err());
    }

    #[test]
    fn every_record_has_a_json_form(record in records()) {
        let json = crate::json::to_json(&record);
        prop_assert!(json.is_object() || json.is_string());
    }
}

/// A change here that is not a new variant at an enum's end needs a new [`SCHEMA`] version.
#[test]
fn the_encoding_is_that_of_this_schema_version() {
    let zxid = Zxid::new(Epoch::new(1), 2);
    let payload = Digest {
        sum: Sum::new(0x0807_0605_0403_0201),
        bytes: 300,
    };
    let conn = Conn::new(5);
    let hex = |record: &Record| {
        let mut bytes = Vec::new();
        encode(record, &mut bytes);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let message = Message::Proposal { zxid, payload };
    let input = Input::Message { conn, message };
    let number = Some(1);
    assert_eq!(
        hex(&Record::Input { input, number }),
        "01040506828080801001020304050607 08ac020101".replace(' ', "")
    );
    assert_eq!(hex(&Record::NoEffects), "02");
    let effects = Record::Effects {
        count: 1,
        sum: payload.sum,
    };
    assert_eq!(hex(&effects), "03010102030405060708");
    let down = ConnDown {
        conn,
        why: Ended::Silent,
        read: 1,
        written: 128,
    };
    assert_eq!(hex(&Record::ConnDown(down)), "090502018001");
    assert_eq!(hex(&Record::End), "17");
    let sent = Deeds {
        count: 2,
        sum: payload.sum,
    };
    let rest = Rest {
        syncs: 3,
        links: vec![LinkDeeds { conn, sent }],
        ..Rest::default()
    };
    assert_eq!(
        hex(&Record::Rest(Box::new(rest))),
        "18 000000000000000000 000000000000000000 03 01 05 020102030405060708".replace(' ', "")
    );
    assert_eq!(
        hex(&Record::AppliedAtLeast { zxid }),
        "19 8280808010".replace(' ', "")
    );
    let why = Some(Violation::Unexpected);
    let (count, sum) =
        crate::digest_of_effects::<Digest>(&[quorate_zab::Effect::Close { conn, why }], &mut Vec::new());
    assert_eq!((count, sum), (1, Sum::new(crate::hash64(&[10, 5, 1, 0], 0))));
}

#[test]
fn a_header_says_how_votes_are_counted() {
    let id = ServerId::new;
    let ensembles = [
        Ensemble::majority([1, 2, 5].map(id)),
        Ensemble::hierarchical([vec![(id(1), 2), (id(2), 1), (id(5), 0)]]),
        Ensemble::hierarchical([vec![(id(1), 1), (id(4), 1)], vec![(id(2), 7)], vec![(id(3), 0)]]),
    ];
    for ensemble in ensembles {
        let header = Header::new(id(1), &ensemble, "test", 0);
        let written = postcard::to_allocvec(&header).unwrap();
        let read: Header = postcard::from_bytes(&written).unwrap();
        assert_eq!(read.ensemble(), ensemble);
        assert_eq!(read.voters, ensemble.voters());
    }
    // One of a build that knew no groups.
    let before = Header {
        facts: Vec::new(),
        ..Header::new(id(1), &Ensemble::majority([1, 2, 3].map(id)), "test", 0)
    };
    assert_eq!(before.ensemble(), Ensemble::majority([1, 2, 3].map(id)));
}
