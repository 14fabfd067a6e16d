//! What is a transaction to the core? Bytes that it hands on, with the digest that traces name them by.

use bytes::Bytes;
use quorate_trace::{Digest, Witnessed};
use serde::{Serialize, Serializer};

/// The bytes of a PROPOSAL: encoded once, on the leader, and shared by links, log and tree.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Payload {
    bytes: Bytes,
    digest: Digest,
}

impl Payload {
    /// The payload of these bytes.
    pub(crate) fn new(bytes: Bytes) -> Self {
        let digest = Digest::of(&bytes);
        Self { bytes, digest }
    }

    /// The bytes.
    pub(crate) fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// What traces name the bytes by.
    pub(crate) fn digest(&self) -> Digest {
        self.digest
    }
}

impl Serialize for Payload {
    /// The digest: no proposal's contents get into a trace.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.digest.serialize(serializer)
    }
}

impl Witnessed for Payload {}
