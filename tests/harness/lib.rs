//! Black-box suites over real processes: what they share.
