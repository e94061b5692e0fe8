//! Releases resolved from their bundles.

use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use towpath_core::{
    config::{OverlayEntry, OverlayOrigin, SourceSet},
    ids::{PrincipalName, ReleaseNumber, ServiceName},
    release::ReleaseContent,
};

use super::*;
use crate::ports::{BlobError, BlobReader, StoredBlob};

/// Blobs in memory that count how often they are read.
#[derive(Default)]
pub(super) struct Counted {
    blobs: Mutex<BTreeMap<Digest, Vec<u8>>>,
    reads: AtomicUsize,
}

#[async_trait]
impl Blobs for Counted {
    async fn write(&self, source: &mut (dyn AsyncRead + Send + Unpin)) -> Result<(Digest, u64), BlobError> {
        let mut bytes = Vec::new();
        source.read_to_end(&mut bytes).await.map_err(BlobError::Storage)?;
        let (digest, length) = (Digest::of(&bytes), bytes.len() as u64);
        self.blobs.lock().unwrap().insert(digest, bytes);
        Ok((digest, length))
    }

    async fn open(&self, digest: &Digest) -> Result<BlobReader, BlobError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let bytes = self.blobs.lock().unwrap().get(digest).cloned().ok_or(BlobError::Missing(*digest))?;
        Ok(Box::new(std::io::Cursor::new(bytes)))
    }

    async fn contains(&self, digest: &Digest) -> Result<bool, BlobError> {
        Ok(self.blobs.lock().unwrap().contains_key(digest))
    }

    async fn erase(&self, digest: &Digest) -> Result<(), BlobError> {
        self.blobs.lock().unwrap().remove(digest);
        Ok(())
    }

    async fn list(&self) -> Result<Vec<StoredBlob>, BlobError> {
        Ok(Vec::new())
    }

    async fn keep(&self, digest: &Digest) -> Result<bool, BlobError> {
        self.contains(digest).await
    }

    async fn erase_older(&self, digest: &Digest, _: Timestamp) -> Result<bool, BlobError> {
        self.erase(digest).await.map(|()| true)
    }
}

const PROJECT: &str = "\
project: board
services: {web: {command: [./serve], artifact: web, env: {GREETING: hello}}}
pipeline: [staging]
";

async fn released(blobs: &Counted, project: &str, artifacts: &[&str]) -> Release {
    let sources: SourceSet = [("towpath.yaml", project), ("environments/staging.yaml", "")].into_iter().collect();
    released_with(blobs, &sources, artifacts).await
}

pub(super) async fn released_with(blobs: &Counted, sources: &SourceSet, artifacts: &[&str]) -> Release {
    let bundle = blobs.put(&Bundle::of(sources).to_bytes()).await.unwrap();
    let artifact = |name: &&str| {
        let tree = Digest::of(name.as_bytes());
        let size = towpath_core::units::Bytes(1);
        (ArtifactName::new(name).unwrap(), towpath_core::release::ArtifactRef { tree, files: 1, size })
    };
    let content = ReleaseContent {
        version: "1".to_owned(),
        artifacts: artifacts.iter().map(artifact).collect(),
        bundle,
        commit: None,
    };
    Release {
        number: ReleaseNumber(1),
        digest: content.digest(),
        content,
        notes: None,
        created_by: PrincipalName::new("ana").unwrap(),
        created_at: Timestamp::UNIX_EPOCH,
    }
}

fn staging() -> EnvironmentName {
    EnvironmentName::new("staging").unwrap()
}

#[tokio::test]
async fn a_release_resolves_to_its_artifacts_and_an_environment_that_is_stored() {
    let blobs = Arc::new(Counted::default());
    let release = released(&blobs, PROJECT, &["web"]).await;
    let spec = BundleResolver::new(blobs.clone()).resolve(&release, &staging(), &Live::NONE).await.unwrap();
    let web = &spec.services[&ServiceName::new("web").unwrap()];
    assert_eq!(web.artifact, Some(Digest::of(b"web")));
    assert_eq!(blobs.get(&web.environment).await.unwrap(), br#"{"GREETING":"hello"}"#);
}

#[tokio::test]
async fn the_same_question_is_answered_without_reading_again() {
    let blobs = Arc::new(Counted::default());
    let release = released(&blobs, PROJECT, &["web"]).await;
    let resolver = BundleResolver::new(blobs.clone());
    let first = resolver.resolve(&release, &staging(), &Live::NONE).await.unwrap();
    let reads = blobs.reads.load(Ordering::Relaxed);
    assert_eq!(resolver.resolve(&release, &staging(), &Live::NONE).await.unwrap(), first);
    assert_eq!(blobs.reads.load(Ordering::Relaxed), reads);
}

#[tokio::test]
async fn every_mistake_is_named_with_its_place() {
    let blobs = Arc::new(Counted::default());
    let release =
        released(&blobs, "project: board\nservices: {web: {comand: [./serve]}}\npipeline: [staging]\n", &[]).await;
    let error = BundleResolver::new(blobs).resolve(&release, &staging(), &Live::NONE).await.unwrap_err();
    let ResolveError::Invalid { mistakes, .. } = error else { panic!("{error}") };
    assert!(mistakes.iter().any(|line| line.starts_with("towpath.yaml:2:") && line.contains("comand")), "{mistakes:?}");
}

#[tokio::test]
async fn an_artifact_that_the_release_lacks_is_a_mistake() {
    let blobs = Arc::new(Counted::default());
    let release = released(&blobs, PROJECT, &[]).await;
    let error = BundleResolver::new(blobs).resolve(&release, &staging(), &Live::NONE).await.unwrap_err();
    let ResolveError::Invalid { mistakes, .. } = error else { panic!("{error}") };
    assert_eq!(mistakes, ["service `web` runs in artifact `web`, which the release does not have"]);
}

#[tokio::test]
async fn a_bundle_that_is_gone_is_a_failure_of_the_storage_and_not_of_the_release() {
    let blobs = Arc::new(Counted::default());
    let release = released(&blobs, PROJECT, &["web"]).await;
    blobs.erase(&release.content.bundle).await.unwrap();
    let error = BundleResolver::new(blobs).resolve(&release, &staging(), &Live::NONE).await.unwrap_err();
    assert!(matches!(error, ResolveError::Blob(BlobError::Missing(_))), "{error}");
}

fn laid(value: &str) -> Live {
    let origin = OverlayOrigin {
        sequence: 7,
        at: Timestamp::UNIX_EPOCH,
        principal: PrincipalName::new("ana").unwrap(),
        reason: None,
    };
    let entry = OverlayEntry { key: "services.web.env.GREETING".to_owned(), value: Some(value.to_owned()), origin };
    Live { overlay: vec![entry], ..Live::NONE }
}

#[tokio::test]
async fn what_is_laid_over_a_release_decides_and_is_part_of_what_is_remembered() {
    let blobs = Arc::new(Counted::default());
    let release = released(&blobs, PROJECT, &["web"]).await;
    let resolver = BundleResolver::new(blobs.clone());
    for (live, expected) in [(Live::NONE, "hello"), (laid("servus"), "servus"), (laid("moin"), "moin")] {
        let spec = resolver.resolve(&release, &staging(), &live).await.unwrap();
        let web = &spec.services[&ServiceName::new("web").unwrap()];
        let bytes = blobs.get(&web.environment).await.unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), format!(r#"{{"GREETING":"{expected}"}}"#));
    }
}

#[tokio::test]
async fn an_environment_whose_file_is_only_in_the_ledger_resolves() {
    let blobs = Arc::new(Counted::default());
    let release = released(&blobs, PROJECT, &["web"]).await;
    let file = "extends: staging\nservices: {web: {replicas: 3}}\ntier: testing\n".to_owned();
    let live = Live { file: Some(file), ..Live::NONE };
    let preview = EnvironmentName::new("preview-7").unwrap();
    let spec = BundleResolver::new(blobs).resolve(&release, &preview, &live).await.unwrap();
    assert_eq!(spec.services[&ServiceName::new("web").unwrap()].replicas, 3);
}
