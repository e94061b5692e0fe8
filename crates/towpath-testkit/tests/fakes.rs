//! The fakes pass the suites of their ports.
#![expect(clippy::unused_async, reason = "real storages open with waiting; the suites take both")]

mod ledger {
    use std::sync::Arc;

    use towpath_engine::ports::Ledger;
    use towpath_testkit::MemoryLedger;

    async fn fresh() -> ((), Arc<dyn Ledger>) {
        ((), Arc::new(MemoryLedger::default()))
    }

    towpath_testkit::ledger_conformance!(fresh);
}

mod blobs {
    use std::sync::Arc;

    use towpath_engine::ports::Blobs;
    use towpath_testkit::MemoryBlobs;

    async fn fresh() -> ((), Arc<dyn Blobs>) {
        ((), Arc::new(MemoryBlobs::default()))
    }

    towpath_testkit::blobs_conformance!(fresh);
}

mod samples {
    use std::sync::Arc;

    use towpath_engine::ports::Samples;
    use towpath_testkit::MemorySamples;

    async fn fresh() -> ((), Arc<dyn Samples>) {
        ((), Arc::new(MemorySamples::default()))
    }

    towpath_testkit::samples_conformance!(fresh);
}

mod experiments {
    use std::sync::Arc;

    use towpath_engine::ports::ExperimentStore;
    use towpath_testkit::MemoryExperiments;

    async fn fresh() -> ((), Arc<dyn ExperimentStore>) {
        ((), Arc::new(MemoryExperiments::default()))
    }

    towpath_testkit::experiments_conformance!(fresh);
}

mod keys {
    use std::sync::Arc;

    use towpath_engine::ports::KeyProvider;
    use towpath_testkit::MemoryKeys;

    async fn fresh() -> ((), Arc<dyn KeyProvider>) {
        ((), Arc::new(MemoryKeys::default()))
    }

    towpath_testkit::keys_conformance!(fresh);
}

mod sources {
    use std::sync::Arc;

    use async_trait::async_trait;
    use towpath_engine::ports::SecretSource;
    use towpath_testkit::{MemorySource, conformance::sources::SourceSubject};

    struct Subject(Arc<MemorySource>);

    #[async_trait]
    impl SourceSubject for Subject {
        fn source(&self) -> Arc<dyn SecretSource> {
            self.0.clone()
        }

        async fn put(&self, name: &str, value: &str) {
            self.0.put(name, value);
        }

        async fn remove(&self, name: &str) {
            self.0.remove(name);
        }
    }

    async fn fresh() -> ((), Arc<dyn SourceSubject>) {
        ((), Arc::new(Subject(Arc::default())))
    }

    towpath_testkit::sources_conformance!(fresh);
    towpath_testkit::writable_sources_conformance!(fresh);
}

mod evaluations {
    use std::sync::Arc;

    use towpath_engine::ports::Evaluations;
    use towpath_testkit::MemoryEvaluations;

    async fn fresh() -> ((), Arc<dyn Evaluations>) {
        ((), Arc::new(MemoryEvaluations::default()))
    }

    towpath_testkit::evaluations_conformance!(fresh);
}
