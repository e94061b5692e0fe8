//! `sops-age` of npm, in JavaScript. It decrypts and looks at no MAC.

use std::process::{Command, Stdio};

use towpath_secrets::sops::{Format, Selection};

use super::*;

const PACKAGE: &str = "sops-age@4.0.2";
const SCRIPT: &str = "\
import { readFileSync } from 'node:fs';
import { decryptSops } from 'sops-age';
const [path, secretKey, fileType] = process.argv.slice(2);
const plain = await decryptSops(readFileSync(path, 'utf8'), { secretKey, fileType });
process.stdout.write(JSON.stringify(plain));
";

#[test]
fn the_library_of_npm_decrypts_what_is_written_here() {
    let Some(folder) = tools::provide("node", |folder| {
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent", "--prefix"])
            .arg(folder)
            .arg(PACKAGE);
        npm
    }) else {
        return;
    };
    let (private, recipient, _) = identity();
    let files = tempfile::tempdir_in(&folder).unwrap();
    let script = files.path().join("read.mjs");
    std::fs::write(&script, SCRIPT).unwrap();
    for (plain, format, kind) in [
        ("a: text\nb:\n  - 1\n  - true\nc_unencrypted: x\n", Format::Yaml, "yaml"),
        ("{\"a\": \"text\", \"b\": [1, true], \"c_unencrypted\": \"x\"}", Format::Json, "json"),
        ("a=text\nc_unencrypted=x\n", Format::Dotenv, "env"),
    ] {
        let sealed = for_age(plain, format, &recipient, Selection::default(), false);
        let path = files.path().join("sealed");
        std::fs::write(&path, sealed).unwrap();
        let output =
            Command::new("node").arg(&script).arg(&path).args([&private, kind]).stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let said: serde_json::Value = serde_json::from_str(&said)
            .unwrap_or_else(|_| panic!("{kind}: {said}{}", String::from_utf8_lossy(&output.stderr)));
        let expected = if format == Format::Dotenv {
            serde_json::json!({"a": "text", "c_unencrypted": "x"})
        } else {
            serde_json::json!({"a": "text", "b": [1, true], "c_unencrypted": "x"})
        };
        assert_eq!(said, expected, "{kind}");
    }
}
