//! A fake of the blob port: a map.

use std::{
    collections::BTreeMap,
    io::Cursor,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncReadExt};
use towpath_core::ids::Digest;
use towpath_engine::ports::{BlobError, BlobReader, Blobs, StoredBlob};

/// Blobs in memory.
#[derive(Debug, Default)]
pub struct MemoryBlobs {
    blobs: Mutex<BTreeMap<Digest, Vec<u8>>>,
    since: Mutex<BTreeMap<Digest, Timestamp>>,
    now: Mutex<Timestamp>,
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

    /// Says what time it is for what is stored from here on; at first it is the beginning of 1970.
    pub fn set_now(&self, now: Timestamp) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    fn touch(&self, digest: Digest) {
        let now = *self.now.lock().unwrap_or_else(PoisonError::into_inner);
        self.since.lock().unwrap_or_else(PoisonError::into_inner).insert(digest, now);
    }

    fn since(&self, digest: &Digest) -> Timestamp {
        self.since.lock().unwrap_or_else(PoisonError::into_inner).get(digest).copied().unwrap_or_default()
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
        self.touch(digest);
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

    async fn list(&self) -> Result<Vec<StoredBlob>, BlobError> {
        let blobs = self.lock();
        let stored = |(digest, bytes): (&Digest, &Vec<u8>)| StoredBlob {
            digest: *digest,
            bytes: bytes.len() as u64,
            since: self.since(digest),
        };
        Ok(blobs.iter().map(stored).collect())
    }

    async fn keep(&self, digest: &Digest) -> Result<bool, BlobError> {
        let there = self.lock().contains_key(digest);
        if there {
            self.touch(*digest);
        }
        Ok(there)
    }

    async fn erase_older(&self, digest: &Digest, before: Timestamp) -> Result<bool, BlobError> {
        let mut blobs = self.lock();
        if blobs.contains_key(digest) && self.since(digest) >= before {
            return Ok(false);
        }
        blobs.remove(digest);
        Ok(true)
    }
}
