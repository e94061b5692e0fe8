//! What every source of secrets must do: those that can be written to, and those that can only be read.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;
use towpath_core::secrets::{SecretText, SecretVersion};
use towpath_engine::ports::{SecretSource, SourceError};

/// A source and a way to change it behind its back, as whoever owns it would.
#[async_trait]
pub trait SourceSubject: Send + Sync {
    /// Returns the source.
    fn source(&self) -> Arc<dyn SecretSource>;

    /// Puts a value where the source finds it.
    async fn put(&self, name: &str, value: &str);

    /// Takes a secret away.
    async fn remove(&self, name: &str);
}

/// Makes one test of each case for the sources that an async function returns, whether or not they can be written to.
#[macro_export]
macro_rules! sources_conformance {
    ($fresh:path) => {
        $crate::conformance_cases!(
            sources,
            $fresh,
            what_is_there_is_found_and_read_exactly,
            what_is_not_there_is_not_found,
            another_value_is_another_version,
            the_same_value_keeps_its_version_between_calls,
            a_version_never_gives_the_value_of_another,
            a_version_that_never_was_is_missing,
            only_what_is_asked_for_is_returned,
            nothing_asked_is_nothing_returned,
            a_version_does_not_show_the_value,
        );
    };
}

/// Makes one test of each case for sources that can be written to.
#[macro_export]
macro_rules! writable_sources_conformance {
    ($fresh:path) => {
        $crate::conformance_cases!(
            sources,
            $fresh,
            what_is_written_is_read,
            writing_needs_the_version_that_is_there,
            writing_leaves_other_secrets_alone,
            history_is_newest_first_and_old_versions_are_read,
            a_secret_that_never_was_has_no_history,
            what_is_destroyed_cannot_be_read,
            of_many_writers_of_one_secret_one_wins,
            writers_of_different_secrets_all_get_through,
            everything_is_listed_without_names,
        );
    };
}

/// Makes one test of each case for sources that can only be read.
#[macro_export]
macro_rules! readonly_sources_conformance {
    ($fresh:path) => {
        $crate::conformance_cases!(sources, $fresh, what_cannot_be_written_says_so);
    };
}

/// Values that break where something is quoted, trimmed, split or counted carelessly.
const ODD: [&str; 10] = [
    "simple",
    " leading and trailing ",
    "tab\tquote\"single'back\\slash$dollar${brace}`tick`%41&+=?#",
    "two\nlines",
    "äöü 漢字 🔑 \u{202e}x",
    "-----BEGIN KEY-----\nMIIB\n-----END KEY-----",
    "{\"a\": [1, 2]}",
    "true",
    "007",
    "null",
];

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

async fn version(source: &dyn SecretSource, name: &str) -> Option<SecretVersion> {
    source.current(Some(&names(&[name]))).await.unwrap().remove(name)
}

async fn value(source: &dyn SecretSource, name: &str) -> SecretText {
    let wanted = source.current(Some(&names(&[name]))).await.unwrap();
    source.read(&wanted).await.unwrap().remove(name).unwrap()
}

async fn read_one(source: &dyn SecretSource, name: &str, version: &SecretVersion) -> Result<SecretText, SourceError> {
    let wanted = BTreeMap::from([(name.to_owned(), version.clone())]);
    source.read(&wanted).await.map(|mut found| found.remove(name).unwrap())
}

/// Every character of a value arrives.
pub async fn what_is_there_is_found_and_read_exactly(subject: Arc<dyn SourceSubject>) {
    let source = subject.source();
    for (index, odd) in ODD.iter().enumerate() {
        subject.put(&format!("ODD_{index}"), odd).await;
    }
    subject.put("LONG", &"x".repeat(60_000)).await;
    subject.put("EMPTY", "").await;
    for (index, odd) in ODD.iter().enumerate() {
        assert!(value(&*source, &format!("ODD_{index}")).await == SecretText::new(*odd), "value {index} differs");
    }
    assert_eq!(value(&*source, "LONG").await.len(), 60_000);
    assert!(value(&*source, "EMPTY").await.is_empty());
}

/// A secret that is not there is no error of the source, so that the next source is asked.
pub async fn what_is_not_there_is_not_found(subject: Arc<dyn SourceSubject>) {
    let source = subject.source();
    assert_eq!(version(&*source, "NOBODY").await, None, "in an empty source");
    subject.put("SOMEBODY", "value").await;
    let found = source.current(Some(&names(&["SOMEBODY", "NOBODY"]))).await.unwrap();
    assert_eq!(found.keys().collect::<Vec<_>>(), ["SOMEBODY"]);
    subject.remove("SOMEBODY").await;
    assert_eq!(version(&*source, "SOMEBODY").await, None, "after it was taken away");
}

/// A plan shows that a value changed.
pub async fn another_value_is_another_version(subject: Arc<dyn SourceSubject>) {
    let source = subject.source();
    subject.put("TOKEN", "one").await;
    let one = version(&*source, "TOKEN").await.unwrap();
    subject.put("TOKEN", "two").await;
    assert_ne!(version(&*source, "TOKEN").await.unwrap(), one);
}

/// Nothing changes by looking.
pub async fn the_same_value_keeps_its_version_between_calls(subject: Arc<dyn SourceSubject>) {
    let source = subject.source();
    subject.put("TOKEN", "one").await;
    let first = version(&*source, "TOKEN").await.unwrap();
    value(&*source, "TOKEN").await;
    assert_eq!(version(&*source, "TOKEN").await.unwrap(), first);
}

/// What was approved is what runs: an old version is its value or missing, never another value.
pub async fn a_version_never_gives_the_value_of_another(subject: Arc<dyn SourceSubject>) {
    let source = subject.source();
    subject.put("TOKEN", "one").await;
    let one = version(&*source, "TOKEN").await.unwrap();
    subject.put("TOKEN", "two").await;
    match read_one(&*source, "TOKEN", &one).await {
        Ok(old) => assert!(old == SecretText::new("one"), "the version of `one` gives another value"),
        Err(error) => assert!(matches!(error, SourceError::Missing { .. }), "{error}"),
    }
    subject.remove("TOKEN").await;
    if let Ok(old) = read_one(&*source, "TOKEN", &one).await {
        assert!(old == SecretText::new("one"));
    }
}

/// Made-up versions are no crash and no value.
pub async fn a_version_that_never_was_is_missing(subject: Arc<dyn SourceSubject>) {
    let source = subject.source();
    subject.put("TOKEN", "one").await;
    for made_up in ["4711", "0", "", "-1", "latest", "18446744073709551616", "../1", "1?version=2", "ffff"] {
        let error = read_one(&*source, "TOKEN", &SecretVersion(made_up.to_owned())).await.unwrap_err();
        assert!(matches!(&error, SourceError::Missing { name, .. } if name == "TOKEN"), "{made_up}: {error}");
    }
    let there = version(&*source, "TOKEN").await.unwrap();
    let error = read_one(&*source, "NOBODY", &there).await.unwrap_err();
    assert!(matches!(&error, SourceError::Missing { name, .. } if name == "NOBODY"), "{error}");
}

/// Least privilege: nobody is handed what he did not name.
pub async fn only_what_is_asked_for_is_returned(subject: Arc<dyn SourceSubject>) {
    let source = subject.source();
    subject.put("A", "1").await;
    subject.put("B", "2").await;
    let wanted = source.current(Some(&names(&["A"]))).await.unwrap();
    assert_eq!(source.read(&wanted).await.unwrap().keys().collect::<Vec<_>>(), ["A"]);
}

/// An empty question is no listing.
pub async fn nothing_asked_is_nothing_returned(subject: Arc<dyn SourceSubject>) {
    let source = subject.source();
    subject.put("A", "1").await;
    assert!(source.current(Some(&BTreeSet::new())).await.unwrap().is_empty());
    assert!(source.read(&BTreeMap::new()).await.unwrap().is_empty());
}

/// Versions stand in the ledger and in plans.
pub async fn a_version_does_not_show_the_value(subject: Arc<dyn SourceSubject>) {
    let source = subject.source();
    subject.put("TOKEN", "hunter2hunter2").await;
    let version = version(&*source, "TOKEN").await.unwrap();
    assert!(!version.0.contains("hunter2") && version.0.len() <= 128, "{version}");
    assert!(!source.id().0.is_empty() && !source.id().0.contains("hunter2"));
}

/// Writing and reading are of the same thing.
pub async fn what_is_written_is_read(subject: Arc<dyn SourceSubject>) {
    let source = subject.source();
    for (index, odd) in ODD.iter().enumerate() {
        let name = format!("ODD_{index}");
        let written = source.write(&name, &SecretText::new(*odd), None).await.unwrap();
        assert!(read_one(&*source, &name, &written).await.unwrap() == SecretText::new(*odd), "value {index} differs");
    }
}

/// Nobody overwrites what he has not seen.
pub async fn writing_needs_the_version_that_is_there(subject: Arc<dyn SourceSubject>) {
    let source = subject.source();
    let one = source.write("TOKEN", &SecretText::new("one"), None).await.unwrap();
    let error = source.write("TOKEN", &SecretText::new("again"), None).await.unwrap_err();
    assert!(matches!(&error, SourceError::Changed { found, .. } if *found == one), "{error}");
    let two = source.write("TOKEN", &SecretText::new("two"), Some(&one)).await.unwrap();
    let error = source.write("TOKEN", &SecretText::new("stale"), Some(&one)).await.unwrap_err();
    assert!(matches!(&error, SourceError::Changed { found, .. } if *found == two), "{error}");
    let error = source.write("NOBODY", &SecretText::new("x"), Some(&two)).await.unwrap_err();
    assert!(matches!(error, SourceError::Missing { .. } | SourceError::Changed { .. }), "{error}");
    assert!(value(&*source, "TOKEN").await == SecretText::new("two"));
}

/// One secret is written at a time, even where several are stored together.
pub async fn writing_leaves_other_secrets_alone(subject: Arc<dyn SourceSubject>) {
    let source = subject.source();
    subject.put("KEPT", "as it was").await;
    source.write("TOKEN", &SecretText::new("one"), None).await.unwrap();
    let there = version(&*source, "TOKEN").await.unwrap();
    source.write("TOKEN", &SecretText::new("two"), Some(&there)).await.unwrap();
    assert!(value(&*source, "KEPT").await == SecretText::new("as it was"));
}

/// The past stays readable while something may run with it.
pub async fn history_is_newest_first_and_old_versions_are_read(subject: Arc<dyn SourceSubject>) {
    let source = subject.source();
    let mut written = Vec::new();
    for value in ["one", "two", "three"] {
        let version = source.write("TOKEN", &SecretText::new(value), written.last()).await.unwrap();
        written.push(version);
    }
    let history: Vec<SecretVersion> =
        source.history("TOKEN").await.unwrap().into_iter().map(|past| past.version).collect();
    written.reverse();
    assert_eq!(history, written);
    for (version, value) in written.iter().zip(["three", "two", "one"]) {
        assert!(read_one(&*source, "TOKEN", version).await.unwrap() == SecretText::new(value), "{version}");
    }
}

/// Also where another secret has one.
pub async fn a_secret_that_never_was_has_no_history(subject: Arc<dyn SourceSubject>) {
    let source = subject.source();
    assert!(source.history("NOBODY").await.unwrap().is_empty());
    subject.put("SOMEBODY", "value").await;
    assert!(source.history("NOBODY").await.unwrap().is_empty());
}

/// What is destroyed is gone, and history keeps the fact.
pub async fn what_is_destroyed_cannot_be_read(subject: Arc<dyn SourceSubject>) {
    let source = subject.source();
    let one = source.write("TOKEN", &SecretText::new("one"), None).await.unwrap();
    let two = source.write("TOKEN", &SecretText::new("two"), Some(&one)).await.unwrap();
    for _ in 0..2 {
        source.destroy("TOKEN", &BTreeSet::from([one.clone()])).await.unwrap();
        let error = read_one(&*source, "TOKEN", &one).await.unwrap_err();
        assert!(matches!(error, SourceError::Missing { .. }), "{error}");
    }
    assert!(read_one(&*source, "TOKEN", &two).await.unwrap() == SecretText::new("two"));
    let history = source.history("TOKEN").await.unwrap();
    let destroyed: Vec<_> = history.iter().filter(|past| past.destroyed).map(|past| &past.version).collect();
    assert_eq!(destroyed, [&one]);
}

/// A race has one winner, and everybody else is told.
pub async fn of_many_writers_of_one_secret_one_wins(subject: Arc<dyn SourceSubject>) {
    let source = subject.source();
    let there = source.write("TOKEN", &SecretText::new("first"), None).await.unwrap();
    let writers: Vec<_> = (0..8)
        .map(|number| {
            let (source, there) = (source.clone(), there.clone());
            tokio::spawn(async move {
                source.write("TOKEN", &SecretText::new(format!("of writer {number}")), Some(&there)).await
            })
        })
        .collect();
    let mut winners = 0;
    for writer in writers {
        match writer.await.unwrap() {
            Ok(_) => winners += 1,
            Err(error) => assert!(matches!(error, SourceError::Changed { .. }), "{error}"),
        }
    }
    assert_eq!(winners, 1);
}

/// Those who write different secrets at the same time do not see each other.
pub async fn writers_of_different_secrets_all_get_through(subject: Arc<dyn SourceSubject>) {
    let source = subject.source();
    let writers: Vec<_> = (0..8)
        .map(|number| {
            let source = source.clone();
            tokio::spawn(async move {
                source.write(&format!("TOKEN_{number}"), &SecretText::new(format!("value {number}")), None).await
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap().unwrap();
    }
    for number in 0..8 {
        let found = value(&*source, &format!("TOKEN_{number}")).await;
        assert!(found == SecretText::new(format!("value {number}")));
    }
}

/// What is there can be found without knowing its name.
pub async fn everything_is_listed_without_names(subject: Arc<dyn SourceSubject>) {
    let source = subject.source();
    assert!(source.current(None).await.unwrap().is_empty());
    subject.put("A", "1").await;
    source.write("B", &SecretText::new("2"), None).await.unwrap();
    assert_eq!(source.current(None).await.unwrap().keys().collect::<Vec<_>>(), ["A", "B"]);
}

/// It says what it cannot do, rather than failing somewhere.
pub async fn what_cannot_be_written_says_so(subject: Arc<dyn SourceSubject>) {
    let source = subject.source();
    subject.put("TOKEN", "one").await;
    let there = version(&*source, "TOKEN").await.unwrap();
    let error = source.write("TOKEN", &SecretText::new("two"), Some(&there)).await.unwrap_err();
    assert!(matches!(error, SourceError::Unable { .. }), "{error}");
    let error = source.destroy("TOKEN", &BTreeSet::from([there.clone()])).await.unwrap_err();
    assert!(matches!(error, SourceError::Unable { .. }), "{error}");
    let history = source.history("TOKEN").await.unwrap();
    assert_eq!(history.into_iter().map(|past| past.version).collect::<Vec<_>>(), [there]);
    assert!(source.history("NOBODY").await.unwrap().is_empty());
}
