//! The files of the reference implementation, where they are at hand.

use std::path::PathBuf;

use super::*;

/// The public test identity its README names.
const IDENTITY: [&str; 2] = ["AGE-SECRET-KEY-", "1EQUCGFZH8UZKSZ0Z5N5T234YRNDT4U9H7QNYXWRRNJYDDVXE6FWSCPGNJ7"];

fn folder() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance/sops");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: there is no `{}`", folder.display());
    None
}

#[test]
fn files_of_the_reference_implementation_decrypt_to_their_plaintexts() {
    let Some(folder) = folder() else { return };
    let mut keys = Identities::new();
    keys.add_age(&IDENTITY.concat()).unwrap();
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let Some((stem, ending)) = name.rsplit_once('.') else { continue };
        let plain = path.with_file_name(format!("{stem}_plaintext.{ending}"));
        if !plain.is_file() {
            continue;
        }
        seen += 1;
        let sealed = std::fs::read_to_string(&path).unwrap();
        let (file, key, decrypted) = opened(&sealed, Format::of_path(&name), &keys);
        assert_eq!(text(&decrypted), std::fs::read_to_string(plain).unwrap(), "{name}");
        // The mildest change of any value is noticed.
        let changed = text(&decrypted) + "added: 1\n";
        let edited = file.edit(&key, changed.as_bytes(), NOW, &SystemEntropy).unwrap();
        let (_, _, again) = opened(std::str::from_utf8(&edited).unwrap(), Format::of_path(&name), &keys);
        assert_eq!(text(&again), changed);
    }
    assert!(seen > 0);
}
