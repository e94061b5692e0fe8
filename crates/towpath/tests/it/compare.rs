//! `env compare`: what differs, what is meant to, and how a CI job learns of it.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::project::{Project, ran};

fn small(declared: &str) -> Project {
    let project = Project::small();
    let file = project.read("towpath.yaml");
    project.write(
        "towpath.yaml",
        &file
            .replace("variables:\n", &format!("{declared}variables:\n  ONLY_DEV: {{}}\n  API_KEY: {{secret: true}}\n")),
    );
    project.write("environments/development.yaml", "variables: {ONLY_DEV: x, SCHOOL: 'Dev | `Hill`'}\n");
    project.write("environments/staging.yaml", "variables: {API_KEY: hunter2}\n");
    project.write("environments/production.yaml", "services: {web: {replicas: 2}}\nvariables: {API_KEY: hunter3}\n");
    project
}

const DECLARED: &str = "compare:
  expected:
  - {keys: ['services.*.replicas'], between: [stage, prod], reason: more load}
  - {keys: [variables.API_KEY], reason: a key each}
";

fn compared(project: &Project, line: &str) -> (i32, Value) {
    let ran = project.run(&format!("env compare {line} -o json"));
    (ran.exit, serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}", ran.err)))
}

#[test]
fn an_undeclared_difference_ends_with_status_4_and_a_declared_one_with_0() {
    assert_eq!(compared(&small(""), "staging production").0, 4);
    let project = small(DECLARED);
    let (exit, value) = compared(&project, "staging production");
    assert_eq!(
        (exit, &value["parityPercent"], &value["unexpected"], &value["expected"]),
        (0, &json!(100), &json!(0), &json!(2))
    );
    let (exit, value) = compared(&project, "");
    assert_eq!(exit, 4);
    let keys: Vec<&Value> = value["rows"].as_array().unwrap().iter().map(|row| &row["key"]).collect();
    // Development lacks the API key, and that may differ between all.
    let all = ["services.web.replicas", "variables.API_KEY", "variables.ONLY_DEV", "variables.SCHOOL"];
    assert_eq!(json!(keys), json!(all));
    assert!(project.fails("env compare staging stage", 2).contains("named twice"));
    assert!(project.fails("env compare --keys variables --keys 'variabels.*'", 2).contains("variabels"));
    project.fails("env compare staging", 2);
    project.fails("env compare staging moon", 2);
}

#[test]
fn the_json_has_a_stable_shape() {
    let (_, value) = compared(&small(DECLARED), "dev stage --keys variables");
    let mut names: Vec<&String> = value.as_object().unwrap().keys().collect();
    names.sort();
    let meant = [
        "environments",
        "expected",
        "keys",
        "missing",
        "parityPercent",
        "rows",
        "same",
        "schemaVersion",
        "stale",
        "unexpected",
    ];
    assert_eq!(names, meant);
    assert_eq!(value["environments"], json!(["development", "staging"]));
    assert_eq!(value["missing"], json!({ "staging": ["variables.ONLY_DEV"] }));
    assert_eq!(
        value["rows"][1],
        json!({
            "key": "variables.ONLY_DEV", "section": "variables", "kind": "missing", "same": false, "secret": false,
            "declared": false, "reason": null, "values": { "development": "x", "staging": null },
        })
    );
    assert_eq!((&value["rows"][0]["declared"], &value["rows"][0]["reason"]), (&json!(true), &json!("a key each")));
}

#[test]
fn secrets_are_compared_and_never_shown() {
    let project = small("");
    for more in ["", "--full", "--markdown", "-o json", "-o jsonl"] {
        let ran = project.run(&format!("env compare staging production {more}"));
        assert!(ran.out.contains("API_KEY") && !format!("{ran:?}").contains("hunter"), "{ran:?}");
    }
}

#[test]
fn a_missing_value_is_told_from_a_differing_one() {
    let project = small(DECLARED);
    let said = project.run("env compare").out;
    assert!(said.contains("missing in production: variables.ONLY_DEV"), "{said}");
    assert!(said.contains("missing in staging: variables.ONLY_DEV"), "{said}");
    assert!(said.contains("missing in staging, production") && said.contains("declared: a key each"), "{said}");
    let only = project.run("env compare --only-unexpected").out;
    assert!(!only.contains("API_KEY") && only.contains("ONLY_DEV"), "{only}");
    let (exit, value) = compared(&project, "--keys variables.S*,services");
    assert_eq!((exit, value["rows"].as_array().unwrap().len()), (4, 2));
    assert!(project.fails("env compare --keys a..b", 2).contains("not a pattern"));
}

#[test]
fn a_declaration_out_of_date_is_a_warning_with_its_place() {
    let more = "  - {keys: [services.web.drain, variables.GONE]}\n";
    let project = small(&format!("{DECLARED}{more}"));
    let ran = project.run("env compare");
    assert!(ran.err.contains("`services.web.drain` is declared to differ and does not differ any more"), "{}", ran.err);
    assert!(ran.err.contains("`variables.GONE` is declared to differ and fits no key"), "{}", ran.err);
    assert!(ran.err.contains("towpath.yaml:"), "{}", ran.err);
    // Two of three environments cannot tell.
    assert_eq!(project.run("env compare staging production").err, "");
    let wrong = small("compare: {expected: [{keys: [a], between: [stagin, production]}]}\n");
    assert!(wrong.fails("env compare", 1).contains("did you mean `staging`"));
}

#[test]
fn what_is_set_where_the_command_runs_hides_no_difference() {
    let project = small("");
    let output = project
        .command(["env", "compare", "dev", "stage", "--keys", "variables.SCHOOL"])
        .env("SCHOOL", "Same")
        .output();
    assert_eq!(ran(output.unwrap()).exit, 4);
}

#[test]
fn a_wide_matrix_is_folded_to_the_terminal() {
    let project = small("");
    for n in 0..9 {
        project.write(
            &format!("environments/preview-{n}.yaml"),
            &format!("tier: development\nvariables: {{SCHOOL: {}}}\n", "s".repeat(20 + n)),
        );
    }
    let with = |columns: &str| {
        let output =
            project.command(["env", "compare", "--keys", "variables.SCHOOL"]).env("COLUMNS", columns).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let wide = with("1000");
    assert_eq!(wide.matches("KEY").count(), 1);
    let narrow = with("100");
    assert!(narrow.matches("KEY").count() > 2, "{narrow}");
    assert!(narrow.lines().all(|line| line.chars().count() <= 100), "{narrow}");
    for name in ["development", "production", "preview-0", "preview-8"] {
        assert_eq!(
            narrow.lines().filter(|line| line.contains("KEY") && line.contains(name)).count(),
            1,
            "{name}\n{narrow}"
        );
    }
    // Too narrow for even one: one beside each other, nothing lost.
    assert_eq!(with("10").matches("KEY").count(), 12);
}

#[test]
fn markdown_is_a_table_whatever_is_in_it() {
    let project = small(DECLARED);
    let ran = project.run("env compare dev prod --markdown");
    assert_eq!(ran.exit, 4);
    assert!(ran.out.contains("| key | development | production | |\n| --- | --- | --- | --- |\n"), "{}", ran.out);
    assert!(ran.out.contains("| ``Dev \\| `Hill```") || ran.out.contains("| `` Dev \\| `Hill` `` |"), "{}", ran.out);
    assert!(
        ran.out.contains("**missing in production**")
            && ran.out.contains("missing in production: `variables.ONLY_DEV`"),
        "{}",
        ran.out
    );
    let rows = ran.out.lines().filter(|line| line.starts_with('|'));
    for row in rows {
        assert_eq!(row.replace("\\|", "").matches('|').count(), 5, "{row}");
    }
}

#[test]
fn values_cannot_steer_the_terminal_and_long_ones_are_cut() {
    let project = small("");
    project
        .write("environments/staging.yaml", &format!("variables: {{SCHOOL: \"a\\e[31m\\nb{}\"}}\n", "x".repeat(5000)));
    let mut command = project.command(["env", "compare", "dev", "stage"]);
    let said = String::from_utf8(command.stderr(Stdio::null()).output().unwrap().stdout).unwrap();
    assert!(said.contains("a\\u{1b}[31m\\nb") && said.contains('…') && !said.contains('\u{1b}'), "{said}");
    assert!(said.lines().all(|line| line.len() < 200));
}

#[test]
fn diff_is_the_same_command() {
    let project = small("");
    assert_eq!(project.run("env diff staging production").out, project.run("env compare staging production").out);
}
