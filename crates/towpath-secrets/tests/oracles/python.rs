//! The original sops, in Python, with OpenPGP keys made for the test.

use std::{
    fmt::Write as _,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use towpath_secrets::sops::{File, Format, KeyError, KeyKind, MasterKey, MasterKeys, Selection, WrapKeys};
use zeroize::Zeroizing;

use super::*;

/// Newer readers of YAML have no more the functions it calls.
const PACKAGES: [&str; 4] = ["sops==1.18", "ruamel.yaml<0.18", "boto3", "cryptography"];

/// A key ring of its own with one key.
struct Ring {
    home: tempfile::TempDir,
    fingerprint: String,
    packages: PathBuf,
}

impl Ring {
    fn new() -> Option<Self> {
        let packages = tools::provide("python", |folder| {
            let mut pip = Command::new("python3");
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"]).arg(folder);
            pip.args(PACKAGES);
            pip
        })?;
        // The agent's socket must have a short name.
        let home = tempfile::Builder::new().prefix("tp-gpg").tempdir_in("/tmp").unwrap();
        let mut ring = Self { home, fingerprint: String::new(), packages };
        let made = ring.gpg(&["--passphrase", "", "--quick-gen-key", "test", "rsa2048", "encr", "never"], b"");
        let Some(made) = made.filter(|made| made.status.success()) else {
            assert!(std::env::var_os("CI").is_none(), "there is no gpg that makes keys");
            println!("skipped: there is no gpg that makes keys");
            return None;
        };
        drop(made);
        let listed = ring.gpg(&["--list-keys", "--with-colons"], b"").unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        let fingerprint = listed.lines().find_map(|line| line.strip_prefix("fpr:")).unwrap();
        let fingerprint = fingerprint.trim_matches(':').to_owned();
        ring.fingerprint = fingerprint;
        Some(ring)
    }

    fn gpg(&self, args: &[&str], input: &[u8]) -> Option<Output> {
        let mut command = Command::new("gpg");
        command.arg("--homedir").arg(self.home.path()).args(["--batch", "--quiet", "--yes", "--trust-model", "always"]);
        run(command.args(args), input)
    }

    /// Runs the original.
    fn sops(&self, args: &[&str], path: &Path) -> Result<String, String> {
        let mut command = Command::new("python3");
        command.args(["-W", "ignore", "-c", "import sops; sops.main()"]).args(args).arg(path);
        command.env("PYTHONPATH", &self.packages).env("GNUPGHOME", self.home.path()).env("HOME", self.home.path());
        let output = run(&mut command, b"").unwrap();
        let mut said = String::from_utf8(output.stdout).unwrap();
        if output.status.success() && !said.is_empty() {
            return Ok(said);
        }
        write!(said, "{}", String::from_utf8_lossy(&output.stderr)).unwrap();
        Err(said)
    }

    fn key(&self) -> MasterKey {
        MasterKey::pgp(&self.fingerprint)
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // Ends the agent of this ring and no other.
        let _: Option<Output> =
            run(Command::new("gpgconf").arg("--homedir").arg(self.home.path()).args(["--kill", "all"]), b"");
    }
}

fn run(command: &mut Command, input: &[u8]) -> Option<Output> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().ok()?;
    let _: std::io::Result<()> = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().ok()
}

impl WrapKeys for Ring {
    fn wrap(&self, key: &MasterKey, part: &[u8]) -> Result<String, KeyError> {
        assert_eq!((key.kind, key.name()), (KeyKind::Pgp, self.fingerprint.as_str()));
        let output = self.gpg(&["--armor", "--encrypt", "-r", key.name()], part).unwrap();
        Ok(String::from_utf8(output.stdout).unwrap())
    }
}

impl MasterKeys for Ring {
    fn open(&self, key: &MasterKey) -> Result<Option<Zeroizing<Vec<u8>>>, KeyError> {
        let output = self.gpg(&["--decrypt"], key.enc.as_bytes()).unwrap();
        Ok(output.status.success().then(|| Zeroizing::new(output.stdout)))
    }
}

const YAML: &str = "\
a: text
b: \"with: colon\"
number: 12
big: 1234.56789
really: true
list:
    - one
    - 2
    - x: deep
      y: er
c:
    d_unencrypted: clear
    e: |
        two
        lines
";
const JSON: &str =
    "{\"a\": \"text\", \"n\": 5, \"f\": 2.5, \"b\": [true, \"x\", {\"c\": \"d\"}], \"e_unencrypted\": \"clear\"}";

#[test]
fn the_original_reads_what_is_written_here_and_finds_its_mac_right() {
    let Some(ring) = Ring::new() else { return };
    for (plain, format, name) in [(YAML, Format::Yaml, "file.yaml"), (JSON, Format::Json, "file.json")] {
        let path = ring.home.path().join(name);
        let sealed = written(plain, format, ring.key(), Selection::default(), false, &ring);
        std::fs::write(&path, &sealed).unwrap();
        let said = ring.sops(&["-d"], &path).unwrap();
        let ours = read(&sealed, format, &ring);
        let (_, recipient, keys) = identity();
        let said = read(&for_age(&said, format, &recipient, Selection::default(), false), format, &keys);
        assert!(said.values().eq(ours.values()), "{}\n{}", text(&said), text(&ours));

        std::fs::write(&path, tampered(&sealed, "clear", "cleaR")).unwrap();
        let error = ring.sops(&["-d"], &path).unwrap_err();
        assert!(error.contains("Checksum verification failed"), "{error}");
        // And what was edited here.
        let file = File::parse(sealed.as_bytes(), format).unwrap();
        let key = file.unwrap_key(&ring).unwrap();
        let changed = text(&ours).replacen("deep", "deeper", 1).replacen("\"d\"", "\"deeper\"", 1);
        let edited = file.edit(&key, changed.as_bytes(), NOW, &SystemEntropy).unwrap();
        std::fs::write(&path, edited).unwrap();
        assert!(ring.sops(&["-d"], &path).unwrap().contains("deeper"));
    }
}

#[test]
fn what_the_original_writes_is_read_here_and_its_mac_found_right() {
    let Some(ring) = Ring::new() else { return };
    let fingerprint = ring.fingerprint.clone();
    for (plain, format, name) in [(YAML, Format::Yaml, "plain.yaml"), (JSON, Format::Json, "plain.json")] {
        let path = ring.home.path().join(name);
        std::fs::write(&path, plain).unwrap();
        let sealed = ring.sops(&["-e", "--pgp", &fingerprint], &path).unwrap();
        let theirs = read(&sealed, format, &ring);
        let ours = written(plain, format, ring.key(), Selection::default(), false, &ring);
        let ours = read(&ours, format, &ring);
        assert!(theirs.values().eq(ours.values()), "{}\n{}", text(&theirs), text(&ours));
        let changed = tampered(&sealed, "clear", "cleaR");
        let file = File::parse(changed.as_bytes(), format).unwrap();
        let refused = file.decrypt(&file.unwrap_key(&ring).unwrap()).unwrap_err();
        assert!(refused.to_string().contains("MAC"), "{refused}");
    }
}
