//! Tests of `artifacts`.

use std::collections::BTreeMap;

use towpath_testkit::MemoryBlobs;

use super::*;

struct Bed {
    folder: tempfile::TempDir,
    blobs: Arc<MemoryBlobs>,
    artifacts: Artifacts,
}

fn bed() -> Bed {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Arc::new(MemoryBlobs::default());
    let artifacts = Artifacts::new(folder.path().to_owned(), blobs.clone());
    Bed { folder, blobs, artifacts }
}

/// Stores a tree of two files and returns its digest and that of the second file.
async fn store(bed: &Bed) -> (Digest, Digest) {
    let mut entries = BTreeMap::new();
    let mut last = Digest::of(b"");
    for (path, bytes) in [("a", b"one".as_slice()), ("b/c", b"three")] {
        last = bed.blobs.put(bytes).await.unwrap();
        let file = TreeEntry::File { digest: last, executable: false, size: bytes.len() as u64 };
        entries.insert(TreePath::new(path).unwrap(), file);
    }
    (bed.blobs.put(&Tree::new(entries).unwrap().canonical()).await.unwrap(), last)
}

fn left(bed: &Bed) -> usize {
    fs::read_dir(bed.folder.path()).unwrap().count()
}

#[tokio::test]
async fn it_is_written_once_and_never_half() {
    let bed = bed();
    let (digest, _) = store(&bed).await;
    let path = bed.artifacts.materialise(digest).await.unwrap();
    assert_eq!(fs::read(path.join("b/c")).unwrap(), b"three");
    // The second time nothing is read.
    bed.blobs.erase(&digest).await.unwrap();
    assert_eq!(bed.artifacts.materialise(digest).await.unwrap(), path);
    assert_eq!(left(&bed), 1);
    delete(&path).unwrap();
}

#[tokio::test]
async fn damaged_and_missing_files_are_named_and_leave_nothing() {
    let bed = bed();
    let (digest, file) = store(&bed).await;
    bed.blobs.damage(&file);
    let error = bed.artifacts.materialise(digest).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("the file `b/c` of the artifact {digest} is damaged: create the release again")
    );
    bed.blobs.erase(&file).await.unwrap();
    let error = bed.artifacts.materialise(digest).await.unwrap_err();
    assert!(matches!(error, ArtifactError::FileMissing { .. }), "{error}");
    bed.blobs.erase(&digest).await.unwrap();
    assert!(matches!(bed.artifacts.materialise(digest).await, Err(ArtifactError::Missing(_))));
    let other = bed.blobs.put(b"no tree").await.unwrap();
    assert!(matches!(bed.artifacts.materialise(other).await, Err(ArtifactError::Manifest(..))));
    assert_eq!(left(&bed), 0);
}

#[tokio::test]
async fn what_an_interrupted_writer_left_is_cleaned_up() {
    let bed = bed();
    let (digest, _) = store(&bed).await;
    let path = bed.artifacts.materialise(digest).await.unwrap();
    fs::create_dir_all(bed.folder.path().join("x.tmp/y")).unwrap();
    fs::set_permissions(bed.folder.path().join("x.tmp/y"), fs::Permissions::from_mode(0o555)).unwrap();
    clean(bed.folder.path()).unwrap();
    assert!(path.is_dir() && left(&bed) == 1);
    delete(&path).unwrap();
}

#[test]
fn a_full_disk_is_told_apart() {
    assert!(is_full(&io::Error::from_raw_os_error(28)));
    assert!(!is_full(&io::Error::from_raw_os_error(13)));
}
