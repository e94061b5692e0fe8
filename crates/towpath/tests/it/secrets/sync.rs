//! `secrets sync`: plans, copies, drift, partial failure, and values that are nowhere but where they belong.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use serde_json::Value;
use towpath_testkit::doubles::{GitHubDouble, VercelDouble};

use crate::project::{Project, Ran, ran};

const KEY: &str = "kX9#vT2$qLm7!wZ";
const PASSWORD: &str = "two\nlines \"and\" more";

fn project(sync: &str) -> Project {
    let project = Project::small();
    let file = project.read("towpath.yaml");
    let secrets = "variables:\n  API_KEY: {secret: true}\n  DB_PASSWORD: {secret: true}\n  GITHUB_X: {secret: true}\n";
    project.write("towpath.yaml", &file.replace("variables:\n", secrets));
    let section = format!("secrets:\n  from: [environment]\n  sync:\n{sync}");
    for name in ["staging", "production"] {
        let path = format!("environments/{name}.yaml");
        let file = project.read(&path);
        project.write(&path, &format!("{file}{section}"));
    }
    project
}

fn github(double: &GitHubDouble) -> String {
    format!("    - github: {{repository: acme/shop, api: '{}'}}\n", double.url())
}

/// Runs a command with the values and tokens in the environment of the process.
fn sync(project: &Project, args: &str, more: &[(&str, &str)]) -> Ran {
    let words: Vec<&str> = ["secrets", "sync"].into_iter().chain(args.split_whitespace()).collect();
    let mut command: Command = project.command(words);
    command.env("API_KEY", KEY).env("DB_PASSWORD", PASSWORD);
    command.env("GITHUB_TOKEN", "token-of-the-github-double").env("VERCEL_TOKEN", "token-of-the-vercel-double");
    for (name, value) in more {
        command.env(name, value);
    }
    let ran = ran(command.output().unwrap());
    for value in [KEY, "two\nlines", "token-of-the"] {
        assert!(!ran.out.contains(value) && !ran.err.contains(value), "{}{}", ran.out, ran.err);
    }
    ran
}

#[track_caller]
fn ends(ran: Ran, exit: i32) -> Ran {
    assert_eq!(ran.exit, exit, "{}{}", ran.out, ran.err);
    ran
}

#[test]
fn a_plan_changes_nothing_and_carried_out_leaves_nothing_to_do() {
    let double = GitHubDouble::start().unwrap();
    double.set(GitHubDouble::REPOSITORY, "THEIRS", "x", None, &[]);
    let project = project(&github(&double));
    let planned = ends(sync(&project, "staging --dry-run", &[]), 0);
    assert!(planned.out.contains("API_KEY      create"), "{}", planned.out);
    assert_eq!(double.values(GitHubDouble::REPOSITORY).len(), 1);
    ends(sync(&project, "staging --check", &[]), 4);
    ends(sync(&project, "staging", &[]), 0);
    let values = double.values(GitHubDouble::REPOSITORY);
    assert_eq!((values["API_KEY"].as_str(), values["DB_PASSWORD"].as_str()), (KEY, PASSWORD));
    assert_eq!(values["THEIRS"], "x");
    let asked = double.asked().len();
    let again = ends(sync(&project, "staging --check", &[]), 0);
    assert!(again.out.contains("unchanged"), "{}", again.out);
    assert!(double.asked().iter().skip(asked).all(|line| line.starts_with("GET")));
}

#[test]
fn what_is_remembered_has_no_value_and_no_key() {
    let double = GitHubDouble::start().unwrap();
    let project = project(&github(&double));
    ends(sync(&project, "staging", &[]), 0);
    let kept = project.read(".towpath/sync/staging.json");
    assert!(!kept.contains("vT2") && !kept.contains("lines"), "{kept}");
    assert_eq!(fs::metadata(project.file(".towpath/sync/staging.json")).unwrap().permissions().mode() & 0o777, 0o600);
    // The key is the user's own, beside no project.
    let key = project.file(".config/towpath/digest.key");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let hex = hex::encode(fs::read(&key).unwrap());
    assert!(!kept.contains(&hex));
}

#[test]
fn a_change_here_or_there_and_a_removal_there_are_told_apart() {
    let double = GitHubDouble::start().unwrap();
    let project = project(&github(&double));
    ends(sync(&project, "staging", &[]), 0);
    double.set(GitHubDouble::REPOSITORY, "API_KEY", "theirs", None, &[]);
    double.remove(GitHubDouble::REPOSITORY, "DB_PASSWORD");
    let drift = ends(sync(&project, "staging --check", &[]), 4);
    assert!(drift.out.contains("changed there since it was copied"), "{}", drift.out);
    assert!(drift.out.contains("removed there since it was copied"), "{}", drift.out);
    ends(sync(&project, "staging", &[]), 0);
    let changed = ends(sync(&project, "staging --check", &[("API_KEY", "another value 17")]), 4);
    assert!(changed.out.contains("the value here is newer"), "{}", changed.out);
    assert_eq!(double.values(GitHubDouble::REPOSITORY)["API_KEY"], KEY);
}

#[test]
fn what_fails_is_told_the_rest_is_kept_and_running_it_again_goes_on() {
    let double = GitHubDouble::start().unwrap();
    let project = project(&github(&double));
    double.refuse(Some("DB_PASSWORD"));
    let failed = ends(sync(&project, "staging -o json", &[]), 1);
    let value: Value = serde_json::from_str(&failed.out).unwrap();
    let items = value["targets"][0]["items"].as_array().unwrap();
    assert_eq!((&items[0]["result"], &items[1]["result"]), (&Value::from("done"), &Value::from("failed")), "{value:#}");
    double.refuse(None);
    let asked = double.asked().len();
    ends(sync(&project, "staging", &[]), 0);
    let puts: Vec<String> = double.asked().into_iter().skip(asked).filter(|line| line.starts_with("PUT")).collect();
    assert_eq!(puts, ["PUT /repos/acme/shop/actions/secrets/DB_PASSWORD"]);
}

#[test]
fn what_the_target_forbids_is_said_and_everything_else_is_copied() {
    let double = GitHubDouble::start().unwrap();
    let project = project(&github(&double));
    let ran = ends(sync(&project, "staging", &[("GITHUB_X", "some value 1")]), 1);
    assert!(ran.out.contains("GitHub keeps names that begin with `GITHUB_` for itself"), "{}", ran.out);
    assert_eq!(double.values(GitHubDouble::REPOSITORY).len(), 2);
}

#[test]
fn what_is_not_wanted_any_more_stays_until_it_is_asked_for() {
    let double = GitHubDouble::start().unwrap();
    let project = project(&github(&double));
    ends(sync(&project, "staging", &[]), 0);
    let path = "environments/staging.yaml";
    let file = project.read(path).replace("repository: acme/shop", "only: [API_KEY], repository: acme/shop");
    project.write(path, &file);
    let orphaned = ends(sync(&project, "staging --check", &[]), 4);
    assert!(orphaned.out.contains("orphaned"), "{}", orphaned.out);
    ends(sync(&project, "staging", &[]), 0);
    assert_eq!(double.values(GitHubDouble::REPOSITORY).len(), 2);
    ends(sync(&project, "staging --prune", &[]), 0);
    assert_eq!(double.values(GitHubDouble::REPOSITORY).keys().collect::<Vec<_>>(), ["API_KEY"]);
    ends(sync(&project, "staging --check", &[]), 0);
}

#[test]
fn production_is_copied_from_after_its_name_was_given() {
    let double = GitHubDouble::start().unwrap();
    let project = project(&github(&double));
    let refused = ends(sync(&project, "production", &[]), 3);
    assert!(refused.err.contains("--confirm production"), "{}", refused.err);
    assert!(double.values(GitHubDouble::REPOSITORY).is_empty());
    ends(sync(&project, "production --confirm production", &[]), 0);
    assert_eq!(double.values(GitHubDouble::REPOSITORY).len(), 2);
}

#[test]
fn several_targets_are_served_and_one_may_be_named() {
    let (hub, vercel) = (GitHubDouble::start().unwrap(), VercelDouble::start().unwrap());
    let more = format!(
        "    - vercel: {{project: shop, team: team_acme, targets: [production], api: '{}'}}\n    - kubernetes: {{file: out/secret.yaml, secret: shop}}\n",
        vercel.url()
    );
    let project = project(&(github(&hub) + &more));
    ends(sync(&project, "staging vercel", &[]), 0);
    assert!(hub.values(GitHubDouble::REPOSITORY).is_empty());
    assert_eq!(vercel.values("production")["API_KEY"], (KEY.to_owned(), "sensitive".to_owned()));
    ends(sync(&project, "staging", &[]), 0);
    assert_eq!(hub.values(GitHubDouble::REPOSITORY).len(), 2);
    ends(sync(&project, "staging --check", &[]), 0);
    let unknown = ends(sync(&project, "staging nosuch", &[]), 2);
    assert!(unknown.err.contains("it has github, vercel, kubernetes"), "{}", unknown.err);
}

#[test]
fn a_manifest_is_private_is_read_by_kubectl_and_git_is_warned_of() {
    let project = project("    - kubernetes: {file: out/secret.yaml, secret: shop, namespace: prod}\n");
    Command::new("git").args(["init", "-q"]).current_dir(project.path()).status().unwrap();
    let ran = ends(sync(&project, "staging", &[]), 0);
    assert!(ran.err.contains("is not ignored by git"), "{}", ran.err);
    let path = project.file("out/secret.yaml");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let mut kubectl = Command::new("kubectl");
    kubectl.args(["annotate", "--local", "-o", "json", "-f"]).arg(&path).arg("read=yes").env("KUBECONFIG", "/dev/null");
    match kubectl.output() {
        Ok(output) => {
            let secret: Value =
                serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
            assert_eq!((&secret["kind"], &secret["metadata"]["namespace"]), (&"Secret".into(), &"prod".into()));
            assert_eq!(secret["data"].as_object().unwrap().len(), 2);
            assert_eq!(secret["data"]["API_KEY"], "a1g5I3ZUMiRxTG03IXda");
        }
        Err(error) => println!("skipped: kubectl is not here: {error}"),
    }
    project.write(".gitignore", "out/\n");
    let changed = ends(sync(&project, "staging", &[("API_KEY", "another value 17")]), 0);
    assert!(!changed.err.contains("is not ignored"), "{}", changed.err);
    // Somebody edits the file by hand.
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("YW5vdGhlciB2YWx1ZSAxNw==", "eA==")).unwrap();
    let drift = ends(sync(&project, "staging --check", &[("API_KEY", "another value 17")]), 4);
    assert!(drift.out.contains("changed there since it was copied"), "{}", drift.out);
}

#[test]
fn what_cannot_be_had_or_asked_is_told_with_what_to_do() {
    let double = GitHubDouble::start().unwrap();
    let project = project(&github(&double));
    let none = ends(sync(&project, "development", &[]), 2);
    assert!(none.err.contains("development has no targets"), "{}", none.err);
    let no_token = ends(sync(&project, "staging", &[("GITHUB_TOKEN", "")]), 1);
    assert!(no_token.err.contains("there is no token in `GITHUB_TOKEN`"), "{}", no_token.err);
    let wrong = ends(sync(&project, "staging", &[("GITHUB_TOKEN", "wrong")]), 1);
    assert!(wrong.err.contains("Bad credentials") && wrong.err.contains("make another one"), "{}", wrong.err);
    project.write(".towpath/sync/staging.json", "{");
    let damaged = ends(sync(&project, "staging", &[]), 1);
    assert!(damaged.err.contains("is damaged"), "{}", damaged.err);
}
