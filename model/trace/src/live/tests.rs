use super::*;

/// Takes so many bytes and no more, and perhaps cannot be cut.
#[derive(Default)]
struct Disk {
    bytes: Vec<u8>,
    room: usize,
    stuck: bool,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.room);
        if taken == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.room -= taken;
        self.bytes.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Cut for Disk {
    fn cut(&mut self, length: u64) -> io::Result<()> {
        if self.stuck {
            return Err(io::ErrorKind::Other.into());
        }
        self.bytes.truncate(length as usize);
        Ok(())
    }
}

#[test]
fn a_frame_that_does_not_fit_leaves_nothing_behind() {
    let mut live = Live::new(
        Disk {
            room: 5,
            ..Disk::default()
        },
        0,
    );
    live.append(b"abc").unwrap();
    live.append(b"defg").unwrap_err();
    assert_eq!(live.file.bytes, b"abc");
    live.file.room = 4;
    live.append(b"hijk").unwrap();
    assert_eq!(live.file.bytes, b"abchijk");
    assert_eq!(live.length(), 7);
}

#[test]
fn what_could_not_be_cut_off_is_cut_off_before_the_next_frame() {
    let mut live = Live::new(
        Disk {
            room: 2,
            stuck: true,
            ..Disk::default()
        },
        0,
    );
    live.append(b"abc").unwrap_err();
    assert_eq!(live.file.bytes, b"ab");
    live.file.room = 10;
    live.append(b"def").unwrap_err();
    assert_eq!(live.file.bytes, b"ab", "nothing is appended to a ragged end");
    live.file.stuck = false;
    live.append(b"ghi").unwrap();
    assert_eq!(live.file.bytes, b"ghi");
}
