//! Values of secrets that people put where they do not belong, looked for wherever they could have gone.

mod deployed;
mod sealed;
mod values;

use std::{fs, path::Path};

use crate::project::Project;

mod bench;
mod edits;
mod files;
mod key_change;
mod keygen;
mod merges;
mod rotation;
mod sync;
mod validate;

const MARK: &str = "SEKRET";

/// Returns every file under a folder that holds the mark.
fn holding(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            found.extend(holding(&entry.path()));
        } else if fs::read(entry.path())
            .is_ok_and(|bytes| bytes.windows(MARK.len()).any(|part| part == MARK.as_bytes()))
        {
            found.push(entry.path().display().to_string());
        }
    }
    found
}

#[test]
fn a_secret_in_a_file_goes_into_no_release_and_is_warned_of() {
    let mut project = Project::small();
    let declared = project.read("towpath.yaml").replace(
        "variables:\n",
        "variables:\n  API_KEY: {secret: true, default: SEKRET-default}\n  DSN: {secret: true, default: 'x://${secret:TOKEN}@h'}\n  TOKEN: {secret: true}\n",
    );
    project.write("towpath.yaml", &declared);
    project.write("environments/staging.yaml", "variables:\n  API_KEY: |\n    SEKRET one\n    SEKRET two\n");
    project.up();
    let made = project.run("release create --version 1.0 --wait");
    assert_eq!(made.exit, 0, "{}", made.err);
    for place in ["towpath.yaml:", "environments/staging.yaml:3:"] {
        let warned = made.err.lines().any(|line| line.contains(place) && line.contains("left out of the release"));
        assert!(warned, "{place}\n{}", made.err);
    }
    for line in
        ["env explain staging", "env show staging", "env render staging", "env compare", "audit log", "env validate"]
    {
        let ran = project.run(line);
        assert!(!(ran.out + &ran.err).contains(MARK), "{line}");
    }
    assert_eq!(holding(&project.file(".towpath")), Vec::<String>::new());
    assert!(!project.server_log().contains(MARK));
    assert!(
        project.ok("env render staging --with-secrets").contains("SEKRET two"),
        "what stands here can be used here"
    );
}

#[test]
fn a_link_to_nothing_is_no_environment_that_is_missed_in_silence() {
    let project = Project::small();
    std::os::unix::fs::symlink("/nonexistent/file", project.file("environments/qa.yaml")).unwrap();
    assert!(project.fails("env validate", 1).contains("environments/qa.yaml"));
}
