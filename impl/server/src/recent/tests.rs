use super::*;
use quorate_zab::Epoch;

fn at(epoch: u32, counter: u32) -> Zxid {
    Zxid::new(Epoch::new(epoch), counter)
}

fn filled(upto: u32, bytes_max: usize) -> Recent {
    let mut recent = Recent::new(at(1, 0), bytes_max);
    for counter in 1..=upto {
        recent.push(at(1, counter), Bytes::from(vec![0; 36]));
    }
    recent
}

fn zxids(recent: &Recent, after: Zxid, upto: Zxid) -> Vec<Zxid> {
    recent.range(after, upto).map(|entry| entry.zxid).collect()
}

#[test]
fn a_range_excludes_its_start_and_includes_its_end() {
    let recent = filled(5, usize::MAX);
    assert_eq!(zxids(&recent, at(1, 2), at(1, 4)), [at(1, 3), at(1, 4)]);
    assert_eq!(zxids(&recent, at(1, 4), at(1, 2)), []);
    assert_eq!(zxids(&recent, at(1, 0), at(9, 0)).len(), 5);
}

#[test]
fn only_what_is_done_is_let_go_and_the_floor_follows() {
    let mut recent = filled(10, 300);
    recent.trim(at(1, 3));
    assert_eq!(recent.floor(), at(1, 3));
    recent.trim(at(1, 9));
    assert_eq!(recent.floor(), at(1, 7), "three entries of 100 bytes fit");
    assert_eq!(
        zxids(&recent, at(1, 7), at(1, 10)),
        [at(1, 8), at(1, 9), at(1, 10)]
    );
}

#[test]
fn a_cut_below_the_floor_lowers_it() {
    let mut recent = filled(3, usize::MAX);
    recent.truncate(at(1, 2));
    assert_eq!((recent.floor(), recent.last()), (at(1, 0), at(1, 2)));
    let mut recent = Recent::new(at(2, 7), usize::MAX);
    recent.truncate(at(2, 5));
    recent.push(at(3, 1), Bytes::new());
    assert_eq!(zxids(&recent, at(2, 5), at(3, 1)), [at(3, 1)]);
}

#[test]
fn a_range_is_the_same_with_and_without_the_guess() {
    let mut recent = filled(4, usize::MAX);
    // A hole, as Apache may leave one, and a new epoch.
    for zxid in [at(1, 7), at(1, 8), at(3, 1), at(3, 2)] {
        recent.push(zxid, Bytes::new());
    }
    let all = [
        at(1, 1),
        at(1, 2),
        at(1, 3),
        at(1, 4),
        at(1, 7),
        at(1, 8),
        at(3, 1),
        at(3, 2),
    ];
    let asked = (1..=4).flat_map(|epoch| (0..10).map(move |counter| at(epoch, counter)));
    for after in asked.clone() {
        for upto in asked.clone() {
            let expected: Vec<_> = all
                .into_iter()
                .filter(|&zxid| zxid > after && zxid <= upto)
                .collect();
            assert_eq!(zxids(&recent, after, upto), expected, "({after:?}, {upto:?}]");
        }
    }
}
