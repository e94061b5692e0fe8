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
