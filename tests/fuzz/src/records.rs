//! What is a record, and is it written in the one way in which it would be written again? A reader of its own,
//! from ZooKeeper's `zookeeper.jute`, to hold against the decoders.

use quorate_wire::client::Opcode;

/// A field of a record.
#[derive(Clone, Copy, Debug)]
pub enum Field {
    /// One byte.
    Bool,
    /// Four bytes.
    Int,
    /// Eight bytes.
    Long,
    /// Bytes, or null.
    Buffer,
    /// Text.
    Text,
    /// Text, or null.
    OrNull,
    /// A vector of texts.
    Texts,
    /// An access-control list.
    Acl,
}

use Field::*;

/// Why a record cannot be read.
#[derive(Debug)]
pub struct Malformed;

type Read<T = ()> = Result<T, Malformed>;

/// Reads fields, and remembers whether any was written in another way than it would be written again.
#[derive(Clone, Debug)]
pub struct Walker<'a> {
    rest: &'a [u8],
    taken: usize,
    /// Whether all fields so far are as they would be written.
    pub canonical: bool,
}

impl<'a> Walker<'a> {
    /// At the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            taken: 0,
            canonical: true,
        }
    }

    /// Bytes read.
    pub fn taken(&self) -> usize {
        self.taken
    }

    /// Bytes left.
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    fn take(&mut self, count: usize) -> Read<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Malformed)?;
        self.rest = rest;
        self.taken += count;
        Ok(taken)
    }

    /// Four bytes.
    pub fn int(&mut self) -> Read<i32> {
        Ok(i32::from_be_bytes(self.take(4)?.try_into().expect("four bytes")))
    }

    /// Eight bytes.
    pub fn long(&mut self) -> Read<i64> {
        Ok(i64::from_be_bytes(self.take(8)?.try_into().expect("eight bytes")))
    }

    fn bool(&mut self) -> Read<bool> {
        let byte = self.take(1)?[0];
        self.canonical &= byte < 2;
        Ok(byte != 0)
    }

    /// Bytes; `None` is null.
    pub fn buffer(&mut self) -> Read<Option<&'a [u8]>> {
        match self.int()? {
            -1 => Ok(None),
            length => self
                .take(usize::try_from(length).map_err(|_| Malformed)?)
                .map(Some),
        }
    }

    fn text(&mut self) -> Read<Option<&'a [u8]>> {
        let bytes = self.buffer()?;
        self.canonical &= bytes.is_none_or(|bytes| std::str::from_utf8(bytes).is_ok());
        Ok(bytes)
    }

    /// A vector. Null is written again as an empty one.
    pub fn vector(&mut self, mut element: impl FnMut(&mut Self) -> Read) -> Read {
        let count = self.int()?;
        self.canonical &= count >= 0;
        (0..count).try_for_each(|_| element(self))
    }

    /// A whole number of fields.
    pub fn fields(&mut self, fields: &[Field]) -> Read {
        fields.iter().try_for_each(|&field| self.field(field))
    }

    fn field(&mut self, field: Field) -> Read {
        match field {
            Bool => drop(self.bool()?),
            Int => drop(self.int()?),
            Long => drop(self.long()?),
            Buffer => drop(self.buffer()?),
            OrNull => drop(self.text()?),
            Text => drop(self.text()?.ok_or(Malformed)?),
            Texts => self.vector(|walker| walker.field(Text))?,
            Acl => self.vector(|walker| {
                walker.int()?;
                // A null scheme or id is written again as an empty one.
                for _ in 0..2 {
                    walker.canonical &= walker.text()?.is_some();
                }
                Ok(())
            })?,
        }
        Ok(())
    }

    /// The body of a request.
    pub fn request(&mut self, opcode: Opcode) -> Read {
        const CREATE: &[Field] = &[Text, Buffer, Acl, Int];
        self.fields(match opcode {
            Opcode::Create | Opcode::Create2 | Opcode::CreateContainer => CREATE,
            Opcode::CreateTtl => &[Text, Buffer, Acl, Int, Long],
            Opcode::Delete
            | Opcode::Check
            | Opcode::CheckWatches
            | Opcode::RemoveWatches
            | Opcode::AddWatch => &[Text, Int],
            Opcode::Exists | Opcode::GetData | Opcode::GetChildren | Opcode::GetChildren2 => &[Text, Bool],
            Opcode::SetData => &[Text, Buffer, Int],
            Opcode::GetAcl | Opcode::DeleteContainer | Opcode::GetAllChildrenNumber => &[Text],
            Opcode::SetAcl => &[Text, Acl, Int],
            Opcode::Sync | Opcode::GetEphemerals => &[OrNull],
            Opcode::Ping | Opcode::WhoAmI | Opcode::CloseSession => &[],
            Opcode::Reconfig => &[OrNull, OrNull, OrNull, Long],
            Opcode::Auth => &[Int, Text, Buffer],
            Opcode::SetWatches => &[Long, Texts, Texts, Texts],
            Opcode::SetWatches2 => &[Long, Texts, Texts, Texts, Texts, Texts],
            Opcode::Sasl => &[Buffer],
            Opcode::CreateSession => &[Int],
            Opcode::Multi => return self.multi(Self::part),
            Opcode::MultiRead => return self.multi(Self::read_part),
        })
    }

    /// Parts behind a header each, until one that says done.
    fn multi(&mut self, part: impl Fn(&mut Self, i32) -> Read) -> Read {
        loop {
            let (kind, done, err) = (self.int()?, self.bool()?, self.int()?);
            self.canonical &= err == -1;
            if done {
                self.canonical &= kind == -1;
                return Ok(());
            }
            part(self, kind)?;
        }
    }

    fn part(&mut self, kind: i32) -> Read {
        let mut create = |most: i32| {
            self.fields(&[Text, Buffer, Acl])?;
            let flags = self.int()?;
            (0..=most).contains(&flags).then_some(()).ok_or(Malformed)
        };
        match kind {
            1 | 15 | 19 => create(4),
            21 => create(6).and_then(|()| self.fields(&[Long])),
            2 | 13 => self.fields(&[Text, Int]),
            5 => self.fields(&[Text, Buffer, Int]),
            _ => Err(Malformed),
        }
    }

    fn read_part(&mut self, kind: i32) -> Read {
        if kind != 4 && kind != 8 {
            return Err(Malformed);
        }
        self.fields(&[Text])?;
        // The flag is ignored, and written again as false.
        self.canonical &= !self.bool()?;
        Ok(())
    }

    /// A transaction behind its header, and the digest behind it.
    pub fn transaction(&mut self, kind: i32) -> Read {
        self.transaction_at(kind, 0)?;
        match self.left() {
            0 => Ok(()),
            12 => self.fields(&[Int, Long]),
            _ => Err(Malformed),
        }
    }

    fn transaction_at(&mut self, kind: i32, depth: usize) -> Read {
        const DIGEST: usize = 12;
        // What 3.3 wrote has no number of the parent's version.
        let version = |walker: &mut Self, behind: usize| match walker.left() {
            left if left == behind || left == behind + DIGEST => Ok(()),
            _ => walker.fields(&[Int]),
        };
        match kind {
            -10 | -1 => self.fields(&[Int]),
            -11 => {
                let digest = self.left() == DIGEST && self.clone().int()? == 2;
                if self.left() == 0 || digest {
                    return Ok(());
                }
                self.fields(&[Texts])
            }
            1 | 15 => {
                self.fields(&[Text, Buffer, Acl, Bool])?;
                version(self, 0)
            }
            19 => {
                self.fields(&[Text, Buffer, Acl])?;
                version(self, 0)
            }
            21 => {
                self.fields(&[Text, Buffer, Acl])?;
                version(self, 8)?;
                self.fields(&[Long])
            }
            2 | 20 => self.fields(&[Text]),
            5 | 16 => self.fields(&[Text, Buffer, Int]),
            7 => self.fields(&[Text, Acl, Int]),
            13 => self.fields(&[Text, Int]),
            14 if depth < quorate_wire::txn::MULTI_DEPTH_MAX => self.vector(|walker| {
                let kind = walker.int()?;
                let mut part = Walker::new(walker.buffer()?.ok_or(Malformed)?);
                part.transaction_at(kind, depth + 1)?;
                walker.canonical &= part.canonical && part.left() == 0;
                // Apache leaves what it was before behind the code of an error.
                (part.left() == 0 || kind == -1).then_some(()).ok_or(Malformed)
            }),
            _ => Err(Malformed),
        }
    }
}
