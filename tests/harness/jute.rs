//! How are ZooKeeper's records written and read? Big-endian, one field after the other; the harness's
//! own few lines, so that a mistake in the server's codec cannot hide behind the same mistake here.

/// Appends fields to a record.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    /// What was written so far.
    pub bytes: Vec<u8>,
}

impl Writer {
    /// An empty record.
    pub fn new() -> Writer {
        Writer::default()
    }

    /// Appends one boolean byte.
    pub fn bool(mut self, value: bool) -> Writer {
        self.bytes.push(u8::from(value));
        self
    }

    /// Appends four bytes.
    pub fn int(mut self, value: i32) -> Writer {
        self.bytes.extend(value.to_be_bytes());
        self
    }

    /// Appends eight bytes.
    pub fn long(mut self, value: i64) -> Writer {
        self.bytes.extend(value.to_be_bytes());
        self
    }

    /// Appends a length and the bytes.
    pub fn buffer(mut self, value: &[u8]) -> Writer {
        self = self.int(value.len() as i32);
        self.bytes.extend(value);
        self
    }

    /// Appends a length and the text.
    pub fn string(self, value: &str) -> Writer {
        self.buffer(value.as_bytes())
    }

    /// Appends a count and each text.
    pub fn strings(self, values: &[&str]) -> Writer {
        values
            .iter()
            .fold(self.int(values.len() as i32), |writer, value| {
                writer.string(value)
            })
    }

    /// Appends bytes as they are.
    pub fn raw(mut self, bytes: &[u8]) -> Writer {
        self.bytes.extend(bytes);
        self
    }

    /// The record behind its length, as a frame on the client port.
    pub fn frame(self) -> Vec<u8> {
        let mut frame = (self.bytes.len() as u32).to_be_bytes().to_vec();
        frame.extend(self.bytes);
        frame
    }
}

/// Takes fields from a record; every method gives `None` when the record is too short for it.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads from the beginning of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    /// What has not been read.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(head)
    }

    /// Takes one boolean byte.
    pub fn bool(&mut self) -> Option<bool> {
        Some(self.take(1)?[0] != 0)
    }

    /// Takes four bytes.
    pub fn int(&mut self) -> Option<i32> {
        Some(i32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    /// Takes eight bytes.
    pub fn long(&mut self) -> Option<i64> {
        Some(i64::from_be_bytes(self.take(8)?.try_into().ok()?))
    }

    /// Takes a length and as many bytes; the length -1 (null) gives no bytes.
    pub fn buffer(&mut self) -> Option<&'a [u8]> {
        match self.int()? {
            -1 => Some(&[]),
            length => self.take(usize::try_from(length).ok()?),
        }
    }

    /// Takes a length and as many bytes; nothing where the length is -1 (null).
    pub fn nullable(&mut self) -> Option<Option<&'a [u8]>> {
        match self.int()? {
            -1 => Some(None),
            length => Some(Some(self.take(usize::try_from(length).ok()?)?)),
        }
    }

    /// Takes a text.
    pub fn string(&mut self) -> Option<String> {
        Some(String::from_utf8_lossy(self.buffer()?).into_owned())
    }

    /// Takes a count and as many texts.
    pub fn strings(&mut self) -> Option<Vec<String>> {
        (0..self.int()?).map(|_| self.string()).collect()
    }
}
