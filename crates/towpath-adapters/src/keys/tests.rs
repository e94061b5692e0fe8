//! Every provider passes the suite of its port; what is special to each is below its own module.
#![expect(clippy::unused_async, reason = "the suites take providers that are opened with waiting too")]

mod age {
    use std::sync::Arc;

    use towpath_engine::ports::KeyProvider;

    use crate::keys::AgeKeyFile;

    async fn fresh() -> (tempfile::TempDir, Arc<dyn KeyProvider>) {
        let folder = tempfile::tempdir().unwrap();
        let keys = AgeKeyFile::open_or_make(&folder.path().join("keys/production.agekey")).unwrap();
        (folder, Arc::new(keys))
    }

    towpath_testkit::keys_conformance!(fresh);
}

mod passphrase {
    use std::sync::Arc;

    use towpath_core::secrets::SecretText;
    use towpath_engine::ports::KeyProvider;

    use crate::keys::{Cost, PassphraseKey};

    async fn fresh() -> ((), Arc<dyn KeyProvider>) {
        let cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
        let keys = PassphraseKey::new("TOWPATH_PASSPHRASE", SecretText::new("correct horse battery"), cost).unwrap();
        ((), Arc::new(keys))
    }

    towpath_testkit::keys_conformance!(fresh);
}

mod vault_transit {
    use std::sync::Arc;

    use serde_json::json;
    use towpath_engine::ports::{KeyContext, KeyError, KeyProvider};
    use zeroize::Zeroizing;

    use crate::{keys::VaultTransitKey, vault::tests::Bed};

    async fn fresh() -> (Bed, Arc<dyn KeyProvider>) {
        let bed = Bed::new().await;
        let keys = VaultTransitKey::new(bed.client(), &bed.transit, "app");
        keys.check().await.unwrap();
        (bed, Arc::new(keys))
    }

    towpath_testkit::keys_conformance!(fresh);

    fn context() -> KeyContext {
        KeyContext { project: "shop".to_owned(), environment: "production".parse().unwrap(), version: 1 }
    }

    #[tokio::test]
    async fn a_rotated_key_unwraps_and_rewrapping_takes_the_newest_version() {
        let (bed, keys) = fresh().await;
        let wrapped = keys.wrap(&Zeroizing::new([1; 32]), &context()).await.unwrap();
        bed.admin("POST", &format!("{}/keys/app/rotate", bed.transit), json!({})).await;
        let anew = keys.rewrap(&wrapped, &context()).await.unwrap();
        assert!(wrapped.starts_with(b"vault:v1:") && anew.starts_with(b"vault:v2:"));
        let body = json!({ "min_decryption_version": 2 });
        bed.admin("POST", &format!("{}/keys/app/config", bed.transit), body).await;
        assert_eq!(*keys.unwrap(&anew, &context()).await.unwrap(), [1; 32]);
        let error = keys.unwrap(&wrapped, &context()).await.unwrap_err();
        let said = error.to_string();
        assert!(matches!(error, KeyError::Refused { .. }) && said.contains("min_decryption_version"), "{said}");
    }

    #[tokio::test]
    async fn a_key_that_is_missing_or_of_no_use_is_said_before_anything_depends_on_it() {
        let (bed, _) = fresh().await;
        let missing = VaultTransitKey::new(bed.client(), &bed.transit, "nobody");
        let error = missing.check().await.unwrap_err().to_string();
        assert!(error.contains("vault write -f") && error.contains("/keys/nobody"), "{error}");
        bed.admin("POST", &format!("{}/keys/derived", bed.transit), json!({ "derived": true })).await;
        let derived = VaultTransitKey::new(bed.client(), &bed.transit, "derived");
        assert!(derived.check().await.unwrap_err().to_string().contains("derived"));
    }

    #[tokio::test]
    async fn the_rights_of_the_guide_are_enough_and_less_is_not() {
        let (bed, _) = fresh().await;
        let rules = r#"
            path "TRANSIT/keys/app" { capabilities = ["read"] }
            path "TRANSIT/encrypt/app" { capabilities = ["update"] }
            path "TRANSIT/decrypt/app" { capabilities = ["update"] }
        "#;
        let keys = VaultTransitKey::new(bed.limited(rules).await, &bed.transit, "app");
        keys.check().await.unwrap();
        let wrapped = keys.wrap(&Zeroizing::new([1; 32]), &context()).await.unwrap();
        keys.rewrap(&wrapped, &context()).await.unwrap();
        let rules = r#"path "TRANSIT/encrypt/app" { capabilities = ["update"] }"#;
        let blind = VaultTransitKey::new(bed.limited(rules).await, &bed.transit, "app");
        blind.wrap(&Zeroizing::new([1; 32]), &context()).await.unwrap();
        let error = blind.unwrap(&wrapped, &context()).await.unwrap_err();
        assert!(matches!(&error, KeyError::Refused { .. }) && error.to_string().contains("/decrypt/app"), "{error}");
    }

    #[tokio::test]
    async fn a_sealed_vault_is_away_and_not_damaged() {
        let (bed, keys) = fresh().await;
        let wrapped = keys.wrap(&Zeroizing::new([1; 32]), &context()).await.unwrap();
        let Some(double) = bed.double() else { return };
        double.seal();
        let error = keys.unwrap(&wrapped, &context()).await.unwrap_err();
        assert!(matches!(&error, KeyError::Away { .. }) && error.to_string().contains("sealed"), "{error}");
    }
}
