//! How is a znode's stat written? Eleven fields in replies, nine of them in snapshots.

use crate::error::DecodeError;
use crate::jute::Reader;
use bytes::BufMut;
use quorate_tree::{Stat, StatPersisted};

/// Length of a `Stat` in bytes.
pub const STAT_BYTES: usize = 68;

/// Length of a `StatPersisted` in bytes.
pub const PERSISTED_BYTES: usize = 60;

/// Writes the 68 bytes that replies carry.
#[inline]
pub fn encode_stat(stat: &Stat, out: &mut impl BufMut) {
    let mut bytes = [0; STAT_BYTES];
    let mut at = &mut bytes[..];
    at.put_u64(stat.czxid);
    at.put_u64(stat.mzxid);
    at.put_i64(stat.ctime_ms);
    at.put_i64(stat.mtime_ms);
    at.put_i32(stat.version);
    at.put_i32(stat.cversion);
    at.put_i32(stat.aversion);
    at.put_i64(stat.ephemeral_owner);
    at.put_i32(stat.data_length);
    at.put_i32(stat.num_children);
    at.put_u64(stat.pzxid);
    out.put_slice(&bytes);
}

/// Reads the 68 bytes that replies carry.
///
/// # Errors
///
/// If there are fewer.
pub fn decode_stat(reader: &mut Reader<'_>) -> Result<Stat, DecodeError> {
    Ok(Stat {
        czxid: reader.bits("stat.czxid")?,
        mzxid: reader.bits("stat.mzxid")?,
        ctime_ms: reader.long("stat.ctime")?,
        mtime_ms: reader.long("stat.mtime")?,
        version: reader.int("stat.version")?,
        cversion: reader.int("stat.cversion")?,
        aversion: reader.int("stat.aversion")?,
        ephemeral_owner: reader.long("stat.ephemeralOwner")?,
        data_length: reader.int("stat.dataLength")?,
        num_children: reader.int("stat.numChildren")?,
        pzxid: reader.bits("stat.pzxid")?,
    })
}

/// Writes the 60 bytes that snapshots keep.
pub fn encode_persisted(stat: &StatPersisted, out: &mut impl BufMut) {
    let mut bytes = [0; PERSISTED_BYTES];
    let mut at = &mut bytes[..];
    at.put_u64(stat.czxid);
    at.put_u64(stat.mzxid);
    at.put_i64(stat.ctime_ms);
    at.put_i64(stat.mtime_ms);
    at.put_i32(stat.version);
    at.put_i32(stat.cversion);
    at.put_i32(stat.aversion);
    at.put_i64(stat.ephemeral_owner);
    at.put_u64(stat.pzxid);
    out.put_slice(&bytes);
}

/// Reads the 60 bytes that snapshots keep.
///
/// # Errors
///
/// If there are fewer.
pub fn decode_persisted(reader: &mut Reader<'_>) -> Result<StatPersisted, DecodeError> {
    Ok(StatPersisted {
        czxid: reader.bits("stat.czxid")?,
        mzxid: reader.bits("stat.mzxid")?,
        ctime_ms: reader.long("stat.ctime")?,
        mtime_ms: reader.long("stat.mtime")?,
        version: reader.int("stat.version")?,
        cversion: reader.int("stat.cversion")?,
        aversion: reader.int("stat.aversion")?,
        ephemeral_owner: reader.long("stat.ephemeralOwner")?,
        pzxid: reader.bits("stat.pzxid")?,
    })
}
