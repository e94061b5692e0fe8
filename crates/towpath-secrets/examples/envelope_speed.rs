//! Measures what the envelope adds to AES-256-GCM: values of a kilobyte encrypted and decrypted by it and by aws-lc-rs alone.
//!
//! Both sides draw a random nonce of 12 bytes from the same generator for each value and put what comes out into memory of its
//! own. The envelope also binds a value to its place, counts, and erases what it decrypted; the other side does none of it.
#![expect(clippy::print_stdout, reason = "the figures are its output")]
#![expect(clippy::unwrap_used, reason = "what fails here is the example itself")]

use std::{collections::BTreeMap, hint::black_box, time::Duration};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use rustix::time::{ClockId, clock_gettime};
use towpath_secrets::{
    entropy::{Entropy as _, SystemEntropy},
    envelope::{DataKey, KeyName, SecretName},
};

const VALUE: usize = 1024;
const ROUNDS: usize = 301;
/// How many values are taken in one turn.
const TURN: u32 = 1000;
const TAG: usize = 16;
/// The length of the associated data for these names.
const PLACE: usize = 91;
const SECRET: SecretName<'_> = SecretName { name: "DATABASE_PASSWORD", version: 3 };

/// Processor time of this process.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Returns what one piece of work takes, in nanoseconds.
fn took(work: &mut dyn FnMut()) -> f64 {
    let start = processor_time();
    for _ in 0..TURN {
        work();
    }
    processor_time().saturating_sub(start).as_secs_f64() * 1e9 / f64::from(TURN)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Runs both in turns, the order changing with each round, and returns the medians and that of the ratios.
fn beside(ours: &mut dyn FnMut(), raw: &mut dyn FnMut()) -> (f64, f64, f64) {
    let (mut all_ours, mut all_raw, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let (one, other) = if round % 2 == 0 {
            let one = took(ours);
            (one, took(raw))
        } else {
            let other = took(raw);
            (took(ours), other)
        };
        all_ours.push(one);
        all_raw.push(other);
        ratios.push(other / one);
    }
    (median(all_ours), median(all_raw), median(ratios))
}

fn main() {
    let name = KeyName { project: "shop".to_owned(), environment: "production".to_owned(), version: 1 };
    let key = DataKey::make(name, &SystemEntropy).unwrap();
    let raw = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.expose().as_slice()).unwrap());
    let mut value = vec![0; VALUE];
    SystemEntropy.fill(&mut value).unwrap();

    let raw_seal = |aad: &[u8]| {
        let mut nonce = [0; NONCE_LEN];
        SystemEntropy.fill(&mut nonce).unwrap();
        let mut sealed = Vec::with_capacity(NONCE_LEN + VALUE + TAG);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&value);
        let text = sealed.get_mut(NONCE_LEN..).unwrap();
        let tag = raw.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), text).unwrap();
        sealed.extend_from_slice(tag.as_ref());
        sealed
    };
    let sealed = key.seal(SECRET, &value, &SystemEntropy).unwrap();
    // As many bytes as the envelope binds a value with.
    let place = [7; PLACE];
    let (raw_sealed, raw_bound) = (raw_seal(&[]), raw_seal(&place));
    let raw_open = |sealed: &[u8], aad: &[u8]| {
        let (nonce, text) = sealed.split_at(NONCE_LEN);
        let mut text = text.to_vec();
        let nonce = Nonce::try_assume_unique_for_key(nonce).unwrap();
        let length = raw.open_in_place(nonce, Aad::from(aad), &mut text).unwrap().len();
        text.truncate(length);
        text
    };
    assert_eq!(raw_open(&raw_sealed, &[]), value);
    assert_eq!(&key.open(SECRET, &sealed).unwrap()[..], value.as_slice());

    let mut figures = BTreeMap::new();
    let mut tell = |what: &str, (ours, raw, ratio): (f64, f64, f64)| {
        println!("{what}: {ours:.0} ns, aws-lc-rs alone {raw:.0} ns: {ratio:.3}");
        figures.insert(format!("{what}_ns"), ours);
        figures.insert(format!("{what}_raw_ns"), raw);
        figures.insert(format!("{what}_vs_raw"), ratio);
    };
    let mut seal = || drop(black_box(key.seal(SECRET, black_box(&value), &SystemEntropy).unwrap()));
    tell("seal", beside(&mut seal, &mut || drop(black_box(raw_seal(&[])))));
    tell("seal_bound", beside(&mut seal, &mut || drop(black_box(raw_seal(&place)))));
    let mut open = || drop(black_box(key.open(SECRET, black_box(&sealed)).unwrap()));
    tell("open", beside(&mut open, &mut || drop(black_box(raw_open(&raw_sealed, &[])))));
    tell("open_bound", beside(&mut open, &mut || drop(black_box(raw_open(&raw_bound, &place)))));
    println!("{}", serde_json::to_string(&figures).unwrap());
}
