use super::*;
use proptest::prelude::*;

/// What a snapshot holds, owned.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Contents {
    sessions: Vec<(SessionId, i32)>,
    acls: Vec<(i64, Vec<Acl>)>,
    nodes: Vec<(String, Option<Vec<u8>>, i64, StatPersisted)>,
}

impl Contents {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_session_count(&mut out, self.sessions.len());
        self.sessions
            .iter()
            .for_each(|(session, timeout_ms)| put_session(&mut out, *session, *timeout_ms));
        put_acl_count(&mut out, self.acls.len());
        self.acls
            .iter()
            .for_each(|(id, acl)| put_acl_list(&mut out, *id, acl));
        for (path, data, acl, stat) in &self.nodes {
            put_node(&mut out, path, data.as_deref(), *acl, stat);
        }
        put_end(&mut out);
        out
    }

    fn add(&mut self, item: Item<'_>) -> bool {
        match item {
            Item::Session { session, timeout_ms } => self.sessions.push((session, timeout_ms)),
            Item::AclList { id, acl } => self.acls.push((id, acl)),
            Item::Node(node) => {
                self.nodes.push((
                    node.path.into(),
                    node.data.map(<[u8]>::to_vec),
                    node.acl,
                    node.stat,
                ));
            }
            Item::End => return false,
        }
        true
    }
}

prop_compose! {
    fn stat()(a: u64, b: i64, c: i32, d: u64) -> StatPersisted {
        StatPersisted { czxid: a, mtime_ms: b, cversion: c, pzxid: d, ..StatPersisted::default() }
    }
}

prop_compose! {
    fn contents()(
        sessions in prop::collection::vec(any::<(i64, i32)>(), 0..4),
        ids in prop::collection::vec(any::<(i64, i32, String)>(), 0..4),
        nodes in prop::collection::vec(
            ("(/[a-z]{1,5}){0,3}", prop::option::of(prop::collection::vec(any::<u8>(), 0..30)), any::<i64>(), stat()),
            0..6,
        ),
    ) -> Contents {
        let acl = |perms, id| vec![Acl { perms, scheme: "digest".into(), id }];
        Contents { sessions, acls: ids.into_iter().map(|(id, perms, name)| (id, acl(perms, name))).collect(), nodes }
    }
}

#[test]
fn an_item_cut_short_is_read_again_with_more_bytes() {
    let mut bytes = Vec::new();
    put_session_count(&mut bytes, 0);
    put_acl_count(&mut bytes, 0);
    put_node(&mut bytes, "/a", Some(b"data"), -1, &StatPersisted::default());
    let mut items = Items::new();
    let mut short = Reader::new(&bytes[..bytes.len() - 1]);
    assert!(items.next(&mut short).unwrap_err().is_truncated());
    assert_eq!(short.offset(), 8, "the counts are read, the znode is not");
    let mut whole = Reader::new(&bytes[8..]).starting_at(8);
    assert!(matches!(items.next(&mut whole), Ok(Item::Node(node)) if node.path == "/a"));
}

#[test]
fn a_znode_that_claims_too_much_is_refused_at_once() {
    let mut bytes = vec![0; 8];
    bytes.put_string("/a");
    bytes.put_i32(1 << 30);
    let error = Items::new()
        .next(&mut Reader::bounded(&bytes, 1 << 20))
        .unwrap_err();
    assert_eq!(
        error,
        DecodeError::new(
            "node.data",
            14,
            Fault::TooLong {
                length: 1 << 30,
                max: 1 << 20
            }
        )
    );
}

#[test]
fn another_magic_version_or_signature_is_refused() {
    let mut header = Vec::new();
    put_file_header(&mut header);
    assert_eq!(file_header(&mut Reader::new(&header)), Ok(()));
    header[7] = 3;
    assert_eq!(
        file_header(&mut Reader::new(&header)).unwrap_err().field,
        "header.version"
    );
    header[0] = b'X';
    assert_eq!(
        file_header(&mut Reader::new(&header)).unwrap_err().field,
        "header.magic"
    );

    let mut end = Vec::new();
    put_signature(&mut end);
    assert_eq!(end, b"\0\0\0\x0aBenWasHere");
    assert_eq!(signature(&mut Reader::new(&end)), Ok(()));
    end[5] = b'a';
    assert!(signature(&mut Reader::new(&end)).is_err());
}

#[test]
fn a_seal_is_32_bits_and_a_slash() {
    let mut bytes = Vec::new();
    put_seal(&mut bytes, 0xdead_beef);
    assert_eq!(bytes, b"\0\0\0\0\xde\xad\xbe\xef\0\0\0\x01/");
    assert_eq!(seal(&mut Reader::new(&bytes)), Ok(0xdead_beef));
    bytes[12] = b'!';
    assert_eq!(seal(&mut Reader::new(&bytes)).unwrap_err().field, "seal.end");
    bytes[0] = 1;
    assert_eq!(seal(&mut Reader::new(&bytes)).unwrap_err().field, "seal.adler32");
}

#[test]
fn a_digest_of_version_1_is_skipped() {
    let mut bytes = Vec::new();
    bytes.put_u64(9);
    bytes.put_i32(1);
    bytes.put_string("1a2b");
    let mut reader = Reader::new(&bytes);
    assert_eq!(digest(&mut reader), Ok((9, None)));
    assert_eq!(reader.remaining(), 0);
}

proptest! {
    #[test]
    fn a_snapshot_reads_back_as_written_however_its_bytes_arrive(contents in contents(), step in 1..40usize) {
        let bytes = contents.encode();
        let (mut items, mut read) = (Items::new(), Contents::default());
        let (mut at, mut known) = (0, 0);
        loop {
            let mut reader = Reader::bounded(&bytes[at..known], 1 << 10).starting_at(at);
            let item = items.next(&mut reader);
            at = reader.offset();
            match item {
                Ok(item) => if !read.add(item) { break },
                Err(error) => {
                    prop_assert!(error.is_truncated() && known < bytes.len(), "{}", error);
                    known = bytes.len().min(known + step);
                }
            }
        }
        prop_assert_eq!(at, bytes.len());
        prop_assert_eq!(read, contents);
    }

    #[test]
    fn mutated_snapshots_are_read_or_refused(contents in contents(), at: prop::sample::Index, byte: u8) {
        let mut bytes = contents.encode();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let (mut items, mut reader) = (Items::new(), Reader::bounded(&bytes, 1 << 10));
        let mut read = Contents::default();
        while items.next(&mut reader).is_ok_and(|item| read.add(item)) {}
    }

    #[test]
    fn random_bytes_are_a_snapshot_or_refused(bytes: Vec<u8>) {
        let (mut items, mut reader) = (Items::new(), Reader::bounded(&bytes, 64));
        let mut read = Contents::default();
        while items.next(&mut reader).is_ok_and(|item| read.add(item)) {}
        let _ = (file_header(&mut Reader::new(&bytes)), signature(&mut Reader::new(&bytes)));
        let _ = (seal(&mut Reader::new(&bytes)), digest(&mut Reader::new(&bytes)));
    }
}
