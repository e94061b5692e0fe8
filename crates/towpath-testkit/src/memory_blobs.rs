//! A fake of the blob port: a map.

use std::{
    collections::BTreeMap,
    io::Cursor,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncReadExt};
use towpath_core::ids::Digest;
use towpath_engine::ports::{BlobError, BlobReader, Blobs};

/// Blobs in memory.
#[derive(Debug, Default)]
pub struct MemoryBlobs {
    blobs: Mutex<BTreeMap<Digest, Vec<u8>>>,
}

impl MemoryBlobs {
    /// Changes the first byte of a stored blob; the length of an empty one.
    pub fn damage(&self, digest: &Digest) {
        if let Some(bytes) = self.lock().get_mut(digest) {
            match bytes.first_mut() {
                Some(byte) => *byte ^= 1,
                None => bytes.push(0),
            }
        }
    }

    /// Returns how many blobs there are.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Digest, Vec<u8>>> {
        self.blobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Blobs for MemoryBlobs {
    async fn write(&self, source: &mut (dyn AsyncRead + Send + Unpin)) -> Result<(Digest, u64), BlobError> {
        let mut bytes = Vec::new();
        source.read_to_end(&mut bytes).await.map_err(BlobError::Storage)?;
        let (digest, length) = (Digest::of(&bytes), bytes.len() as u64);
        self.lock().insert(digest, bytes);
        Ok((digest, length))
    }

    async fn open(&self, digest: &Digest) -> Result<BlobReader, BlobError> {
        let bytes = self.lock().get(digest).cloned().ok_or(BlobError::Missing(*digest))?;
        Ok(Box::new(Cursor::new(bytes)))
    }

    async fn contains(&self, digest: &Digest) -> Result<bool, BlobError> {
        Ok(self.lock().contains_key(digest))
    }

    async fn erase(&self, digest: &Digest) -> Result<(), BlobError> {
        self.lock().remove(digest);
        Ok(())
    }
}
