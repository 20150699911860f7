//! Documents as files of one directory. [`Directory`] compares and renames under an advisory lock; start there.

use std::ffi::OsString;
use std::fs::{File, Metadata, Permissions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, Dir, Mode, OFlags};

use super::{
    FileKind, Found, Key, LinkProblem, MAX_LEN, Precondition, Store, StoreError, StoreFuture, Stored, Version,
};
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
/// # Links
/// A document that is a symbolic link is the file behind it: read there, and replaced there under the lock of that file's own
/// directory, so that the link stays a link. What lies outside of the Git work tree of the directory (outside of the
/// directory itself, where it is in none), does not exist, or leads back to itself is [`StoreError::Link`]; a link that comes
/// to mean another file during a write is a conflict.
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
            let read = move || Opened::new(&path, &key)?.get();
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
            let write = move || Opened::new(&path, &owned)?.put(&path, &text, precondition.into_expected());
            match tokio::task::spawn_blocking(write).await {
                Ok(result) => result,
                Err(source) => {
                    Err(StoreError::Ambiguous { key: key.clone(), retry_after: None, source: source.into() })
                }
            }
        })
    }
}

/// A document's file in its open directory. Its name is resolved in that, so a directory that is renamed or replaced
/// meanwhile is still the one that was locked.
struct Opened<'a> {
    directory: File,
    key: &'a Key,
    place: FilePlace,
}

/// Where the file of a document is: behind all links.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FilePlace {
    directory: PathBuf,
    name: OsString,
}

impl FilePlace {
    fn path(&self) -> PathBuf {
        self.directory.join(&self.name)
    }

    /// The file that `key` means in `directory`.
    fn of(directory: &Path, key: &Key) -> Result<Self, StoreError> {
        let path = directory.join(key.as_str());
        let named = Self { directory: directory.to_path_buf(), name: key.as_str().into() };
        if !path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink()) {
            return Ok(named);
        }
        let refused = |problem| StoreError::Link { path: path.clone(), problem };
        let real = path.canonicalize().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => refused(LinkProblem::Dangling),
            io::ErrorKind::PermissionDenied => failed(&path, "read", error),
            _ if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => refused(LinkProblem::Loop),
            _ => failed(&path, "read", error),
        })?;
        let tree = tree_of(directory).map_err(|error| failed(directory, "read", error))?;
        match (real.strip_prefix(&tree), real.parent(), real.file_name()) {
            (Ok(inside), Some(directory), Some(name)) if !inside.starts_with(".git") => {
                Ok(Self { directory: directory.to_path_buf(), name: name.to_owned() })
            }
            _ => Err(refused(LinkProblem::Outside { target: real, tree })),
        }
    }
}

/// The Git work tree that a directory is in, else the directory itself, without links.
fn tree_of(directory: &Path) -> io::Result<PathBuf> {
    let real = directory.canonicalize()?;
    // A work tree of its own has a file of that name.
    let tree = real.ancestors().find(|outer| outer.join(".git").symlink_metadata().is_ok()).map(Path::to_path_buf);
    Ok(tree.unwrap_or(real))
}

/// A document's file as it was read.
struct Current {
    bytes: Vec<u8>,
    version: Version,
    metadata: Metadata,
}

impl<'a> Opened<'a> {
    /// The directory `path` is looked at first, so that one that is missing is told of as that.
    fn new(path: &Path, key: &'a Key) -> Result<Self, StoreError> {
        let named = open_directory(path)?;
        let place = FilePlace::of(path, key)?;
        let directory = if place.directory == path { named } else { open_directory(&place.directory)? };
        Ok(Self { directory, key, place })
    }

    fn get(&self) -> Result<Stored, StoreError> {
        let key = || self.key.clone();
        let Some(Current { bytes, version, metadata: _ }) = self.read()? else {
            return Err(StoreError::NotFound { key: key() });
        };
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Stored { text, version }),
            Err(error) => Err(StoreError::NotUtf8 { key: key(), offset: error.utf8_error().valid_up_to() }),
        }
    }

    /// `path` is the directory that the key was looked up in.
    fn put(&self, path: &Path, text: &str, expected: Option<Version>) -> Result<Version, StoreError> {
        let key = self.key;
        self.lock()?;
        self.remove_stale();
        let current = self.read()?;
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
        if !self.unchanged(metadata.as_ref())? {
            let found = self.read()?.map(|current| current.version);
            return Err(StoreError::Conflict { key: key.clone(), expected, found: found.into() });
        }
        if FilePlace::of(path, key).ok().as_ref() != Some(&self.place) {
            return Err(StoreError::Conflict { key: key.clone(), expected, found: Found::Unknown });
        }
        temporary.rename()?;
        match self.directory.sync_all() {
            Ok(()) => Ok(version_of(text.as_bytes())),
            // The new text can be read, but whether it outlives a power cut is open.
            Err(source) => Err(StoreError::Ambiguous { key: key.clone(), retry_after: None, source: source.into() }),
        }
    }

    /// Takes the lock, which ends when the directory is closed or the process dies.
    fn lock(&self) -> Result<(), StoreError> {
        let started = Instant::now();
        let mut pause = Duration::from_millis(1);
        loop {
            match self.directory.try_lock() {
                Ok(()) => return Ok(()),
                Err(TryLockError::Error(source)) => return Err(failed(&self.place.directory, "lock", source)),
                // Not `lock`, which waits for ever: a stopped process, or a script under `flock DIR`, may hold it.
                Err(TryLockError::WouldBlock) if started.elapsed() < LOCK_WAIT => std::thread::sleep(pause),
                Err(TryLockError::WouldBlock) => {
                    let directory = self.place.directory.display();
                    let reason = format!("another process or a script holds the lock of `{directory}`");
                    return Err(StoreError::Busy { key: self.key.clone(), reason, retry_after: None });
                }
            }
            pause = (pause * 2).min(Duration::from_millis(8));
        }
    }

    /// The file's bytes, or `None` where there is no file. Refuses everything that is not a regular file.
    fn read(&self) -> Result<Option<Current>, StoreError> {
        let (path, key) = (self.place.path(), self.key);
        let Some(file) = self.open_document()? else { return Ok(None) };
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

    fn open_document(&self) -> Result<Option<File>, StoreError> {
        // NONBLOCK: opening a pipe that nobody writes to would wait for ever.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let errno = match rustix::fs::openat(&self.directory, &self.place.name, flags, Mode::empty()) {
            Ok(descriptor) => return Ok(Some(File::from(descriptor))),
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(errno) => errno,
        };
        let path = self.place.path();
        // The system's answers for a link or a socket differ from Unix to Unix, so the file is asked what it is.
        match path.symlink_metadata().ok().as_ref().and_then(kind_of) {
            Some(found @ (FileKind::Symlink | FileKind::Special)) => Err(StoreError::NotAFile { path, found }),
            _ => Err(failed(&path, "read", errno.into())),
        }
    }

    /// Whether the file is still the one that `before` describes (`None`: absent), without reading it.
    fn unchanged(&self, before: Option<&Metadata>) -> Result<bool, StoreError> {
        let Some(file) = self.open_document()? else { return Ok(before.is_none()) };
        let now = file.metadata().map_err(|source| failed(&self.place.path(), "read", source))?;
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

fn open_directory(path: &Path) -> Result<File, StoreError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(descriptor) => Ok(File::from(descriptor)),
        Err(errno) => Err(StoreError::NoDirectory { path: path.to_path_buf(), source: errno.into() }),
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
            .map_err(|errno| failed(&opened.place.directory, "create a file in", errno.into()))?;
        let temporary = Self { opened, name, renamed: false };
        let mut file = File::from(descriptor);
        fill(&mut file, text, like).map_err(|source| failed(&temporary.path(), "write", source))?;
        Ok(temporary)
    }

    /// Gives the file the document's name.
    fn rename(mut self) -> Result<(), StoreError> {
        let Opened { directory, place, .. } = self.opened;
        match rustix::fs::renameat(directory, self.name.as_str(), directory, &place.name) {
            Ok(()) => {
                self.renamed = true;
                Ok(())
            }
            Err(errno) => Err(failed(&place.path(), "replace", errno.into())),
        }
    }

    fn path(&self) -> PathBuf {
        self.opened.place.directory.join(&self.name)
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

/// Gives the file at `path`, or the one behind a link, another text, where its text is still `expected`; with the promises of
/// [`Directory`].
#[cfg(feature = "cli")]
pub(crate) fn replace_file(path: &Path, expected: &str, text: &str) -> Result<(), StoreError> {
    let file = path.canonicalize().map_err(|source| failed(path, "find", source))?;
    let (Some(directory), Some(name)) = (file.parent(), file.file_name().and_then(|name| name.to_str())) else {
        return Err(StoreError::NotAFile { path: file, found: FileKind::Directory });
    };
    // Any name will do: it was found in the directory, and is used there alone.
    let key = Key(name.to_owned());
    StoreError::check_len(&key, text.len() as u64, MAX_LEN)?;
    Opened::new(directory, &key)?.put(directory, text, Some(version_of(expected.as_bytes()))).map(drop)
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
        let key = Key::new("values.yaml").unwrap();
        let opened = Opened::new(folder.path(), &key).unwrap();
        assert!(opened.unchanged(None).unwrap());
        fs::write(&path, "a: 1\n").unwrap();
        assert!(!opened.unchanged(None).unwrap(), "created");
        let before = opened.read().unwrap().unwrap().metadata;
        assert!(opened.unchanged(Some(&before)).unwrap());
        fs::write(&path, "a: 1\nb: 2\n").unwrap();
        assert!(!opened.unchanged(Some(&before)).unwrap(), "written in place");
        let before = opened.read().unwrap().unwrap().metadata;
        fs::write(folder.path().join("new"), "a: 1\nb: 3\n").unwrap();
        fs::rename(folder.path().join("new"), &path).unwrap();
        assert!(!opened.unchanged(Some(&before)).unwrap(), "replaced by a file of the same size");
        fs::remove_file(&path).unwrap();
        assert!(!opened.unchanged(Some(&before)).unwrap(), "removed");
    }
}
