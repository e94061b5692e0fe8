//! Keys of age for somebody who has no age.

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::bench::Bench;
use crate::project::ran;

#[test]
fn a_key_that_was_made_here_opens_what_is_encrypted_for_it() {
    let bench = Bench::new();
    let made = bench.run("keygen --to keys/ana.txt");
    let recipient = made.err.trim().strip_prefix("Public key: ").unwrap_or_else(|| panic!("{made:?}")).to_owned();
    assert_eq!((made.exit, made.out.as_str()), (0, ""));
    bench.project.write("a.yaml", "a: SEKRET-1\n");
    bench.ok(&format!("encrypt -i --age {recipient} a.yaml"));
    let open = |key: &str| {
        let mut command = bench.command("secrets decrypt a.yaml");
        ran(command.env_remove("SOPS_AGE_KEY").env("SOPS_AGE_KEY_FILE", bench.project.file(key)).output().unwrap())
    };
    assert_eq!(open("keys/ana.txt").out, "a: SEKRET-1\n");
    bench.ok("keygen --to keys/ben.txt");
    assert_eq!(open("keys/ben.txt").exit, 1, "a second key is another one");
    // And another program's reader of identities takes it.
    let file = age::IdentityFile::from_file(bench.project.file("keys/ana.txt").display().to_string()).unwrap();
    assert_eq!(file.to_recipients().unwrap().len(), 1);
}

#[test]
fn a_file_of_a_key_is_its_owners_only_and_never_written_over() {
    let bench = Bench::new();
    bench.ok("keygen --to keys/ana.txt");
    let mode = |path: &str| fs::metadata(bench.project.file(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("keys/ana.txt"), mode("keys")), (0o600, 0o700));
    let before = bench.project.read("keys/ana.txt");
    let err = bench.fails("keygen --to keys/ana.txt", 3);
    assert!(err.contains("there already") && err.contains("stays as it is"), "{err}");
    assert_eq!(bench.project.read("keys/ana.txt"), before);
    // Nor through a link, to a file or to nothing.
    std::os::unix::fs::symlink("elsewhere.txt", bench.project.file("link.txt")).unwrap();
    bench.fails("keygen --to link.txt", 3);
    assert!(!bench.project.file("elsewhere.txt").exists());
    bench.fails("keygen --to keys", 3);
}

#[test]
fn a_key_is_printed_as_age_keygen_prints_it_and_its_public_part_is_told_from_it() {
    let bench = Bench::new();
    let made = bench.ok("keygen");
    let lines: Vec<&str> = made.lines().collect();
    let [created, public, private] = lines.as_slice() else { panic!("{} lines", lines.len()) };
    let created = created.strip_prefix("# created: ").unwrap();
    assert!(
        created.ends_with('Z') && !created.contains('.') && created.parse::<jiff::Timestamp>().is_ok(),
        "{created}"
    );
    let public = public.strip_prefix("# public key: ").unwrap();
    assert!(private.starts_with("AGE-SECRET-KEY-1"));
    let told = bench.given("keygen --recipient -", &made);
    assert_eq!((told.exit, told.out), (0, format!("{public}\n")));
    bench.project.write("two.txt", &format!("{made}{}\n", bench.ben.private));
    assert_eq!(bench.ok("keygen --recipient two.txt"), format!("{public}\n{}\n", bench.ben.public));
    let json: serde_json::Value = serde_json::from_str(&bench.ok("keygen --recipient two.txt -o json")).unwrap();
    assert_eq!(json["recipients"][1], bench.ben.public);
    let json: serde_json::Value = serde_json::from_str(&bench.ok("keygen --to three.txt -o json")).unwrap();
    assert_eq!(json["recipients"].as_array().unwrap().len(), 1);
}

#[test]
fn what_is_no_key_is_told_without_being_shown() {
    let bench = Bench::new();
    bench.project.write("bad.txt", "# mine\nAGE-SECRET-KEY-1SEKRET\n");
    bench.project.write("none.txt", "# nothing\n");
    bench.project.write("locked.txt", "age-encryption.org/v1\n");
    for (file, told) in [("bad.txt", "line 2"), ("none.txt", "no private key"), ("locked.txt", "with a passphrase")] {
        let err = bench.fails(&format!("keygen --recipient {file}"), 1);
        assert!(err.contains(told) && err.contains(file) && !err.contains("SEKRET"), "{err}");
    }
    assert!(bench.fails("keygen --recipient nowhere.txt", 1).contains("nowhere.txt"));
    bench.fails("keygen --to a --recipient b", 2);
}

#[test]
fn a_key_that_git_would_take_is_warned_of() {
    let bench = Bench::new();
    assert!(bench.project.shell("git init -q").status().unwrap().success());
    let warned = bench.run("keygen --to key.txt");
    assert!(warned.exit == 0 && warned.err.contains("git would take `key.txt`"), "{}", warned.err);
    bench.project.write(".gitignore", "*.agekey\n");
    let quiet = bench.run("keygen --to key.agekey");
    assert!(quiet.exit == 0 && !quiet.err.contains("git"), "{}", quiet.err);
}
