//! Vault's key-value engine.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;
use serde_json::json;
use towpath_core::secrets::{SecretText, SecretVersion};
use towpath_engine::ports::{SecretSource, SourceError};
use towpath_testkit::{conformance::sources::SourceSubject, vault::Fault};

use crate::{
    sources::VaultSource,
    vault::{KvData, KvRead, KvValue, VaultClient, tests::Bed},
};

struct Subject {
    source: Arc<VaultSource>,
    client: Arc<VaultClient>,
    mount: String,
}

impl Subject {
    async fn change(&self, change: impl Fn(&mut KvData)) {
        let (version, mut data) = match self.client.kv_read(&self.mount, "shop/production", None).await.unwrap() {
            KvRead::Found(version, data) => (version, data),
            KvRead::Gone(gone) => (gone.version, KvData::new()),
            KvRead::Absent => (0, KvData::new()),
        };
        change(&mut data);
        self.client.kv_write(&self.mount, "shop/production", &data, version).await.unwrap();
    }
}

#[async_trait]
impl SourceSubject for Subject {
    fn source(&self) -> Arc<dyn SecretSource> {
        self.source.clone()
    }

    async fn put(&self, name: &str, value: &str) {
        self.change(|data| {
            data.insert(name.to_owned(), KvValue::Text(SecretText::new(value)));
        })
        .await;
    }

    async fn remove(&self, name: &str) {
        self.change(|data| {
            data.remove(name);
        })
        .await;
    }
}

fn subject(bed: &Bed, client: Arc<VaultClient>) -> Arc<dyn SourceSubject> {
    let source = Arc::new(VaultSource::new(client, &bed.kv, "/shop/production/"));
    Arc::new(Subject { source, client: bed.client(), mount: bed.kv.clone() })
}

async fn fresh() -> (Bed, Arc<dyn SourceSubject>) {
    let bed = Bed::new().await;
    let subject = subject(&bed, bed.client());
    (bed, subject)
}

towpath_testkit::sources_conformance!(fresh);
towpath_testkit::writable_sources_conformance!(fresh);

/// What the guide says is enough for reading and writing, without the right to patch or to see names alone.
mod with_few_rights {
    use super::*;

    async fn fresh() -> (Bed, Arc<dyn SourceSubject>) {
        let bed = Bed::new().await;
        let rules = r#"
            path "KV/data/shop/production" { capabilities = ["create", "read", "update"] }
            path "KV/metadata/shop/production" { capabilities = ["read"] }
            path "KV/destroy/shop/production" { capabilities = ["update"] }
        "#;
        let client = bed.limited(rules).await;
        let subject = subject(&bed, client);
        (bed, subject)
    }

    towpath_testkit::sources_conformance!(fresh);
    towpath_testkit::writable_sources_conformance!(fresh);
}

#[tokio::test]
async fn its_name_says_where_it_is() {
    let (bed, subject) = fresh().await;
    assert_eq!(subject.source().id().0, format!("vault {}/shop/production", bed.kv));
}

#[tokio::test]
async fn planning_reads_names_and_no_values() {
    let (bed, subject) = fresh().await;
    subject.put("A", "1").await;
    let Some(double) = bed.double() else { return };
    let before = double.seen().len();
    subject.source().current(None).await.unwrap();
    let asked: Vec<String> = double.seen().split_off(before).into_iter().map(|seen| seen.path).collect();
    assert_eq!(asked, [format!("{}/subkeys/shop/production", bed.kv)]);
}

#[tokio::test]
async fn a_write_goes_on_where_only_another_secret_has_changed() {
    let (_bed, subject) = fresh().await;
    let source = subject.source();
    let one = source.write("TOKEN", &SecretText::new("one"), None).await.unwrap();
    subject.put("OTHER", "x").await;
    let written = source.write("TOKEN", &SecretText::new("two"), Some(&one)).await.unwrap();
    assert_eq!(written, SecretVersion("3".to_owned()));
}

#[tokio::test]
async fn numbers_and_maps_that_others_wrote_are_read_as_json_and_kept() {
    let (bed, subject) = fresh().await;
    let body = json!({ "data": { "PORT": 8080, "LARGE": 18_446_744_073_709_551_615_u64, "MAP": { "a": 1 }, "NOTHING": null } });
    bed.admin("POST", &format!("{}/data/shop/production", bed.kv), body).await;
    let source = subject.source();
    let wanted = source.current(Some(&BTreeSet::from(["PORT".to_owned(), "MAP".to_owned()]))).await.unwrap();
    let values = source.read(&wanted).await.unwrap();
    assert_eq!((values["PORT"].expose(), values["MAP"].expose()), ("8080", r#"{"a":1}"#));
    source.write("NEW", &SecretText::new("x"), None).await.unwrap();
    let read = bed.admin("GET", &format!("{}/data/shop/production", bed.kv), json!({})).await;
    assert_eq!(read["data"]["data"]["PORT"], json!(8080));
    assert_eq!(read["data"]["data"]["LARGE"], json!(u64::MAX));
}

#[tokio::test]
async fn a_deleted_vault_secret_is_written_anew() {
    let (bed, subject) = fresh().await;
    subject.put("A", "1").await;
    bed.client().kv_delete(&bed.kv, "shop/production", &[1]).await.unwrap();
    let source = subject.source();
    assert!(source.current(None).await.unwrap().is_empty());
    let written = source.write("A", &SecretText::new("2"), None).await.unwrap();
    assert_eq!(written, SecretVersion("2".to_owned()));
}

#[tokio::test]
async fn the_current_version_is_not_destroyed_with_what_else_is_in_it() {
    let (_bed, subject) = fresh().await;
    let source = subject.source();
    subject.put("KEPT", "x").await;
    let there = source.write("TOKEN", &SecretText::new("one"), None).await.unwrap();
    let error = source.destroy("TOKEN", &BTreeSet::from([there])).await.unwrap_err();
    assert!(matches!(&error, SourceError::Refused { .. }) && error.to_string().contains("1 other secrets"), "{error}");
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_not_made_twice() {
    let (bed, subject) = fresh().await;
    let source = subject.source();
    let one = source.write("TOKEN", &SecretText::new("one"), None).await.unwrap();
    let Some(double) = bed.double() else { return };
    double.fault("/data/", &Fault::Slow(std::time::Duration::ZERO), 1);
    double.fault("/data/", &Fault::CutAfter, 1);
    let two = source.write("TOKEN", &SecretText::new("two"), Some(&one)).await.unwrap();
    assert_eq!(two, SecretVersion("2".to_owned()), "it is the version that was made");
    let wanted = BTreeMap::from([("TOKEN".to_owned(), two)]);
    assert!(source.read(&wanted).await.unwrap()["TOKEN"] == SecretText::new("two"));
}

#[tokio::test]
async fn a_vault_that_cannot_be_reached_is_away_and_a_right_that_is_lacking_is_refused() {
    let (bed, _) = fresh().await;
    let client = bed.limited("path \"KV/other\" { capabilities = [\"read\"] }").await;
    let source = VaultSource::new(client, &bed.kv, "shop/production");
    let error = source.current(None).await.unwrap_err();
    assert!(matches!(&error, SourceError::Refused { .. }) && error.to_string().contains("may not read"), "{error}");
    let Some(double) = bed.double() else { return };
    double.seal();
    let error = VaultSource::new(bed.client(), &bed.kv, "a").current(None).await.unwrap_err();
    assert!(matches!(error, SourceError::Away { .. }), "{error}");
}
