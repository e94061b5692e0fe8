//! Measures what a file of 500 values costs once its data key is unwrapped.

#![expect(clippy::print_stdout, reason = "the figures are its output")]
#![expect(clippy::unwrap_used, reason = "what fails here is the example itself")]

use std::{fmt::Write as _, hint::black_box, time::Instant};

use jiff::Timestamp;
use towpath_secrets::{
    entropy::SystemEntropy,
    sops::{AgeOnly, Creation, DataKey, File, Format, KeyGroup, MasterKey, MasterKeys, encrypt},
};

const VALUES: usize = 500;
const ROUNDS: usize = 200;

fn plain(format: Format) -> String {
    let mut out = String::new();
    for at in 0..VALUES {
        match format {
            Format::Json => {
                write!(out, "{}\n\t\"KEY_{at}\": \"value number {at} of a file\"", if at == 0 { "{" } else { "," })
            }
            Format::Yaml => writeln!(out, "KEY_{at}: value number {at} of a file"),
            Format::Dotenv | Format::Ini | Format::Binary => writeln!(out, "KEY_{at}=value number {at} of a file"),
        }
        .unwrap();
    }
    out + if format == Format::Json { "\n}\n" } else { "" }
}

/// Runs a piece of work often and returns the median in milliseconds.
fn median(mut work: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times.get(ROUNDS / 2).copied().unwrap_or_default()
}

/// Opens what it wrapped.
struct Wrapped(age::x25519::Identity);

impl MasterKeys for Wrapped {
    fn open(&self, key: &MasterKey) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>, towpath_secrets::sops::KeyError> {
        let decryptor = age::Decryptor::new_buffered(age::armor::ArmoredReader::new(key.enc.as_bytes()));
        let mut part = zeroize::Zeroizing::new(Vec::new());
        let mut stream = decryptor.unwrap().decrypt(std::iter::once(&self.0 as &dyn age::Identity)).unwrap();
        std::io::Read::read_to_end(&mut stream, &mut part).unwrap();
        Ok(Some(part))
    }
}

fn main() {
    let identity = age::x25519::Identity::generate();
    let recipient = identity.to_public().to_string();
    let keys = Wrapped(identity);
    let creation =
        Creation { groups: vec![KeyGroup { keys: vec![MasterKey::age(&recipient)] }], ..Creation::default() };
    for format in [Format::Yaml, Format::Json, Format::Dotenv] {
        let plain = plain(format);
        let now = Timestamp::UNIX_EPOCH;
        let sealed = encrypt(plain.as_bytes(), format, &creation, &AgeOnly, now, &SystemEntropy).unwrap();
        let key: DataKey = File::parse(&sealed, format).unwrap().unwrap_key(&keys).unwrap();
        let parse = median(|| drop(black_box(File::parse(&sealed, format).unwrap())));
        let open = median(|| drop(black_box(File::parse(&sealed, format).unwrap().decrypt(&key).unwrap())));
        let file = File::parse(&sealed, format).unwrap();
        let unwrap = median(|| drop(black_box(file.unwrap_key(&keys).unwrap())));
        let changed = plain.replacen("number 7 ", "number x ", 1);
        let edit = median(|| drop(black_box(file.edit(&key, changed.as_bytes(), now, &SystemEntropy).unwrap())));
        println!(
            "{format}: {VALUES} values, {} bytes: parse {parse:.2} ms, parse and decrypt {open:.2} ms, edit one {edit:.2} ms, unwrap the key {unwrap:.2} ms",
            sealed.len()
        );
    }
}
