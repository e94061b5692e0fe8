//! `init` and `env`: a project from nothing, and what its files say.

use serde_json::Value;

use crate::project::Project;

#[test]
fn init_writes_a_project_that_validates() {
    let project = Project::empty();
    let wrote = project.ok("init --name shop --command './serve ${PORT}'");
    for path in ["towpath.yaml", "environments/production.yaml", ".gitignore"] {
        assert!(wrote.contains(path), "{wrote}");
        assert!(project.file(path).is_file());
    }
    assert!(project.read(".gitignore").contains(".towpath/"));
    assert!(project.ok("env validate").contains("3 environments, no mistakes"));
    assert_eq!(project.json("env show production")["services"]["web"]["command"][2], "./serve ${PORT}");
}

#[test]
fn init_without_a_command_serves_a_page_by_python3() {
    let project = Project::empty();
    project.ok("init --name shop");
    assert!(project.read("towpath.yaml").contains("http.server"));
    assert!(project.file("site/index.html").is_file());
    project.ok("env validate");
}

#[test]
fn init_can_say_what_it_would_write_and_writes_nothing_then() {
    let project = Project::empty();
    let would = project.ok("init --dry-run --name shop");
    assert!(would.starts_with("would write project shop") && would.contains("environments/base.yaml"), "{would}");
    assert_eq!(std::fs::read_dir(project.path()).unwrap().count(), 0);
}

#[test]
fn init_overwrites_nothing() {
    let project = Project::empty();
    project.write("environments/base.yaml", "mine: 1\n");
    let said = project.fails("init --name shop", 3);
    assert!(said.contains("environments/base.yaml") && said.contains("kept   nothing was written"), "{said}");
    assert_eq!(project.read("environments/base.yaml"), "mine: 1\n");
    assert!(!project.file("towpath.yaml").exists());
}

#[test]
fn a_name_that_is_none_is_refused_with_the_rule() {
    let project = Project::empty();
    assert!(project.fails("init --name 'My Shop'", 2).contains("lower-case letters"));
}

#[test]
fn every_mistake_is_shown_at_once_with_its_place_and_what_to_do() {
    let project = Project::small();
    project.write("environments/staging.yaml", "servces: {}\nservices: {web: {replicas: many}}\n");
    project.write("environments/production.yaml", "extends: stagin\n");
    let said = project.fails("env validate", 1);
    for part in ["servces", "did you mean `services`", "staging.yaml:2", "many", "stagin", "3 mistakes", "next"] {
        assert!(said.contains(part), "no `{part}` in\n{said}");
    }
    let problem: Value = serde_json::from_str(&project.fails("env validate -o json", 1)).unwrap();
    let errors = problem["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 3, "{problem:#}");
    assert_eq!(errors[0]["line"], 1, "{problem:#}");
}

#[test]
fn files_that_are_no_text_and_no_yaml_are_errors_and_no_panics() {
    let project = Project::small();
    std::fs::write(project.file("environments/staging.yaml"), b"a: \xff\xfe\n").unwrap();
    assert!(project.fails("env validate", 1).contains("not UTF-8"));
    project.write("environments/staging.yaml", "a: [1, {b: }\n");
    assert!(project.fails("env list", 0).is_empty() || project.ok("env list").contains("mistakes"));
    assert!(project.fails("env validate", 1).contains("staging.yaml"));
}

#[test]
fn an_unknown_environment_is_answered_with_the_nearest() {
    let project = Project::small();
    let said = project.fails("env show prodction", 2);
    assert!(said.contains("did you mean `production`"), "{said}");
    assert!(project.fails("env validate prodction", 2).contains("did you mean `production`"));
}

#[test]
fn the_environment_is_taken_from_the_usual_variables() {
    let project = Project::small();
    let mut command = project.command(["env", "show", "-o", "json"]);
    let named = |command: &mut std::process::Command| {
        let value: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
        value["name"].as_str().unwrap().to_owned()
    };
    assert_eq!(named(&mut command), "development");
    assert_eq!(named(command.env("NODE_ENV", "prod")), "production");
    assert_eq!(named(command.env("TOWPATH_ENV", "staging")), "staging");
}

#[test]
fn explain_names_every_layer_of_a_value() {
    let project = Project::small();
    let said = project.ok("env explain production services.web.replicas");
    assert!(said.contains("environments/production.yaml:1") && said.contains("default"), "{said}");
    let variable = project.ok("env explain production SCHOOL");
    assert!(variable.contains("Riverside") && variable.contains("towpath.yaml"), "{variable}");
    project.fails("env explain production services.web.nothing", 2);
}

#[test]
fn environments_that_differ_end_with_status_4() {
    let project = Project::small();
    let said = project.fails("env diff staging production", 4);
    assert_eq!(said, "");
    let shown = project.run("env diff staging production").out;
    assert!(shown.contains("services.web.replicas"), "{shown}");
    project.fails("env diff staging staging", 2);
    project.fails("env diff staging", 2);
}

#[test]
fn variables_are_rendered_for_other_tools() {
    let project = Project::small();
    assert!(project.ok("env render staging").contains("SCHOOL="));
    assert!(project.ok("env render staging -f shell").contains("export SCHOOL="));
    let json: Value = serde_json::from_str(&project.ok("env render staging -f json")).unwrap();
    assert_eq!(json["SCHOOL"], "Riverside");
    assert!(project.fails("env render staging -f toml", 2).contains("dotenv"));
    project.fails("env render staging --service wab", 2);
}
