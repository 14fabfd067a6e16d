use super::{bytes, list, number, vectors};
use bytes::{Bytes, BytesMut};
use quorate_wire::election::{InitialMessage, NotificationFrame};
use quorate_wire::frame::{ELECTION_FRAME_BYTES_MAX, take_frame};
use quorate_zab::{PeerEpoch, Vote};

const ELECTION: &str = include_str!("../vectors/election.json");

#[test]
fn initial_messages_read_back_to_the_same_bytes() {
    let election = vectors(ELECTION);
    let mut seen = 0;
    for vector in list(&election, "messages")
        .iter()
        .filter(|vector| vector["kind"] == "initial_message")
    {
        let original = bytes(&vector["hex"]);
        let (message, length) = InitialMessage::decode(&original).unwrap().unwrap();
        assert_eq!(length, original.len());
        assert_eq!(message.sid as u64, number(&vector["sid"]));
        assert_eq!(message.addresses, [vector["address"].as_str().unwrap()]);
        let mut again = Vec::new();
        message.encode(&mut again);
        assert_eq!(again, original);
        seen += 1;
    }
    assert_eq!(seen, 4);
}

#[test]
fn notifications_read_back_to_the_same_bytes() {
    let election = vectors(ELECTION);
    let mut observers = 0;
    for vector in list(&election, "messages")
        .iter()
        .filter(|vector| vector["kind"] == "notification")
    {
        let original = bytes(&vector["hex"]);
        let mut read = BytesMut::from(&original[..]);
        let body: Bytes = take_frame(&mut read, ELECTION_FRAME_BYTES_MAX).unwrap().unwrap();
        let frame = NotificationFrame::decode(&body).unwrap();
        let notification = frame.notification;
        assert_eq!(notification.state.to_wire() as u64, number(&vector["state"]));
        assert_eq!(notification.vote.leader.get(), number(&vector["leader"]));
        assert_eq!(notification.vote.zxid.bits(), number(&vector["zxid"]));
        assert_eq!(
            notification.vote.epoch.bits() as u64,
            number(&vector["peerEpoch"])
        );
        assert_eq!(notification.round.get(), number(&vector["electionEpoch"]));
        assert_eq!(frame.version as u64, number(&vector["version"]));
        assert_eq!(
            frame.config.as_deref(),
            vector["config"].as_str().map(str::as_bytes)
        );
        if notification.vote.leader == Vote::NO_LEADER {
            assert_eq!(notification.vote.zxid, Vote::NO_ZXID);
            assert_eq!(notification.vote.epoch, PeerEpoch::NONE);
            observers += 1;
        }
        let mut again = BytesMut::new();
        frame.encode(&mut again);
        assert_eq!(again, original);
    }
    assert_eq!(observers, 1, "an observer's vote is among them");
}
