//! `env render`: every format is read by the programs it is for, and each value must come back as it was.
//!
//! Readers that are not installed are skipped with a printed line; `cargo xtask test` installs what it can.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use serde_json::Value;

use crate::project::Project;

mod readers;

type Values = BTreeMap<String, String>;

/// Values that some reader is known to trip over.
const HOSTILE: [&str; 60] = [
    "",
    " ",
    "  two  ",
    "\t",
    " lead",
    "trail ",
    "a b",
    "it's",
    "\"",
    "'",
    "'quoted'",
    "\"quoted\"",
    "`tick`",
    "''",
    "\"\"",
    "a'b\"c",
    "a'b\"c`d",
    "it's \"5 $\" # ü",
    "a\nb",
    "\n",
    "a\n",
    "\na",
    "a\r\nb",
    "a\rb",
    "a\r",
    "\\",
    "\\\\",
    "a\\",
    "a\\b",
    "\\n",
    "\\\\n",
    "\\'",
    "\\\"",
    "\\$",
    "C:\\new\\table",
    "$",
    "$$",
    "$HOME",
    "${HOME}",
    "${HOME:-x}",
    "$(id)",
    "`id`",
    "a$",
    "%{if}",
    "%s%n",
    "#",
    "a#b",
    "a #b",
    "#a",
    "!",
    "!!",
    "=",
    "=a",
    "a=b=c",
    "; rm -rf x",
    "a & b | c > d",
    "{\"a\": [1, \"b\"]}",
    "-----BEGIN KEY-----\nMIIB+/=\n-----END KEY-----\n",
    "~",
    "*",
];

/// Values with characters that are easily lost.
const UNICODE: [&str; 16] = [
    "é",
    "e\u{301}",
    "\u{212b}",
    "👩‍👩‍👧",
    "日本語",
    "\u{202e}abc",
    "a\u{2028}b",
    "a\u{2029}",
    "\u{85}",
    "\u{a0}nbsp\u{a0}",
    "\u{feff}bom",
    "\u{1b}[31m",
    "\u{1}\u{7f}",
    "\u{fffe}",
    "\u{1ffff}",
    "\u{10fffd}",
];

const WORDS: [&str; 8] = ["yes", "no", "null", "true", "1", "0x1f", "1e3", "2026-11-21"];

/// Names that mean something somewhere.
const NAMES: [&str; 10] = ["_A", "a", "export", "if", "true", "null", "IFS", "PS1", "HOST", "A_NAME_1"];

fn generated() -> Vec<String> {
    let special = prop::sample::select(
        "'\"`\\$#!={}%()&|;<>*? \t\n\r,:[]anrt0é\u{301}\u{2028}😀\u{7f}".chars().collect::<Vec<_>>(),
    );
    let any = any::<char>().prop_filter("no process can be given it", |c| *c != '\0');
    let text = prop::collection::vec(prop_oneof![6 => special, 1 => any], 0..16);
    let mut runner = TestRunner::deterministic();
    (0..200).map(|_| text.new_tree(&mut runner).unwrap().current().into_iter().collect()).collect()
}

fn values() -> Values {
    let fixed = HOSTILE.iter().chain(&UNICODE).chain(&WORDS).map(|value| (*value).to_owned());
    let mut values: Values =
        fixed.chain(generated()).enumerate().map(|(n, value)| (format!("V{n:03}"), value)).collect();
    values.extend(NAMES.iter().map(|name| ((*name).to_owned(), format!("it is {name}"))));
    values.insert(format!("LONG_{}", "N".repeat(1100)), "long".to_owned());
    values
}

/// Returns a scalar of YAML; `$$` is a `$` to Towpath.
fn scalar(value: &str) -> String {
    let mut out = String::from("\"");
    for c in value.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '$' => out.push_str("$$"),
            ' '..='~' | '\u{10000}'.. => out.push(c),
            _ => write!(out, "\\u{:04x}", u32::from(c)).unwrap(),
        }
    }
    out + "\""
}

/// Returns a project with these variables in development; the ones named `SECRET…` are secret.
fn project_of(values: &Values) -> Project {
    let project = Project::empty();
    let mut file =
        "project: hostile\nservices: {web: {command: [serve]}}\npipeline: [development]\nvariables:\n".to_owned();
    let mut environment = "variables:\n".to_owned();
    for (name, value) in values {
        let name = scalar(name);
        // A long name is a key that needs its `?`.
        writeln!(file, "  ? {name}\n  : {{secret: {}}}", name.starts_with("\"SECRET")).unwrap();
        writeln!(environment, "  ? {name}\n  : {}", scalar(value)).unwrap();
    }
    project.write("towpath.yaml", &file);
    project.write("environments/development.yaml", &environment);
    project
}

/// Renders what the format can hold and returns its path, what is in it, and how many it cannot hold.
fn rendered(project: &Project, values: &Values, format: &str, more: &str) -> (String, Values, usize) {
    let file = project.file(&format!("out.{format}"));
    let first = project.run(&format!("env render -o json -f {format} {more} --to {}", file.display()));
    let mut unfit = BTreeSet::new();
    if first.exit != 0 {
        assert!(!file.exists(), "something was written before it was refused");
        let problem: Value = serde_json::from_str(&first.err).unwrap_or_else(|_| panic!("{}", first.err));
        assert_eq!(problem["code"], "not_renderable", "{problem:#}");
        let details = problem["details"].as_array().unwrap();
        unfit.extend(details.iter().map(|line| line.as_str().unwrap().split('`').nth(1).unwrap().to_owned()));
        // All of them were named, so the rest fits.
        let rest: Vec<&str> = values.keys().filter(|name| !unfit.contains(*name)).map(String::as_str).collect();
        project.ok(&format!("env render -f {format} {more} --only {} --to {}", rest.join(","), file.display()));
    }
    let held = values.iter().filter(|(name, _)| !unfit.contains(*name));
    let held = held.map(|(name, value)| (name.clone(), value.clone())).collect();
    (file.display().to_string(), held, unfit.len())
}

/// Renders, reads with each reader and compares. Returns how many values the format cannot hold.
#[track_caller]
fn reads_back(values: &Values, format: &str, more: &str, readers: &[readers::Reader]) -> usize {
    let project = project_of(values);
    let (file, held, unfit) = rendered(&project, values, format, more);
    for reader in readers {
        let started = Instant::now();
        let names: Vec<&str> = held.keys().map(String::as_str).collect();
        let Some(read) = reader.read(&file, &names) else {
            println!("skipped: {} is not installed", reader.name);
            continue;
        };
        for (name, value) in &held {
            assert_eq!(read.get(name), Some(value), "{} reads `{name}` of {format} differently", reader.name);
        }
        let took = started.elapsed();
        println!("{} read {} values of {format} in {took:?}; {unfit} cannot be held", reader.name, held.len());
    }
    unfit
}

#[test]
fn shells_read_what_was_meant() {
    assert_eq!(reads_back(&values(), "shell", "", &readers::SHELLS), 0);
}

#[test]
fn names_a_shell_sets_itself_are_refused_for_it() {
    let names = ["UID", "RANDOM", "SHELLOPTS", "_", "OPTIND"];
    let values: Values = names.iter().map(|name| ((*name).to_owned(), "a[$(touch hit)]".to_owned())).collect();
    let project = project_of(&values);
    let said = project.fails("env render -f shell", 1);
    assert!(
        said.contains("5 variables cannot be written as shell") && said.contains("`RANDOM` cannot be set"),
        "{said}"
    );
    assert_eq!(reads_back(&values, "dotenv-python", "", &readers::DOTENV_PYTHON), 0);
}

#[test]
fn python_dotenv_reads_what_was_meant() {
    assert_eq!(reads_back(&values(), "dotenv-python", "", &readers::DOTENV_PYTHON), 0);
}

#[test]
fn npm_dotenv_reads_what_was_meant() {
    let unfit = reads_back(&values(), "dotenv-node", "", &readers::DOTENV_NODE);
    assert!(unfit < 60, "{unfit}");
}

#[test]
fn both_dotenv_libraries_read_the_same_from_one_file() {
    let both: Vec<readers::Reader> = readers::DOTENV_PYTHON.into_iter().chain(readers::DOTENV_NODE).collect();
    let unfit = reads_back(&values(), "dotenv", "", &both);
    assert!(unfit < 120, "{unfit}");
}

#[test]
fn docker_reads_what_was_meant() {
    let unfit = reads_back(&values(), "docker-env", "", &readers::DOCKER);
    assert!(unfit < 120, "{unfit}");
}

#[test]
fn systemd_reads_what_was_meant() {
    // U+FFFE and U+1FFFF, and what of them was generated.
    let unfit = reads_back(&values(), "systemd", "", &readers::SYSTEMD);
    assert!((2..10).contains(&unfit), "{unfit}");
}

#[test]
fn jq_and_python_read_the_json_that_was_meant() {
    assert_eq!(reads_back(&values(), "json", "", &readers::JSON), 0);
}

#[test]
fn yaml_libraries_read_what_was_meant() {
    assert_eq!(reads_back(&values(), "yaml", "", &readers::YAML), 0);
}

#[test]
fn kubernetes_reads_the_config_map_that_was_meant() {
    // The long name.
    let unfit =
        reads_back(&values(), "configmap", "--namespace shop --label app.kubernetes.io/name=x", &readers::MANIFEST);
    assert_eq!(unfit, 1);
}

#[test]
fn kubernetes_reads_the_secret_that_was_meant() {
    let values: Values = values()
        .into_iter()
        .filter(|(name, _)| name.len() < 200)
        .map(|(name, value)| (format!("SECRET_{name}"), value))
        .collect();
    assert_eq!(reads_back(&values, "k8s-secret", "--with-secrets --name keys", &readers::MANIFEST), 0);
}

#[test]
fn terraform_reads_what_was_meant() {
    let unfit = reads_back(&values(), "tfvars", "", &readers::TERRAFORM);
    assert!(unfit < 60, "{unfit}");
    assert_eq!(reads_back(&values(), "tfvars-json", "", &readers::TERRAFORM_JSON), unfit);
    // It stumbles over templates that are none and do not end, which Terraform takes.
    let mut values = values();
    values.retain(|_, value| !value.contains("${") && !value.contains("%{") || value.starts_with("${HOME"));
    reads_back(&values, "tfvars", "", &readers::HCL);
}

#[test]
fn a_megabyte_comes_back_whole_and_what_cannot_hold_it_says_so() {
    let text: String = "it's a \"line\" of $5 # é\n".chars().cycle().take(1_000_000).collect();
    let values: Values = [("LARGE".to_owned(), text), ("PLAIN".to_owned(), "x".repeat(1_000_000))].into();
    assert_eq!(reads_back(&values, "shell", "", &readers::SHELLS), 0);
    assert_eq!(reads_back(&values, "dotenv-python", "", &readers::DOTENV_PYTHON), 0);
    assert_eq!(reads_back(&values, "dotenv-node", "", &readers::DOTENV_NODE), 0);
    assert_eq!(reads_back(&values, "systemd", "", &readers::SYSTEMD), 0);
    assert_eq!(reads_back(&values, "json", "", &readers::JSON), 0);
    assert_eq!(reads_back(&values, "yaml", "", &readers::YAML[..1]), 0);
    let project = project_of(&values);
    let said = project.fails("env render -f docker-env", 1);
    assert!(
        said.contains("`PLAIN` is longer than the 65535 bytes") && said.contains("`LARGE` has several lines"),
        "{said}"
    );
    assert!(project.fails("env render -f configmap", 1).contains("at most 1048576"), "two of them are too much");
    project.ok("env render -f configmap --only LARGE");
}

#[test]
fn ten_thousand_variables_are_rendered_quickly() {
    let values: Values = (0..10_000).map(|n| (format!("NAME_{n:05}"), format!("it's number {n}"))).collect();
    let project = project_of(&values);
    let started = Instant::now();
    let text = project.ok("env render -f json");
    // Generous, because this is a debug build on a busy machine.
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    assert_eq!(serde_json::from_str::<Values>(&text).unwrap(), values);
}

fn small() -> Project {
    let project = Project::small();
    project.write(
        "towpath.yaml",
        &project.read("towpath.yaml").replace(
            "  SCHOOL:",
            "  API_KEY: {secret: true, default: s3cret-value}\n  PORTS: {type: int, default: 80}\n  SCHOOL:",
        ),
    );
    project
}

#[test]
fn secrets_are_written_only_when_asked_for() {
    let project = small();
    let plain = project.run("env render staging -f json");
    assert!(!plain.out.contains("API_KEY") && plain.err.contains("1 secret variable left out"), "{plain:?}");
    assert!(project.ok("env render staging -f json --with-secrets").contains("s3cret-value"));
    let said = project.fails("env render staging -f json --only API_KEY", 2);
    assert!(said.contains("--with-secrets") && !said.contains("s3cret-value"), "{said}");
    let said = project.fails("env render staging -f k8s-secret", 2);
    assert!(said.contains("--with-secrets") && !said.contains("s3cret-value"), "{said}");
    assert!(project.fails("env render staging -f configmap --with-secrets", 2).contains("no place for secrets"));
    let secret = project.ok("env render staging -f k8s-secret --with-secrets");
    assert!(secret.contains("API_KEY: \"czNjcmV0LXZhbHVl\"") && !secret.contains("SCHOOL"), "{secret}");
}

#[test]
fn what_is_asked_for_wrongly_is_answered_with_what_was_meant() {
    let project = small();
    assert!(project.fails("env render staging --only SCHOL", 2).contains("did you mean `SCHOOL`"));
    assert!(project.fails("env render staging --service wab", 2).contains("one of: web"));
    assert!(project.fails("env render staging --namespace x", 2).contains("configmap"));
    assert!(project.fails("env render staging -f configmap --namespace X", 1).contains("cannot be a namespace"));
    assert!(project.fails("env render staging -f configmap --label a", 2).contains("NAME=VALUE"));
    assert!(project.fails("env render staging -f toml", 2).contains("tfvars-json"));
}

#[test]
fn numbers_are_numbers_for_terraform_and_texts_elsewhere() {
    let project = small();
    assert!(project.ok("env render staging -f tfvars").contains("PORTS = 80\n"));
    let json: Value =
        serde_json::from_str(&project.ok("env render staging -f tfvars-json --only PORTS,SCHOOL")).unwrap();
    assert_eq!(json, serde_json::json!({ "PORTS": 80, "SCHOOL": "Riverside" }));
    assert!(project.ok("env render staging -f json").contains("\"PORTS\": \"80\""));
    assert!(project.ok("env render staging --only SCHOOL --set SCHOOL=Hill").contains("SCHOOL=Hill"));
}

#[test]
fn a_file_is_for_its_owner_and_is_replaced_as_a_whole() {
    let project = small();
    project.ok("env render staging --to out.env");
    let mode = || std::fs::metadata(project.file("out.env")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    std::fs::set_permissions(project.file("out.env"), std::fs::Permissions::from_mode(0o644)).unwrap();
    project.ok("env render staging --with-secrets --to out.env");
    assert_eq!(mode(), 0o600);
    assert!(project.read("out.env").contains("s3cret-value"));
    let left =
        std::fs::read_dir(project.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(left.filter(|name| name.contains("out.env")).count(), 1);
    std::os::unix::fs::symlink("out.env", project.file("link.env")).unwrap();
    project.ok("env render staging --to link.env");
    assert!(std::fs::symlink_metadata(project.file("link.env")).unwrap().is_symlink());
    assert!(!project.read("out.env").contains("s3cret-value"));
    project.fails("env render staging --to no/such/folder", 1);
    project.fails("env render staging --to environments", 2);
}

#[test]
fn secrets_are_not_written_into_what_git_keeps() {
    let project = small();
    let git = |line: &str| {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=a", "-c", "user.email=a@example.org"]).args(line.split(' '));
        assert!(command.current_dir(project.path()).stdout(Stdio::null()).status().unwrap().success());
    };
    project.write("kept.env", "OLD=1\n");
    project.write(".gitignore", "ignored.env\n");
    git("init -q");
    git("add kept.env");
    let said = project.fails("env render staging --with-secrets --to kept.env", 3);
    assert!(said.contains("git tracks") && project.read("kept.env") == "OLD=1\n", "{said}");
    project.ok("env render staging --to kept.env");
    let ran = project.run("env render staging --with-secrets --to loose.env");
    assert!(ran.exit == 0 && ran.err.contains("git does not ignore"), "{ran:?}");
    let ran = project.run("env render staging --with-secrets --to ignored.env");
    assert!(ran.exit == 0 && !ran.err.contains("warning"), "{ran:?}");
}
