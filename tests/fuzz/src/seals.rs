//! How does a fuzzer get past a checksum? What it changed is sealed again, now and then.

use crate::adler32;

/// Changes `data` as libFuzzer does, and seals it again in two of three cases.
pub fn mutated(
    data: &mut [u8],
    size: usize,
    max_size: usize,
    seed: u32,
    seal: impl FnOnce(&mut [u8]),
) -> usize {
    let size = libfuzzer_sys::fuzzer_mutate(data, size, max_size);
    if !seed.is_multiple_of(3) {
        seal(&mut data[..size]);
    }
    size
}

/// One record of a log after the other, as far as lengths make sense: where it begins, and its entry.
pub fn records(file: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = 16;
    std::iter::from_fn(move || {
        let begin = at;
        let length = i32::from_be_bytes(*file.get(begin + 8..)?.first_chunk()?);
        let length = usize::try_from(length).ok().filter(|length| *length > 0)?;
        let entry = file.get(begin + 12..)?.get(..length)?;
        at = begin + 12 + length + 1;
        Some((begin, entry))
    })
}

/// Gives every record of a log its checksum and its end.
pub fn seal_log(file: &mut [u8]) {
    let found: Vec<_> = records(file)
        .map(|(at, entry)| (at, entry.len(), adler32(entry)))
        .collect();
    for (at, length, sum) in found {
        file[at..at + 8].copy_from_slice(&sum.to_be_bytes());
        if let Some(end) = file.get_mut(at + 12 + length) {
            *end = b'B';
        }
    }
}

/// Where the seals of a snapshot are, if the file ends as today's do: three, behind tree, digest and last zxid.
pub fn seals(file: &[u8]) -> Option<[usize; 3]> {
    const SEAL: usize = 13;
    let third = file.len().checked_sub(SEAL)?;
    let second = third.checked_sub(8 + SEAL)?;
    let first = second.checked_sub(20 + SEAL)?;
    Some([first, second, third])
}

/// Gives a snapshot its checksums.
pub fn seal_snapshot(file: &mut [u8]) {
    for at in seals(file).into_iter().flatten() {
        let sum = adler32(&file[..at]);
        file[at..at + 8].copy_from_slice(&sum.to_be_bytes());
        file[at + 8..at + 13].copy_from_slice(b"\0\0\0\x01/");
    }
}
