//! Do the walls between the crates stand?
