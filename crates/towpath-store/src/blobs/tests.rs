//! Tests of `blobs`.

use tempfile::TempDir;

use super::*;

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[tokio::test]
async fn a_blob_lies_where_its_digest_says() {
    let folder = TempDir::new().unwrap();
    let blobs = FileBlobs::open(folder.path()).unwrap();
    let digest = blobs.put(b"content").await.unwrap();
    let path = folder.path().join("blobs").join(&digest.hex()[..2]).join(digest.hex());
    assert_eq!(fs::read(path).unwrap(), b"content");
    assert!(files(&folder.path().join("blobs/tmp")).is_empty());
}

#[tokio::test]
async fn a_changed_file_is_found_when_it_is_read_and_healed_when_it_is_written() {
    let folder = TempDir::new().unwrap();
    let blobs = FileBlobs::open(folder.path()).unwrap();
    let digest = blobs.put(b"content").await.unwrap();
    fs::write(blobs.path(&digest), b"c0ntent").unwrap();
    assert!(matches!(blobs.get(&digest).await, Err(BlobError::Damaged(damaged)) if damaged == digest));
    blobs.put(b"content").await.unwrap();
    assert_eq!(blobs.get(&digest).await.unwrap(), b"content");
}

#[tokio::test]
async fn opening_removes_what_a_dead_writer_left_and_nothing_that_is_being_written() {
    let folder = TempDir::new().unwrap();
    let first = FileBlobs::open(folder.path()).unwrap();
    let writing = first.temporary().await.unwrap();
    let orphan = folder.path().join("blobs/tmp/1-1");
    fs::write(&orphan, b"half").unwrap();

    FileBlobs::open(folder.path()).unwrap();
    assert!(!orphan.exists());
    assert!(writing.path.exists());
    let path = writing.path.clone();
    drop(writing);
    assert!(!path.exists());
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_named() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("blobs"), "in the way").unwrap();
    let error = FileBlobs::open(folder.path()).unwrap_err();
    let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    assert!(cause.contains("cannot create the folder") && cause.contains("blobs/tmp"), "{cause}");
}
