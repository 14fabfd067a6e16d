//! What do the scenarios share?

use std::collections::BTreeMap;
use std::path::PathBuf;

use quorate_tests::{Builder, Ensemble, Kind, Member, agree, command, varied};

/// Two of Apache's servers, and one under test with the highest id.
pub(crate) fn one_of_ours() -> [Kind; 3] {
    [Kind::Apache, Kind::Apache, Kind::subject()]
}

/// Two servers under test, and one of Apache's with the highest id.
pub(crate) fn one_of_apaches() -> [Kind; 3] {
    [Kind::subject(), Kind::subject(), Kind::Apache]
}

/// An ensemble that also knows znodes with a lifetime.
pub(crate) fn builder(name: &str, kinds: impl Into<Vec<Kind>>) -> Builder {
    Ensemble::builder(name, kinds).config("extendedTypesEnabled", "true")
}

/// All servers, to compare.
pub(crate) fn all(ensemble: &Ensemble) -> Vec<&Member> {
    ensemble.members().iter().collect()
}

/// Plants varied znodes below `root` through server `id`.
#[track_caller]
pub(crate) fn plant(ensemble: &Ensemble, id: u64, root: &str) {
    ensemble.wait_all_serve();
    varied::plant(&mut ensemble.at(id).client(), root).unwrap();
}

/// The same tree on all servers, and the same digests at every zxid at which two recorded one; two of
/// different kinds did so somewhere.
#[track_caller]
pub(crate) fn agree(ensemble: &Ensemble) {
    agree::wait_same_trees(&all(ensemble));
    let compared = digests_agree(ensemble);
    assert!(
        compared.values().any(|count| *count > 0),
        "no zxid at which two servers recorded a digest"
    );
}

/// The same digests at every zxid at which two servers recorded one, while they serve; two of different kinds did
/// so somewhere.
#[track_caller]
pub(crate) fn digests_agree(ensemble: &Ensemble) -> BTreeMap<(u64, u64), usize> {
    let compared = agree::compare_digests_of_pairs(&all(ensemble));
    for ((one, two), count) in &compared {
        assert!(
            *count > 0 || ensemble.at(*one).kind() == ensemble.at(*two).kind(),
            "no zxid at which both server {one} and server {two} recorded a digest"
        );
    }
    compared
}

/// Stops all; what was recorded violates nothing. Apache's servers record nothing: without a recorded
/// quorum the verdict is inconclusive, and is not taken for more here.
#[track_caller]
pub(crate) fn stop_and_audit(mut ensemble: Ensemble) {
    ensemble.stop_all();
    let dirs = ensemble.trace_dirs();
    let quorum = dirs.len() * 2 > ensemble.members().len();
    audit(&dirs, if quorum { &[HOLDS] } else { &[HOLDS, INCONCLUSIVE] });
}

/// Verdicts of an audit.
pub(crate) const HOLDS: i32 = 0;
pub(crate) const INCONCLUSIVE: i32 = 3;

/// Audits what servers recorded in `dirs`, if any did; the verdict is one of `allowed`.
#[track_caller]
pub(crate) fn audit(dirs: &[PathBuf], allowed: &[i32]) {
    // Apache's servers under test record nothing.
    let recorded: Vec<PathBuf> = dirs.iter().filter(|dir| dir.is_dir()).cloned().collect();
    if recorded.is_empty() {
        return;
    }
    let audit = command::audit(&recorded);
    assert!(
        allowed.contains(&audit.code),
        "audit of {} servers: {}",
        recorded.len(),
        audit.text
    );
}
