//! Which environment is meant, what is laid over its files, and what its variables must be.

use serde_json::Value;

use crate::project::{Project, ran};

const PROJECT: &str = r#"project: shop
services: {web: {command: ["${TOWPATH}", "__demo-app"], listen: 8080}}
variables:
  LOG_LEVEL: {type: enum, values: [debug, info], default: info}
  API_URL: {type: url, required_in: [production], example: "https://api.example.org"}
  OLD_URL: {deprecated: {since: "2.0", use: API_URL}}
  TOKEN: {secret: true}
pipeline: [development, staging, production]
"#;

fn project() -> Project {
    let project = Project::empty();
    project.write("environments/development.yaml", "");
    project.write("environments/staging.yaml", "aliases: [rehearsal]\nurl: https://${LOG_LEVEL}.example.org\n");
    project.write(
        "environments/production.yaml",
        "variables: {API_URL: \"https://api.example.org/${services.web.port}\"}\n",
    );
    project
}

/// Returns the environment that a command shows when the process has these variables.
fn shown(project: &Project, line: &[&str], process: &[(&str, &str)]) -> Result<String, String> {
    let mut command = project.command(line.iter().chain(&["-o", "json"]));
    let ran = ran(command.envs(process.iter().copied()).output().unwrap());
    if ran.exit != 0 {
        assert_eq!(ran.exit, 2, "{}", ran.err);
        return Err(serde_json::from_str::<Value>(&ran.err).unwrap()["detail"].as_str().unwrap().to_owned());
    }
    let value: Value = serde_json::from_str(&ran.out).unwrap();
    Ok(value["name"].as_str().unwrap().to_owned())
}

#[test]
fn an_argument_an_option_and_three_variables_say_which_environment_is_meant() {
    let project = project();
    let all = [("TOWPATH_ENV", "staging"), ("ENVIRONMENT", "production"), ("NODE_ENV", "development")];
    assert_eq!(shown(&project, &["env", "show", "production"], &all).unwrap(), "production");
    assert_eq!(shown(&project, &["env", "show", "--env", "production"], &all).unwrap(), "production");
    assert_eq!(shown(&project, &["env", "show", "-e", "rehearsal"], &all).unwrap(), "staging");
    assert_eq!(shown(&project, &["env", "show"], &all).unwrap(), "staging");
    assert_eq!(shown(&project, &["env", "show"], &all[1..]).unwrap(), "production");
    assert_eq!(shown(&project, &["env", "show"], &all[2..]).unwrap(), "development");
    assert_eq!(shown(&project, &["env", "show"], &[]).unwrap(), "development");
    assert_eq!(shown(&project, &["env", "show"], &[("TOWPATH_ENV", ""), ("NODE_ENV", "prod")]).unwrap(), "production");
}

#[test]
fn an_unknown_name_says_where_it_came_from() {
    let project = project();
    let said = shown(&project, &["env", "show"], &[("TOWPATH_ENV", ""), ("ENVIRONMENT", "prodution")]).unwrap_err();
    for part in ["prodution", "`ENVIRONMENT`", "did you mean `production`", "`staging`"] {
        assert!(said.contains(part), "no {part} in {said}");
    }
    let said = shown(&project, &["env", "show", "stagging"], &[("NODE_ENV", "production")]).unwrap_err();
    assert!(said.contains("did you mean `staging`") && !said.contains("NODE_ENV"), "{said}");
    project.fails("env show --env ''", 2);
    project.fails("env show staging --env production", 2);
}

#[test]
fn every_command_that_looks_at_one_environment_takes_it_the_same_way() {
    let project = project();
    assert!(project.ok("env explain --env staging LOG_LEVEL").contains("variables.LOG_LEVEL"));
    assert!(project.ok("env explain rehearsal LOG_LEVEL").contains("variables.LOG_LEVEL"));
    project.fails("env explain --env staging production LOG_LEVEL", 2);
    assert!(project.ok("env render --env production").contains("8080"));
    assert!(project.ok("env validate --env prod").contains("1 environment"));
    let mut command = project.command(["env", "render"]);
    assert!(ran(command.env("NODE_ENV", "production").output().unwrap()).out.contains("API_URL"));
}

#[test]
fn what_is_set_with_the_command_overrules_everything() {
    let project = project();
    let set = "--set LOG_LEVEL=debug --set services.web.replicas=4";
    assert_eq!(project.json(&format!("env show staging {set}"))["services"]["web"]["replicas"], 4);
    assert_eq!(project.json(&format!("env show staging {set}"))["url"], "https://debug.example.org");
    assert!(project.ok(&format!("env render staging {set}")).contains("LOG_LEVEL=debug"));
    let mut command = project.command(["env", "explain", "staging", "LOG_LEVEL", "--set", "LOG_LEVEL=debug"]);
    let told = ran(command.env("LOG_LEVEL", "info").output().unwrap()).out;
    let order: Vec<usize> =
        ["flag", "process environment", "project"].iter().map(|layer| told.find(layer).unwrap()).collect();
    assert!(order.is_sorted(), "{told}");
    assert!(project.fails("env validate staging --set LOG_LEVEL=dbug", 1).contains("did you mean `debug`"));
    assert!(project.fails("env validate --set services.web.replcas=2", 1).contains("did you mean `replicas`"));
    project.fails("env show staging --set LOG_LEVEL", 2);
    project.fails("env show staging --set =x", 2);
}

#[test]
fn a_warning_does_not_fail_unless_it_is_asked_to() {
    let project = project();
    project.write("environments/staging.yaml", "variables: {OLD_URL: \"https://old.example.org\"}\n");
    let said = project.ok("env validate");
    for part in ["`OLD_URL` is deprecated: since 2.0; use `API_URL`", "staging.yaml:1", "no mistakes, 1 warning"] {
        assert!(said.contains(part), "no {part} in {said}");
    }
    assert!(project.run("env show staging").err.contains("deprecated"));
    assert_eq!(project.json("env show staging")["warnings"].as_array().unwrap().len(), 1);
    assert!(project.fails("env validate --strict", 1).contains("the configuration has 1 warning"));
    let problem: Value = serde_json::from_str(&project.fails("env validate --strict -o json", 1)).unwrap();
    assert_eq!(problem["errors"][0]["line"], 1, "{problem:#}");
    assert!(project.ok("env validate production --strict").contains("no mistakes"));
}

#[test]
fn what_production_lacks_is_found_before_anything_is_deployed() {
    let mut project = Project::small();
    project.up();
    let towpath = project.read("towpath.yaml");
    project.write("towpath.yaml", &towpath.replace("variables:\n", "variables:\n  API_URL: {required_in: [prod]}\n"));
    let said = project.fails("env validate", 1);
    assert!(said.contains("`production` has no value for `API_URL`"), "{said}");
    let said = project.fails("release create --version 1.0", 1);
    for part in ["`production` has no value for `API_URL`", "environments/production.yaml", "no release was made"] {
        assert!(said.contains(part), "no {part} in {said}");
    }
    assert_eq!(
        project.json("release list").as_array().or(project.json("release list")["items"].as_array()).unwrap().len(),
        0
    );
    project.write("environments/production.yaml", "variables: {API_URL: \"https://a.b\"}\n");
    project.release("1.0");
}

#[test]
fn explaining_tells_machines_what_it_tells_people() {
    let project = project();
    let value = project.json("env explain production API_URL");
    let one = value.as_array().or(value["items"].as_array()).unwrap()[0].clone();
    assert_eq!(one["value"], "https://api.example.org/8080", "{value:#}");
    assert_eq!(one["written"], "https://api.example.org/${services.web.port}");
    assert_eq!(one["references"][0]["key"], "services.web.port");
    assert!(one["references"][0]["place"].as_str().unwrap().starts_with("towpath.yaml:2"));
    assert_eq!(one["contributions"][0]["layer"], "production");
    let told = project.ok("env explain production API_URL");
    assert!(told.contains("refers to") && told.contains("services.web.port = 8080"), "{told}");
    assert!(
        project
            .fails("env explain production services.web.replcas", 2)
            .contains("did you mean `services.web.replicas`")
    );
}
