//! The store passes the suite of every source of secrets.

use std::sync::Arc;

use async_trait::async_trait;
use towpath_core::secrets::{SecretText, store::SecretOrigin};
use towpath_engine::{
    ports::SecretSource,
    secrets::{Principal, Secrets, StoreSource, Wish},
};
use towpath_testkit::conformance::sources::SourceSubject;

use crate::house::House;

struct Subject {
    secrets: Arc<Secrets>,
    source: Arc<StoreSource>,
}

fn who() -> Principal {
    Principal { name: "ana".parse().unwrap(), cause: "test".to_owned() }
}

#[async_trait]
impl SourceSubject for Subject {
    fn source(&self) -> Arc<dyn SecretSource> {
        self.source.clone()
    }

    async fn put(&self, name: &str, value: &str) {
        let (place, value) = ("development".parse().unwrap(), SecretText::new(value));
        self.secrets.set(&who(), &place, name, &value, SecretOrigin::Given, &Wish::default()).await.unwrap();
    }

    async fn remove(&self, name: &str) {
        self.secrets.unset(&who(), &"development".parse().unwrap(), name, &Wish::default()).await.unwrap();
    }
}

async fn fresh() -> (House, Arc<dyn SourceSubject>) {
    let house = House::new().await;
    house.release("1.0").await;
    let source = Arc::new(house.secrets.source(&"development".parse().unwrap(), who(), None));
    let subject = Subject { secrets: house.secrets.clone(), source };
    (house, Arc::new(subject))
}

towpath_testkit::sources_conformance!(fresh);
towpath_testkit::writable_sources_conformance!(fresh);
