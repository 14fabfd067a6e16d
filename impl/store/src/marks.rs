//! What did the operator, or this server itself, note down about its right to vote?

use crate::durable;
use crate::error::Result;
use crate::home::Home;
use std::sync::Arc;

/// The marker `initialize` (an operator's word that the server is new), and the mark of a forgetful server.
#[derive(Clone, Debug)]
pub struct Marks {
    home: Arc<Home>,
}

impl Marks {
    pub(crate) fn new(home: Arc<Home>) -> Self {
        Self { home }
    }

    /// Whether the operator left the `initialize` file.
    pub fn initialize(&self) -> bool {
        self.home.layout.initialize_file().exists()
    }

    /// Removes the `initialize` file: it has been heeded. Durable on return.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Io`]
    pub fn remove_initialize(&self) -> Result<()> {
        durable::remove(&self.home.layout.initialize_file()).map(drop)
    }

    /// Whether this server lost its data and has not been synchronised since.
    pub fn forgetful(&self) -> bool {
        self.home.layout.ours("forgetful").exists()
    }

    /// Notes that this server lost its data: to be written before anything else is. Durable on return.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Io`]
    pub fn set_forgetful(&self) -> Result<()> {
        let layout = &self.home.layout;
        let text = "This server has lost its data. It does not vote until a leader has synchronised it.\n";
        durable::replace(
            &layout.ours("forgetful"),
            &layout.ours("forgetful.tmp"),
            text.as_bytes(),
        )
    }

    /// Removes the mark: log, snapshot and currentEpoch are durable again. Durable on return.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Io`]
    pub fn clear_forgetful(&self) -> Result<()> {
        durable::remove(&self.home.layout.ours("forgetful")).map(drop)
    }
}
