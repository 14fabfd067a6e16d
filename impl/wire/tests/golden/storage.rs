use super::{bytes, list, number, vectors};
use quorate_tree::{Txn, TxnDigest};
use quorate_wire::jute::Reader;
use quorate_wire::snapshot::{self, Item, Items};
use quorate_wire::txn::{decode_entry, encode_entry, entry_bytes, peek_header};

const STORAGE: &str = include_str!("../vectors/storage.json");

fn adler32(bytes: &[u8]) -> u32 {
    let (a, b) = bytes.iter().fold((1, 0), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65521;
        (a, (b + a) % 65521)
    });
    b << 16 | a
}

#[test]
fn log_entries_read_back_to_the_same_bytes() {
    let storage = vectors(STORAGE);
    for vector in list(&storage, "entries") {
        let original = bytes(&vector["entry_hex"]);
        let entry = decode_entry(&original).unwrap_or_else(|error| panic!("{}: {error}", vector["type"]));
        assert_eq!(entry.header.zxid, number(&vector["zxid"]));
        assert_eq!(peek_header(&original).unwrap().0, entry.header);
        let mut again = Vec::new();
        encode_entry(&entry, &mut again);
        assert_eq!(again, original, "{}", vector["type"]);
        assert_eq!(entry_bytes(&entry), original.len());
    }
}

#[test]
fn a_failed_multi_keeps_what_came_before_the_failure() {
    let storage = vectors(STORAGE);
    let multi = list(&storage, "entries")
        .iter()
        .rfind(|vector| vector["type"] == "multi")
        .unwrap();
    let entry = decode_entry(&bytes(&multi["entry_hex"])).unwrap();
    let Txn::Multi(txns) = entry.txn else {
        panic!("not a multi")
    };
    assert!(matches!(&txns[0], Txn::Create { create, .. } if create.path == "/m2"));
    assert_eq!(txns[1..], [Txn::Error { code: -103 }, Txn::Error { code: -2 }]);
    assert_eq!(
        entry.digest,
        Some(TxnDigest {
            version: 2,
            digest: 0xc_ea41_73d1
        })
    );
}

#[test]
fn every_type_of_transaction_has_a_vector() {
    let storage = vectors(STORAGE);
    let kinds: std::collections::BTreeSet<_> = list(&storage, "entries")
        .iter()
        .map(|vector| vector["type"].as_str().unwrap())
        .collect();
    // `check` is in the multi; nothing else is missing.
    assert_eq!(kinds.len(), 13, "{kinds:?}");
}

#[test]
fn a_snapshot_reads_back_to_the_same_bytes() {
    let storage = vectors(STORAGE);
    let original = bytes(&storage["snapshot_hex"]);
    let mut reader = Reader::new(&original);
    let mut again = Vec::new();

    snapshot::file_header(&mut reader).unwrap();
    snapshot::put_file_header(&mut again);
    let mut items = Items::new();
    let mut paths = Vec::new();
    snapshot::put_session_count(&mut again, 0);
    snapshot::put_acl_count(&mut again, 1);
    loop {
        match items.next(&mut reader).unwrap() {
            Item::Session { .. } => panic!("there are no sessions"),
            Item::AclList { id, acl } => snapshot::put_acl_list(&mut again, id, &acl),
            Item::Node(node) => {
                snapshot::put_node(&mut again, &node.path, node.data, node.acl, &node.stat);
                paths.push(node.path.into_owned());
            }
            Item::End => break,
        }
    }
    snapshot::put_end(&mut again);
    assert_eq!(paths, ["", "/zookeeper", "/zookeeper/config", "/zookeeper/quota"]);

    let seal = |reader: &mut Reader<'_>, again: &mut Vec<u8>| {
        let adler32 = adler32(&original[..reader.offset()]);
        assert_eq!(snapshot::seal(reader), Ok(adler32));
        snapshot::put_seal(again, adler32);
    };
    seal(&mut reader, &mut again);
    let (zxid, digest) = snapshot::digest(&mut reader).unwrap();
    snapshot::put_digest(&mut again, zxid, digest.unwrap());
    seal(&mut reader, &mut again);
    snapshot::put_last_zxid(&mut again, snapshot::last_zxid(&mut reader).unwrap());
    seal(&mut reader, &mut again);
    assert_eq!(reader.remaining(), 0);
    assert_eq!(again, original);
}
