//! What is listed is what the target wrote; what is deleted is nothing else.

use super::*;

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in [
        ("instances/pr-42_web_d7-0.json", "{}"),
        ("instances/pr-42_web_d7-0.tmp", "{"),
        ("instances/readme.txt", "x"),
        ("instances/a_b_c_d7-0.json", "{}"),
        ("logs/pr-42/web/d7-0.log", "hello\n"),
        ("logs/pr-42/web/d07-0.log", "not ours\n"),
        ("logs/staging/web/d1-0.log", "other\n"),
        ("artifacts/notes", "x"),
    ] {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let artifact = folder.path().join("artifacts").join("ab".repeat(32));
    fs::create_dir_all(artifact.join("sub")).unwrap();
    fs::write(artifact.join("sub/file"), "12345").unwrap();
    folder
}

fn told(data: &Path) -> Vec<String> {
    list(data).unwrap().iter().map(|held| format!("{} {} {}", held.what, held.place, held.bytes)).collect()
}

#[test]
fn everything_the_target_wrote_is_listed_with_its_size() {
    let folder = folder();
    let artifact = "ab".repeat(32);
    assert_eq!(
        told(folder.path()),
        [
            "log of pr-42/web/d7/0 logs/pr-42/web/d7-0.log 6".to_owned(),
            "log of staging/web/d1/0 logs/staging/web/d1-0.log 6".to_owned(),
            "state of pr-42/web/d7/0 instances/pr-42_web_d7-0.json 2".to_owned(),
            format!("files of artifact abababababab artifacts/{artifact} 5"),
        ]
    );
}

#[test]
fn what_is_deleted_is_gone_and_can_be_deleted_again() {
    let folder = folder();
    let data = folder.path();
    for _ in 0..2 {
        for held in list(&self::folder().path()).unwrap() {
            if held.place.starts_with("logs/staging") {
                continue;
            }
            delete(data, &held.what).unwrap();
        }
    }
    assert_eq!(told(data), ["log of staging/web/d1/0 logs/staging/web/d1-0.log 6"]);
    assert!(!data.join("instances/pr-42_web_d7-0.tmp").exists());
    assert!(data.join("logs/pr-42/web/d07-0.log").exists(), "what is nobody's is left");
    assert!(data.join("artifacts/notes").exists() && data.join("instances/readme.txt").exists());
    let log = Holding::Log { instance: instance("staging", "web", "d1-0").unwrap() };
    delete(data, &log).unwrap();
    assert!(!data.join("logs/staging").exists(), "an empty folder goes with its last log");
}
