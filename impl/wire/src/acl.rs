//! How is an access-control list written? As a vector of (perms, scheme, id), the same in requests,
//! replies, transactions and snapshots.

use crate::error::DecodeError;
use crate::jute::{PutJute, Reader};
use bytes::BufMut;
use quorate_tree::Acl;

/// A list; null is read as empty, a null scheme or id as empty text: no such entry is valid, so
/// whoever validates refuses it.
///
/// # Errors
///
/// If a field is cut short or has a negative length.
pub fn decode_acl(reader: &mut Reader<'_>) -> Result<Vec<Acl>, DecodeError> {
    let entry = |reader: &mut Reader<'_>| {
        Ok(Acl {
            perms: reader.int("acl.perms")?,
            scheme: reader.string("acl.id.scheme")?.unwrap_or_default().into_owned(),
            id: reader.string("acl.id.id")?.unwrap_or_default().into_owned(),
        })
    };
    Ok(reader.vector("acl", entry)?.unwrap_or_default())
}

/// Writes a list, never null.
pub fn encode_acl(acl: &[Acl], out: &mut impl BufMut) {
    out.put_vector(acl, |out, entry| {
        out.put_i32(entry.perms);
        out.put_string(&entry.scheme);
        out.put_string(&entry.id);
    });
}
