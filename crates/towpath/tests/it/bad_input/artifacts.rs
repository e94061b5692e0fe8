//! Artifacts that are missing, unreadable or reach out of their folder, and releases of what does not validate.

use std::{
    fs::{self, Permissions},
    os::unix::{
        fs::{PermissionsExt as _, symlink},
        net::UnixListener,
    },
};

use super::{is_error, says};
use crate::project::Project;

#[test]
fn an_artifact_that_cannot_be_taken_is_named_and_no_release_is_made() {
    let mut project = Project::small();
    project.up();
    let outside = tempfile::NamedTempFile::new().unwrap();
    let leaving = project.file("app/leaving");
    for target in ["../towpath.yaml", outside.path().to_str().unwrap(), "a/../../../etc/passwd"] {
        symlink(target, &leaving).unwrap();
        let ran = project.run("release create --version 1.0");
        is_error(&ran, 1);
        says(&ran.err, &["leaving"]);
        fs::remove_file(&leaving).unwrap();
    }
    let socket = UnixListener::bind(project.file("app/socket")).unwrap();
    let ran = project.run("release create --version 1.0");
    is_error(&ran, 1);
    says(&ran.err, &["app/socket", ".towpathignore"]);
    drop(socket);
    fs::remove_file(project.file("app/socket")).unwrap();
    fs::remove_dir_all(project.file("app")).unwrap();
    fs::create_dir(project.file("app")).unwrap();
    let ran = project.run("release create --version 1.0");
    is_error(&ran, 1);
    says(&ran.err, &["no files", "app", "next"]);
    assert_eq!(project.json("release list")["items"].as_array().unwrap().len(), 0);
    project.ok("audit verify");
}

#[test]
fn an_artifact_that_may_not_be_read_is_named() {
    let mut project = Project::small();
    let path = project.file("app/notices.txt");
    fs::set_permissions(&path, Permissions::from_mode(0o000)).unwrap();
    if fs::read(&path).is_ok() {
        println!("skipped: this user may read everything");
        return;
    }
    project.up();
    let ran = project.run("release create --version 1.0");
    is_error(&ran, 1);
    says(&ran.err, &["app/notices.txt", "ermission"]);
}

#[test]
fn a_release_of_files_that_do_not_validate_is_not_made() {
    let mut project = Project::small();
    project.up();
    project.write("environments/production.yaml", "services: {web: {replicas: several}}\n");
    let ran = project.run("release create --version 1.0");
    is_error(&ran, 1);
    says(&ran.err, &["environments/production.yaml:1:28", "several"]);
    assert_eq!(project.json("release list")["items"].as_array().unwrap().len(), 0);
}
