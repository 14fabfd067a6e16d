//! What do the scenarios share?

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

/// Plants varied znodes below `root` through server `id`: all that the kind of server that leads provides.
#[track_caller]
pub(crate) fn plant(ensemble: &Ensemble, id: u64, root: &str) {
    let leader = ensemble.wait_all_serve();
    varied::plant(&mut ensemble.at(id).client(), root, ensemble.at(leader).kind()).unwrap();
}

/// The same tree on all servers, and the same digests at every zxid at which two recorded one.
#[track_caller]
pub(crate) fn agree(ensemble: &Ensemble) {
    agree::wait_same_trees(&all(ensemble));
    assert!(
        agree::compare_digests(&all(ensemble)) > 0,
        "no zxid at which two servers recorded a digest"
    );
}

/// Stops all; what was recorded violates nothing. Apache's servers record nothing: without a recorded
/// quorum the verdict is inconclusive, and is not taken for more here.
#[track_caller]
pub(crate) fn stop_and_audit(mut ensemble: Ensemble) {
    ensemble.stop_all();
    let dirs = ensemble.trace_dirs();
    if dirs.is_empty() {
        return;
    }
    let audit = command::audit(&dirs);
    let allowed: &[i32] = if dirs.len() * 2 > ensemble.members().len() {
        &[0]
    } else {
        &[0, 3]
    };
    assert!(
        allowed.contains(&audit.code),
        "audit of {} of 3 servers: {}",
        dirs.len(),
        audit.text
    );
}
