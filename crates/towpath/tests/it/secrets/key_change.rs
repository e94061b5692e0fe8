//! An environment is given another key for its data keys.

use std::fs;

use crate::project::{Project, until};

const PASSPHRASE: (&str, &str) = ("BOARD_KEY", "five random words are enough");

/// Returns what the newest data key of development is encrypted by.
fn provider(project: &Project) -> String {
    let log = project.json("audit log -e development --kind data_key_made");
    log["items"][0]["body"]["provider"].as_str().unwrap_or_else(|| panic!("{log:#}")).to_owned()
}

/// Returns how many data keys of development were given up.
fn retired(project: &Project) -> usize {
    project.json("audit log -e development --kind data_key_retired")["items"].as_array().unwrap().len()
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
        let before = retired(project);
        project.ok("secrets rotate development --data-key");
        until("the old key is given up", || (retired(project) > before).then_some(()));
        assert!(provider(project).starts_with(to));
    };
    project.up();
    set(&project);
    assert!(provider(&project).starts_with("age "));

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
    let told = project.fails("secrets get development TOKEN", 5);
    assert!(told.contains("`passphrase in BOARD_KEY`") && told.contains("bring the first back"), "{told}");
    project.stop();
    project.up_given("", &[PASSPHRASE]);
    moved(&project, "age ");
    project.stop();
    project.up();
    assert_eq!(project.ok("secrets get development TOKEN"), "SEKRET-value");
}
