//! What is private stays private: tokens and keys are in no log, no answer, no event and no process list.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use crate::project::Project;

/// Everything private that the server of this project has.
fn private(project: &Project) -> Vec<String> {
    let files = ["token", "tokens/ana", "tokens/ben", "keys/ledger", "keys/sticky"];
    files.iter().map(|file| project.read(&format!(".towpath/{file}")).trim().to_owned()).collect()
}

#[track_caller]
fn has_none(place: &str, text: &str, private: &[String]) {
    for (at, secret) in private.iter().enumerate() {
        // Half of one is too much, too.
        let half = &secret[..secret.len() / 2];
        assert!(!text.contains(half), "{place} has secret {at}");
    }
}

#[test]
fn tokens_and_keys_are_in_no_log_answer_event_or_process_list() {
    let mut project = Project::small();
    project.up_with("-vv");
    let private = private(&project);
    project.release("1.0");
    project.arrives("development", 1);
    project.ok("--as ana promote r1 staging --reason 'a reason'");
    for line in [
        "status -o json",
        "status development -o json",
        "audit log -o json",
        "audit checkpoint -o json",
        "history development -o json",
        "release show r1 -o json",
        "env show production -o json",
        "env render production",
        "logs development",
        "rollout status development -o json",
        "metrics dora -o json",
        "gates p1 -o json",
    ] {
        let ran = project.run(line);
        has_none(line, &(ran.out + &ran.err), &private);
    }
    let wrong = project.command(["status", "-vv"]).env("TOWPATH_TOKEN", &private[3]).output().unwrap();
    has_none("an error", &String::from_utf8_lossy(&wrong.stderr), &private);
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(line) = fs::read(entry.path().join("cmdline")) else { continue };
        has_none("the process list", &String::from_utf8_lossy(&line), &private);
    }
    // Neither the server nor what it runs gets them by its environment.
    let instance = project.json("status development")["instanceList"][0]["pid"].as_u64().unwrap();
    for pid in [u64::from(project.pid()), instance] {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap();
        has_none("an environment", &String::from_utf8_lossy(&environment), &private);
    }
    project.kill();
    has_none("the server's log", &project.server_log(), &private);
    for file in ["ledger.db", "ledger.db-wal", "samples.db", "server.json"] {
        let bytes = fs::read(project.file(".towpath").join(file)).unwrap_or_default();
        has_none(file, &String::from_utf8_lossy(&bytes), &private);
    }
}

#[test]
fn nobody_else_can_enter_the_folder_of_private_data_or_read_its_keys() {
    let mut project = Project::small();
    // As somebody careless made it.
    fs::create_dir(project.file(".towpath")).unwrap();
    fs::set_permissions(project.file(".towpath"), fs::Permissions::from_mode(0o777)).unwrap();
    project.up();
    project.release("1.0");
    project.arrives("development", 1);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&project.file(".towpath")), 0o700);
    let mut open = Vec::new();
    let mut folders = vec![project.file(".towpath/keys"), project.file(".towpath/tokens")];
    for folder in &folders {
        assert_eq!(mode(folder), 0o700, "{}", folder.display());
    }
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else if mode(&entry.path()) & 0o077 != 0 && !entry.path().ends_with("keys/ledger.pub") {
                open.push(entry.path());
            }
        }
    }
    assert!(open.is_empty(), "others may read {open:?}");
}
