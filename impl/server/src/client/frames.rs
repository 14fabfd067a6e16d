//! Which frames are whole? Finds the end of the last one in what was read so far.

/// What the bytes read so far hold.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Whole {
    /// Bytes up to the end of the last whole frame.
    pub(super) bytes: usize,
    /// How many frames those are.
    pub(super) frames: u32,
    /// Bytes that the frame behind them lacks; 4 if its length is not known yet.
    pub(super) lacking: usize,
}

/// Looks through `read`, which begins with a frame's length.
///
/// # Errors
///
/// The length that no request can have: negative, above `max`, or too short for a header. Whole frames in
/// front of it do not count: the connection is to be closed.
pub(super) fn whole(read: &[u8], max: usize) -> Result<Whole, i32> {
    let (mut bytes, mut frames) = (0, 0);
    loop {
        let rest = &read[bytes..];
        let Some(prefix) = rest.first_chunk::<4>() else {
            return Ok(Whole {
                bytes,
                frames,
                lacking: 4 - rest.len(),
            });
        };
        let length = i32::from_be_bytes(*prefix);
        let end = match usize::try_from(length) {
            Ok(length) if length <= max => 4 + length,
            _ => return Err(length),
        };
        if rest.len() < end {
            return Ok(Whole {
                bytes,
                frames,
                lacking: end - rest.len(),
            });
        }
        bytes += end;
        frames += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(body: &[u8]) -> Vec<u8> {
        [&(body.len() as u32).to_be_bytes()[..], body].concat()
    }

    #[test]
    fn a_length_out_of_bounds_is_told_before_its_bytes_come() {
        assert_eq!(whole(&[0xff; 4], 100), Err(-1));
        assert_eq!(whole(&[0, 0, 0, 101], 100), Err(101));
        assert_eq!(
            whole(&[0, 0, 0, 100], 100),
            Ok(Whole {
                bytes: 0,
                frames: 0,
                lacking: 100
            })
        );
        assert_eq!(
            whole(&[0, 0], 100),
            Ok(Whole {
                bytes: 0,
                frames: 0,
                lacking: 2
            })
        );
    }

    proptest! {
        #[test]
        fn whole_frames_are_found_however_much_of_the_rest_was_read(
            bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..6),
            cut in 0..60usize,
        ) {
            let all: Vec<u8> = bodies.iter().flat_map(|body| frame(body)).collect();
            let cut = cut.min(all.len());
            let found = whole(&all[..cut], 20).unwrap();
            let whole_bodies = &bodies[..found.frames as usize];
            let expected: usize = whole_bodies.iter().map(|body| body.len() + 4).sum();
            prop_assert_eq!(found.bytes, expected);
            prop_assert!(expected <= cut && found.lacking > 0);
            if cut == all.len() {
                prop_assert_eq!(whole_bodies.len(), bodies.len());
            }
        }
    }
}
