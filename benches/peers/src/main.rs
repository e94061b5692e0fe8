//! Resolves the same files by Towpath, `figment` and `config` in turn, compares what comes out key by key, and prints
//! times as ratios. Towpath also checks types and keeps who set what; the others only merge. So it takes part twice: whole, and
//! up to the merged tree.
//!
//! `cargo run --release` here prints one line of JSON; `cargo xtask bench` reads it. With `once NAME SHAPE` it resolves once
//! and prints the peak of resident memory in MiB, which is why each contender gets a process of its own for that.

mod contenders;
mod files;

use std::{collections::BTreeMap, env, fs, hint::black_box, process::Command, time::Duration};

use rustix::time::{ClockId, clock_gettime};

use contenders::{CONTENDERS, Contender, leaves};
use files::{SHAPES, Shape};

fn main() {
    let words: Vec<String> = env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["once", name, shape] => once(name, shape),
        ["again", name, shape] => again(name, shape),
        [] => measure(),
        _ => panic!("usage: towpath-peers [once|again NAME SHAPE]"),
    }
}

/// Processor time of this process, all threads together.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

fn took(contender: &Contender, shape: &Shape) -> f64 {
    let start = processor_time();
    drop(black_box((contender.resolve)(shape)));
    (processor_time() - start).as_secs_f64() * 1000.0
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn measure() {
    let mut figures: BTreeMap<String, f64> = BTreeMap::new();
    for make in SHAPES {
        let shape = make();
        let sizes: Vec<String> = shape.files.iter().map(|(_, text)| format!("{} KB", text.len() / 1024)).collect();
        println!("{}: {} ({})", shape.name, shape.what, sizes.join(", "));
        same(&shape);
        let mut times: Vec<Vec<f64>> = CONTENDERS.iter().map(|_| Vec::new()).collect();
        for round in 0..shape.rounds {
            // The order rotates, so that what else the machine does falls on all of them.
            for turn in 0..CONTENDERS.len() {
                let at = (turn + round) % CONTENDERS.len();
                times[at].push(took(&CONTENDERS[at], &shape));
            }
        }
        for (at, contender) in CONTENDERS.iter().enumerate() {
            let beside = |ours: usize| median(times[at].iter().zip(&times[ours]).map(|(they, we)| they / we).collect());
            let (whole, merge, median) = (beside(0), beside(1), median(times[at].clone()));
            let mb = resident("nobody", shape.name);
            let peak = resident(contender.name, shape.name) - mb;
            println!(
                "  {:<14} {median:8.2} ms of processor   {whole:5.2} x   {merge:5.2} x merging only   {peak:6.1} MiB",
                contender.name
            );
            if at > 1 {
                figures.insert(format!("{}_vs_{}", shape.name, contender.name), whole);
                figures.insert(format!("{}_merge_vs_{}", shape.name, contender.name), merge);
            }
            figures.insert(format!("{}_{}_mb", shape.name, contender.name), peak);
            figures.insert(format!("{}_{}_ms", shape.name, contender.name), median);
        }
    }
    println!("{}", serde_json::to_string(&figures).expect("numbers"));
}

/// Makes sure that all give the same, key by key.
fn same(shape: &Shape) {
    let results: Vec<_> = CONTENDERS.iter().map(|contender| leaves(&(contender.resolve)(shape))).collect();
    let (ours, others) = results.split_first().expect("there are contenders");
    for (contender, theirs) in CONTENDERS.iter().skip(1).zip(others) {
        assert_eq!(ours.len(), theirs.len(), "{}: {} has other environments", shape.name, contender.name);
        for (ours, theirs) in ours.iter().zip(theirs) {
            assert_eq!(ours.len(), theirs.len(), "{}: {} has other keys", shape.name, contender.name);
            assert!(ours.len() > 100, "there is something to compare");
            for ((key, value), (other_key, other)) in ours.iter().zip(theirs) {
                assert_eq!((key, value), (other_key, other), "{}: {}", shape.name, contender.name);
            }
        }
    }
}

fn resident(contender: &str, shape: &str) -> f64 {
    let program = env::current_exe().expect("this program has a path");
    let output = Command::new(program).args(["once", contender, shape]).output().expect("it starts again");
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number of MiB")
}

/// Resolves many times, for a profiler.
fn again(name: &str, shape: &str) {
    let shape = SHAPES.iter().map(|make| make()).find(|one| one.name == shape).expect("a shape");
    let contender = CONTENDERS.iter().find(|contender| contender.name == name).expect("a contender");
    let times: Vec<f64> = (0..shape.rounds * 5).map(|_| took(contender, &shape)).collect();
    println!("{:.3} ms of processor", median(times));
}

fn once(name: &str, shape: &str) {
    let shape = SHAPES.iter().map(|make| make()).find(|one| one.name == shape).expect("a shape");
    if let Some(contender) = CONTENDERS.iter().find(|contender| contender.name == name) {
        black_box((contender.resolve)(&shape));
    }
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    let kib: f64 = line.trim().trim_end_matches(" kB").trim().parse().expect("a number");
    println!("{}", kib / 1024.0);
}
