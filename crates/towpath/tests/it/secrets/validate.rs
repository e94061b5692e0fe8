//! `secrets validate`: what it finds in files, in history and between environments, and what it never shows.

use std::{fs, os::unix::fs::symlink, process::Command};

use age::secrecy::ExposeSecret as _;
use serde_json::Value;

use crate::project::{Project, Ran, ran};

/// Made from pieces, so that no scanner takes this file for a leak.
fn token() -> String {
    format!("ghp_{}", "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xYzA1b")
}

const OWN: &str = "kX9#vT2$qLm7!wZ";

fn project() -> Project {
    let project = Project::small();
    let file = project.read("towpath.yaml");
    let secrets = "variables:\n  API_KEY: {secret: true}\n  DB_PASSWORD: {secret: true}\n";
    project.write("towpath.yaml", &file.replace("variables:\n", secrets));
    project
}

fn found(project: &Project, more: &str) -> Vec<Value> {
    let ran = project.run(&format!("secrets validate -o json {more}"));
    let value: Value = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}{}", ran.out, ran.err));
    value["findings"].as_array().unwrap().clone()
}

fn codes(findings: &[Value]) -> Vec<&str> {
    findings.iter().map(|one| one["code"].as_str().unwrap()).collect()
}

fn git(project: &Project, args: &[&str]) {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]).args(args);
    command.current_dir(project.path()).env("HOME", project.path()).env("GIT_CONFIG_NOSYSTEM", "1");
    let output = command.output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_sound_project_has_no_findings() {
    let project = project();
    let ran = project.run("secrets validate");
    assert_eq!(ran.exit, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.starts_with("ok 3 environments, 6 files"), "{}", ran.out);
}

#[test]
fn a_leaked_credential_is_told_with_its_place_and_never_shown() {
    let project = project();
    project.write("app/deploy.sh", &format!("#!/bin/sh\nexport T={}\n", token()));
    let Ran { exit, out, err } = project.run("secrets validate");
    assert_eq!(exit, 1, "{out}{err}");
    assert!(out.contains("critical this is a personal access token of GitHub"), "{out}");
    assert!(out.contains("app/deploy.sh:2:10") && out.contains("export T=ghp_••••••••"), "{out}");
    assert!(!out.contains(&token()[6..]) && !err.contains(&token()[6..]));
}

#[test]
fn severity_decides_the_exit_status() {
    let project = project();
    project.write("app/x.txt", &format!("{}_test_{}\n", "sk", "4eC39HqLyjWDarjtT1zdp7dc"));
    assert_eq!(project.run("secrets validate --fail-on low").exit, 1);
    assert_eq!(project.run("secrets validate --fail-on medium").exit, 0);
    assert_eq!(project.run("secrets validate --fail-on serious").exit, 2);
}

#[test]
fn a_value_in_plain_text_is_found_where_it_is_set_and_wherever_else_it_stands() {
    let project = project();
    let file = project.read("environments/production.yaml");
    project.write("environments/production.yaml", &format!("{file}variables: {{API_KEY: '{OWN}'}}\n"));
    project.write("docs/notes.md", "see https://example.org/?k=kX9%23vT2%24qLm7%21wZ\n");
    project.write("app/config.json", &serde_json::json!({ "k": OWN }).to_string());
    let findings = found(&project, "");
    let plain = findings.iter().find(|one| one["code"] == "secret::plain").unwrap();
    assert_eq!(plain["place"]["path"], "environments/production.yaml");
    let own: Vec<&Value> = findings.iter().filter(|one| one["code"] == "leak::own-value").collect();
    let places: Vec<&str> = own.iter().map(|one| one["place"]["path"].as_str().unwrap()).collect();
    assert_eq!(places, ["app/config.json", "docs/notes.md"], "{findings:#?}");
    assert!(own[1]["message"].as_str().unwrap().contains("API_KEY of production stands here escaped for a URL"));
    assert!(!serde_json::to_string(&findings).unwrap().contains("vT2"));
}

#[test]
fn a_value_that_production_shares_and_a_weak_one_are_found() {
    let project = project();
    for name in ["development", "production"] {
        let path = format!("environments/{name}.yaml");
        let file = project.read(&path);
        project.write(&path, &format!("{file}variables: {{API_KEY: '{OWN}', DB_PASSWORD: password1}}\n"));
    }
    let findings = found(&project, "");
    let reused: Vec<&Value> = findings.iter().filter(|one| one["code"] == "secret::reused").collect();
    assert_eq!(reused.len(), 1, "{findings:#?}");
    assert_eq!(reused[0]["severity"], "high");
    assert_eq!(reused[0]["environments"], serde_json::json!(["development", "production"]));
    let weak = findings.iter().filter(|one| one["code"] == "secret::weak").count();
    assert_eq!(weak, 2, "{findings:#?}");
}

#[test]
fn what_git_ignores_is_looked_into_on_request_and_links_are_never_followed() {
    let project = project();
    let outside = Project::empty();
    outside.write("secret.txt", &token());
    symlink(outside.file("secret.txt"), project.file("link.txt")).unwrap();
    symlink(outside.path(), project.file("folder")).unwrap();
    project.write(".gitignore", ".env.local\n");
    project.write(".env.local", &format!("T={}\n", token()));
    rustix::fs::mknodat(
        rustix::fs::CWD,
        project.file("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    assert_eq!(codes(&found(&project, "")), Vec::<&str>::new());
    let findings = found(&project, "--all");
    assert_eq!(codes(&findings), ["leak::github-personal-token"]);
    assert_eq!(findings[0]["place"]["path"], ".env.local");
}

#[test]
fn history_finds_what_was_removed_renamed_or_merged_away_and_remembers_what_it_saw() {
    let project = project();
    git(&project, &["init", "-q"]);
    git(&project, &["add", "."]);
    git(&project, &["commit", "-qm", "one"]);
    project.write("old/deleted.txt", &format!("{}\n", token()));
    git(&project, &["add", "."]);
    git(&project, &["commit", "-qm", "two"]);
    fs::remove_file(project.file("old/deleted.txt")).unwrap();
    git(&project, &["commit", "-qam", "three"]);
    git(&project, &["checkout", "-qb", "side", "HEAD~1"]);
    project.write("side.txt", &format!("x\n{}\n", token().replace('a', "c")));
    git(&project, &["add", "."]);
    git(&project, &["commit", "-qm", "side"]);
    git(&project, &["rm", "-q", "side.txt"]);
    git(&project, &["commit", "-qm", "gone"]);
    git(&project, &["checkout", "-q", "main"]);
    git(&project, &["merge", "-q", "--no-edit", "side"]);
    assert_eq!(codes(&found(&project, "")), Vec::<&str>::new());
    for _ in 0..2 {
        let findings = found(&project, "--history");
        assert_eq!(codes(&findings), ["leak::github-personal-token", "leak::github-personal-token"], "{findings:#?}");
        assert_eq!(findings[0]["place"]["path"], "old/deleted.txt");
        assert_eq!(findings[1]["place"]["path"], "side.txt");
        assert_eq!(findings[0]["place"]["commit"].as_str().unwrap().len(), 12);
    }
    let cache = fs::read_to_string(project.file(".git/towpath/leaks-looked-at")).unwrap();
    assert!(cache.lines().count() > 5, "{cache}");
}

#[test]
fn a_project_in_a_folder_of_a_repository_is_judged_by_its_own_history() {
    let outer = Project::empty();
    git(&outer, &["init", "-q"]);
    outer.write("other/leak.txt", &token());
    let project = Project::small_within(outer.path());
    fs::write(project.file("leak.txt"), token()).unwrap();
    git(&outer, &["add", "."]);
    git(&outer, &["commit", "-qm", "one"]);
    fs::remove_file(project.file("leak.txt")).unwrap();
    let findings = found(&project, "--history");
    let places: Vec<&str> = findings.iter().map(|one| one["place"]["path"].as_str().unwrap()).collect();
    assert_eq!(places, ["leak.txt"], "{findings:#?}");
}

#[test]
fn outside_of_git_the_history_is_said_not_to_have_been_looked_at() {
    let project = project();
    let ran = project.run("secrets validate --history");
    assert_eq!(ran.exit, 0, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("the history was not looked at: this folder is in no git repository"), "{}", ran.err);
}

#[test]
fn what_somebody_takes_the_responsibility_for_is_accepted_with_a_reason() {
    let project = project();
    project.write("tests/fixture.txt", &format!("{}\n", token()));
    let findings = found(&project, "");
    let fingerprint = findings[0]["fingerprint"].as_str().unwrap().to_owned();
    project.write(".towpath-accepted", &format!("{fingerprint} # made up for a test\n"));
    assert_eq!(project.run("secrets validate").exit, 0);
    project.write(".towpath-accepted", "tests/\n");
    assert_eq!(codes(&found(&project, "")), ["accepted::no-reason"]);
    project.write(".towpath-accepted", "tests/ # made up\n0123456789abcdef # gone\n");
    assert_eq!(codes(&found(&project, "--all --history")), ["accepted::stale"]);
}

#[test]
fn sarif_names_every_finding_with_its_place_and_a_stable_fingerprint() {
    let project = project();
    project.write("app/deploy.sh", &format!("export T={}\n", token()));
    project.run("secrets validate --sarif out.sarif");
    let log: Value = serde_json::from_str(&project.read("out.sarif")).unwrap();
    let result = &log["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "leak::github-personal-token");
    assert_eq!(result["level"], "error");
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "app/deploy.sh");
    assert_eq!(place["region"]["startLine"], 1);
    let fingerprint = result["partialFingerprints"]["towpath/v1"].as_str().unwrap().to_owned();
    project.write("app/deploy.sh", &format!("#!/bin/sh\n\n\nexport T={}\n", token()));
    assert_eq!(found(&project, "")[0]["fingerprint"], fingerprint);
}

/// A project with age keys for development and production, and files of secrets for both.
fn encrypted() -> (Project, String, String) {
    let project = project();
    let key = |name: &str| {
        let identity = age_identity();
        fs::create_dir_all(project.file("keys")).unwrap();
        fs::write(project.file(&format!("keys/{name}.txt")), &identity.0).unwrap();
        identity.1
    };
    let (development, production) = (key("development"), key("production"));
    project.write(
        ".sops.yaml",
        &format!(
            "creation_rules:\n  - path_regex: production\n    age: {production}\n  - path_regex: development\n    age: {development}\n"
        ),
    );
    project.write(".gitignore", "keys/\n");
    for name in ["development", "production"] {
        project.write(&format!("secrets/{name}.yaml"), &format!("API_KEY: {name}-{OWN}\nDB_PASSWORD: '{OWN}'\n"));
        let mut command = project.command(["secrets", "encrypt", "--in-place", &format!("secrets/{name}.yaml")]);
        let ran = ran(command.output().unwrap());
        assert_eq!(ran.exit, 0, "{}{}", ran.out, ran.err);
    }
    (project, development, production)
}

/// Returns a new identity and its recipient.
fn age_identity() -> (String, String) {
    let identity = age::x25519::Identity::generate();
    (format!("{}\n", identity.to_string().expose_secret()), identity.to_public().to_string())
}

#[test]
fn who_can_read_what_is_answered_without_a_key_and_reuse_is_found_with_one() {
    let (project, development, production) = encrypted();
    let ran = project.run("secrets validate --access");
    assert_eq!(ran.exit, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains(&format!("secrets/production.yaml  readable by {production}")), "{}", ran.out);
    assert!(ran.out.contains(&format!("secrets/development.yaml  readable by {development}")), "{}", ran.out);
    assert!(ran.out.contains("no key of another environment reads any of it"), "{}", ran.out);
    assert!(ran.err.contains("were not read"), "{}", ran.err);

    let both = format!("{}{}", project.read("keys/development.txt"), project.read("keys/production.txt"));
    project.write("keys/both.txt", &both);
    project.write("app/x.txt", &format!("{OWN}\n"));
    let mut command = project.command(["secrets", "validate", "-o", "json"]);
    let ran = ran_of(command.env("SOPS_AGE_KEY_FILE", project.file("keys/both.txt")));
    let value: Value = serde_json::from_str(&ran.out).unwrap();
    let found = codes(value["findings"].as_array().unwrap());
    assert_eq!(found, ["leak::own-value", "secret::reused"], "{value:#}");
    assert!(!ran.out.contains("vT2"));
}

fn ran_of(command: &mut Command) -> Ran {
    ran(command.output().unwrap())
}

#[test]
fn a_key_of_development_in_the_file_of_production_is_found() {
    let (project, development, production) = encrypted();
    let rules = project.read(".sops.yaml");
    // Both keys now, in the rule and, after the update, in the file.
    project.write(
        ".sops.yaml",
        &rules.replace(&format!("age: {production}"), &format!("age: '{production},{development}'")),
    );
    let findings = found(&project, "--no-leaks");
    assert_eq!(codes(&findings), ["secret::missing-recipient"], "{findings:#?}");
    let mut command = project.command(["secrets", "update-keys", "--yes", "secrets/production.yaml"]);
    let ran = ran_of(command.env("SOPS_AGE_KEY_FILE", project.file("keys/production.txt")));
    assert_eq!(ran.exit, 0, "{}{}", ran.out, ran.err);
    let findings = found(&project, "--no-leaks");
    assert_eq!(codes(&findings), ["secret::shared-recipient"], "{findings:#?}");
    assert!(findings[0]["message"].as_str().unwrap().contains(&development));
    project.write(".sops.yaml", &rules);
    let findings = found(&project, "--no-leaks");
    assert_eq!(codes(&findings), ["secret::shared-recipient", "secret::stray-recipient"], "{findings:#?}");
}

#[test]
fn a_file_that_was_changed_without_its_key_is_critical_for_who_has_the_key() {
    let (project, _, _) = encrypted();
    let text = project.read("secrets/production.yaml");
    let changed: String =
        text.lines().filter(|line| !line.starts_with("DB_PASSWORD")).fold(String::new(), |all, line| all + line + "\n");
    project.write("secrets/production.yaml", &changed);
    let mut command = project.command(["secrets", "validate", "-o", "json"]);
    let ran = ran_of(command.env("SOPS_AGE_KEY_FILE", project.file("keys/production.txt")));
    let value: Value = serde_json::from_str(&ran.out).unwrap();
    assert!(codes(value["findings"].as_array().unwrap()).contains(&"secret::damaged"), "{value:#}");
}
