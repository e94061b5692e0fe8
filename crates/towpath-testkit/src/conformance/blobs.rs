//! What every blob storage must do.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use jiff::{SignedDuration, Timestamp};
use tokio::io::{AsyncRead, AsyncReadExt as _, ReadBuf};
use towpath_core::ids::Digest;
use towpath_engine::ports::{BlobError, Blobs};

/// Makes one test of each case for the blob storages that an async function returns.
#[macro_export]
macro_rules! blobs_conformance {
    ($fresh:path) => {
        $crate::conformance_cases!(
            blobs,
            $fresh,
            a_blob_reads_back_under_its_digest,
            the_same_bytes_are_the_same_blob,
            what_is_not_there_is_missing,
            an_erased_blob_is_gone,
            a_source_that_fails_leaves_nothing,
            many_writers_do_not_disturb_each_other,
            every_blob_is_listed_with_its_length,
            what_was_kept_since_is_not_erased_for_its_age,
        );
    };
}

fn bytes(length: usize, seed: u8) -> Vec<u8> {
    (0..=250_u8).cycle().map(|byte| byte ^ seed).take(length).collect()
}

/// What is written is read back, whatever its length.
pub async fn a_blob_reads_back_under_its_digest(blobs: Arc<dyn Blobs>) {
    for length in [0, 1, 65_536, 262_143, 262_144, 262_145, 1_500_000] {
        let content = bytes(length, 1);
        let (digest, written) = blobs.write(&mut content.as_slice()).await.unwrap();
        assert_eq!((digest, written), (Digest::of(&content), length as u64));
        assert!(blobs.contains(&digest).await.unwrap());
        assert!(blobs.get(&digest).await.unwrap() == content, "{length} bytes differ");
        let mut read = Vec::new();
        blobs.open(&digest).await.unwrap().read_to_end(&mut read).await.unwrap();
        assert!(read == content, "{length} bytes differ");
    }
}

/// Writing twice is writing once.
pub async fn the_same_bytes_are_the_same_blob(blobs: Arc<dyn Blobs>) {
    let first = blobs.put(b"the same").await.unwrap();
    assert_eq!(blobs.put(b"the same").await.unwrap(), first);
    blobs.erase(&first).await.unwrap();
    assert!(!blobs.contains(&first).await.unwrap());
}

/// A missing blob is an error of its own.
pub async fn what_is_not_there_is_missing(blobs: Arc<dyn Blobs>) {
    let digest = Digest::of(b"nobody wrote this");
    assert!(!blobs.contains(&digest).await.unwrap());
    assert!(matches!(blobs.get(&digest).await, Err(BlobError::Missing(missing)) if missing == digest));
    assert!(matches!(blobs.open(&digest).await, Err(BlobError::Missing(_))));
}

/// Erasing works, and works again.
pub async fn an_erased_blob_is_gone(blobs: Arc<dyn Blobs>) {
    let (gone, kept) = (blobs.put(b"gone").await.unwrap(), blobs.put(b"kept").await.unwrap());
    blobs.erase(&gone).await.unwrap();
    blobs.erase(&gone).await.unwrap();
    assert!(matches!(blobs.get(&gone).await, Err(BlobError::Missing(_))));
    assert_eq!(blobs.get(&kept).await.unwrap(), b"kept");
}

/// Gives some bytes and then fails.
struct Failing {
    left: usize,
}

impl AsyncRead for Failing {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.left == 0 {
            return Poll::Ready(Err(io::Error::other("the source broke off")));
        }
        let length = self.left.min(buffer.remaining());
        buffer.put_slice(&bytes(length, 0));
        self.left -= length;
        Poll::Ready(Ok(()))
    }
}

/// A source that breaks off is an error and no blob.
pub async fn a_source_that_fails_leaves_nothing(blobs: Arc<dyn Blobs>) {
    for left in [0, 100, 600_000] {
        let error = blobs.write(&mut Failing { left }).await.unwrap_err();
        assert!(matches!(&error, BlobError::Storage(cause) if cause.to_string().contains("broke off")), "{error:?}");
    }
    assert!(!blobs.contains(&Digest::of(&[])).await.unwrap());
    assert!(!blobs.contains(&Digest::of(&bytes(100, 0))).await.unwrap());
}

/// Writing at the same time works, also of the same bytes.
pub async fn many_writers_do_not_disturb_each_other(blobs: Arc<dyn Blobs>) {
    let tasks: Vec<_> = (0..32_u8)
        .map(|number| {
            let blobs = blobs.clone();
            tokio::spawn(async move {
                let content = bytes(10_000, number / 2);
                let digest = blobs.put(&content).await.unwrap();
                assert!(blobs.get(&digest).await.unwrap() == content);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// Every blob is listed once, with its length.
pub async fn every_blob_is_listed_with_its_length(blobs: Arc<dyn Blobs>) {
    let mut expected = Vec::new();
    for length in [0, 1, 70_000] {
        let content = bytes(length, 9);
        expected.push((blobs.put(&content).await.unwrap(), length as u64));
        blobs.put(&content).await.unwrap();
    }
    expected.sort_unstable();
    let listed: Vec<_> = blobs.list().await.unwrap().iter().map(|blob| (blob.digest, blob.bytes)).collect();
    assert_eq!(listed, expected);
}

/// Keeping a blob saves it from being erased for its age, and so does storing it again.
pub async fn what_was_kept_since_is_not_erased_for_its_age(blobs: Arc<dyn Blobs>) {
    let digest = blobs.put(b"some").await.unwrap();
    let since = |all: Vec<towpath_engine::ports::StoredBlob>| all.first().map(|blob| blob.since);
    let stored = since(blobs.list().await.unwrap()).unwrap();
    assert!(!blobs.erase_older(&digest, stored).await.unwrap(), "it is as old as the limit");
    assert!(blobs.keep(&digest).await.unwrap());
    let kept = since(blobs.list().await.unwrap()).unwrap();
    assert!(kept >= stored && !blobs.erase_older(&digest, kept).await.unwrap());
    assert!(blobs.contains(&digest).await.unwrap());
    let later: Timestamp = kept + SignedDuration::from_secs(1);
    assert!(blobs.erase_older(&digest, later).await.unwrap() && !blobs.contains(&digest).await.unwrap());
    assert!(blobs.erase_older(&digest, later).await.unwrap(), "what is gone is gone");
    assert!(!blobs.keep(&digest).await.unwrap());
}
