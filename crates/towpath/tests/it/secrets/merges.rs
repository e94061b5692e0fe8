//! Encrypted files in branches of real repositories.

use std::process::{Command, Output};

use super::bench::{Bench, Keys};
use crate::project::ran;

const BASE: &str = "# About a.\na: SEKRET-1\nb: SEKRET-2\nlist:\n    - one\n    - two\n";

/// A repository whose file `secrets/x.yaml` two branches have changed.
struct Repository {
    bench: Bench,
}

impl Repository {
    fn new() -> Self {
        let bench = Bench::new();
        bench.rules(&[&bench.ana, &bench.ben]);
        let repository = Self { bench };
        repository.git_ok("init -q -b main");
        repository.git_ok("config user.name Ana");
        repository.git_ok("config user.email ana@example.org");
        repository.bench.project.write(".gitignore", "run\n*.sh\n");
        repository
    }

    /// Makes the file on `main` and installs the driver.
    fn with(base: &str) -> Self {
        let repository = Self::new();
        repository.bench.encrypted("secrets/x.yaml", base);
        repository.bench.ok("merge --install");
        repository.commit("base");
        repository
    }

    fn git(&self, line: &str) -> Output {
        let mut command = Command::new("git");
        command.args(line.split_whitespace()).current_dir(self.bench.project.path()).env_clear();
        command.env("PATH", std::env::var("PATH").unwrap()).env("HOME", self.bench.project.path());
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("SOPS_AGE_KEY", &self.bench.ana.private);
        command.env("EDITOR", "true").output().unwrap()
    }

    #[track_caller]
    fn git_ok(&self, line: &str) -> String {
        let ran = ran(self.git(line));
        assert_eq!(ran.exit, 0, "git {line}\n{}{}", ran.out, ran.err);
        ran.out + &ran.err
    }

    fn commit(&self, message: &str) {
        self.git_ok("add -A");
        self.git_ok(&format!("commit -q -m {message}"));
    }

    /// Changes the file on a branch from the first commit.
    fn branch(&self, name: &str, script: &str) {
        self.git_ok(&format!("checkout -q -b {name} main"));
        let edit = self.bench.edit("edit secrets/x.yaml", script);
        assert_eq!(edit.exit, 0, "{}", edit.err);
        self.commit(name);
    }

    fn text(&self) -> String {
        self.bench.decrypted("secrets/x.yaml")
    }

    fn file(&self) -> String {
        self.bench.project.read("secrets/x.yaml")
    }
}

#[test]
fn branches_that_changed_neighbours_merge_by_themselves() {
    let repository = Repository::with(BASE);
    repository.branch("theirs", "sed -i -e 's/SEKRET-2/SEKRET-8/' -e '$a\\    - three' -e '$anew: SEKRET-3' $1");
    let theirs = repository.file();
    repository.branch("ours", "sed -i -e 's/SEKRET-1/SEKRET-9/' -e 's/About a/More about a/' $1");
    let ours = repository.file();
    let told = repository.git_ok("merge -q --no-edit theirs");
    assert!(!told.contains("SEKRET"), "{told}");
    let wanted = "# More about a.\na: SEKRET-9\nb: SEKRET-8\nlist:\n    - one\n    - two\n    - three\nnew: SEKRET-3\n";
    assert_eq!(repository.text(), wanted);
    // Every ciphertext is that of one side.
    let merged = repository.file();
    let strange: Vec<&str> = merged
        .lines()
        .filter(|line| {
            line.contains("ENC[") && !line.contains("mac:") && !ours.contains(*line) && !theirs.contains(*line)
        })
        .collect();
    assert!(strange.is_empty(), "{strange:?}");
    assert!(repository.git_ok("status --porcelain").is_empty());
    repository.bench.left_nothing();
}

#[test]
fn a_rebase_and_a_cherry_pick_use_the_driver_too() {
    let repository = Repository::with(BASE);
    repository.branch("theirs", "sed -i 's/SEKRET-2/SEKRET-8/' $1");
    repository.branch("ours", "sed -i 's/SEKRET-1/SEKRET-9/' $1");
    repository.git_ok("rebase -q theirs");
    assert_eq!(repository.text(), BASE.replace("SEKRET-2", "SEKRET-8").replace("SEKRET-1", "SEKRET-9"));
    repository.git_ok("checkout -q -b third main");
    repository.git_ok("cherry-pick theirs");
    assert_eq!(repository.text(), BASE.replace("SEKRET-2", "SEKRET-8"));
}

/// Returns a repository in the middle of a merge that has conflicts in `b`, and what git said.
fn conflicting() -> (Repository, String) {
    let repository = Repository::with(BASE);
    repository.branch("theirs", "sed -i -e 's/SEKRET-2/SEKRET-theirs/' -e 's/two/2/' $1");
    repository.branch("ours", "sed -i -e 's/SEKRET-2/SEKRET-ours/' -e 's/SEKRET-1/SEKRET-9/' $1");
    let merge = ran(repository.git("merge --no-edit theirs"));
    assert_eq!(merge.exit, 1, "{}{}", merge.out, merge.err);
    (repository, merge.out + &merge.err)
}

#[test]
fn a_conflict_names_the_key_and_leaves_ciphertexts_between_markers() {
    let (repository, told) = conflicting();
    assert!(told.contains("`b`: both sides gave it another value") && !told.contains("SEKRET"), "{told}");
    let file = repository.file();
    let marked: Vec<&str> =
        file.split("<<<<<<< ours\n").nth(1).unwrap().split(">>>>>>> theirs\n").next().unwrap().lines().collect();
    assert!(
        matches!(marked.as_slice(), [a, "=======", b] if a.starts_with("b: ENC[") && b.starts_with("b: ENC[")),
        "{marked:?}"
    );
    assert!(file.matches("<<<<<<<").count() == 1 && !file.contains("SEKRET"), "{file}");
}

#[test]
fn a_conflict_is_resolved_by_hand_by_side_or_in_the_editor() {
    let (repository, _) = conflicting();
    let bench = &repository.bench;
    let shown = bench.run("merge --dry-run secrets/x.yaml");
    assert!(
        shown.exit == 4 && shown.out.contains("1 conflict") && !shown.out.contains("SEKRET"),
        "{}{}",
        shown.out,
        shown.err
    );
    let shown = bench.run("merge --dry-run --show-values secrets/x.yaml");
    assert!(shown.out.contains("ours: SEKRET-ours") && shown.out.contains("theirs: SEKRET-theirs"), "{}", shown.out);
    let err = bench.fails("merge --no-input secrets/x.yaml", 3);
    assert!(err.contains("--take"), "{err}");
    let result = |b: &str| BASE.replace("SEKRET-1", "SEKRET-9").replace("two", "2").replace("SEKRET-2", b);
    bench.ok("merge --take b=theirs secrets/x.yaml");
    assert_eq!(repository.text(), result("SEKRET-theirs"));
    bench.ok("merge --take ours secrets/x.yaml");
    assert_eq!(repository.text(), result("SEKRET-ours"));
    let before = repository.file();
    let left = bench.edit("merge --quiet secrets/x.yaml", "grep -q '^<<<<<<< ours' $1 || exit 9; echo >> $1");
    assert!(left.exit == 3 && left.err.contains("still has a marker") && repository.file() == before, "{}", left.err);
    let script = "sed -i -e '/^<<<<<<</d' -e '/^=======/,/^>>>>>>>/d' -e 's/SEKRET-ours/SEKRET-both/' $1";
    let edited = bench.edit("merge secrets/x.yaml", script);
    assert_eq!(edited.exit, 0, "{}", edited.err);
    assert_eq!(repository.text(), result("SEKRET-both"));
    repository.commit("merged");
    assert!(bench.fails("merge secrets/x.yaml", 2).contains("no conflict"));
    bench.left_nothing();
}

#[test]
fn recipients_are_merged_by_what_each_side_changed() {
    let repository = Repository::with(BASE);
    let (bench, third) = (&repository.bench, Keys::new());
    // One side takes Ben away; the other lets somebody else in and changes a value.
    repository.git_ok("checkout -q -b theirs main");
    bench.ok(&format!("rotate-file --rm-age {} secrets/x.yaml", bench.ben.public));
    repository.commit("theirs");
    repository.git_ok("checkout -q -b ours main");
    bench.rules(&[&bench.ana, &bench.ben, &third]);
    bench.ok("update-keys --yes secrets/x.yaml");
    assert_eq!(bench.edit("edit secrets/x.yaml", "sed -i 's/SEKRET-1/SEKRET-9/' $1").exit, 0);
    repository.commit("ours");
    let merge = ran(repository.git("merge --no-edit theirs"));
    assert_eq!(merge.exit, 0, "{}{}", merge.out, merge.err);
    assert_eq!(repository.text(), BASE.replace("SEKRET-1", "SEKRET-9"));
    let as_other = |keys: &Keys| {
        let mut command = bench.project.command(["secrets", "decrypt", "secrets/x.yaml"]);
        command.env("SOPS_AGE_KEY", &keys.private).output().unwrap().status.code()
    };
    assert_eq!((as_other(&bench.ben), as_other(&third)), (Some(1), Some(0)));
    assert!((merge.out + &merge.err).contains(&format!("{} can open the file no more", bench.ben.public)));
    // The data key is not one that Ben has.
    assert!(!repository.file().contains(&bench.ben.public));
}

#[test]
fn who_has_no_key_gets_markers_and_not_one_side_in_silence() {
    let repository = Repository::with(BASE);
    repository.branch("theirs", "sed -i 's/SEKRET-2/SEKRET-8/' $1");
    repository.branch("ours", "sed -i 's/SEKRET-1/SEKRET-9/' $1");
    let mut command = Command::new("git");
    command.args(["merge", "--no-edit", "theirs"]).current_dir(repository.bench.project.path());
    let merge = ran(command.env_remove("SOPS_AGE_KEY").env("HOME", repository.bench.project.path()).output().unwrap());
    assert!(merge.exit == 1 && merge.err.contains("none of the keys"), "{}{}", merge.out, merge.err);
    assert!(repository.file().contains("<<<<<<<"));
    // With the key, the same merge works out.
    repository.bench.ok("merge secrets/x.yaml");
    assert_eq!(repository.text(), BASE.replace("SEKRET-2", "SEKRET-8").replace("SEKRET-1", "SEKRET-9"));
}

#[test]
fn a_file_that_both_branches_made_and_one_that_a_branch_removed() {
    let repository = Repository::new();
    let bench = &repository.bench;
    bench.ok("merge --install");
    repository.commit("base");
    for (name, text) in [("theirs", "a: 1\nc: 3\n"), ("ours", "a: 1\nb: 2\n")] {
        repository.git_ok(&format!("checkout -q -b {name} main"));
        bench.encrypted("secrets/x.yaml", text);
        repository.commit(name);
    }
    repository.git_ok("merge -q --no-edit theirs");
    assert_eq!(repository.text(), "a: 1\nb: 2\nc: 3\n");
    repository.git_ok("checkout -q -b gone");
    repository.git_ok("rm -q secrets/x.yaml");
    repository.commit("gone");
    repository.git_ok("checkout -q ours");
    assert_eq!(bench.edit("edit secrets/x.yaml", "echo 'd: 4' >> $1").exit, 0);
    repository.commit("more");
    assert_eq!(repository.git("merge --no-edit gone").status.code(), Some(1));
    let err = bench.fails("merge secrets/x.yaml", 3);
    assert!(err.contains("took secrets/x.yaml away"), "{err}");
}

#[test]
fn markers_without_what_git_holds_are_refused_with_a_way_back() {
    let (repository, _) = conflicting();
    repository.git_ok("add secrets/x.yaml");
    let err = repository.bench.fails("merge secrets/x.yaml", 2);
    assert!(err.contains("git checkout --merge"), "{err}");
    repository.git_ok("checkout --merge -- secrets/x.yaml");
    repository.bench.ok("merge --take theirs secrets/x.yaml");
}

#[test]
fn the_driver_is_installed_once_and_takes_other_patterns() {
    let repository = Repository::with(BASE);
    let bench = &repository.bench;
    bench.ok("merge --install");
    bench.ok("merge --install --pattern *.enc.json");
    let attributes = bench.project.read(".gitattributes");
    assert_eq!(attributes.matches("secrets/*.yaml merge=towpath-secrets").count(), 1, "{attributes}");
    assert!(attributes.contains("*.enc.json merge=towpath-secrets\n"));
    assert!(repository.git_ok("config merge.towpath-secrets.driver").contains("secrets merge --path=%P -- %O %A %B"));
    let outside = Bench::new();
    let err = outside.fails("merge --install", 2);
    assert!(err.contains("no work tree"), "{err}");
}
