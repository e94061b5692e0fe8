//! The real implementations pass the suites of their ports.
#![allow(
    clippy::unwrap_used,
    clippy::unused_async,
    reason = "a failed step is a failed test; the suites await every fixture"
)]

mod ledger {
    use std::sync::Arc;

    use tempfile::TempDir;
    use towpath_engine::ports::Ledger;
    use towpath_store::SqliteStore;

    async fn fresh() -> (TempDir, Arc<dyn Ledger>) {
        let folder = TempDir::new().unwrap();
        let store = SqliteStore::open(folder.path()).await.unwrap();
        (folder, Arc::new(store))
    }

    towpath_testkit::ledger_conformance!(fresh);
}

mod blobs {
    use std::sync::Arc;

    use tempfile::TempDir;
    use towpath_engine::ports::Blobs;
    use towpath_store::FileBlobs;

    async fn fresh() -> (TempDir, Arc<dyn Blobs>) {
        let folder = TempDir::new().unwrap();
        let blobs = FileBlobs::open(folder.path()).unwrap();
        (folder, Arc::new(blobs))
    }

    towpath_testkit::blobs_conformance!(fresh);
}

mod samples {
    use std::sync::Arc;

    use tempfile::TempDir;
    use towpath_engine::ports::Samples;
    use towpath_store::SqliteSamples;

    async fn fresh() -> (TempDir, Arc<dyn Samples>) {
        let folder = TempDir::new().unwrap();
        let samples = SqliteSamples::open(folder.path()).await.unwrap();
        (folder, Arc::new(samples))
    }

    towpath_testkit::samples_conformance!(fresh);
}

mod experiments {
    use std::sync::Arc;

    use tempfile::TempDir;
    use towpath_engine::ports::ExperimentStore;
    use towpath_store::SqliteExperiments;

    async fn fresh() -> (TempDir, Arc<dyn ExperimentStore>) {
        let folder = TempDir::new().unwrap();
        let store = SqliteExperiments::open(folder.path()).await.unwrap();
        (folder, Arc::new(store))
    }

    towpath_testkit::experiments_conformance!(fresh);
}

mod evaluations {
    use std::sync::Arc;

    use tempfile::TempDir;
    use towpath_engine::ports::Evaluations;
    use towpath_store::SqliteSamples;

    async fn fresh() -> (TempDir, Arc<dyn Evaluations>) {
        let folder = TempDir::new().unwrap();
        let samples = SqliteSamples::open(folder.path()).await.unwrap();
        (folder, Arc::new(samples))
    }

    towpath_testkit::evaluations_conformance!(fresh);
}
