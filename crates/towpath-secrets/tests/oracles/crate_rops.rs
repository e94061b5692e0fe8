//! The crate `rops`, with age. It takes no empty texts, writes no `version`, and gets its key from the environment only.

use std::process::Command;

use ::rops::{
    cryptography::{cipher::AES256GCM, hasher::SHA512},
    file::{RopsFile, builder::RopsFileBuilder, format::YamlFileFormat, state::EncryptedFile},
    integration::{AgeIntegration, Integration as _},
};
use towpath_secrets::sops::{File, Format};

use super::*;

type Theirs = RopsFile<EncryptedFile<AES256GCM, SHA512>, YamlFileFormat>;

const PLAIN: &str = "\
a: text
b_secret: with spaces
number: 12
big: 1234.56789
yes: true
none: null
list:
- one
- 2
- x: deep
  y_clear: shown
b:
  c: \"quoted: yes\"
  d_unencrypted: clear
";

/// Says what rops makes of a file: in a process of its own, which has the key in its environment.
fn theirs(sealed: &str, private: &str) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("sealed.yaml"), folder.path().join("plain.yaml"));
    std::fs::write(&from, sealed).unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crate_rops::rops_in_its_own_process", "--nocapture"])
        .env(AgeIntegration::private_key_env_var_name(), private)
        .env("TOWPATH_ROPS_FROM", &from)
        .env("TOWPATH_ROPS_TO", &to)
        .output()
        .unwrap();
    std::fs::read_to_string(to).map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn rops_in_its_own_process() {
    let variable = |name: &str| std::env::var_os(name);
    let (Some(from), Some(to)) = (variable("TOWPATH_ROPS_FROM"), variable("TOWPATH_ROPS_TO")) else { return };
    let file: Theirs = std::fs::read_to_string(from).unwrap().parse().unwrap();
    let plain = file.decrypt::<YamlFileFormat>().unwrap();
    std::fs::write(to, plain.map().to_string()).unwrap();
}

#[test]
fn rops_reads_what_is_written_here_and_finds_its_mac_right() {
    let (private, recipient, keys) = identity();
    for selection in selections() {
        for mac_only in [false, true] {
            let sealed = for_age(PLAIN, Format::Yaml, &recipient, selection.clone(), mac_only);
            let read_back =
                theirs(&sealed, &private).unwrap_or_else(|error| panic!("{selection:?}\n{sealed}\n{error}"));
            let ours = read(&sealed, Format::Yaml, &keys);
            let again = for_age(&read_back, Format::Yaml, &recipient, selection.clone(), mac_only);
            let again = read(&again, Format::Yaml, &keys);
            assert!(ours.values().eq(again.values()), "{selection:?}\n{read_back}");
            assert_eq!(text(&ours), PLAIN);
        }
    }
    let sealed = for_age(PLAIN, Format::Yaml, &recipient, Selection::default(), false);
    let changed = tampered(&sealed, ": clear", ": cleaR");
    assert!(theirs(&changed, &private).is_err());
    let file = File::parse(changed.as_bytes(), Format::Yaml).unwrap();
    assert!(file.decrypt(&file.unwrap_key(&keys).unwrap()).is_err());
}

#[test]
fn what_rops_writes_is_read_here_and_edited_for_it() {
    let (private, recipient, keys) = identity();
    // It has no default rule, so that it would encrypt what sops, told nothing else, takes to be clear.
    let all = PLAIN.replace("d_unencrypted", "d");
    let theirs_written = RopsFileBuilder::<YamlFileFormat>::new(&all)
        .unwrap()
        .add_integration_key::<AgeIntegration>(AgeIntegration::parse_key_id(&recipient).unwrap())
        .encrypt::<AES256GCM, SHA512>()
        .unwrap()
        .to_string();
    let plain = read(&theirs_written, Format::Yaml, &keys);
    let ours = read(&for_age(&all, Format::Yaml, &recipient, Selection::default(), false), Format::Yaml, &keys);
    assert!(plain.values().eq(ours.values()), "{}", text(&plain));

    let file = File::parse(theirs_written.as_bytes(), Format::Yaml).unwrap();
    let key = file.unwrap_key(&keys).unwrap();
    let changed = text(&plain).replacen("a: text", "a: another", 1);
    let edited = file.edit(&key, changed.as_bytes(), NOW, &SystemEntropy).unwrap();
    let edited = String::from_utf8(edited).unwrap();
    assert!(theirs(&edited, &private).unwrap().contains("a: another"));
}
