//! An environment is given another key for its data keys.

use std::fs;

use crate::project::{Project, until};

const PASSPHRASE: (&str, &str) = ("BOARD_KEY", "five random words are enough");

/// Returns what each data key in use of an environment is encrypted by.
fn providers(project: &Project, environment: &str) -> Vec<String> {
    let store = project.json(&format!("secrets list {environment}"));
    let keys = store["dataKeys"].as_array().unwrap_or_else(|| panic!("{store:#}"));
    keys.iter().map(|key| key["provider"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_environment_moves_from_its_age_key_to_a_passphrase_and_back_without_losing_a_value() {
    let mut project = Project::small();
    let declared = project.read("towpath.yaml").replace("variables:\n", "variables:\n  TOKEN: {secret: true}\n");
    project.write("towpath.yaml", &declared);
    let usual = project.read("environments/development.yaml");
    let set = |project: &Project| {
        let ran = project.shell("printf SEKRET-value | towpath secrets set development TOKEN").status().unwrap();
        assert!(ran.success());
    };
    let moved = |project: &Project, to: &str| {
        project.ok("secrets rotate development --data-key");
        until("the old key is given up", || {
            let now = providers(project, "development");
            (now.len() == 1 && now.iter().all(|id| id.starts_with(to))).then_some(())
        });
    };
    project.up();
    set(&project);
    assert!(providers(&project, "development").iter().all(|id| id.starts_with("age ")));

    project.stop();
    project.write(
        "environments/development.yaml",
        &format!("{usual}secrets: {{key: {{passphrase: {{variable: BOARD_KEY}}}}}}\n"),
    );
    project.up_given("", &[PASSPHRASE]);
    assert_eq!(project.ok("secrets get development TOKEN"), "SEKRET-value", "the former key is read while it is there");
    moved(&project, "passphrase");
    fs::remove_file(project.file(".towpath/keys/development.agekey")).unwrap();
    project.stop();
    project.up_given("", &[PASSPHRASE]);
    assert_eq!(project.ok("secrets get development TOKEN"), "SEKRET-value");

    project.stop();
    project.write("environments/development.yaml", &usual);
    project.up();
    let told = project.fails("secrets get development TOKEN", 1);
    assert!(told.contains("`passphrase in BOARD_KEY`") && told.contains("bring the first back"), "{told}");
    project.stop();
    project.up_given("", &[PASSPHRASE]);
    moved(&project, "age ");
    project.stop();
    project.up();
    assert_eq!(project.ok("secrets get development TOKEN"), "SEKRET-value");
}
