//! Transit and the key-value engine.

use std::collections::BTreeMap;

use super::*;

fn data(pairs: &[(&str, &str)]) -> KvData {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), KvValue::Text(SecretText::new(*value)))).collect()
}

fn plain(read: &KvRead<KvData>) -> BTreeMap<&str, &str> {
    match read {
        KvRead::Found(_, data) => data.iter().map(|(name, value)| (name.as_str(), value.text().expose())).collect(),
        other @ (KvRead::Gone(_) | KvRead::Absent) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn transit_encrypts_decrypts_and_rewraps_after_a_rotation() {
    let bed = Bed::new().await;
    let client = bed.client();
    let sealed = client.transit_encrypt(&bed.transit, "app", b"plain \0 bytes", &[]).await.unwrap();
    assert!(sealed.starts_with("vault:v1:"), "{sealed}");
    bed.admin("POST", &format!("{}/keys/app/rotate", bed.transit), json!({})).await;
    let anew = client.transit_rewrap(&bed.transit, "app", &sealed).await.unwrap();
    assert!(anew.starts_with("vault:v2:"), "{anew}");
    for text in [&sealed, &anew] {
        assert_eq!(**client.transit_decrypt(&bed.transit, "app", text, &[]).await.unwrap(), *b"plain \0 bytes");
    }
    let key = client.transit_key(&bed.transit, "app").await.unwrap().unwrap();
    assert_eq!((key.latest_version, key.min_decryption_version, key.kind.as_str()), (2, 1, "aes256-gcm96"));
    assert_eq!(key.keys.len(), 2);
    assert_eq!(client.transit_key(&bed.transit, "nobody").await.unwrap(), None);
}

#[tokio::test]
async fn associated_data_must_agree_and_rewrapping_knows_none() {
    let bed = Bed::new().await;
    let client = bed.client();
    let sealed = client.transit_encrypt(&bed.transit, "app", b"plain", b"here").await.unwrap();
    assert_eq!(**client.transit_decrypt(&bed.transit, "app", &sealed, b"here").await.unwrap(), *b"plain");
    for wrong in [&b"there"[..], b""] {
        let error = client.transit_decrypt(&bed.transit, "app", &sealed, wrong).await.unwrap_err();
        assert!(matches!(error, VaultError::Rejected { status: 400, .. }), "{error:?}");
    }
    let error = client.transit_rewrap(&bed.transit, "app", &sealed).await.unwrap_err();
    assert!(
        matches!(error, VaultError::Rejected { status: 400, .. }),
        "this is why the provider does not use it: {error:?}"
    );
}

#[tokio::test]
async fn versions_below_the_minimum_are_not_decrypted() {
    let bed = Bed::new().await;
    let client = bed.client();
    let sealed = client.transit_encrypt(&bed.transit, "app", b"plain", &[]).await.unwrap();
    bed.admin("POST", &format!("{}/keys/app/rotate", bed.transit), json!({})).await;
    let body = json!({ "min_decryption_version": 2 });
    bed.admin("POST", &format!("{}/keys/app/config", bed.transit), body).await;
    let error = client.transit_decrypt(&bed.transit, "app", &sealed, &[]).await.unwrap_err().to_string();
    assert!(error.contains("too old"), "{error}");
}

#[tokio::test]
async fn a_key_that_is_not_there_is_named() {
    let bed = Bed::new().await;
    let error =
        bed.client().transit_decrypt(&bed.transit, "nobody", "vault:v1:AAAA", &[]).await.unwrap_err().to_string();
    assert!(error.contains("encryption key not found") && error.contains("/decrypt/nobody"), "{error}");
}

#[tokio::test]
async fn values_of_every_kind_come_back_and_writing_needs_the_version() {
    let bed = Bed::new().await;
    let client = bed.client();
    assert_eq!(client.kv_read(&bed.kv, "shop/production", None).await.unwrap(), KvRead::Absent);
    let odd = [("A", "äö\"\\\n\u{1}漢"), ("B C/d", ""), ("", "no name")];
    assert_eq!(client.kv_write(&bed.kv, "shop/production", &data(&odd), 0).await.unwrap(), KvWritten::Version(1));
    assert_eq!(plain(&client.kv_read(&bed.kv, "shop/production", None).await.unwrap()), BTreeMap::from(odd));
    assert_eq!(client.kv_write(&bed.kv, "shop/production", &data(&[]), 0).await.unwrap(), KvWritten::Raced);
    let changed = data(&[("A", "new")]);
    assert_eq!(client.kv_patch(&bed.kv, "shop/production", &changed, 1).await.unwrap(), KvWritten::Version(2));
    assert_eq!(client.kv_patch(&bed.kv, "shop/production", &changed, 1).await.unwrap(), KvWritten::Raced);
    assert_eq!(client.kv_patch(&bed.kv, "nobody", &changed, 0).await.unwrap(), KvWritten::Absent);
    let read = client.kv_read(&bed.kv, "shop/production", None).await.unwrap();
    assert_eq!(plain(&read), BTreeMap::from([("A", "new"), ("B C/d", ""), ("", "no name")]));
    let old = client.kv_read(&bed.kv, "shop/production", Some(1)).await.unwrap();
    assert_eq!(plain(&old)["A"], odd[0].1);
    let KvRead::Found(2, names) = client.kv_names(&bed.kv, "shop/production", None).await.unwrap() else { panic!() };
    assert_eq!(names, ["", "A", "B C/d"]);
}

#[tokio::test]
async fn what_others_wrote_as_numbers_and_maps_is_kept_as_it_is() {
    let bed = Bed::new().await;
    let client = bed.client();
    let written = json!({ "N": 1.5, "B": true, "M": { "a": [1, null] }, "S": "text" });
    bed.admin("POST", &format!("{}/data/mixed", bed.kv), json!({ "data": written })).await;
    let KvRead::Found(1, mut all) = client.kv_read(&bed.kv, "mixed", None).await.unwrap() else { panic!() };
    assert_eq!((all["N"].text().expose(), all["M"].text().expose()), ("1.5", r#"{"a":[1,null]}"#));
    all.extend(data(&[("S", "other")]));
    client.kv_write(&bed.kv, "mixed", &all, 1).await.unwrap();
    let read = bed.admin("GET", &format!("{}/data/mixed", bed.kv), json!({})).await;
    assert_eq!(read["data"]["data"], json!({ "N": 1.5, "B": true, "M": { "a": [1, null] }, "S": "other" }));
}

#[tokio::test]
async fn deleting_can_be_undone_and_destroying_cannot() {
    let bed = Bed::new().await;
    let client = bed.client();
    for version in 0..3 {
        client.kv_write(&bed.kv, "s", &data(&[("A", "value")]), version).await.unwrap();
    }
    client.kv_delete(&bed.kv, "s", &[2, 3]).await.unwrap();
    let KvRead::Gone(gone) = client.kv_read(&bed.kv, "s", None).await.unwrap() else { panic!() };
    assert!(gone.version == 3 && gone.deleted && !gone.destroyed, "{gone:?}");
    client.kv_undelete(&bed.kv, "s", &[2]).await.unwrap();
    assert!(matches!(client.kv_read(&bed.kv, "s", Some(2)).await.unwrap(), KvRead::Found(2, _)));
    client.kv_destroy(&bed.kv, "s", &[1]).await.unwrap();
    client.kv_undelete(&bed.kv, "s", &[1]).await.unwrap();
    let KvRead::Gone(gone) = client.kv_read(&bed.kv, "s", Some(1)).await.unwrap() else { panic!() };
    assert!(gone.destroyed);
    let custom = BTreeMap::from([("owner".to_owned(), "shop".to_owned())]);
    client.kv_describe(&bed.kv, "s", &custom).await.unwrap();
    let known = client.kv_metadata(&bed.kv, "s").await.unwrap().unwrap();
    assert_eq!((known.current, known.custom), (3, custom));
    let versions: Vec<_> = known.versions.iter().map(|it| (it.version, it.deleted, it.destroyed)).collect();
    assert_eq!(versions, [(1, false, true), (2, false, false), (3, true, false)]);
    assert!(known.versions.iter().all(|it| it.made.is_some()));
    assert_eq!(client.kv_list(&bed.kv, "").await.unwrap(), ["s"]);
    client.kv_forget(&bed.kv, "s").await.unwrap();
    assert_eq!(client.kv_metadata(&bed.kv, "s").await.unwrap(), None);
    assert!(client.kv_list(&bed.kv, "").await.unwrap().is_empty());
}

#[tokio::test]
async fn paths_that_lead_elsewhere_are_refused_before_anything_is_sent() {
    let bed = Bed::new().await;
    let client = bed.client();
    for wrong in ["", "/", "a//b", "..", "a/../b", "./a", "a\nb", "a/."] {
        let error = client.kv_read(&bed.kv, wrong, None).await.unwrap_err();
        assert!(matches!(error, VaultError::Path { .. }), "{wrong}: {error}");
    }
    for odd in ["a b", "a?version=1", "a#b", "a%2fb", "ü/漢", "a+b", "a&b=c"] {
        client.kv_write(&bed.kv, odd, &data(&[("A", odd)]), 0).await.unwrap();
        assert_eq!(plain(&client.kv_read(&bed.kv, odd, None).await.unwrap())["A"], odd);
    }
}

#[tokio::test]
async fn a_right_that_is_lacking_is_named_with_the_rule_that_gives_it() {
    let bed = Bed::new().await;
    let client = bed.limited("path \"KV/data/mine\" { capabilities = [\"read\"] }").await;
    assert_eq!(client.kv_read(&bed.kv, "mine", None).await.unwrap(), KvRead::Absent);
    let error = client.kv_read(&bed.kv, "theirs", None).await.unwrap_err();
    let kv = &bed.kv;
    assert_eq!(
        error.to_string(),
        format!(
            "Vault's token may not read `{kv}/data/theirs`: a policy of the token must say `path \"{kv}/data/theirs\" {{ capabilities = [\"read\"] }}`"
        )
    );
    let error = client.kv_write(&bed.kv, "mine", &data(&[("A", "hunter2")]), 0).await.unwrap_err().to_string();
    assert!(error.contains("may not write to") && error.contains(r#"["create", "update"]"#), "{error}");
    let error = client.transit_encrypt(&bed.transit, "app", b"x", &[]).await.unwrap_err().to_string();
    assert!(error.contains("/encrypt/app"), "{error}");
    let error = client.kv_list(&bed.kv, "").await.unwrap_err().to_string();
    assert!(error.contains("may not list"), "{error}");
}

#[tokio::test]
async fn a_mount_that_is_not_there_is_said_to_be() {
    let bed = Bed::new().await;
    let error = bed.client().kv_read("nowhere-at-all", "a", None).await.unwrap_err().to_string();
    assert!(error.contains("no handler for route"), "{error}");
}

#[tokio::test]
async fn a_value_that_vault_would_not_keep_is_not_sent() {
    let bed = Bed::new().await;
    let large = "x".repeat(1 << 20);
    let error = bed.client().kv_write(&bed.kv, "large", &data(&[("A", &large)]), 0).await.unwrap_err();
    assert!(matches!(error, VaultError::TooLarge { .. }), "{error}");
}

#[tokio::test]
async fn health_is_asked_without_a_token_and_answers_when_sealed_too() {
    let bed = Bed::new().await;
    let health = bed.client().health().await.unwrap();
    assert!(health.initialized && !health.sealed && !health.version.is_empty());
    let Some(double) = bed.double() else { return };
    double.seal();
    assert!(bed.client().health().await.unwrap().sealed);
}
