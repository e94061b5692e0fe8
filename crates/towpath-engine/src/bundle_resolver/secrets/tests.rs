//! Releases with secrets: versions pinned when they are resolved, values read by exactly these.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use towpath_core::{config::SourceSet, ids::ServiceName, secrets::SecretsSpec};

use super::*;
use crate::{
    bundle_resolver::tests::{Counted, released_with},
    ports::{Blobs as _, PastVersion, Resolver as _, SecretSource},
};

const PROJECT: &str = "\
project: board
services: {web: {command: [./serve]}}
variables:
  DB_PASSWORD: {secret: true, required: true, min: 8}
  DB_URL: {secret: true, default: 'postgres://app:${secret:DB_PASSWORD}@db'}
pipeline: [staging]
";
const FILE: &str = "DB_PASSWORD: ENC[AES256_GCM,data:YQ==,iv:aXY=,tag:dGFn,type:str]\nsops: {}\n";

/// Answers with one value for everything, as whatever it is opened.
#[derive(Default)]
struct Fake {
    value: Mutex<String>,
    away: Mutex<bool>,
    opened: Mutex<Vec<String>>,
}

struct Opened(SourceId, String, bool);

#[async_trait]
impl SecretSources for Arc<Fake> {
    async fn open(
        &self,
        environment: &EnvironmentName,
        _: &SecretsSpec,
        what: Opening<'_>,
    ) -> Result<Arc<dyn SecretSource>, SourceError> {
        let id = match what {
            Opening::File { path, .. } => format!("file {path}"),
            Opening::Named(SourceSpec::Store) => "store".to_owned(),
            Opening::Named(other) => format!("{other:?}"),
        };
        self.opened.lock().unwrap().push(format!("{environment} {id}"));
        Ok(Arc::new(Opened(SourceId(id), self.value.lock().unwrap().clone(), *self.away.lock().unwrap())))
    }
}

#[async_trait]
impl SecretSource for Opened {
    fn id(&self) -> SourceId {
        self.0.clone()
    }

    async fn current(&self, names: Option<&BTreeSet<String>>) -> Result<BTreeMap<String, SecretVersion>, SourceError> {
        if self.2 {
            return Err(SourceError::Away { source_id: self.id(), reason: "no route".to_owned() });
        }
        Ok(names.into_iter().flatten().map(|name| (name.clone(), SecretVersion("7".to_owned()))).collect())
    }

    async fn read(
        &self,
        wanted: &BTreeMap<String, SecretVersion>,
    ) -> Result<BTreeMap<String, SecretText>, SourceError> {
        if self.2 {
            return Err(SourceError::Away { source_id: self.id(), reason: "no route".to_owned() });
        }
        Ok(wanted.keys().map(|name| (name.clone(), SecretText::new(self.1.as_str()))).collect())
    }

    async fn write(&self, _: &str, _: &SecretText, _: Option<&SecretVersion>) -> Result<SecretVersion, SourceError> {
        Err(SourceError::Unable { source_id: self.id(), what: "write" })
    }

    async fn history(&self, _: &str) -> Result<Vec<PastVersion>, SourceError> {
        Ok(Vec::new())
    }

    async fn destroy(&self, _: &str, _: &BTreeSet<SecretVersion>) -> Result<(), SourceError> {
        Ok(())
    }
}

struct Bed {
    blobs: Arc<Counted>,
    fake: Arc<Fake>,
    resolver: BundleResolver,
    release: Release,
}

fn staging() -> EnvironmentName {
    EnvironmentName::new("staging").unwrap()
}

async fn bed(files: &[(&str, &str)]) -> Bed {
    let blobs = Arc::new(Counted::default());
    let sources: SourceSet = [("towpath.yaml", PROJECT)].iter().chain(files).copied().collect();
    let release = released_with(&blobs, &sources, &[]).await;
    let fake = Arc::new(Fake::default());
    *fake.value.lock().unwrap() = "hunter22".to_owned();
    let resolver = BundleResolver::new(blobs.clone()).with_sources(Arc::new(fake.clone()));
    Bed { blobs, fake, resolver, release }
}

#[tokio::test]
async fn a_file_of_the_release_is_pinned_without_a_key_and_read_by_its_version() {
    let bed = bed(&[("environments/staging.yaml", ""), ("secrets/staging.yaml", FILE)]).await;
    let spec = bed.resolver.resolve(&bed.release, &staging(), &Live::NONE).await.unwrap();
    assert_eq!(spec.secrets["DB_PASSWORD"].from.0, "file secrets/staging.yaml");
    assert!(bed.fake.opened.lock().unwrap().is_empty(), "nothing is opened to resolve");
    let blob = bed.blobs.get(&spec.services[&ServiceName::new("web").unwrap()].environment).await.unwrap();
    assert!(!String::from_utf8(blob).unwrap().contains("hunter22"));
    bed.resolver.check_secrets(&bed.release, &staging(), &Live::NONE, &spec).await.unwrap();
    let values = bed.resolver.reveal(&bed.release, &staging(), &Live::NONE, &spec.secrets).await.unwrap();
    assert_eq!(values["DB_PASSWORD"].expose(), "hunter22");
}

#[tokio::test]
async fn the_version_of_the_store_is_what_the_ledger_says() {
    let bed = bed(&[("environments/staging.yaml", "")]).await;
    let missing = bed.resolver.resolve(&bed.release, &staging(), &Live::NONE).await.unwrap_err();
    let ResolveError::Invalid { mistakes, .. } = missing else { panic!("{missing}") };
    assert!(mistakes[0].contains("`staging` has no value for `DB_PASSWORD`; towpath secrets set"), "{mistakes:?}");
    for version in ["3", "4"] {
        let secrets = [("DB_PASSWORD".to_owned(), SecretVersion(version.to_owned()))].into();
        let live = Live { secrets, ..Live::NONE };
        let spec = bed.resolver.resolve(&bed.release, &staging(), &live).await.unwrap();
        assert_eq!(spec.secrets["DB_PASSWORD"].to_string(), format!("store version {version}"));
    }
}

#[tokio::test]
async fn a_file_comes_before_the_store_unless_the_environment_says_otherwise() {
    let secrets = [("DB_PASSWORD".to_owned(), SecretVersion("3".to_owned()))].into();
    let live = Live { secrets, ..Live::NONE };
    for (file, from) in [("", "file secrets/staging.yaml"), ("secrets: {from: [store, files]}", "store")] {
        let bed = bed(&[("environments/staging.yaml", file), ("secrets/staging.yaml", FILE)]).await;
        let spec = bed.resolver.resolve(&bed.release, &staging(), &live).await.unwrap();
        assert_eq!(spec.secrets["DB_PASSWORD"].from.0, from);
    }
}

#[tokio::test]
async fn a_value_that_does_not_fit_is_told_before_anything_starts_and_not_shown() {
    let bed = bed(&[("environments/staging.yaml", ""), ("secrets/staging.yaml", FILE)]).await;
    *bed.fake.value.lock().unwrap() = "h2".to_owned();
    let spec = bed.resolver.resolve(&bed.release, &staging(), &Live::NONE).await.unwrap();
    let error = bed.resolver.check_secrets(&bed.release, &staging(), &Live::NONE, &spec).await.unwrap_err();
    assert!(!error.is_passing());
    let ResolveError::Invalid { mistakes, .. } = error else { panic!("{error}") };
    assert!(mistakes[0].contains("the value is shorter than 8 characters"), "{mistakes:?}");
    assert!(mistakes[0].starts_with("secrets/staging.yaml:1:14: "), "{mistakes:?}");
}

#[tokio::test]
async fn a_source_that_is_away_is_asked_again_and_what_it_said_is_not_remembered() {
    let file = "secrets: {from: [environment]}";
    let bed = bed(&[("environments/staging.yaml", file)]).await;
    *bed.fake.away.lock().unwrap() = true;
    let error = bed.resolver.resolve(&bed.release, &staging(), &Live::NONE).await.unwrap_err();
    assert!(error.is_passing(), "{error}");
    *bed.fake.away.lock().unwrap() = false;
    let spec = bed.resolver.resolve(&bed.release, &staging(), &Live::NONE).await.unwrap();
    assert_eq!(spec.secrets["DB_PASSWORD"].version.0, "7");
    let asked = bed.fake.opened.lock().unwrap().len();
    bed.resolver.resolve(&bed.release, &staging(), &Live::NONE).await.unwrap();
    assert!(bed.fake.opened.lock().unwrap().len() > asked);
}
