//! Documents as files of one directory. [`Directory`] compares and renames under an advisory lock; start there.

use std::fs::{File, Metadata, Permissions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, Dir, Mode, OFlags};

use super::{FileKind, Key, MAX_LEN, Precondition, Store, StoreError, StoreFuture, Stored, Version};
use crate::hash;

/// Names of temporary files begin with this, which no [`Key`] does.
const TEMPORARY_PREFIX: &str = ".dagster-workspace-";
const TEMPORARY_SUFFIX: &str = ".tmp";

/// How long a write waits for the lock before it says [`StoreError::Busy`]: a write takes milliseconds.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// The files of one directory as a [`Store`]; a key is a file name. Linux, other Unixes expected to work.
///
/// A version is the SHA-256 of the bytes, so it survives a `git clone`, and a file that was removed and made again with
/// the same bytes has the same version. Blocking calls run on tokio's blocking threads.
///
/// # What is promised
/// A reader, and a machine that starts again after a power cut, sees the file before a write or after it, never half of
/// it: the text goes to a temporary file beside the document, is flushed, takes the document's name in one step
/// (`rename`), and the directory is flushed. Writers that use this store, in any number of processes of one machine, lose
/// nothing: each holds the lock of the directory from comparing until the rename. The lock is `flock` on the directory
/// itself, so it leaves no file in a Git tree, and the kernel releases it when a process is killed. A killed writer can
/// leave its temporary file (`.dagster-workspace-<pid>.tmp`) behind; the next write removes it.
///
/// # What is not
/// The lock is advisory: an editor, a script or `git` takes none. What it saves between our last look at the file and the
/// rename, microseconds later, is lost, and what it saves from a copy that it loaded before our write overwrites ours.
/// An editor that writes into the file in place can be read half way through. A file system without `flock` on
/// directories (some network shares) is refused with an error, not used without a lock.
///
/// A write makes a new file: mode is kept, owner and group as far as the system permits, hard links, access control
/// lists and extended attributes are not. The directory must be writable; a read-only file in it does not stop a write.
#[derive(Clone, Debug)]
pub struct Directory {
    path: Arc<Path>,
}

impl Directory {
    /// The store in the directory `path`, which is looked at when something is read or written, not before.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into().into() }
    }

    /// The directory, as given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Store for Directory {
    fn get<'a>(&'a self, key: &'a Key) -> StoreFuture<'a, Stored> {
        let (path, key) = (Arc::clone(&self.path), key.clone());
        Box::pin(async move {
            let read = move || Opened::new(&path)?.get(&key);
            match tokio::task::spawn_blocking(read).await {
                Ok(result) => result,
                Err(source) => {
                    Err(StoreError::Io { path: self.path.to_path_buf(), action: "read", source: source.into() })
                }
            }
        })
    }

    fn put<'a>(&'a self, key: &'a Key, text: &'a str, precondition: Precondition) -> StoreFuture<'a, Version> {
        let path = Arc::clone(&self.path);
        Box::pin(async move {
            StoreError::check_len(key, text.len() as u64, MAX_LEN)?;
            let (owned, text) = (key.clone(), text.to_owned());
            let write = move || Opened::new(&path)?.put(&owned, &text, precondition.into_expected());
            match tokio::task::spawn_blocking(write).await {
                Ok(result) => result,
                Err(source) => {
                    Err(StoreError::Ambiguous { key: key.clone(), retry_after: None, source: source.into() })
                }
            }
        })
    }
}

/// An open directory. All names are resolved in it, so a directory that is renamed or replaced meanwhile is still the one
/// that was locked.
struct Opened<'a> {
    directory: File,
    path: &'a Path,
}

/// A document's file as it was read.
struct Current {
    bytes: Vec<u8>,
    version: Version,
    metadata: Metadata,
}

impl<'a> Opened<'a> {
    fn new(path: &'a Path) -> Result<Self, StoreError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(descriptor) => Ok(Self { directory: File::from(descriptor), path }),
            Err(errno) => Err(StoreError::NoDirectory { path: path.to_path_buf(), source: errno.into() }),
        }
    }

    fn get(&self, key: &Key) -> Result<Stored, StoreError> {
        let Some(Current { bytes, version, metadata: _ }) = self.read(key)? else {
            return Err(StoreError::NotFound { key: key.clone() });
        };
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Stored { text, version }),
            Err(error) => Err(StoreError::NotUtf8 { key: key.clone(), offset: error.utf8_error().valid_up_to() }),
        }
    }

    fn put(&self, key: &Key, text: &str, expected: Option<Version>) -> Result<Version, StoreError> {
        self.lock(key)?;
        self.remove_stale();
        let current = self.read(key)?;
        let found = current.as_ref().map(|current| current.version.clone());
        if expected != found {
            return Err(StoreError::Conflict { key: key.clone(), expected, found: found.into() });
        }
        if let Some(current) = current.as_ref().filter(|current| current.bytes == text.as_bytes()) {
            return Ok(current.version.clone());
        }
        let metadata = current.map(|current| current.metadata);
        let temporary = Temporary::write(self, text, metadata.as_ref())?;
        // Flushing took its time: look again whether somebody without a lock was here.
        if !self.unchanged(key, metadata.as_ref())? {
            let found = self.read(key)?.map(|current| current.version);
            return Err(StoreError::Conflict { key: key.clone(), expected, found: found.into() });
        }
        temporary.rename_to(key)?;
        match self.directory.sync_all() {
            Ok(()) => Ok(version_of(text.as_bytes())),
            // The new text can be read, but whether it outlives a power cut is open.
            Err(source) => Err(StoreError::Ambiguous { key: key.clone(), retry_after: None, source: source.into() }),
        }
    }

    /// Takes the lock, which ends when the directory is closed or the process dies.
    fn lock(&self, key: &Key) -> Result<(), StoreError> {
        let started = Instant::now();
        let mut pause = Duration::from_millis(1);
        loop {
            match self.directory.try_lock() {
                Ok(()) => return Ok(()),
                Err(TryLockError::Error(source)) => return Err(failed(self.path, "lock", source)),
                // Not `lock`, which waits for ever: a stopped process, or a script under `flock DIR`, may hold it.
                Err(TryLockError::WouldBlock) if started.elapsed() < LOCK_WAIT => std::thread::sleep(pause),
                Err(TryLockError::WouldBlock) => {
                    let reason = format!("another process or a script holds the lock of `{}`", self.path.display());
                    return Err(StoreError::Busy { key: key.clone(), reason, retry_after: None });
                }
            }
            pause = (pause * 2).min(Duration::from_millis(8));
        }
    }

    /// The file's bytes, or `None` where there is no file. Refuses everything that is not a regular file.
    fn read(&self, key: &Key) -> Result<Option<Current>, StoreError> {
        let path = self.path.join(key.as_str());
        let Some(file) = self.open_document(key)? else { return Ok(None) };
        let metadata = file.metadata().map_err(|source| failed(&path, "read", source))?;
        if let Some(found) = kind_of(&metadata) {
            return Err(StoreError::NotAFile { path, found });
        }
        StoreError::check_len(key, metadata.len(), MAX_LEN)?;
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default());
        // One byte more than allowed: the file may grow while it is read.
        let read = file.take(MAX_LEN as u64 + 1).read_to_end(&mut bytes);
        read.map_err(|source| failed(&path, "read", source))?;
        StoreError::check_len(key, bytes.len() as u64, MAX_LEN)?;
        Ok(Some(Current { version: version_of(&bytes), bytes, metadata }))
    }

    fn open_document(&self, key: &Key) -> Result<Option<File>, StoreError> {
        // NONBLOCK: opening a pipe that nobody writes to would wait for ever.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let errno = match rustix::fs::openat(&self.directory, key.as_str(), flags, Mode::empty()) {
            Ok(descriptor) => return Ok(Some(File::from(descriptor))),
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(errno) => errno,
        };
        let path = self.path.join(key.as_str());
        // The system's answers for a link or a socket differ from Unix to Unix, so the file is asked what it is.
        match path.symlink_metadata().ok().as_ref().and_then(kind_of) {
            Some(found @ (FileKind::Symlink | FileKind::Special)) => Err(StoreError::NotAFile { path, found }),
            _ => Err(failed(&path, "read", errno.into())),
        }
    }

    /// Whether the file is still the one that `before` describes (`None`: absent), without reading it.
    fn unchanged(&self, key: &Key, before: Option<&Metadata>) -> Result<bool, StoreError> {
        let Some(file) = self.open_document(key)? else { return Ok(before.is_none()) };
        let now = file.metadata().map_err(|source| failed(&self.path.join(key.as_str()), "read", source))?;
        Ok(before.is_some_and(|before| identity(before) == identity(&now)))
    }

    /// Removes what killed writers left behind. Temporary files live only under the lock, which is ours now, so all of
    /// them are stale, whatever their process number says.
    fn remove_stale(&self) {
        // Tidying is no reason to fail: a file that cannot be removed stays for the next write.
        for entry in Dir::read_from(&self.directory).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if name.to_str().is_ok_and(is_temporary) {
                let _ = rustix::fs::unlinkat(&self.directory, name, AtFlags::empty());
            }
        }
    }
}

/// A temporary file under the lock; removed when dropped before it got its name.
struct Temporary<'a> {
    opened: &'a Opened<'a>,
    name: String,
    renamed: bool,
}

impl<'a> Temporary<'a> {
    /// A file with `text` in it, on the disk, with mode and owner as `like` has them.
    fn write(opened: &'a Opened<'a>, text: &str, like: Option<&Metadata>) -> Result<Self, StoreError> {
        let name = format!("{TEMPORARY_PREFIX}{}{TEMPORARY_SUFFIX}", std::process::id());
        // A replacement is nobody else's to read until it has the old file's mode; a new file gets the usual one.
        let mode = if like.is_some() { 0o600 } else { 0o666 };
        // EXCL never follows a link that somebody has put there.
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let descriptor = rustix::fs::openat(&opened.directory, name.as_str(), flags, Mode::from_raw_mode(mode))
            .map_err(|errno| failed(opened.path, "create a file in", errno.into()))?;
        let temporary = Self { opened, name, renamed: false };
        let mut file = File::from(descriptor);
        fill(&mut file, text, like).map_err(|source| failed(&temporary.path(), "write", source))?;
        Ok(temporary)
    }

    fn rename_to(mut self, key: &Key) -> Result<(), StoreError> {
        let directory = &self.opened.directory;
        match rustix::fs::renameat(directory, self.name.as_str(), directory, key.as_str()) {
            Ok(()) => {
                self.renamed = true;
                Ok(())
            }
            Err(errno) => Err(failed(&self.opened.path.join(key.as_str()), "replace", errno.into())),
        }
    }

    fn path(&self) -> PathBuf {
        self.opened.path.join(&self.name)
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.renamed {
            // The next write tries again.
            let _ = rustix::fs::unlinkat(&self.opened.directory, self.name.as_str(), AtFlags::empty());
        }
    }
}

fn fill(file: &mut File, text: &str, like: Option<&Metadata>) -> io::Result<()> {
    file.write_all(text.as_bytes())?;
    if let Some(like) = like {
        let own = file.metadata()?;
        let (uid, gid) = (like.uid(), like.gid());
        if (own.uid(), own.gid()) != (uid, gid) && fchown(&*file, Some(uid), Some(gid)).is_err() {
            // Only root gives files away; the group may be one of ours. What cannot be kept is documented above.
            let _ = fchown(&*file, None, Some(gid));
        }
        // After the owner: changing that takes the set-id bits away.
        file.set_permissions(Permissions::from_mode(like.mode() & 0o7777))?;
    }
    file.sync_all()
}

/// The version of a text: its SHA-256. A weaker hash would let somebody craft a change that a comparison does not see.
fn version_of(bytes: &[u8]) -> Version {
    Version::new(format!("sha256:{}", hash::sha256(bytes)))
}

/// What changes whenever a file is written, replaced or gets another mode.
fn identity(metadata: &Metadata) -> [i128; 7] {
    [
        metadata.dev().into(),
        metadata.ino().into(),
        metadata.len().into(),
        metadata.mtime().into(),
        metadata.mtime_nsec().into(),
        metadata.ctime().into(),
        metadata.ctime_nsec().into(),
    ]
}

/// What it is, unless a regular file.
fn kind_of(metadata: &Metadata) -> Option<FileKind> {
    let kind = metadata.file_type();
    if kind.is_file() {
        None
    } else if kind.is_symlink() {
        Some(FileKind::Symlink)
    } else if kind.is_dir() {
        Some(FileKind::Directory)
    } else {
        Some(FileKind::Special)
    }
}

fn is_temporary(name: &str) -> bool {
    let number = name.strip_prefix(TEMPORARY_PREFIX).and_then(|rest| rest.strip_suffix(TEMPORARY_SUFFIX));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn failed(path: &Path, action: &'static str, source: io::Error) -> StoreError {
    let path = path.to_path_buf();
    match source.kind() {
        io::ErrorKind::PermissionDenied => StoreError::Denied { path, action, source },
        _ => StoreError::Io { path, action, source },
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The last look before the rename, by which most of what others do while a write is flushed is seen.
    #[test]
    fn last_look_sees_every_kind_of_edit() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("values.yaml");
        let (opened, key) = (Opened::new(folder.path()).unwrap(), Key::new("values.yaml").unwrap());
        assert!(opened.unchanged(&key, None).unwrap());
        fs::write(&path, "a: 1\n").unwrap();
        assert!(!opened.unchanged(&key, None).unwrap(), "created");
        let before = opened.read(&key).unwrap().unwrap().metadata;
        assert!(opened.unchanged(&key, Some(&before)).unwrap());
        fs::write(&path, "a: 1\nb: 2\n").unwrap();
        assert!(!opened.unchanged(&key, Some(&before)).unwrap(), "written in place");
        let before = opened.read(&key).unwrap().unwrap().metadata;
        fs::write(folder.path().join("new"), "a: 1\nb: 3\n").unwrap();
        fs::rename(folder.path().join("new"), &path).unwrap();
        assert!(!opened.unchanged(&key, Some(&before)).unwrap(), "replaced by a file of the same size");
        fs::remove_file(&path).unwrap();
        assert!(!opened.unchanged(&key, Some(&before)).unwrap(), "removed");
    }
}
