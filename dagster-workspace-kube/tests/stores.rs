//! The stores against their contract, and what only a directory of files can do.

#![cfg(unix)]

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dagster_workspace_kube::store::contract::{self, Recreated};
use dagster_workspace_kube::store::{
    Directory, FileKind, Found, Key, LinkProblem, MAX_LEN, Memory, Precondition, Store, StoreError, Stored, Version,
};
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memory_keeps_every_promise() {
    let store: Arc<dyn Store> = Arc::new(Memory::new());
    contract::every_promise(&store).await;
    let store = Memory::new();
    contract::recreated_document_has(Recreated::OtherVersion, &store, async |key: &Key| {
        assert!(store.remove(key).is_some());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn directory_keeps_every_promise() {
    let folder = TempDir::new().unwrap();
    let store: Arc<dyn Store> = Arc::new(Directory::new(folder.path()));
    contract::every_promise(&store).await;
    contract::recreated_document_has(Recreated::SameVersion, &*store, async |key: &Key| {
        fs::remove_file(folder.path().join(key.as_str())).unwrap();
    })
    .await;
    let left: Vec<_> = names(folder.path()).into_iter().filter(|name| !name.starts_with("contract-")).collect();
    assert!(left.is_empty(), "left behind: {left:?}");
}

#[tokio::test]
async fn write_leaves_the_document_and_nothing_else() {
    let (folder, store) = folder_with(b"a: 1\n");
    replace(&store, "a: 2\n").await.unwrap();
    assert_eq!(names(folder.path()), ["values.yaml"]);
    assert_eq!(fs::read(folder.path().join("values.yaml")).unwrap(), b"a: 2\n");
}

#[tokio::test]
async fn mode_is_kept_and_a_new_file_has_the_usual_one() {
    let (folder, store) = folder_with(b"a: 1\n");
    let path = folder.path().join("values.yaml");
    for mode in [0o600, 0o640, 0o664, 0o755, 0o444] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        replace(&store, &format!("mode: {mode:o}\n")).await.unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, mode);
    }
    let usual = folder.path().join("usual");
    File::create(&usual).unwrap();
    store.put(&Key::new("new.yaml").unwrap(), "", Precondition::Absent).await.unwrap();
    let new = fs::metadata(folder.path().join("new.yaml")).unwrap();
    assert_eq!(new.mode(), fs::metadata(&usual).unwrap().mode());
}

#[tokio::test]
async fn owner_is_kept_where_the_system_permits() {
    let (folder, store) = folder_with(b"a: 1\n");
    let path = folder.path().join("values.yaml");
    // Only root can make such a file; everybody else checks that a file of their own stays theirs.
    let given = std::os::unix::fs::chown(&path, Some(12345), Some(12346)).is_ok();
    let before = fs::metadata(&path).unwrap();
    assert!(!given || before.uid() == 12345);
    replace(&store, "a: 2\n").await.unwrap();
    let after = fs::metadata(&path).unwrap();
    assert_eq!((after.uid(), after.gid()), (before.uid(), before.gid()));
    assert_ne!(after.ino(), before.ino(), "a write is a new file");
}

#[tokio::test]
async fn equal_text_is_not_written_again() {
    let (folder, store) = folder_with(b"a: 1\n");
    let path = folder.path().join("values.yaml");
    let before = fs::metadata(&path).unwrap();
    let version = replace(&store, "a: 1\n").await.unwrap();
    assert_eq!(version, store.get(&key()).await.unwrap().version);
    let after = fs::metadata(&path).unwrap();
    assert_eq!((after.ino(), after.mtime_nsec()), (before.ino(), before.mtime_nsec()));
}

#[tokio::test]
async fn version_is_the_hash_of_the_bytes() {
    let (_folder, store) = folder_with(b"abc");
    // FIPS 180-4, appendix B.1.
    let sha256 = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(store.get(&key()).await.unwrap().version, Version::new(sha256));
}

#[tokio::test]
async fn edit_by_somebody_without_a_lock_is_a_conflict() {
    let (folder, store) = folder_with(b"a: 1\n");
    let read = store.get(&key()).await.unwrap();
    fs::write(folder.path().join("values.yaml"), "a: 3\n").unwrap();
    let answer = store.put(&key(), "a: 2\n", Precondition::Matches(read.version)).await;
    assert!(matches!(answer, Err(StoreError::Conflict { .. })), "{answer:?}");
    assert_eq!(store.get(&key()).await.unwrap().text, "a: 3\n");
}

#[tokio::test]
async fn temporary_files_of_killed_writers_are_removed_and_no_others() {
    let (folder, store) = folder_with(b"a: 1\n");
    let stale = [".dagster-workspace-1.tmp", ".dagster-workspace-4194304.tmp"];
    let mine = format!(".dagster-workspace-{}.tmp", std::process::id());
    let others = [
        ".dagster-workspace-.tmp",
        ".dagster-workspace-x.tmp",
        "dagster-workspace-1.tmp",
        ".dagster-workspace-1.tmp.yaml",
    ];
    for name in stale.iter().chain(&others).copied().chain([mine.as_str()]) {
        fs::write(folder.path().join(name), "half a docu").unwrap();
    }
    replace(&store, "a: 2\n").await.unwrap();
    let mut expected: Vec<String> = others.iter().map(ToString::to_string).chain(["values.yaml".into()]).collect();
    expected.sort();
    assert_eq!(names(folder.path()), expected);
}

#[tokio::test]
async fn file_behind_a_link_is_edited_and_the_link_stays() {
    let (folder, store) = folder_with(b"a: 1\n");
    let (link, path) = (Key::new("link.yaml").unwrap(), folder.path().join("link.yaml"));
    let real = folder.path().join("values.yaml");
    fs::set_permissions(&real, Permissions::from_mode(0o640)).unwrap();
    symlink("values.yaml", folder.path().join("between.yaml")).unwrap();
    symlink("between.yaml", &path).unwrap();
    let read = store.get(&link).await.unwrap();
    assert_eq!(read, store.get(&key()).await.unwrap());
    store.put(&link, "a: 2\n", Precondition::Matches(read.version.clone())).await.unwrap();
    assert_eq!(fs::read_link(&path).unwrap(), Path::new("between.yaml"));
    assert_eq!(fs::read(&real).unwrap(), b"a: 2\n");
    assert_eq!(fs::metadata(&real).unwrap().mode() & 0o7777, 0o640);
    // By whichever name, a writer that has read the older text is too late.
    let late = store.put(&key(), "a: 3\n", Precondition::Matches(read.version)).await;
    assert!(matches!(late, Err(StoreError::Conflict { .. })), "{late:?}");
    assert_eq!(names(folder.path()), ["between.yaml", "link.yaml", "values.yaml"]);
}

#[tokio::test]
async fn link_inside_of_a_git_work_tree_is_followed_and_its_file_is_locked() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("base")).unwrap();
    fs::create_dir_all(at("prod")).unwrap();
    fs::write(at("base/user-code.yaml"), "a: 1\n").unwrap();
    symlink("../base/user-code.yaml", at("prod/values.yaml")).unwrap();
    symlink("prod", at("here")).unwrap();
    let store = Directory::new(at("here"));
    let outside = store.get(&key()).await;
    assert!(matches!(outside, Err(StoreError::Link { problem: LinkProblem::Outside { .. }, .. })), "{outside:?}");
    // A work tree of its own has a file of that name, a repository a directory.
    fs::write(at(".git"), "gitdir: elsewhere\n").unwrap();
    let read = store.get(&key()).await.unwrap();
    let locked = File::open(at("base")).unwrap();
    locked.lock().unwrap();
    let busy = store.put(&key(), "a: 2\n", Precondition::Matches(read.version.clone())).await;
    assert!(matches!(busy, Err(StoreError::Busy { .. })), "{busy:?}");
    drop(locked);
    store.put(&key(), "a: 2\n", Precondition::Matches(read.version)).await.unwrap();
    assert_eq!(fs::read(at("base/user-code.yaml")).unwrap(), b"a: 2\n");
    assert_eq!((names(&at("base")), names(&at("prod"))), (vec!["user-code.yaml".into()], vec!["values.yaml".into()]));
    assert!(at("prod/values.yaml").symlink_metadata().unwrap().is_symlink());
}

#[tokio::test]
async fn err_link_that_leads_nowhere_outside_or_to_itself() {
    let (folder, store) = folder_with(b"a: 1\n");
    let (link, path) = (Key::new("link.yaml").unwrap(), folder.path().join("link.yaml"));
    let cases = [("nowhere.yaml", "does not exist"), ("/etc/hostname", "outside of"), ("link.yaml", "back to itself")];
    for (target, expected) in cases {
        symlink(target, &path).unwrap();
        let read = store.get(&link).await.map(|_| ());
        let written = store.put(&link, "a: 2\n", Precondition::Absent).await.map(|_| ());
        for answer in [read, written] {
            let Err(error @ StoreError::Link { .. }) = answer else { panic!("{target}: {answer:?}") };
            assert!(error.to_string().contains(expected) && error.hint().is_some(), "{error}");
        }
        assert_eq!(fs::read_link(&path).unwrap(), Path::new(target));
        fs::remove_file(&path).unwrap();
    }
    // What is behind a link is judged as what it is.
    fs::create_dir(folder.path().join("folder")).unwrap();
    symlink("folder", &path).unwrap();
    assert_not_a_file(
        store.get(&link).await,
        &folder.path().canonicalize().unwrap().join("folder"),
        FileKind::Directory,
    );
}

#[tokio::test]
async fn err_directory_pipe_and_socket_are_no_documents() {
    let folder = TempDir::new().unwrap();
    let store = Directory::new(folder.path());
    fs::create_dir(folder.path().join("folder")).unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
    for (name, kind) in [("folder", FileKind::Directory), ("pipe", FileKind::Special), ("socket", FileKind::Special)] {
        let (key, path) = (Key::new(name).unwrap(), folder.path().join(name));
        assert_not_a_file(store.get(&key).await, &path, kind);
        assert_not_a_file(store.put(&key, "", Precondition::Absent).await, &path, kind);
    }
    assert_eq!(names(folder.path()), ["folder", "pipe", "socket"]);
}

#[tokio::test]
async fn err_not_utf8_says_at_which_byte() {
    for (bytes, at) in
        [(&b"\xff\xfea\0"[..], 0), (b"a: gr\xf6\xdfe\n", 5), ("a: ✓".as_bytes().split_last().unwrap().1, 3)]
    {
        let (_folder, store) = folder_with(bytes);
        match store.get(&key()).await {
            Err(StoreError::NotUtf8 { key: named, offset }) => assert_eq!((named, offset), (key(), at)),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn err_file_over_the_limit_is_not_read() {
    let (folder, store) = folder_with(b"a: 1\n");
    File::options().write(true).open(folder.path().join("values.yaml")).unwrap().set_len(MAX_LEN as u64 + 1).unwrap();
    match store.get(&key()).await {
        Err(StoreError::TooLarge { len, limit, .. }) => assert_eq!((len, limit), (67_108_865, 67_108_864)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn err_vanished_file_is_not_found_and_vanished_directory_says_so() {
    let (folder, store) = folder_with(b"a: 1\n");
    let version = store.get(&key()).await.unwrap().version;
    fs::remove_file(folder.path().join("values.yaml")).unwrap();
    assert!(matches!(store.get(&key()).await, Err(StoreError::NotFound { .. })));
    let answer = store.put(&key(), "", Precondition::Matches(version)).await;
    assert!(matches!(answer, Err(StoreError::Conflict { found: Found::Nothing, .. })), "{answer:?}");
    folder.close().unwrap();
    assert!(matches!(store.get(&key()).await, Err(StoreError::NoDirectory { .. })));
    assert!(matches!(store.put(&key(), "", Precondition::Absent).await, Err(StoreError::NoDirectory { .. })));
}

#[tokio::test]
async fn err_file_in_place_of_the_directory_is_no_directory() {
    let (folder, _) = folder_with(b"a: 1\n");
    let store = Directory::new(folder.path().join("values.yaml"));
    assert!(matches!(store.get(&key()).await, Err(StoreError::NoDirectory { .. })));
}

#[tokio::test]
async fn err_lock_held_by_another_is_busy_and_reading_goes_on() {
    let (folder, store) = folder_with(b"a: 1\n");
    let holder = File::open(folder.path()).unwrap();
    holder.lock().unwrap();
    let started = Instant::now();
    let answer = replace(&store, "a: 2\n").await;
    assert!(matches!(answer, Err(StoreError::Busy { .. })), "{answer:?}");
    assert!(started.elapsed() >= Duration::from_secs(2), "waited {:?}", started.elapsed());
    assert_eq!(store.get(&key()).await.unwrap().text, "a: 1\n");
    drop(holder);
    replace(&store, "a: 2\n").await.unwrap();
}

#[tokio::test]
async fn document_in_a_git_tree_is_the_only_change() {
    let git = |folder: &Path, arguments: &[&str]| {
        let output = std::process::Command::new("git").arg("-C").arg(folder).args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let (folder, store) = folder_with(b"a: 1\n");
    git(folder.path(), &["init", "-q"]);
    git(folder.path(), &["add", "values.yaml"]);
    fs::write(folder.path().join(".dagster-workspace-1.tmp"), "half a docu").unwrap();
    replace(&store, "a: 2\n").await.unwrap();
    assert_eq!(git(folder.path(), &["status", "--porcelain"]), "AM values.yaml\n");
}

fn key() -> Key {
    Key::new("values.yaml").unwrap()
}

/// A directory with `values.yaml` in it.
fn folder_with(bytes: &[u8]) -> (TempDir, Directory) {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("values.yaml"), bytes).unwrap();
    let store = Directory::new(folder.path());
    (folder, store)
}

async fn replace(store: &Directory, text: &str) -> Result<Version, StoreError> {
    let Stored { version, .. } = store.get(&key()).await?;
    store.put(&key(), text, Precondition::Matches(version)).await
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[track_caller]
fn assert_not_a_file<T: std::fmt::Debug>(answer: Result<T, StoreError>, expected: &Path, kind: FileKind) {
    match answer {
        Err(StoreError::NotAFile { path, found }) => assert_eq!((path.as_path(), found), (expected, kind)),
        other => panic!("{}: {other:?}", expected.display()),
    }
}
