//! A command, as people write it: shell scripts.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use towpath_core::secrets::SecretText;
use towpath_engine::ports::{SecretSource, SourceError};
use towpath_testkit::conformance::sources::SourceSubject;

use crate::{
    command::basic_environment,
    sources::{CommandSource, VersionKey},
};

struct Subject {
    source: Arc<CommandSource>,
    folder: std::path::PathBuf,
}

fn source(folder: &std::path::Path, command: &[&str], timeout: Duration) -> CommandSource {
    let command = command.iter().map(|word| (*word).to_owned()).collect();
    let environment = "production".parse().unwrap();
    let key = VersionKey::new(&[1; 32]);
    CommandSource::new(environment, command, timeout, folder.to_owned(), basic_environment(), key)
}

fn shell(folder: &std::path::Path, script: &str) -> CommandSource {
    source(folder, &["sh", "-c", script], Duration::from_secs(20))
}

#[async_trait]
impl SourceSubject for Subject {
    fn source(&self) -> Arc<dyn SecretSource> {
        self.source.clone()
    }

    async fn put(&self, name: &str, value: &str) {
        fs::write(self.folder.join(name), value).unwrap();
    }

    async fn remove(&self, name: &str) {
        fs::remove_file(self.folder.join(name)).unwrap();
    }
}

async fn fresh() -> (tempfile::TempDir, Arc<dyn SourceSubject>) {
    let folder = tempfile::tempdir().unwrap();
    // One newline at the end is no part of the value, so one is added to what may end with one.
    let script = "test -e \"$TOWPATH_SECRET\" || exit 3; cat \"$TOWPATH_SECRET\"; echo";
    let source = Arc::new(shell(folder.path(), script));
    let subject = Subject { source, folder: folder.path().to_owned() };
    (folder, Arc::new(subject))
}

towpath_testkit::sources_conformance!(fresh);
towpath_testkit::readonly_sources_conformance!(fresh);

fn one(name: &str) -> BTreeSet<String> {
    BTreeSet::from([name.to_owned()])
}

async fn value(source: &CommandSource, name: &str) -> Result<SecretText, SourceError> {
    let wanted = source.current(Some(&one(name))).await?;
    Ok(source.read(&wanted).await?.remove(name).unwrap())
}

#[tokio::test]
async fn the_name_is_in_the_environment_and_in_the_arguments() {
    let folder = tempfile::tempdir().unwrap();
    let script = "printf '%s/%s/%s' \"$TOWPATH_ENVIRONMENT\" \"$TOWPATH_SECRET\" \"$1\"";
    let source = source(folder.path(), &["sh", "-c", script, "sh", "item-${NAME}-x"], Duration::from_secs(20));
    assert_eq!(value(&source, "DB_PASSWORD").await.unwrap().expose(), "production/DB_PASSWORD/item-DB_PASSWORD-x");
    let hostile = "$(touch pwned); `touch pwned` ' \" ; touch pwned";
    assert_eq!(value(&source, hostile).await.unwrap().expose(), format!("production/{hostile}/item-{hostile}-x"));
    assert!(!folder.path().join("pwned").exists());
}

#[tokio::test]
async fn nothing_else_of_our_environment_is_handed_on() {
    let folder = tempfile::tempdir().unwrap();
    let shown = value(&shell(folder.path(), "env | cut -d= -f1 | sort | tr '\\n' ' '"), "A").await.unwrap();
    let names: Vec<&str> = shown.expose().split_whitespace().collect();
    assert!(names.contains(&"TOWPATH_SECRET") && !names.iter().any(|name| name.starts_with("CARGO")), "{names:?}");
}

#[tokio::test]
async fn one_newline_at_the_end_is_no_part_of_the_value() {
    let folder = tempfile::tempdir().unwrap();
    for (printed, expected) in [
        ("a", "a"),
        ("a\\n", "a"),
        ("a\\n\\n", "a\n"),
        ("a\\r\\n", "a"),
        ("\\n", ""),
        ("", ""),
        ("a\\r", "a\r"),
        (" a ", " a "),
    ] {
        let source = shell(folder.path(), &format!("printf '{printed}'"));
        assert_eq!(value(&source, "A").await.unwrap().expose(), expected, "{printed}");
    }
}

#[tokio::test]
async fn a_failure_shows_what_was_complained_of_and_never_what_was_printed() {
    let folder = tempfile::tempdir().unwrap();
    let script = "echo hunter2-hunter2; echo 'vault is locked' >&2; echo 'was hunter2-hunter2' >&2; exit 7";
    let error = shell(folder.path(), script).current(Some(&one("DB_PASSWORD"))).await.unwrap_err();
    assert!(matches!(error, SourceError::Refused { .. }));
    let text = format!("{error} {error:?}");
    assert!(text.contains("exited with status 7") && text.contains("DB_PASSWORD"), "{text}");
    assert!(text.contains("vault is locked") && text.contains("was …") && !text.contains("hunter2"), "{text}");
    let error = shell(folder.path(), "kill -9 $$").current(Some(&one("A"))).await.unwrap_err().to_string();
    assert!(error.contains("signal"), "{error}");
    let missing = source(folder.path(), &["no-such-program-anywhere"], Duration::from_secs(5));
    let error = missing.current(Some(&one("A"))).await.unwrap_err().to_string();
    assert!(error.contains("was not found in PATH"), "{error}");
    let empty = source(folder.path(), &[], Duration::from_secs(5));
    assert!(empty.current(Some(&one("A"))).await.unwrap_err().to_string().contains("empty"));
}

#[tokio::test]
async fn values_that_no_variable_can_hold_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for script in ["printf 'a\\000b'", "printf '\\377'", "head -c 1100000 /dev/zero | tr '\\0' x"] {
        let error = shell(folder.path(), script).current(Some(&one("A"))).await.unwrap_err();
        assert!(matches!(&error, SourceError::Damaged { name, .. } if name == "A"), "{script}: {error}");
    }
}

#[tokio::test]
async fn endless_output_ends_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let start = Instant::now();
    let error = shell(folder.path(), "yes").current(Some(&one("A"))).await.unwrap_err();
    assert!(matches!(error, SourceError::Damaged { .. }) && start.elapsed() < Duration::from_secs(15), "{error}");
}

#[tokio::test]
async fn what_does_not_end_is_killed_with_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let script = "sleep 1000 & echo $! > child; echo $$ > parent; wait";
    let source = source(folder.path(), &["sh", "-c", script], Duration::from_millis(500));
    let error = source.current(Some(&one("A"))).await.unwrap_err();
    assert!(matches!(&error, SourceError::Away { .. }) && error.to_string().contains("500ms"), "{error}");
    for file in ["child", "parent"] {
        let pid: i32 = fs::read_to_string(folder.path().join(file)).unwrap().trim().parse().unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        let alive = || {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
        };
        while alive() {
            assert!(Instant::now() < deadline, "{file} still runs");
            // tidy: allow(sleep) between two looks at /proc
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test]
async fn what_it_leaves_running_does_not_keep_anybody_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let start = Instant::now();
    let source = shell(folder.path(), "sleep 1000 & echo value");
    assert_eq!(value(&source, "A").await.unwrap().expose(), "value");
    assert!(start.elapsed() < Duration::from_secs(15));
}

#[tokio::test]
async fn many_secrets_are_asked_for_at_the_same_time_but_not_all_at_once() {
    let folder = tempfile::tempdir().unwrap();
    // Each says how many run beside it.
    let script =
        "mkdir \"run.$TOWPATH_SECRET\"; ls -d run.* | wc -l >> most; sleep 0.05; rmdir \"run.$TOWPATH_SECRET\"; echo x";
    let source = shell(folder.path(), script);
    let names: BTreeSet<String> = (0..30).map(|number| format!("S{number}")).collect();
    assert_eq!(source.current(Some(&names)).await.unwrap().len(), 30);
    let text = fs::read_to_string(folder.path().join("most")).unwrap();
    let most = text.lines().map(|line| line.trim().parse::<u32>().unwrap()).max().unwrap();
    assert!((2..=8).contains(&most), "{most}");
}

#[test]
fn neither_id_nor_debug_shows_arguments_or_variables() {
    let folder = tempfile::tempdir().unwrap();
    let key = VersionKey::new(&[1; 32]);
    let variables = BTreeMap::from([("OP_TOKEN".to_owned(), "hunter2".to_owned())]);
    let command = vec!["/usr/bin/op".to_owned(), "--token=hunter2".to_owned()];
    let environment = "production".parse().unwrap();
    let source = CommandSource::new(environment, command, Duration::from_secs(1), folder.path().into(), variables, key);
    assert_eq!(source.id().0, "command op");
    assert!(!format!("{source:?}").contains("hunter2"));
}
