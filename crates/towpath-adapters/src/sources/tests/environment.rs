//! The process environment.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    os::unix::ffi::OsStringExt as _,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use towpath_engine::ports::{SecretSource, SourceError};
use towpath_testkit::conformance::sources::SourceSubject;

use crate::sources::{EnvironmentSource, VersionKey};

type Variables = Arc<Mutex<BTreeMap<String, OsString>>>;

struct Subject {
    source: Arc<EnvironmentSource>,
    variables: Variables,
}

fn source(prefix: &str, key: u8, variables: &Variables) -> EnvironmentSource {
    let variables = variables.clone();
    let find = Arc::new(move |name: &str| variables.lock().unwrap().get(name).cloned());
    EnvironmentSource::new("production".parse().unwrap(), prefix, VersionKey::new(&[key; 32]), find)
}

#[async_trait]
impl SourceSubject for Subject {
    fn source(&self) -> Arc<dyn SecretSource> {
        self.source.clone()
    }

    async fn put(&self, name: &str, value: &str) {
        self.variables.lock().unwrap().insert(format!("APP_{name}"), value.into());
    }

    async fn remove(&self, name: &str) {
        self.variables.lock().unwrap().remove(&format!("APP_{name}"));
    }
}

async fn fresh() -> ((), Arc<dyn SourceSubject>) {
    let variables = Variables::default();
    ((), Arc::new(Subject { source: Arc::new(source("APP_", 1, &variables)), variables }))
}

towpath_testkit::sources_conformance!(fresh);
towpath_testkit::readonly_sources_conformance!(fresh);

fn names(names: &[&str]) -> std::collections::BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn a_version_depends_on_the_key_the_secret_and_the_value() {
    let variables = Variables::default();
    for name in ["A", "B"] {
        variables.lock().unwrap().insert(name.to_owned(), "same".into());
    }
    let found = source("", 1, &variables).current(Some(&names(&["A", "B"]))).await.unwrap();
    assert_ne!(found["A"], found["B"], "nobody sees that a value is used twice");
    assert_eq!(found, source("", 1, &variables).current(Some(&names(&["A", "B"]))).await.unwrap());
    assert_ne!(found, source("", 2, &variables).current(Some(&names(&["A", "B"]))).await.unwrap());
}

#[tokio::test]
async fn what_is_no_text_or_no_name_is_no_crash() {
    let variables = Variables::default();
    variables.lock().unwrap().insert("RAW".to_owned(), OsString::from_vec(vec![b'x', 0xff]));
    let error = source("", 1, &variables).current(Some(&names(&["RAW"]))).await.unwrap_err();
    assert!(matches!(&error, SourceError::Damaged { name, .. } if name == "RAW"), "{error}");
    let process = EnvironmentSource::of_process("production".parse().unwrap(), "", VersionKey::new(&[1; 32]));
    assert!(process.current(Some(&names(&["", "A=B", "A\0B"]))).await.unwrap().is_empty());
    assert!(process.current(Some(&names(&["PATH"]))).await.unwrap().contains_key("PATH"));
    assert!(matches!(process.current(None).await, Err(SourceError::Unable { .. })));
}
