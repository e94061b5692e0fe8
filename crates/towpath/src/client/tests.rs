//! Addresses, tokens, and the file that tells of a server.

use super::*;

#[test]
fn values_of_a_query_are_escaped() {
    assert_eq!(with_query("/a", &[("b", "c d&e=é".to_owned()), ("f", "1".to_owned())]), "/a?b=c%20d%26e%3D%C3%A9&f=1");
    assert_eq!(with_query("/a", &[]), "/a");
}

#[test]
fn the_name_of_a_person_is_never_a_path() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("secret"), "x").unwrap();
    let failure = read_token(folder.path(), Some("../secret")).unwrap_err();
    assert_eq!(failure.exit, Exit::Usage);
}

#[test]
fn a_server_that_was_killed_is_not_asked() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running { url: "http://127.0.0.1:7".to_owned(), pid: 1, version: "0".to_owned() };
    fs::write(Running::path(folder.path()), serde_json::to_vec(&running).unwrap()).unwrap();
    assert_eq!(Running::read(folder.path()).unwrap(), Some(running.clone()));
    assert_eq!(Running::serving(folder.path()).unwrap(), None);
    let lock = Lock::for_server(folder.path()).unwrap();
    assert_eq!(Running::serving(folder.path()).unwrap(), Some(running));
    drop(lock);
    assert_eq!(Running::serving(folder.path()).unwrap(), None);
}

#[test]
fn a_damaged_file_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(Running::path(folder.path()), b"{").unwrap();
    let failure = Running::read(folder.path()).unwrap_err();
    assert!(failure.message().contains("server.json"), "{failure:?}");
}
