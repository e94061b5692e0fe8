//! Arbitrary text as a file of sops, and as a plain text to encrypt: what was encrypted opens to what encrypts to the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use towpath_secrets::{
    entropy::SystemEntropy,
    sops::{Creation, File, Format, KeyError, KeyGroup, MasterKey, MasterKeys, WrapKeys, encrypt},
};

/// Hides nothing: the format is what is tried.
struct Open;

impl WrapKeys for Open {
    fn wrap(&self, _: &MasterKey, part: &[u8]) -> Result<String, KeyError> {
        Ok(part.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl MasterKeys for Open {
    fn open(&self, key: &MasterKey) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>, KeyError> {
        let byte = |at: usize| u8::from_str_radix(key.enc.get(at..at + 2)?, 16).ok();
        Ok((0..key.enc.len()).step_by(2).map(byte).collect::<Option<Vec<u8>>>().map(zeroize::Zeroizing::new))
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((first, text)) = data.split_first() else { return };
    let formats = [Format::Yaml, Format::Json, Format::Dotenv, Format::Ini, Format::Binary];
    let format = formats[usize::from(*first) % formats.len()];
    let _ = File::parse(text, format).map(|file| file.names().len());
    let groups = vec![KeyGroup { keys: vec![MasterKey::pgp("0")] }];
    let creation = Creation { groups, ..Creation::default() };
    let now = jiff::Timestamp::UNIX_EPOCH;
    let Ok(sealed) = encrypt(text, format, &creation, &Open, now, &SystemEntropy) else { return };
    let file = File::parse(&sealed, format).expect("what was written is read");
    let key = file.unwrap_key(&Open).expect("it is opened");
    let plain = file.decrypt(&key).expect("its MAC is right");
    let Ok(shown) = plain.text() else { return };
    let again = file.edit(&key, shown, now, &SystemEntropy).expect("its own text can be given to it");
    assert_eq!(again, sealed);
});
