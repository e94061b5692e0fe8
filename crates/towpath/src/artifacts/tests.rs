//! Folders read into trees, and what is left out of them.

use std::os::unix::fs::symlink;

use super::{ignore::Ignored, *};

fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn paths(folder: &Path) -> Vec<String> {
    read(folder, folder).unwrap().tree.entries().keys().map(ToString::to_string).collect()
}

#[test]
fn a_folder_is_read_without_version_control_and_private_data() {
    let folder = tree(&[("index.html", "a"), ("js/app.js", "b"), (".git/HEAD", "c"), (".towpath/token", "d")]);
    assert_eq!(paths(folder.path()), ["index.html", "js/app.js"]);
}

#[test]
fn what_the_ignore_file_names_is_left_out() {
    let folder = tree(&[
        (IGNORE_FILE, "*.log\nnode_modules/\n/dist/*.map\n!keep.log\n"),
        ("a.log", ""),
        ("keep.log", ""),
        ("node_modules/x/y.js", ""),
        ("dist/app.map", ""),
        ("dist/app.js", ""),
        ("src/app.map", ""),
    ]);
    assert_eq!(paths(folder.path()), ["dist/app.js", "keep.log", "src/app.map"]);
}

#[test]
fn the_same_files_give_the_same_digest_whatever_folder_they_are_in() {
    let files = [("a", "1"), ("b/c", "2")];
    let (one, two) = (tree(&files), tree(&files));
    let digest = |folder: &tempfile::TempDir| read(folder.path(), folder.path()).unwrap().tree.digest();
    assert_eq!(digest(&one), digest(&two));
}

#[test]
fn a_link_out_of_the_folder_is_refused() {
    let folder = tree(&[("a", "1")]);
    symlink("/etc/passwd", folder.path().join("out")).unwrap();
    let failure = read(folder.path(), folder.path()).unwrap_err();
    assert!(failure.message().contains("leaves the artifact"), "{}", failure.message());
}

#[test]
fn a_missing_folder_says_what_to_do() {
    let folder = tree(&[("a", "1")]);
    let failure = read(folder.path(), &folder.path().join("dist")).unwrap_err();
    assert!(failure.text(crate::output::Paint::new(false)).contains("build it first"));
}

#[test]
fn patterns_mean_what_git_means_by_them() {
    let cases = [
        ("*.log", "a/b.log", true),
        ("/a", "a", true),
        ("/a", "b/a", false),
        ("a/**", "a/b/c", true),
        ("a/**", "a", false),
        ("**/x/y", "a/b/x/y", true),
        ("a?c", "abc", true),
        ("a*b*c", "aXbYbZc", true),
        ("a*b*c", "aXbYbZ", false),
    ];
    for (pattern, path, expected) in cases {
        assert_eq!(Ignored::of(pattern).has(path, false), expected, "{pattern} on {path}");
    }
}
