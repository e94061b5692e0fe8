//! Encrypting and decrypting files, and changing who can.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    os::unix::fs::{PermissionsExt as _, symlink},
};

use super::bench::{Bench, Keys};
use crate::project::ran;

const YAML: &str = "# About the database.\ndatabase:\n    password: SEKRET-1 # inline\n    port: 5432\n    hosts:\n        - a.example\n        - b.example\nopen_unencrypted: plain\nempty: \"\"\nnothing: null\n";

#[test]
fn every_format_comes_back_as_it_was() {
    let bench = Bench::with_rules();
    let texts = [
        ("a.yaml", YAML),
        ("a.json", "{\n\t\"key\": \"SEKRET-1\",\n\t\"list\": [\n\t\t1,\n\t\ttrue,\n\t\tnull\n\t]\n}\n"),
        ("a.env", "# note\nKEY=SEKRET-1\nEMPTY=\nOTHER=a=b c\n"),
        ("a.ini", "[part]\nkey = SEKRET-1\n"),
        ("a.txt", "SEKRET-1 \u{0}\n any bytes"),
    ];
    for (name, text) in texts {
        bench.encrypted(name, text);
        let sealed = bench.project.read(name);
        assert!(!sealed.contains("SEKRET-1") && sealed.contains("ENC[AES256_GCM"), "{sealed}");
        assert_eq!(bench.decrypted(name), text, "{name}");
        // Twice is a mistake, not a second shell around the first.
        if name != "a.txt" {
            let err = bench.fails(&format!("encrypt -i {name}"), 1);
            assert!(err.contains("encrypted already") && err.contains(&format!("{name}:")), "{err}");
        }
        bench.ok(&format!("decrypt -i {name}"));
        assert_eq!(bench.project.read(name), text);
    }
}

#[test]
fn standard_input_and_output_serve_pipes() {
    let bench = Bench::with_rules();
    let sealed = bench.given("encrypt --filename-override x.yaml -", "a: SEKRET-1\n");
    assert_eq!(sealed.exit, 0, "{}", sealed.err);
    let opened = bench.given("decrypt --input-type yaml /dev/stdin", &sealed.out);
    assert_eq!((opened.exit, opened.out.as_str()), (0, "a: SEKRET-1\n"), "{}", opened.err);
    assert_eq!(bench.given("decrypt --input-type yaml --extract a -", &sealed.out).out, "SEKRET-1");
    assert_eq!(bench.given("decrypt -i --input-type yaml -", &sealed.out).exit, 2);
    bench.project.write("a.yaml", "a: SEKRET-1\n");
    bench.ok("encrypt --to b.yaml a.yaml");
    assert_eq!(
        (bench.decrypted("b.yaml").as_str(), bench.project.read("a.yaml").as_str()),
        ("a: SEKRET-1\n", "a: SEKRET-1\n")
    );
}

#[test]
fn parts_and_other_formats_can_be_had() {
    let bench = Bench::with_rules();
    bench.encrypted("a.yaml", YAML);
    assert_eq!(bench.ok("decrypt --extract database.password a.yaml"), "SEKRET-1");
    assert_eq!(bench.ok(r#"decrypt --extract ["database"]["hosts"][1] a.yaml"#), "b.example");
    assert_eq!(
        bench.ok("decrypt --extract database.hosts --output-type yaml a.yaml"),
        "- \"a.example\"\n- \"b.example\"\n"
    );
    let json: serde_json::Value = serde_json::from_str(&bench.ok("decrypt --output-type json a.yaml")).unwrap();
    assert_eq!(
        (&json["database"]["port"], &json["empty"], &json["nothing"]),
        (&5432.into(), &"".into(), &serde_json::Value::Null)
    );
    let err = bench.fails("decrypt --output-type dotenv a.yaml", 1);
    assert!(err.contains("`database`"), "{err}");
    let err = bench.fails("decrypt --extract database.nope a.yaml", 2);
    assert!(err.contains("has no `database.nope`"), "{err}");
}

#[test]
fn keys_are_found_where_sops_finds_them() {
    let bench = Bench::with_rules();
    bench.encrypted("a.yaml", "a: 1\n");
    let private = format!("# created: today\n{}\n", bench.ana.private);
    bench.project.write("keys.txt", &private);
    bench.project.write("config/sops/age/keys.txt", &private);
    let with = |name: &str, value: &str| {
        let mut command = bench.project.command(["secrets", "decrypt", "a.yaml"]);
        ran(command.env(name, value).output().unwrap())
    };
    let file = bench.project.file("keys.txt").display().to_string();
    for (name, value) in [
        ("SOPS_AGE_KEY", bench.ana.private.as_str()),
        ("SOPS_AGE_KEY_FILE", &file),
        ("SOPS_AGE_KEY_CMD", &format!("cat '{file}'")),
        ("XDG_CONFIG_HOME", &bench.project.file("config").display().to_string()),
    ] {
        let found = with(name, value);
        assert_eq!((found.exit, found.out.as_str()), (0, "a: 1\n"), "{name}: {}", found.err);
    }
    // A damaged key is told only where no other opens the file, and is not shown.
    let (whole, last) = bench.ana.private.split_at(bench.ana.private.len() - 1);
    let damaged = format!("{whole}{}", if last == "Q" { "P" } else { "Q" });
    let err = with("SOPS_AGE_KEY", &damaged);
    assert!(err.exit == 1 && err.err.contains("SOPS_AGE_KEY:") && !err.err.contains(&damaged[20..40]), "{}", err.err);
    let nowhere = with("NOTHING", "");
    for place in ["SOPS_AGE_KEY_FILE", "SOPS_AGE_SSH_PRIVATE_KEY_FILE", ".config/sops/age/keys.txt", &bench.ana.public]
    {
        assert!(nowhere.exit == 1 && nowhere.err.contains(place), "{place}: {}", nowhere.err);
    }
    bench.project.write(".config/sops/age/keys.txt", &private);
    assert_eq!(with("NOTHING", "").exit, 0);
}

#[test]
fn a_key_of_ssh_opens_what_is_encrypted_for_it() {
    let bench = Bench::new();
    fs::create_dir(bench.project.file(".ssh")).unwrap();
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "ana", "-f"])
        .arg(bench.project.file(".ssh/id_ed25519"))
        .status();
    let Ok(made) = made else {
        println!("no ssh-keygen here: not tested");
        return;
    };
    assert!(made.success());
    let public = bench.project.read(".ssh/id_ed25519.pub");
    bench.project.write(".sops.yaml", &format!("creation_rules:\n- age: ['{}']\n", public.trim()));
    bench.encrypted("a.yaml", "a: 1\n");
    let opened = ran(bench.project.command(["secrets", "decrypt", "a.yaml"]).output().unwrap());
    assert_eq!((opened.exit, opened.out.as_str()), (0, "a: 1\n"), "{}", opened.err);
    let elsewhere = bench.project.file(".ssh/elsewhere");
    fs::rename(bench.project.file(".ssh/id_ed25519"), &elsewhere).unwrap();
    let mut command = bench.project.command(["secrets", "decrypt", "a.yaml"]);
    assert_eq!(command.env("SOPS_AGE_SSH_PRIVATE_KEY_FILE", elsewhere).output().unwrap().status.code(), Some(0));
}

#[test]
fn what_somebody_without_the_key_changed_is_refused() {
    let bench = Bench::with_rules();
    bench.encrypted("a.yaml", "a: SEKRET-1\nb: SEKRET-2\nc_unencrypted: x\n");
    let sealed = bench.project.read("a.yaml");
    let value = |key: &str| sealed.lines().find(|line| line.starts_with(key)).unwrap()[3..].to_owned();
    for tampered in [
        sealed.replace("c_unencrypted: x", "c_unencrypted: y"),
        sealed.replace(&value("a:"), &value("b:")),
        sealed.replace(&format!("b: {}\n", value("b:")), ""),
        sealed.replace("lastmodified: '20", "lastmodified: '21").replace("lastmodified: \"20", "lastmodified: \"21"),
    ] {
        assert_ne!(tampered, sealed);
        bench.project.write("t.yaml", &tampered);
        let err = bench.fails("decrypt t.yaml -o json", 1);
        let problem: serde_json::Value = serde_json::from_str(&err).unwrap();
        assert!(problem["code"] == "tampered" && !err.contains("SEKRET"), "{err}");
    }
}

#[test]
fn rules_with_mistakes_and_files_without_rules_say_what_to_do() {
    let bench = Bench::new();
    bench.project.write("a.yaml", "a: 1\n");
    let err = bench.fails("encrypt a.yaml", 1);
    assert!(err.contains("nobody is named") && err.contains("--age"), "{err}");
    bench
        .project
        .write(".sops.yaml", &format!("creation_rules:\n- path_regex: \\.json$\n  age: {}\n", bench.ana.public));
    let err = bench.fails("encrypt a.yaml", 1);
    assert!(err.contains("no rule of") && err.contains("path_regex"), "{err}");
    bench.project.write(".sops.yaml", &format!("creation_rules:\n- path_rgex: x\n  age: {}\n", bench.ana.private));
    let err = bench.fails("encrypt a.yaml", 1);
    for part in [".sops.yaml:2:3", "did you mean `path_regex`", "private key"] {
        assert!(err.contains(part), "{part}\n{err}");
    }
    assert!(!err.contains(&bench.ana.private), "{err}");
    bench.project.write(".sops.yaml", "creation_rules:\n- pgp: 0123ABCD\n");
    let err = bench.fails("encrypt a.yaml", 1);
    assert!(err.contains("pgp 0123ABCD") && err.contains("use sops"), "{err}");
    let ana = &bench.ana.public;
    bench.ok(&format!("encrypt --age {ana} -i a.yaml"));
    assert_eq!(bench.decrypted("a.yaml"), "a: 1\n");
    let err = bench.fails(&format!("encrypt --age {} a.yaml", bench.ana.private), 2);
    assert!(!err.contains(&bench.ana.private), "{err}");
}

#[test]
fn rules_say_which_values_are_encrypted() {
    let bench = Bench::new();
    let (ana, ben) = (&bench.ana.public, &bench.ben.public);
    bench.project.write(
        ".sops.yaml",
        &format!(
            "creation_rules:\n- path_regex: ^some/\n  encrypted_regex: ^(password|key)$\n  age: {ana}\n- age: {ben}\n"
        ),
    );
    bench.encrypted("some/a.yaml", "password: SEKRET-1\nuser: app\n");
    let sealed = bench.project.read("some/a.yaml");
    assert!(
        sealed.contains("user: app\n") && !sealed.contains("SEKRET") && sealed.contains("encrypted_regex"),
        "{sealed}"
    );
    // From another folder, the same rule is for the same file.
    let there =
        bench.project.command(["secrets", "encrypt", "a.yaml"]).current_dir(bench.project.file("some")).output();
    assert_eq!(there.unwrap().status.code(), Some(1));
    bench.ok("decrypt -i some/a.yaml");
    let mut command = bench.command("secrets encrypt -i a.yaml");
    assert_eq!(command.current_dir(bench.project.file("some")).output().unwrap().status.code(), Some(0));
    assert!(bench.project.read("some/a.yaml").contains("encrypted_regex"));
}

#[test]
fn a_link_is_not_written_through_and_modes_are_kept() {
    let bench = Bench::with_rules();
    bench.project.write("a.yaml", "a: 1\n");
    symlink(bench.project.file("a.yaml"), bench.project.file("link.yaml")).unwrap();
    let err = bench.fails("encrypt -i link.yaml", 3);
    assert!(err.contains("is a link to") && bench.project.read("a.yaml") == "a: 1\n", "{err}");
    fs::set_permissions(bench.project.file("a.yaml"), fs::Permissions::from_mode(0o640)).unwrap();
    bench.ok("encrypt -i a.yaml");
    let mode = |name: &str| fs::metadata(bench.project.file(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("a.yaml"), 0o640);
    bench.ok("decrypt --to plain.yaml a.yaml");
    assert_eq!(mode("plain.yaml"), 0o600);
    let err = bench.edit("edit link.yaml", "echo 'b: 2' >> $1").err;
    assert!(err.contains("is a link"), "{err}");
}

#[test]
fn who_can_open_a_file_follows_the_rules_and_whoever_left_is_told_of() {
    let bench = Bench::new();
    bench.rules(&[&bench.ana, &bench.ben]);
    bench.encrypted("a.yaml", "a: SEKRET-1\nb: {c: SEKRET-2}\nd_unencrypted: x\n");
    let as_ben = |file: &str| {
        let mut command = bench.project.command(["secrets", "decrypt", file]);
        command.env("SOPS_AGE_KEY", &bench.ben.private).output().unwrap().status.code()
    };
    assert_eq!(as_ben("a.yaml"), Some(0));
    bench.rules(&[&bench.ana]);
    let before = bench.project.read("a.yaml");
    let ran = bench.run("update-keys --dry-run a.yaml");
    assert!(ran.exit == 4 && ran.out.contains(&format!("- {}", bench.ben.public)), "{}{}", ran.out, ran.err);
    let err = bench.fails("update-keys a.yaml", 3);
    assert!(err.contains("--yes") && bench.project.read("a.yaml") == before, "{err}");
    let ran = bench.run("updatekeys --yes a.yaml");
    for told in ["knows every value", "rotate a\n", "rotate b.c\n", &bench.ben.public] {
        assert!(ran.exit == 0 && ran.err.contains(told), "{told}: {}", ran.err);
    }
    assert!(!ran.err.contains("rotate d_unencrypted") && !ran.err.contains("SEKRET"), "{}", ran.err);
    assert_eq!((as_ben("a.yaml"), bench.decrypted("a.yaml").contains("SEKRET-2")), (Some(1), true));
    // Not one ciphertext of the time when Ben could read it is left.
    let after = bench.project.read("a.yaml");
    let kept: Vec<&str> = before.lines().filter(|line| line.contains("ENC[") && after.contains(*line)).collect();
    assert!(kept.is_empty(), "{kept:?}");
    bench.rules(&[&bench.ana, &bench.ben]);
    bench.ok("update-keys --yes a.yaml");
    let (joined, after) = (bench.project.read("a.yaml"), after);
    assert!(after.lines().filter(|line| line.contains("data:")).all(|line| joined.contains(line)), "{joined}");
    assert_eq!((as_ben("a.yaml"), bench.run("update-keys a.yaml").exit), (Some(0), 0));
}

#[test]
fn a_file_gets_a_new_data_key_and_other_readers() {
    let bench = Bench::with_rules();
    bench.encrypted("a.yaml", "a: SEKRET-1\n");
    let before = bench.project.read("a.yaml");
    bench.ok(&format!("rotate-file --add-age {} a.yaml", bench.ben.public));
    let after = bench.project.read("a.yaml");
    assert!(before.lines().filter(|line| line.contains("ENC[")).all(|line| !after.contains(line)));
    let status = bench.ok("file-status a.yaml -o json");
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!((&status["encrypted"], status["groups"][0].as_array().unwrap().len()), (&true.into(), 2), "{status}");
    let err = bench.run(&format!("rotate-file --rm-age {} a.yaml", bench.ben.public)).err;
    assert!(err.contains("rotate a"), "{err}");
    let err = bench.fails(&format!("rotate-file --rm-age {} a.yaml", bench.ana.public), 2);
    assert!(err.contains("nobody could open"), "{err}");
    assert_eq!(bench.decrypted("a.yaml"), "a: SEKRET-1\n");
}

#[test]
fn several_groups_open_a_file_together_only() {
    let bench = Bench::new();
    let third = Keys::new();
    bench.project.write(
        ".sops.yaml",
        &format!(
            "creation_rules:\n- shamir_threshold: 2\n  key_groups:\n  - age: [{}]\n  - age: [{}]\n  - age: [{}]\n",
            bench.ana.public, bench.ben.public, third.public
        ),
    );
    bench.encrypted("a.yaml", "a: SEKRET-1\n");
    let err = bench.fails("decrypt a.yaml", 1);
    assert!(err.contains("1 of the 2 key groups"), "{err}");
    for other in [&bench.ben, &third] {
        let keys = format!("{}\n{}", bench.ana.private, other.private);
        let opened = ran(bench.command("secrets decrypt a.yaml").env("SOPS_AGE_KEY", &keys).output().unwrap());
        assert_eq!((opened.exit, opened.out.as_str()), (0, "a: SEKRET-1\n"), "{}", opened.err);
        let edited = ran(bench.command("secrets rotate-file a.yaml").env("SOPS_AGE_KEY", &keys).output().unwrap());
        assert_eq!(edited.exit, 0, "{}", edited.err);
    }
}

#[test]
fn single_values_come_from_standard_input_or_a_file() {
    let bench = Bench::with_rules();
    let set = bench.given("file-set new/a.yaml TOKEN", "SEKRET-1\n");
    assert_eq!((set.exit, bench.decrypted("new/a.yaml").as_str()), (0, "TOKEN: SEKRET-1\n"), "{}", set.err);
    let before = bench.project.read("new/a.yaml");
    assert_eq!(bench.given("file-set new/a.yaml TOKEN", "SEKRET-1").exit, 0);
    assert_eq!(bench.project.read("new/a.yaml"), before);
    bench.project.write("value", "line one\nline two\n");
    bench.ok("file-set new/a.yaml CERT --from-file value");
    assert_eq!(bench.ok("decrypt --extract CERT new/a.yaml"), "line one\nline two");
    assert_eq!(bench.given("file-set --json new/a.yaml db.port", "5432").exit, 0);
    assert!(bench.decrypted("new/a.yaml").contains("port: 5432"));
    bench.ok("file-unset new/a.yaml TOKEN");
    assert!(!bench.decrypted("new/a.yaml").contains("SEKRET"));
    assert_eq!(bench.run("file-unset new/a.yaml TOKEN").exit, 2);
    bench.left_nothing();
}

/// Answers as a transit engine would, with a cipher that would fool nobody; returns its address.
fn transit(answers: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for _ in 0..answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut part = [0; 4096];
            let body = loop {
                let read = stream.read(&mut part).unwrap();
                request.extend_from_slice(&part[..read]);
                let text = String::from_utf8_lossy(&request).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let length: usize = head
                    .to_lowercase()
                    .split("content-length: ")
                    .nth(1)
                    .unwrap()
                    .lines()
                    .next()
                    .unwrap()
                    .parse()
                    .unwrap();
                if body.len() == length {
                    break body.to_owned();
                }
            };
            let head = String::from_utf8_lossy(&request).to_lowercase();
            let body: serde_json::Value = serde_json::from_str(&body).unwrap();
            let (status, answer) = if !head.contains("x-vault-token: root\r\n") {
                ("403 Forbidden", serde_json::json!({ "errors": ["permission denied"] }))
            } else if head.starts_with("post /v1/team/transit/encrypt/board ") {
                let sealed = format!("vault:v1:{}", body["plaintext"].as_str().unwrap());
                ("200 OK", serde_json::json!({ "data": { "ciphertext": sealed } }))
            } else {
                let opened = body["ciphertext"].as_str().unwrap().trim_start_matches("vault:v1:");
                ("200 OK", serde_json::json!({ "data": { "plaintext": opened } }))
            };
            let answer = answer.to_string();
            write!(
                stream,
                "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}",
                answer.len()
            )
            .unwrap();
        }
    });
    format!("http://{address}")
}

#[test]
fn a_key_of_vaults_transit_engine_opens_files() {
    let bench = Bench::new();
    let address = transit(3);
    bench.project.write(
        ".sops.yaml",
        &format!("creation_rules:\n- hc_vault_transit_uri: {address}/v1/team/transit/keys/board\n"),
    );
    bench.project.write("a.yaml", "a: SEKRET-1\n");
    let with = |token: &str, line: &str| ran(bench.command(line).env("VAULT_TOKEN", token).output().unwrap());
    let made = with("root", "secrets encrypt -i a.yaml");
    assert_eq!(made.exit, 0, "{}", made.err);
    let opened = with("root", "secrets decrypt a.yaml");
    assert_eq!((opened.exit, opened.out.as_str()), (0, "a: SEKRET-1\n"), "{}", opened.err);
    let refused = with("wrong", "secrets decrypt a.yaml");
    assert!(
        refused.exit == 1 && refused.err.contains("Vault does not know the token") && !refused.err.contains("wrong"),
        "{}",
        refused.err
    );
    let without = bench.fails("decrypt a.yaml", 1);
    assert!(without.contains("VAULT_TOKEN"), "{without}");
}
