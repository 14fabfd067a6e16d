//! What do the scenarios share?

use quorate_tests::{Ensemble, Kind, command};

/// Three servers of the kind under test.
pub(crate) fn three() -> [Kind; 3] {
    [Kind::subject(); 3]
}

/// The recorded run of a stopped ensemble is one that the model allows, and the verdict is not empty.
/// Apache's servers record nothing, so there is nothing to audit.
#[track_caller]
pub(crate) fn audit_holds(ensemble: &Ensemble) {
    let dirs = ensemble.trace_dirs();
    if dirs.is_empty() {
        return;
    }
    let audit = command::audit(&dirs);
    assert_eq!(audit.code, 0, "the audit does not hold: {}", audit.text);
}

/// Stops every server in order and audits what they recorded.
#[track_caller]
pub(crate) fn stop_and_audit(mut ensemble: Ensemble) {
    ensemble.stop_all();
    audit_holds(&ensemble);
}
