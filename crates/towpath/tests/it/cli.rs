//! What every command has in common: usage, errors, formats, colours, pipes.

use std::{io::Read as _, process::Stdio};

use serde_json::Value;

use crate::project::Project;

#[test]
fn an_unknown_command_is_wrong_usage_and_the_nearest_is_named() {
    let project = Project::empty();
    let said = project.fails("promot r1 staging", 2);
    assert!(said.contains("promote"), "{said}");
}

#[test]
fn wrong_usage_is_a_problem_document_where_json_was_asked_for() {
    let project = Project::empty();
    let problem: Value = serde_json::from_str(&project.fails("promote -o json", 2)).unwrap();
    assert_eq!(problem["code"], "usage");
    assert_eq!(problem["exitStatus"], 2);
    assert_eq!(problem["schemaVersion"], 1);
}

#[test]
fn without_a_project_every_command_says_what_to_do() {
    let project = Project::empty();
    for command in ["status", "env list", "up", "release create", "audit verify", "down"] {
        let said = project.fails(command, 2);
        assert!(said.contains("towpath.yaml") && said.contains("next") && said.contains("towpath init"), "{said}");
    }
}

#[test]
fn without_a_server_the_exit_status_says_so() {
    let project = Project::small();
    for command in ["status", "release list", "promote r1 staging", "rollout watch production", "logs staging"] {
        assert!(project.fails(command, 5).contains("towpath up"), "{command}");
    }
    let problem: Value = serde_json::from_str(&project.fails("status -o json", 5)).unwrap();
    assert_eq!(problem["code"], "no_server");
}

#[test]
fn a_server_that_is_not_there_is_told_from_one_that_is_not_asked() {
    let project = Project::small();
    project.write(".towpath/token", "tow_0123456789abcdef0123456789abcdef\n");
    // Port 1 is reserved and nothing listens there.
    let said = project.fails("status --url http://127.0.0.1:1", 5);
    assert!(said.contains("does not answer") && said.contains("cause"), "{said}");
}

#[test]
fn colour_is_for_terminals_and_for_those_who_ask() {
    let project = Project::small();
    assert!(!project.ok("env list").contains('\u{1b}'));
    assert!(project.ok("env list --color always").contains('\u{1b}'));
    let forced = project.command(["env", "list"]).env("CLICOLOR_FORCE", "1").output().unwrap();
    assert!(forced.stdout.contains(&0x1b));
    let never = project.command(["env", "list"]).env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1").output().unwrap();
    assert!(!never.stdout.contains(&0x1b));
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let project = Project::small();
    for command in [vec!["__reference", "cli"], vec!["env", "explain", "production", "-o", "json"], vec!["--help"]] {
        let mut command = project.command(command);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(said, "");
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn the_format_does_not_depend_on_where_the_output_goes() {
    let project = Project::small();
    // Not a terminal, and yet text.
    assert!(project.ok("env list").starts_with("ENVIRONMENT"));
    let lines = project.ok("env list -o jsonl");
    let items: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(items.len(), 3);
    assert_eq!(items[0]["schemaVersion"], 1);
    assert_eq!(project.json("env list")["items"].as_array().unwrap().len(), 3);
}

#[test]
fn completions_know_every_command() {
    let project = Project::empty();
    for shell in ["bash", "zsh", "fish"] {
        let script = project.ok(&format!("completions {shell}"));
        assert!(script.contains("rollback") && script.contains("checkpoint"), "{shell}");
    }
}

#[test]
fn the_reference_has_every_command_and_no_hidden_one() {
    let project = Project::empty();
    let page = project.ok("__reference cli");
    for command in ["towpath init", "towpath env explain", "towpath rollout watch", "towpath audit verify"] {
        assert!(page.contains(&format!("## `{command}`")), "{command}");
    }
    assert!(!page.contains("__"));
    let api: Value = serde_json::from_str(&project.ok("__reference openapi")).unwrap();
    assert!(api["paths"]["/api/v1/status"].is_object());
}

#[test]
fn options_may_stand_before_and_after_the_command() {
    let project = Project::small();
    let before = project.command(["-o", "json", "env", "list"]).output().unwrap();
    let after = project.command(["env", "list", "--output=json"]).output().unwrap();
    assert_eq!(before.stdout, after.stdout);
    let elsewhere = project.path().to_str().unwrap();
    let from_root = project.command(["-C", elsewhere, "env", "list", "-o", "json"]).current_dir("/").output().unwrap();
    assert_eq!(before.stdout, from_root.stdout);
}
