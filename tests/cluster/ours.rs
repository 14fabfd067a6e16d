//! Which servers are put through what Apache's are known not to stand up to, or have no say in?

use quorate_tests::Kind;

/// Three servers of ours.
pub(crate) const OURS: [Kind; 3] = [Kind::Quorate; 3];
