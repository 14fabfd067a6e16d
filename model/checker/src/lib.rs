//! The model world, its properties, its mutants and the exhaustive runs.
