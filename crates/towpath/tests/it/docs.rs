//! The commands that pages tell people to type, typed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use towpath_testkit::console_blocks::blocks;

use crate::project::{Project, ran};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Types every command of a page, one after the other in the project's folder.
fn type_page(page: &Path, project: &mut Project) {
    let text = fs::read_to_string(page).unwrap();
    for command in blocks(&text).unwrap().into_iter().flat_map(|block| block.commands) {
        let place = format!("{}:{}", page.display(), command.line);
        if let Some(reason) = command.not_run {
            eprintln!("{place}: not run: {reason}");
            continue;
        }
        if let Some(before) = command.text.strip_suffix("towpath up") {
            let words = before.split_whitespace();
            let variables: Vec<(&str, &str)> = words.map(|word| word.split_once('=').unwrap()).collect();
            project.up_given("", &variables);
            continue;
        }
        if let Some(more) = command.text.strip_prefix("towpath down") {
            assert_eq!(project.stop_with(more), 0, "{place}");
            continue;
        }
        let ran = ran(project.shell(&command.text).output().unwrap());
        let log = project.server_log();
        assert_eq!(ran.exit, command.exit, "{place}: {}\n{}{}{log}", command.text, ran.out, ran.err);
    }
}

#[test]
fn the_quick_start_works_as_it_is_written() {
    type_page(&repository().join("docs/src/quick-start.md"), &mut Project::empty());
}

#[test]
fn the_example_works_as_its_page_says() {
    type_page(&repository().join("examples/notice-board/README.md"), &mut Project::example());
}

#[test]
fn every_other_page_works_as_it_is_written() {
    let mut pages: Vec<PathBuf> =
        fs::read_dir(repository().join("docs/src")).unwrap().map(|page| page.unwrap().path()).collect();
    pages.push(repository().join("README.md"));
    pages.sort();
    for page in pages.iter().filter(|page| page.extension().is_some_and(|ending| ending == "md")) {
        if !page.ends_with("quick-start.md") {
            type_page(page, &mut Project::small());
        }
    }
}

#[test]
fn every_page_on_moving_works_in_an_empty_folder() {
    let folder = repository().join("docs/src/moving");
    let mut pages: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|page| page.unwrap().path()).collect();
    pages.sort();
    assert!(pages.len() >= 4, "{pages:?}");
    for page in pages {
        type_page(&page, &mut Project::empty());
    }
}

#[test]
fn every_page_on_secrets_works_in_a_project() {
    let folder = repository().join("docs/src/secrets");
    let mut pages: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|page| page.unwrap().path()).collect();
    pages.sort();
    assert!(!pages.is_empty());
    for page in pages {
        type_page(&page, &mut Project::small());
    }
}

#[test]
fn every_page_on_flags_works_in_a_project() {
    let folder = repository().join("docs/src/flags");
    let mut pages: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|page| page.unwrap().path()).collect();
    pages.sort();
    assert!(!pages.is_empty());
    for page in pages {
        type_page(&page, &mut Project::small());
    }
}
