//! Where does one packet on a learner link end and the next begin?
//!
//! Packets follow each other without a length in front; a SNAP is followed by a snapshot whose end
//! only its signature tells.

use crate::jute::Reader;

/// The types of packets on a learner link, as the protocol numbers them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(missing_docs, reason = "the protocol's own names")]
pub enum PacketType {
    Request,
    Proposal,
    Ack,
    Commit,
    Ping,
    Revalidate,
    Sync,
    Inform,
    CommitAndActivate,
    NewLeader,
    FollowerInfo,
    UpToDate,
    Diff,
    Trunc,
    Snap,
    ObserverInfo,
    LeaderInfo,
    AckEpoch,
    InformAndActivate,
    Other(i32),
}

impl PacketType {
    fn of(number: i32) -> PacketType {
        use PacketType::*;
        const NAMES: [PacketType; 19] = [
            Request,
            Proposal,
            Ack,
            Commit,
            Ping,
            Revalidate,
            Sync,
            Inform,
            CommitAndActivate,
            NewLeader,
            FollowerInfo,
            UpToDate,
            Diff,
            Trunc,
            Snap,
            ObserverInfo,
            LeaderInfo,
            AckEpoch,
            InformAndActivate,
        ];
        let name = usize::try_from(number - 1).ok().and_then(|at| NAMES.get(at));
        name.copied().unwrap_or(Other(number))
    }
}

/// What a piece of the stream is.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Piece {
    /// One packet: its type, zxid and the head of its data.
    Packet(PacketType, i64, Vec<u8>),
    /// Bytes of a snapshot.
    Snapshot,
}

/// Of a packet's data, tests look at no more than this.
const DATA_BYTES_KEPT: usize = 256;
/// A stream that claims a longer packet is not a learner link.
const PACKET_BYTES_MAX: usize = 64 << 20;
/// The end of a snapshot: a string, length first.
const SIGNATURE: &[u8] = b"\0\0\0\x0aBenWasHere";

/// Cuts one direction of a link into pieces.
#[derive(Debug, Default)]
pub(super) struct Cutter {
    pending: Vec<u8>,
    in_snapshot: bool,
}

impl Cutter {
    /// Takes bytes as they came from the socket.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.pending.extend(bytes);
    }

    /// The next whole piece and its bytes; nothing if more bytes are needed.
    ///
    /// # Errors
    ///
    /// If what came cannot be a learner link.
    pub(super) fn cut(&mut self) -> Result<Option<(Piece, Vec<u8>)>, String> {
        if self.in_snapshot {
            let end = self
                .pending
                .windows(SIGNATURE.len())
                .position(|window| window == SIGNATURE);
            self.in_snapshot = end.is_none();
            // Without the signature, its first bytes may be the last that came.
            let length = match end {
                Some(at) => at + SIGNATURE.len(),
                None => self.pending.len().saturating_sub(SIGNATURE.len() - 1),
            };
            return Ok((length > 0).then(|| (Piece::Snapshot, self.pending.drain(..length).collect())));
        }
        let Some((kind, zxid, data, length)) = head(&self.pending)? else {
            return Ok(None);
        };
        self.in_snapshot = kind == PacketType::Snap;
        Ok(Some((
            Piece::Packet(kind, zxid, data),
            self.pending.drain(..length).collect(),
        )))
    }
}

type Head = (PacketType, i64, Vec<u8>, usize);

/// The packet at the beginning of `bytes` and its length.
fn head(bytes: &[u8]) -> Result<Option<Head>, String> {
    let mut reader = Reader::new(bytes);
    let (Some(kind), Some(zxid), Some(length)) = (reader.int(), reader.long(), reader.int()) else {
        return Ok(None);
    };
    if length < -1 || length as i64 > PACKET_BYTES_MAX as i64 {
        return Err(format!("a packet of type {kind} claims {length} bytes of data"));
    }
    let mut reader = Reader::new(&bytes[12..]);
    let Some(data) = reader.buffer() else {
        return Ok(None);
    };
    let Some(count) = reader.int() else {
        return Ok(None);
    };
    for _ in 0..count.max(0) {
        // An Id: scheme and id.
        if reader.buffer().and_then(|_| reader.buffer()).is_none() {
            return if bytes.len() > PACKET_BYTES_MAX {
                Err("endless authinfo".into())
            } else {
                Ok(None)
            };
        }
    }
    let kept = data[..data.len().min(DATA_BYTES_KEPT)].to_vec();
    Ok(Some((
        PacketType::of(kind),
        zxid,
        kept,
        bytes.len() - reader.rest().len(),
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jute::Writer;

    fn packet(kind: i32, zxid: i64, data: &[u8]) -> Vec<u8> {
        Writer::new()
            .int(kind)
            .long(zxid)
            .buffer(data)
            .int(1)
            .string("ip")
            .string("127.0.0.1")
            .bytes
    }

    /// Pieces and the total of their bytes when the stream comes in chunks of `chunk` bytes.
    fn pieces(stream: &[u8], chunk: usize) -> (Vec<Piece>, Vec<u8>) {
        let (mut cutter, mut pieces, mut bytes) = (Cutter::default(), Vec::new(), Vec::new());
        for part in stream.chunks(chunk) {
            cutter.feed(part);
            while let Some((piece, raw)) = cutter.cut().unwrap() {
                bytes.extend(raw);
                pieces.push(piece);
            }
        }
        pieces.retain(|piece| *piece != Piece::Snapshot);
        (pieces, bytes)
    }

    #[test]
    fn a_stream_is_cut_at_the_same_places_however_it_arrives() {
        let snap = Writer::new().int(15).long(9).int(-1).int(-1);
        let stream = [
            packet(2, 7, b"txn"),
            snap.bytes,
            b"any\0\0\0\x0aBenbytes".to_vec(),
            SIGNATURE.to_vec(),
            packet(10, 8, b""),
        ];
        let stream = stream.concat();
        for chunk in 1..=stream.len() {
            let (pieces, bytes) = pieces(&stream, chunk);
            assert_eq!(bytes, stream, "chunks of {chunk}");
            let expected = [
                Piece::Packet(PacketType::Proposal, 7, b"txn".to_vec()),
                Piece::Packet(PacketType::Snap, 9, Vec::new()),
                Piece::Packet(PacketType::NewLeader, 8, Vec::new()),
            ];
            assert_eq!(pieces, expected, "chunks of {chunk}");
        }
    }

    #[test]
    fn a_claimed_length_beyond_the_bound_is_refused_before_it_is_awaited() {
        let mut cutter = Cutter::default();
        cutter.feed(&Writer::new().int(2).long(1).int(i32::MAX).bytes);
        assert!(cutter.cut().is_err());
    }
}
