//! Encrypted files in an editor, which is a script here.

use std::{fs, process::Stdio};

use super::bench::Bench;
use crate::project::{Project, ran, until};

const TEXT: &str = "# About a.\na: SEKRET-1\nb: SEKRET-2\n\n# About c.\nc:\n    d: SEKRET-3\n    e:\n        - SEKRET-4\n        - 5\n";

/// Returns the lines that differ, stamps of the time left out.
fn changed(before: &str, after: &str) -> Vec<String> {
    let stamp = |line: &&str| line.contains("mac:") || line.contains("lastmodified:");
    after.lines().filter(|line| !before.lines().any(|old| old == *line) && !stamp(line)).map(str::to_owned).collect()
}

#[test]
fn only_what_was_changed_is_encrypted_again() {
    let bench = Bench::with_rules();
    bench.encrypted("a.yaml", TEXT);
    let before = bench.project.read("a.yaml");
    let edit = bench.edit("edit a.yaml", "sed -i 's/SEKRET-3/SEKRET-9/' $1");
    assert_eq!(edit.exit, 0, "{}", edit.err);
    let after = bench.project.read("a.yaml");
    let lines = changed(&before, &after);
    assert!(lines.len() == 1 && lines[0].starts_with("    d: ENC["), "{lines:?}");
    assert_eq!(bench.decrypted("a.yaml"), TEXT.replace("SEKRET-3", "SEKRET-9"));
    bench.left_nothing();
}

#[test]
fn an_edit_that_changes_nothing_writes_nothing() {
    let bench = Bench::with_rules();
    bench.encrypted("a.yaml", TEXT);
    let about = || fs::metadata(bench.project.file("a.yaml")).unwrap().modified().unwrap();
    let before = (bench.project.read("a.yaml"), about());
    let edit = bench.edit("edit a.yaml", "test -s $1");
    assert!(edit.exit == 0 && edit.err.contains("nothing was changed"), "{}", edit.err);
    // Also where the text was written again, as it was.
    assert_eq!(bench.edit("edit a.yaml", "cp $1 $1.new && mv $1.new $1").exit, 0);
    assert_eq!((bench.project.read("a.yaml"), about()), before);
    bench.left_nothing();
}

#[test]
fn an_editor_that_fails_or_writes_rubbish_changes_nothing() {
    let bench = Bench::with_rules();
    bench.encrypted("a.yaml", TEXT);
    let before = bench.project.read("a.yaml");
    for (script, told) in [
        ("echo '  x: [' >> $1", "a.yaml:"),
        ("echo 'sops: {mac: x}' >> $1", "a.yaml:"),
        ("echo 'x: SEKRET-7' >> $1; exit 3", "ended with status 3"),
        ("echo 'x: SEKRET-7' >> $1; kill -9 $$", "ended by a signal"),
        ("rm $1", "cannot read"),
        (": > $1", "every value would be gone"),
        ("echo > $1", "every value would be gone"),
        ("rm $1; ln -s /etc/passwd $1", "a link instead of a file"),
        ("printf 'a: \\377\\n' > $1", "a.yaml:"),
    ] {
        let edit = bench.edit("edit --no-input a.yaml", script);
        assert!(edit.exit != 0 && edit.err.contains(told) && edit.err.contains("kept"), "{script}: {}", edit.err);
        assert!(!edit.err.contains("SEKRET"), "{}", edit.err);
        assert_eq!(bench.project.read("a.yaml"), before, "{script}");
        bench.left_nothing();
    }
    let edit = ran(bench.command("secrets edit a.yaml").env("EDITOR", "/no/such/editor").output().unwrap());
    assert!(edit.exit == 1 && edit.err.contains("/no/such/editor"), "{}", edit.err);
}

#[test]
fn a_copy_is_private_and_seen_by_nobody() {
    let bench = Bench::with_rules();
    bench.encrypted("a.yaml", TEXT);
    let seen = bench.project.file("seen").display().to_string();
    let script = format!(
        "stat -c '%a %F' $1 $(dirname $1) > {seen}; ps -ww -eo args >> {seen}; tr '\\0' '\\n' < /proc/self/environ | grep -v SOPS_AGE_KEY >> {seen}; true"
    );
    assert_eq!(bench.edit("edit a.yaml", &script).exit, 0);
    let seen = bench.project.read("seen");
    assert!(seen.starts_with("600 regular file\n700 directory\n") && !seen.contains("SEKRET"), "{seen}");
    // Files the editor put beside are gone, too.
    assert_eq!(
        bench
            .edit("edit a.yaml", "cp $1 $1~; cp $1 $(dirname $1)/.swp; mkdir $(dirname $1)/u; cp $1 $(dirname $1)/u")
            .exit,
        0
    );
    bench.left_nothing();
}

#[test]
fn a_signal_erases_the_copy() {
    let bench = Bench::with_rules();
    bench.encrypted("a.yaml", TEXT);
    for (signal, exit) in [("TERM", 130), ("HUP", 130), ("INT", 0)] {
        let ready = bench.project.file(&format!("ready-{signal}"));
        // Waits until it is ended, or for `INT` until it was told to go on.
        let wait = format!(
            "echo > {}; while ! test -e {}; do sleep 0.05; done",
            ready.display(),
            bench.project.file("go").display()
        );
        let editor = bench.script("waiting.sh", &wait);
        let mut command = bench.command("secrets edit a.yaml");
        let mut child = command.env("EDITOR", editor).stderr(Stdio::null()).spawn().unwrap();
        until("the editor runs", || ready.exists().then_some(()));
        let pid = child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
        if signal == "INT" {
            // The editor decides what a key press means.
            assert!(child.try_wait().unwrap().is_none());
            bench.project.write("go", "");
        }
        assert_eq!(child.wait().unwrap().code(), Some(exit), "{signal}");
        bench.left_nothing();
    }
}

#[test]
fn what_a_killed_one_left_is_erased_by_the_next() {
    let bench = Bench::with_rules();
    bench.encrypted("a.yaml", TEXT);
    let ready = bench.project.file("ready");
    let editor =
        bench.script("waiting.sh", &format!("echo $$ > {0}.pid; mv {0}.pid {0}; exec sleep 60", ready.display()));
    let mut child = bench.command("secrets edit a.yaml").env("EDITOR", editor).spawn().unwrap();
    until("the editor runs", || ready.exists().then_some(()));
    // While it lives, another leaves it alone.
    assert_eq!(bench.edit("edit a.yaml", "true").exit, 0);
    assert_eq!(fs::read_dir(bench.run_folder()).unwrap().count(), 1);
    child.kill().unwrap();
    child.wait().unwrap();
    let editor = bench.project.read("ready");
    let _ = std::process::Command::new("kill").arg(editor.trim()).status();
    assert_eq!(bench.edit("edit a.yaml", "true").exit, 0);
    bench.left_nothing();
}

#[test]
fn two_edits_at_once_are_both_kept_unless_they_clash() {
    let bench = Bench::with_rules();
    bench.encrypted("a.yaml", TEXT);
    let towpath = env!("CARGO_BIN_EXE_towpath");
    let other = |from: &str, to: &str| {
        let inner = bench.script(&format!("inner-{to}.sh"), &format!("sed -i s/{from}/{to}/ $1"));
        format!("EDITOR={inner} {towpath} secrets edit a.yaml || exit 1")
    };
    let edit = bench.edit("edit a.yaml", &format!("{}\nsed -i s/SEKRET-1/SEKRET-x/ $1", other("SEKRET-2", "SEKRET-y")));
    assert!(edit.exit == 0 && edit.err.contains("both changes"), "{}", edit.err);
    let both = TEXT.replace("SEKRET-1", "SEKRET-x").replace("SEKRET-2", "SEKRET-y");
    assert_eq!(bench.decrypted("a.yaml"), both);
    let edit = bench.edit("edit a.yaml", &format!("{}\nsed -i s/SEKRET-x/SEKRET-2/ $1", other("SEKRET-x", "SEKRET-1")));
    assert!(
        edit.exit == 3 && edit.err.contains("`a`: both sides") && edit.err.contains("a.edited.yaml"),
        "{}",
        edit.err
    );
    assert_eq!(bench.decrypted("a.yaml"), both.replace("SEKRET-x", "SEKRET-1"));
    assert_eq!(bench.decrypted("a.edited.yaml"), both.replace("SEKRET-x", "SEKRET-2"));
}

#[test]
fn an_environment_of_a_project_has_a_file_of_its_own() {
    let bench = Bench { project: Project::small(), ..Bench::with_rules() };
    fs::create_dir(bench.run_folder()).unwrap();
    bench.rules(&[&bench.ana]);
    let nothing = bench.edit("edit production", "true");
    assert!(nothing.exit == 0 && !bench.project.file("secrets").exists(), "{}", nothing.err);
    let edit = bench.edit("edit production", "grep -q '^#: ' $1 || exit 1; echo 'TOKEN: SEKRET-1' >> $1");
    assert_eq!(edit.exit, 0, "{}", edit.err);
    assert_eq!(bench.decrypted("secrets/production.yaml"), "TOKEN: SEKRET-1\n");
    assert_eq!(bench.edit("edit production", "sed -i s/SEKRET-1/SEKRET-2/ $1").exit, 0);
    assert_eq!(bench.decrypted("secrets/production.yaml"), "TOKEN: SEKRET-2\n");
    let unknown = bench.edit("edit prodction", "true");
    assert!(unknown.exit == 2 && unknown.err.contains("production"), "{}", unknown.err);
    bench.left_nothing();
}
