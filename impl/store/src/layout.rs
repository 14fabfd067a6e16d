//! Which file lies where? ZooKeeper's directories, and the few files of ours among them.
//!
//! | file | in | whose |
//! | --- | --- | --- |
//! | `myid`, `initialize` | data directory, log directory | ZooKeeper's |
//! | `version-2/snapshot.<hex>`, `acceptedEpoch`, `currentEpoch` | data directory | ZooKeeper's |
//! | `version-2/log.<hex>` | log directory | ZooKeeper's |
//! | `version-2/quorate.*` | both | ours |
//!
//! Apache takes every name that starts with `snapshot.` or `log.` for one of those, whatever follows the
//! number; so whatever is not finished has a name that starts with `quorate.`, which Apache passes over.

use crate::durable;
use crate::error::{At, Error, Result};
use quorate_zab::{ServerId, Zxid};
use std::fs;
use std::path::{Path, PathBuf};

/// The directories of one server.
#[derive(Clone, Debug)]
pub struct Layout {
    data: PathBuf,
    log: PathBuf,
}

impl Layout {
    /// Snapshots and epochs under `data_dir`, logs under `data_log_dir`, or under `data_dir` as well.
    pub fn new(data_dir: &Path, data_log_dir: Option<&Path>) -> Self {
        Self {
            data: data_dir.to_owned(),
            log: data_log_dir.unwrap_or(data_dir).to_owned(),
        }
    }

    /// `dataDir` itself.
    pub fn data_dir(&self) -> &Path {
        &self.data
    }

    /// Where snapshots and epoch files are: `version-2` in `dataDir`.
    pub fn snap_dir(&self) -> PathBuf {
        self.data.join("version-2")
    }

    /// Where transaction logs are: `version-2` in `dataLogDir`.
    pub fn log_dir(&self) -> PathBuf {
        self.log.join("version-2")
    }

    /// The operator's word that this server is new [ZooKeeper `FileTxnSnapLog.restore`].
    pub fn initialize_file(&self) -> PathBuf {
        self.log.join("initialize")
    }

    /// The file with the server's number.
    pub fn myid_file(&self) -> PathBuf {
        self.data.join("myid")
    }

    pub(crate) fn ours(&self, name: &str) -> PathBuf {
        self.snap_dir().join(format!("quorate.{name}"))
    }

    pub(crate) fn snapshot_file(&self, zxid: Zxid) -> PathBuf {
        self.snap_dir().join(format!("snapshot.{:x}", zxid.bits()))
    }

    /// Creates the directories if they are missing, and looks for files that are in the wrong one.
    pub(crate) fn prepare(&self) -> Result<()> {
        let (snap, log) = (self.snap_dir(), self.log_dir());
        for dir in [&snap, &log] {
            durable::create_dir(dir)?;
        }
        self.nothing_is_misplaced()
    }

    /// That no file is in the wrong one of the two directories. They exist.
    pub(crate) fn nothing_is_misplaced(&self) -> Result<()> {
        let (snap, log) = (self.snap_dir(), self.log_dir());
        if !self.is_split()? {
            return Ok(());
        }
        for (dir, prefix, kind) in [
            (&snap, "log.", "transaction log"),
            (&log, "snapshot.", "snapshot"),
        ] {
            if let Some(name) = names(dir)?.into_iter().find(|name| name.starts_with(prefix)) {
                return Err(Error::Misplaced {
                    file: dir.join(name),
                    kind,
                });
            }
        }
        Ok(())
    }

    /// Whether snapshots and logs have separate directories. They exist.
    pub(crate) fn is_split(&self) -> Result<bool> {
        let (snap, log) = (self.snap_dir(), self.log_dir());
        let resolved = |dir: &Path| fs::canonicalize(dir).at(dir, "resolve");
        Ok(resolved(&snap)? != resolved(&log)?)
    }

    /// The number in `myid`; `None` if there is no such file.
    ///
    /// # Errors
    ///
    /// [`Error::BadText`] if its first line is anything but a decimal number, as for Apache.
    pub fn myid(&self) -> Result<Option<ServerId>> {
        const REMEDY: &str = "write this server's number, and nothing else, into its first line";
        let path = self.myid_file();
        let Some(read) = durable::read_small(&path, 1024)? else {
            return Ok(None);
        };
        let bytes = read.map_err(|length| Error::bad_text(&path, format!("{length} bytes long"), REMEDY))?;
        let text = String::from_utf8_lossy(&bytes);
        let line = text.lines().next().unwrap_or("");
        match line.parse::<i64>() {
            Ok(id) if id >= 0 => Ok(Some(ServerId::new(id as u64))),
            _ => Err(Error::bad_text(
                &path,
                format!("{line:?} is not a server number"),
                REMEDY,
            )),
        }
    }
}

/// The names of the files in `dir`, sorted.
pub(crate) fn names(dir: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).at(dir, "list")? {
        let name = entry.at(dir, "list")?.file_name();
        names.extend(name.into_string());
    }
    names.sort();
    Ok(names)
}

/// The files `<prefix><hex>` in `dir` by their zxid, lowest first. A name with anything after the number is
/// passed over, except by [`compressed`].
pub(crate) fn numbered(dir: &Path, prefix: &str) -> Result<Vec<(Zxid, PathBuf)>> {
    let mut files: Vec<_> = names(dir)?
        .into_iter()
        .filter_map(|name| Some((parse_zxid(name.strip_prefix(prefix)?)?, dir.join(name))))
        .collect();
    files.sort();
    Ok(files)
}

/// The compressed snapshots in `dir`, lowest zxid first.
pub(crate) fn compressed(dir: &Path) -> Result<Vec<(Zxid, PathBuf)>> {
    let mut files: Vec<_> = names(dir)?
        .into_iter()
        .filter_map(|name| {
            let number = name.strip_prefix("snapshot.")?;
            let number = number
                .strip_suffix(".gz")
                .or_else(|| number.strip_suffix(".snappy"))?;
            Some((parse_zxid(number)?, dir.join(name)))
        })
        .collect();
    files.sort();
    Ok(files)
}

/// Lower-case hex without padding, as ZooKeeper writes it.
fn parse_zxid(hex: &str) -> Option<Zxid> {
    let canonical =
        hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) && (hex == "0" || !hex.starts_with('0'));
    let bits = u64::from_str_radix(hex, 16).ok()?;
    canonical.then_some(Zxid::from_bits(bits))
}
