//! A snapshot, in a file and on its way from a leader: what is loaded is covered by checksums, and is a tree that can
//! be written and loaded again.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use quorate_fuzz::records::{Field, Malformed, Walker};
use quorate_fuzz::{Directory, adler32, bounded, seals};
use quorate_store::{Layout, Progress, SIGNATURE, SnapshotBody, Store, StoreOptions};
use quorate_tree::Tree;
use quorate_wire::jute::Reader;
use quorate_wire::snapshot::{Item, Items};
use quorate_zab::{ServerId, Zxid};
use std::cell::RefCell;

const ZXID: Zxid = Zxid::from_bits(1 << 32 | 7);
const NAME: &str = "snapshot.100000007";

thread_local! {
    static HOME: (Directory, RefCell<Store>) = {
        let directory = Directory::new();
        let mut options = StoreOptions::new(Layout::new(directory.path(), None), Some(ServerId::new(1)));
        options.log.spare = false;
        options.snapshots.field_bytes_max = 1 << 20;
        let (store, _) = Store::open(options).expect("it is new");
        (directory, RefCell::new(store))
    };
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    seals::mutated(data, size, max_size, seed, seals::seal_snapshot)
});

fuzz_target!(|input: &[u8]| HOME.with(|(directory, store)| judge(directory, &mut store.borrow_mut(), input)));

fn judge(directory: &Directory, store: &mut Store, input: &[u8]) {
    std::fs::write(directory.file(NAME), input).expect("it is written");
    let _ = store.snapshots.list();
    // Pieces of 1 MiB are read, whatever the file's length.
    let loaded = bounded(input.len(), 8 << 20, 256, || store.snapshots.load(ZXID));
    let Ok(tree) = loaded else {
        // On its way the same is refused, or it is another part of the file that is damaged.
        let _ = received(store, input.get(16..).unwrap_or_default(), 13);
        return;
    };
    let body = sealed_body(input).expect("what is loaded is covered by its seals");
    items(body);
    let stream = [body, &SIGNATURE, b"rest"].concat();
    let from_leader =
        received(store, &stream, 1 + input.len() % 97).expect("the tree of a file that is whole");
    same(&tree, &from_leader);
    // Written and loaded again it is the same.
    let again: Vec<u8> = SnapshotBody::new(&tree).flatten().collect();
    let stream = [&again[..], &SIGNATURE].concat();
    let reloaded = received(store, &stream, 4096).expect("what was written can be read");
    same(&tree, &reloaded);
    // Children come in no particular order, and lists under numbers of their own: as many bytes as before.
    assert_eq!(
        again.len(),
        SnapshotBody::new(&reloaded)
            .map(|piece| piece.len())
            .sum::<usize>()
    );
    store.snapshots.write(&tree).expect("it is written");
    let from_file = store.snapshots.load(ZXID).expect("what was written can be read");
    same(&tree, &from_file);
}

fn same(one: &Tree, other: &Tree) {
    assert_eq!(one.digest(), other.digest());
    assert_eq!(one.node_count(), other.node_count());
    assert_eq!(one.last_zxid(), other.last_zxid());
    assert_eq!(one.ephemerals_count(), other.ephemerals_count());
    assert_eq!(one.approximate_data_size(), other.approximate_data_size());
    assert!(one.sessions().eq(other.sessions()));
}

/// The tree of a stream that comes in pieces, put in place, if there is one.
fn received(store: &mut Store, stream: &[u8], piece_bytes: usize) -> Option<Tree> {
    let mut receiver = store.snapshots.receive(ZXID).expect("there is room");
    for piece in stream.chunks(piece_bytes) {
        match bounded(stream.len(), 4 << 20, 256, || receiver.push(piece)) {
            Ok(Progress::More) => {}
            Ok(Progress::Complete { used }) => {
                assert!(used <= piece.len());
                let received = receiver.finish().ok()?;
                assert_eq!(received.zxid(), ZXID);
                return Some(store.log.install(received).expect("it is put in place"));
            }
            Err(_) => return None,
        }
    }
    None
}

/// The body of a file whose every part is covered by a checksum, by a reader of its own.
fn sealed_body(file: &[u8]) -> Result<&[u8], Malformed> {
    let seal = |walker: &mut Walker<'_>| {
        let sum = adler32(&file[..walker.taken()]);
        let fits = walker.long()? as u64 == sum && walker.buffer()? == Some(b"/");
        fits.then_some(()).ok_or(Malformed)
    };
    let mut walker = Walker::new(file);
    walker.fields(&[Field::Long, Field::Long])?;
    walker.vector(|walker| walker.fields(&[Field::Long, Field::Int]))?;
    walker.vector(|walker| walker.fields(&[Field::Long, Field::Acl]))?;
    while walker.buffer()? != Some(b"/") {
        walker.fields(&[Field::Buffer, Field::Long])?;
        for _ in 0..7 {
            walker.long()?;
        }
        walker.int()?;
    }
    let body = &file[16..walker.taken()];
    seal(&mut walker)?;
    if walker.left() > 0 {
        walker.long()?;
        match walker.int()? {
            1 => drop(walker.buffer()?),
            _ => drop(walker.long()?),
        }
        seal(&mut walker)?;
    }
    if walker.left() > 0 {
        walker.long()?;
        seal(&mut walker)?;
    }
    (walker.left() == 0).then_some(body).ok_or(Malformed)
}

/// The other decoder of the same bytes finds an end where this one does.
fn items(body: &[u8]) {
    let mut items = Items::new();
    let mut reader = Reader::new(body);
    while items.next(&mut reader).expect("an item") != Item::End {}
    assert_eq!(reader.remaining(), 0);
}
