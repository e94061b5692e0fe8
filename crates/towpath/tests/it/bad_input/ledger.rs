//! A ledger that somebody or something has been at, through the real database file.

use std::{fs, os::unix::fs::FileExt as _};

use sqlx::{Connection as _, Executor as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::{is_error, says, sound};
use crate::project::{Project, ran};

/// Makes a project whose ledger has a history, and stops its server.
fn with_history() -> Project {
    let mut project = Project::small();
    project.up();
    project.release("1.0");
    project.arrives("development", 1);
    assert_eq!(project.stop(), 0);
    assert!(project.ok("audit verify").starts_with("ok"));
    project
}

/// Runs SQL on the ledger without what protects it from accidents.
fn tamper(project: &Project, sql: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let options = SqliteConnectOptions::new().filename(project.file(".towpath/ledger.db"));
    runtime.block_on(async {
        let mut database = SqliteConnection::connect_with(&options).await.unwrap();
        for trigger in ["entries_are_numbered_on", "entries_never_change", "entries_are_never_removed"] {
            database.execute(sqlx::AssertSqlSafe(format!("DROP TRIGGER IF EXISTS {trigger}"))).await.unwrap();
        }
        database.execute(sqlx::AssertSqlSafe(sql.to_owned())).await.unwrap();
        database.close().await.unwrap();
    });
}

#[test]
fn audit_verify_names_exactly_what_was_changed_removed_inserted_or_reordered() {
    let cases = [
        ("UPDATE entries SET principal = 'mallory' WHERE sequence = 2", "changed", &["2"][..]),
        ("UPDATE entries SET body = replace(body, '1.0', '9.9') WHERE sequence = 1", "changed", &["1"]),
        ("DELETE FROM entries WHERE sequence = 2", "removed", &["2"]),
        (
            "CREATE TEMP TABLE kept AS SELECT * FROM entries WHERE sequence >= 2;
             DELETE FROM entries WHERE sequence >= 2;
             INSERT INTO entries SELECT sequence, at, 'mallory', cause, environment, kind, version, body, \
             randomblob(32) FROM kept WHERE sequence = 2;
             INSERT INTO entries SELECT sequence + 1, at, principal, cause, environment, kind, version, body, leaf_hash \
             FROM kept;",
            "inserted",
            &["2"],
        ),
        (
            "PRAGMA ignore_check_constraints = ON;
             UPDATE entries SET sequence = -1 WHERE sequence = 1;
             UPDATE entries SET sequence = 1 WHERE sequence = 2;
             UPDATE entries SET sequence = 2 WHERE sequence = -1;",
            "reordered",
            &["1", "2"],
        ),
    ];
    let original = with_history();
    let database = fs::read(original.file(".towpath/ledger.db")).unwrap();
    for (sql, word, places) in cases {
        fs::write(original.file(".towpath/ledger.db"), &database).unwrap();
        tamper(&original, sql);
        let ran = original.run("audit verify");
        assert_eq!(ran.exit, 1, "{sql}: {}{}", ran.out, ran.err);
        assert!(ran.out.contains("not sound") && ran.out.contains("1 finding"), "{sql}: {}", ran.out);
        let finding = ran.out.lines().nth(1).unwrap_or_default();
        assert!(finding.contains(word), "{sql}: {}", ran.out);
        assert!(places.iter().all(|place| finding.contains(place)), "{sql}: {finding}");
        // A server does not build on it.
        let up = original.run_for("up --listen 127.0.0.1:0");
        sound(&up.err);
    }
}

#[test]
fn an_end_that_was_cut_off_is_found() {
    let project = with_history();
    tamper(&project, "DELETE FROM entries WHERE sequence > 3");
    let ran = project.run("audit verify");
    assert_eq!(ran.exit, 1, "{}", ran.out);
    says(&ran.out, &["4", "not sound"]);
}

#[test]
fn a_database_of_random_bytes_or_cut_short_is_named_and_left_as_it_is() {
    let project = with_history();
    let path = project.file(".towpath/ledger.db");
    let whole = fs::read(&path).unwrap();
    let noise: Vec<u8> = (0..whole.len()).map(|at| u8::try_from(at * 7919 % 251).unwrap()).collect();
    for damaged in [noise, whole[..whole.len() / 2].to_vec(), whole[..100].to_vec()] {
        fs::write(&path, &damaged).unwrap();
        for line in ["up --listen 127.0.0.1:0", "audit verify"] {
            let ran = project.run(line);
            assert_eq!(ran.exit, 1, "{line} {}: {}{}", damaged.len(), ran.out, ran.err);
            assert!(ran.err.contains("ledger") || ran.out.contains("not sound"), "{line}: {}{}", ran.out, ran.err);
            sound(&ran.err);
        }
        assert_eq!(fs::read(&path).unwrap().len(), damaged.len(), "evidence is left as it is");
    }
    fs::write(&path, &whole).unwrap();
    assert!(project.ok("audit verify").starts_with("ok"));
}

#[test]
fn pages_that_were_overwritten_are_found_and_nothing_panics() {
    let project = with_history();
    let path = project.file(".towpath/ledger.db");
    let whole = fs::read(&path).unwrap();
    for page in 1..whole.len() / 4096 {
        fs::write(&path, &whole).unwrap();
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all_at(&[0xA5; 4096], u64::try_from(page * 4096).unwrap()).unwrap();
        let ran = project.run("audit verify");
        // A page of an index or a snapshot is no part of what is signed.
        assert!(matches!(ran.exit, 0 | 1), "page {page}: {}{}", ran.out, ran.err);
        sound(&ran.err);
    }
    fs::write(&path, &whole).unwrap();
}

#[test]
fn a_damaged_snapshot_is_ignored_and_made_anew() {
    let mut project = with_history();
    for sql in [
        "UPDATE snapshots SET bytes = randomblob(500)",
        "UPDATE snapshots SET bytes = x''",
        "UPDATE snapshots SET size = 1",
        "UPDATE snapshots SET size = 100000",
        "UPDATE snapshots SET format = 'other'",
        "DELETE FROM snapshots",
    ] {
        tamper(&project, sql);
        project.up();
        assert_eq!(project.json("release list")["items"].as_array().unwrap().len(), 1, "{sql}");
        assert_eq!(project.json("status development")["current"]["release"], 1, "{sql}");
        assert_eq!(project.stop(), 0, "{sql}");
        assert!(project.ok("audit verify").starts_with("ok"), "{sql}");
    }
}

#[test]
fn a_snapshot_that_tells_another_story_than_the_ledger_is_not_believed() {
    // What the world is, told by somebody who can write to the database, with the signature of the true one or without any.
    let told = "replace(CAST(substr(bytes, 65) AS TEXT), '\"1.0\"', '\"6.6\"')";
    for bytes in [format!("CAST({told} AS BLOB)"), format!("CAST(substr(bytes, 1, 64) || {told} AS BLOB)")] {
        let mut project = with_history();
        tamper(&project, &format!("UPDATE snapshots SET bytes = {bytes}"));
        let database = fs::read(project.file(".towpath/ledger.db")).unwrap();
        assert!(database.windows(5).any(|part| part == br#""6.6""#), "the test forges nothing");
        project.up();
        let releases = project.ok("release list");
        assert!(releases.contains("1.0") && !releases.contains("6.6"), "{releases}");
        assert_eq!(project.stop(), 0);
    }
}

#[test]
fn a_ledger_that_was_rewritten_is_found_with_a_checkpoint_that_was_kept() {
    let mut project = Project::small();
    project.up();
    project.release("1.0");
    project.arrives("development", 1);
    let note = project.ok("audit checkpoint");
    project.write("kept.note", &note);
    project.ok("audit verify --checkpoint kept.note");
    project.write("forged.note", &note.replacen("towpath/board", "towpath/other", 1));
    let ran = project.run("audit verify --checkpoint forged.note");
    is_error(&ran, 1);
    says(&ran.err, &["forged.note"]);
    project.write("empty.note", "");
    is_error(&project.run("audit verify --checkpoint empty.note"), 1);
    is_error(&project.run("audit verify --checkpoint missing.note"), 1);
}

#[test]
fn keys_that_are_missing_or_of_another_ledger_are_refused() {
    let project = with_history();
    let (secret, public) = (".towpath/keys/ledger", ".towpath/keys/ledger.pub");
    let (good, published) = (project.read(secret), project.read(public));
    for bad in ["", "nonsense\n", "00\n"] {
        project.write(secret, bad);
        let ran = project.run("up --listen 127.0.0.1:0");
        is_error(&ran, 1);
        says(&ran.err, &["keys/ledger", "next"]);
        assert!(bad.is_empty() || !ran.err.contains(bad.trim()) || bad == "00\n");
    }
    project.write(secret, &good.replace(|digit: char| digit.is_ascii_digit(), "a"));
    let ran = project.run("up --listen 127.0.0.1:0");
    is_error(&ran, 1);
    says(&ran.err, &["not of one pair"]);
    fs::remove_file(project.file(secret)).unwrap();
    let ran = project.run("up --listen 127.0.0.1:0");
    is_error(&ran, 1);
    says(&ran.err, &["is missing", "left as it is"]);
    project.write(secret, &good);
    assert_eq!(project.read(public), published);
    project.ok("audit verify");
}

impl Project {
    /// Runs a server that is expected to refuse; one that starts after all is stopped.
    fn run_for(&self, line: &str) -> crate::project::Ran {
        let mut child = self
            .command(line.split(' '))
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        crate::project::until("the server refuses or serves", || {
            (child.try_wait().unwrap().is_some() || self.file(".towpath/server.json").exists()).then_some(())
        });
        let _ = self.run("down");
        ran(child.wait_with_output().unwrap())
    }
}
