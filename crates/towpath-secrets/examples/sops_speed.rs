//! Measures what a file of 500 values costs, beside the crate `rops`, and writes such files for measurements of processes.
//!
//! `sops_speed write FOLDER VALUES` writes `FOLDER/key.txt` and `FOLDER/secrets/production.yaml`, whose values are `SECRET_0` and on.
//! `rops` takes its key from the environment only, so the measurement runs in a process that has it there.
#![expect(clippy::print_stdout, reason = "a measurement prints what the clock says")]
#![expect(clippy::unwrap_used, reason = "what fails here is the example itself")]

use std::{collections::BTreeMap, env, fmt::Write as _, fs, hint::black_box, path::Path, process::Command};

use jiff::Timestamp;
use rops::{
    cryptography::{cipher::AES256GCM, hasher::SHA512},
    file::{RopsFile, format::YamlFileFormat, state::EncryptedFile},
    integration::{AgeIntegration, Integration as _},
};
use rustix::time::{ClockId, clock_gettime};
use towpath_secrets::{
    entropy::SystemEntropy,
    sops::{AgeOnly, Creation, File, Format, Identities, KeyGroup, MasterKey, encrypt},
};

type Theirs = RopsFile<EncryptedFile<AES256GCM, SHA512>, YamlFileFormat>;

const VALUES: usize = 500;
const ROUNDS: usize = 101;

fn main() {
    let words: Vec<String> = env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["write", folder, values] => write(Path::new(folder), values.parse().unwrap()),
        ["once", who, file] => once(who, Path::new(file)),
        ["again", who, file, rounds] => (0..rounds.parse().unwrap()).for_each(|_| open(who, Path::new(file))),
        ["measure", folder] => measure(Path::new(folder)),
        [] => {
            let folder = tempfile::tempdir().unwrap();
            write(folder.path(), VALUES);
            let key = key_of(folder.path());
            let status = Command::new(env::current_exe().unwrap())
                .arg("measure")
                .arg(folder.path())
                .env(AgeIntegration::private_key_env_var_name(), key)
                .status()
                .unwrap();
            assert!(status.success(), "{status}");
        }
        _ => {
            println!(
                "usage: sops_speed [write FOLDER VALUES | once WHO FILE | again WHO FILE ROUNDS | measure FOLDER]"
            );
        }
    }
}

fn key_of(folder: &Path) -> String {
    fs::read_to_string(folder.join("key.txt")).unwrap().trim().to_owned()
}

fn plain(format: Format, values: usize) -> String {
    let mut out = String::new();
    for at in 0..values {
        match format {
            Format::Json => {
                write!(out, "{}\n\t\"SECRET_{at}\": \"value number {at} of a file\"", if at == 0 { "{" } else { "," })
            }
            Format::Yaml => writeln!(out, "SECRET_{at}: value number {at} of a file"),
            Format::Dotenv | Format::Ini | Format::Binary => writeln!(out, "SECRET_{at}=value number {at} of a file"),
        }
        .unwrap();
    }
    out + if format == Format::Json { "\n}\n" } else { "" }
}

fn write(folder: &Path, values: usize) {
    use age::secrecy::ExposeSecret as _;
    let identity = age::x25519::Identity::generate();
    fs::create_dir_all(folder.join("secrets")).unwrap();
    fs::write(folder.join("key.txt"), format!("{}\n", identity.to_string().expose_secret())).unwrap();
    let recipient = identity.to_public().to_string();
    let creation =
        Creation { groups: vec![KeyGroup { keys: vec![MasterKey::age(&recipient)] }], ..Creation::default() };
    for (format, ending) in [(Format::Yaml, "yaml"), (Format::Json, "json"), (Format::Dotenv, "env")] {
        let plain = plain(format, values);
        let sealed =
            encrypt(plain.as_bytes(), format, &creation, &AgeOnly, Timestamp::UNIX_EPOCH, &SystemEntropy).unwrap();
        // One source of values is enough for whoever only wants files of a project.
        if format == Format::Yaml || values == VALUES {
            fs::write(folder.join(format!("secrets/production.{ending}")), sealed).unwrap();
        }
    }
}

/// Processor time of this process, in milliseconds.
fn processor_ms() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    std::time::Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0)).as_secs_f64()
        * 1000.0
}

fn took(work: &mut dyn FnMut()) -> f64 {
    let start = processor_ms();
    work();
    processor_ms() - start
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Opens a file from its text to all values with the MAC checked, the data key unwrapped by age on the way.
fn open(who: &str, file: &Path) {
    let text = fs::read_to_string(file).unwrap();
    match who {
        "towpath" => {
            let mut keys = Identities::new();
            keys.add_age(&env::var(AgeIntegration::private_key_env_var_name()).unwrap()).unwrap();
            let file = File::parse(text.as_bytes(), Format::Yaml).unwrap();
            let plain = file.decrypt(&file.unwrap_key(&keys).unwrap()).unwrap();
            assert!(plain.values().count() > 0);
            drop(black_box(plain));
        }
        "rops" => {
            let file: Theirs = text.parse().unwrap();
            drop(black_box(file.decrypt::<YamlFileFormat>().unwrap()));
        }
        _ => drop(black_box(text)),
    }
}

/// Opens a file once and prints the peak of resident memory in MiB.
fn once(who: &str, file: &Path) {
    open(who, file);
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: f64 = line.trim().trim_end_matches(" kB").trim().parse().unwrap();
    println!("{}", kib / 1024.0);
}

fn resident(who: &str, file: &Path) -> f64 {
    let output = Command::new(env::current_exe().unwrap()).args(["once", who]).arg(file).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().parse().unwrap()
}

fn measure(folder: &Path) {
    let mut figures: BTreeMap<String, f64> = BTreeMap::new();
    let mut keys = Identities::new();
    keys.add_age(&key_of(folder)).unwrap();
    for (format, ending) in [(Format::Yaml, "yaml"), (Format::Json, "json"), (Format::Dotenv, "env")] {
        let sealed = fs::read(folder.join(format!("secrets/production.{ending}"))).unwrap();
        let file = File::parse(&sealed, format).unwrap();
        let key = file.unwrap_key(&keys).unwrap();
        assert_eq!(file.decrypt(&key).unwrap().values().count(), VALUES);
        let changed = plain(format, VALUES).replacen("number 7 ", "number x ", 1);
        let now = Timestamp::UNIX_EPOCH;
        let mut parse = || drop(black_box(File::parse(&sealed, format).unwrap()));
        let mut open = || drop(black_box(File::parse(&sealed, format).unwrap().decrypt(&key).unwrap()));
        let mut edit = || drop(black_box(file.edit(&key, changed.as_bytes(), now, &SystemEntropy).unwrap()));
        let mut unwrap = || drop(black_box(file.unwrap_key(&keys).unwrap()));
        let parts: [(&str, &mut dyn FnMut()); 4] =
            [("parse", &mut parse), ("open", &mut open), ("edit", &mut edit), ("unwrap", &mut unwrap)];
        for (what, work) in parts {
            let ms = median((0..ROUNDS).map(|_| took(work)).collect());
            println!("{format}: {VALUES} values, {} bytes: {what} {ms:.2} ms", sealed.len());
            figures.insert(format!("{}_{what}_ms", if what == "unwrap" { "age" } else { ending }), ms);
        }
    }
    let file = folder.join("secrets/production.yaml");
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let turns = if round % 2 == 0 { ["towpath", "rops"] } else { ["rops", "towpath"] };
        let mut pair = turns.map(|who| took(&mut || open(who, &file)));
        if round % 2 == 1 {
            pair.reverse();
        }
        let [one, other] = pair;
        ours.push(one);
        theirs.push(other);
        ratios.push(other / one);
    }
    figures.insert("yaml_whole_ms".to_owned(), median(ours));
    figures.insert("rops_whole_ms".to_owned(), median(theirs));
    figures.insert("whole_vs_rops".to_owned(), median(ratios));
    let nobody = resident("nobody", &file);
    for who in ["towpath", "rops"] {
        figures.insert(format!("{who}_mb"), resident(who, &file) - nobody);
    }
    println!("{}", serde_json::to_string(&figures).unwrap());
}
