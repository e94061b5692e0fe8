//! The blob port: bytes named by their SHA-256 digest.

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncReadExt};
use towpath_core::ids::Digest;

/// A blob being read.
pub type BlobReader = Box<dyn AsyncRead + Send + Unpin>;

/// A blob as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredBlob {
    /// Its name.
    pub digest: Digest,
    /// Its length.
    pub bytes: u64,
    /// When it was last stored or kept.
    pub since: Timestamp,
}

/// Why a blob could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// There is no blob with this digest.
    #[error("there is no blob {0}")]
    Missing(Digest),
    /// What is stored is not what the digest says.
    #[error("blob {0} is damaged: its bytes do not have this digest")]
    Damaged(Digest),
    /// The storage failed.
    #[error("the blob storage failed")]
    Storage(#[source] std::io::Error),
}

/// Durable storage of bytes named by their digest.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Stores everything that `source` gives and returns its digest and length. Storing the same bytes twice is
    /// the same as once. Durable when it returns; a failure leaves nothing behind.
    async fn write(&self, source: &mut (dyn AsyncRead + Send + Unpin)) -> Result<(Digest, u64), BlobError>;

    /// Opens a blob. Its bytes are verified by the reader of the whole ([`Blobs::get`]) or by whoever copies it.
    async fn open(&self, digest: &Digest) -> Result<BlobReader, BlobError>;

    /// Says whether the blob is there.
    async fn contains(&self, digest: &Digest) -> Result<bool, BlobError>;

    /// Erases a blob; erasing what is not there is success.
    async fn erase(&self, digest: &Digest) -> Result<(), BlobError>;

    /// Lists every blob.
    async fn list(&self) -> Result<Vec<StoredBlob>, BlobError>;

    /// Counts a blob as stored now, so that it is not collected before somebody names it; says whether it is there.
    async fn keep(&self, digest: &Digest) -> Result<bool, BlobError>;

    /// Erases a blob unless it was stored or kept at `before` or later; says whether it is gone.
    async fn erase_older(&self, digest: &Digest, before: Timestamp) -> Result<bool, BlobError>;

    /// Stores a short blob.
    async fn put(&self, bytes: &[u8]) -> Result<Digest, BlobError> {
        let mut source = bytes;
        Ok(self.write(&mut source).await?.0)
    }

    /// Returns a whole blob, verified.
    async fn get(&self, digest: &Digest) -> Result<Vec<u8>, BlobError> {
        let mut bytes = Vec::new();
        self.open(digest).await?.read_to_end(&mut bytes).await.map_err(BlobError::Storage)?;
        if Digest::of(&bytes) == *digest { Ok(bytes) } else { Err(BlobError::Damaged(*digest)) }
    }
}
