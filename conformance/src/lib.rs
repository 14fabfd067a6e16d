//! Holds recorded runs against the model world.
