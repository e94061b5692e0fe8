//! The statistics of experiments beside what others compute: a generated table given to gbstats and scipy, in one process.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "what fails here is a failed test"
)]

use std::{
    collections::BTreeMap,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use towpath_core::experiments::statistics::{
    Arm, Direction, Effect, Method, Metric, MetricKind, Observations, Observed, Paired, Prior, Reading, Role, Scale,
    Settings, Sums, analyse,
    power::{Baseline, Change, Plan, sample_size},
};
use towpath_testkit::tools;

/// Published by `GrowthBook`; its dependencies are pinned so that figures do not move.
const PACKAGES: [&str; 3] = ["gbstats==0.8.0", "scipy==1.17.1", "numpy==1.26.4"];

/// Numbers from 0 to 1, the same in every run (xorshift64*).
struct Chance(u64);

impl Chance {
    fn share(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = u32::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32).unwrap();
        f64::from(number) / f64::from(u32::MAX)
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.share()
    }

    /// A number of units from 20 to 200,000, small ones as often as large ones.
    fn units(&mut self) -> u32 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "20 to 200,000")]
        let units = 10_f64.powf(self.between(1.3, 5.3)) as u32;
        units
    }
}

fn ask(table: &[Value]) -> Option<Vec<Value>> {
    let packages = tools::python(Path::new(env!("CARGO_TARGET_TMPDIR")), "gbstats-0.8.0-scipy-1.17.1", &PACKAGES)?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/statistics/oracle.py");
    let mut python = Command::new("python3");
    python.arg(script).env("PYTHONPATH", packages).env("PYTHONUTF8", "1").env("PYTHONDONTWRITEBYTECODE", "1");
    let mut python = python.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    python.stdin.take().unwrap().write_all(&serde_json::to_vec(table).unwrap()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// Says whether numbers are equal to 1e-6; where the other gives none (gbstats loses its risk far from 0) all are.
#[track_caller]
fn same(what: &str, row: &Value, is: &[f64], should: &Value) {
    for (place, (is, should)) in is.iter().zip(should.as_array().unwrap()).enumerate() {
        let Some(should) = should.as_f64() else { continue };
        assert!((is - should).abs() <= 1e-6 * should.abs().max(1.0), "{what} {place}: {is} is not {should} of {row}");
    }
}

/// What the spread of values looks like.
struct Spread {
    mean: f64,
    sd: f64,
}

/// Returns sums of units with exactly these means, spreads and correlation with a second value.
fn sums(n: u32, first: &Spread, second: Option<(&Spread, f64)>) -> (Sums, Option<Paired>) {
    let n_f = f64::from(n);
    let squares = |spread: &Spread| (n_f - 1.0) * spread.sd.powi(2) + n_f * spread.mean.powi(2);
    let own = Sums { n: n.into(), sum: n_f * first.mean, sum_squares: squares(first), ..Sums::default() };
    let paired = second.map(|(second, correlation)| Paired {
        sum: n_f * second.mean,
        sum_squares: squares(second),
        sum_products: (n_f - 1.0) * correlation * first.sd * second.sd + n_f * first.mean * second.mean,
    });
    (own, paired)
}

fn means(chance: &mut Chance, kind: usize) -> (MetricKind, [Sums; 2]) {
    let (mean, sd, correlation) = (chance.between(0.5, 50.0), chance.between(0.5, 60.0), chance.between(0.05, 0.95));
    let (other_mean, other_sd) = (chance.between(1.0, 20.0), chance.between(0.2, 6.0));
    let sums = [1.0, chance.between(0.7, 1.4)].map(|lift| {
        let n = chance.units();
        let first = Spread { mean: mean * lift, sd: sd * lift.sqrt() };
        let second = Spread { mean: other_mean * chance.between(0.98, 1.02), sd: other_sd };
        let (own, paired) = self::sums(n, &first, (kind > 0).then_some((&second, correlation)));
        match kind {
            0 => own,
            1 => Sums { denominator: paired, ..own },
            _ => Sums { covariate: paired, ..own },
        }
    });
    (if kind == 1 { MetricKind::Ratio } else { MetricKind::Mean }, sums)
}

/// Shares; with a covariate, what the same units did before.
fn shares(chance: &mut Chance, covariate: bool) -> (MetricKind, [Sums; 2]) {
    let base = chance.between(0.02, 0.8);
    let sums = [base, base * chance.between(0.75, 1.24)].map(|share| {
        let n = f64::from(chance.units());
        let did = (share * n).round().clamp(1.0, n - 1.0);
        let before = (base * n).round().clamp(1.0, n - 1.0);
        let both = (chance.between(base, 1.0) * did.min(before)).round();
        let pre = Paired { sum: before, sum_squares: before, sum_products: both };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of units")]
        let n = n as u64;
        Sums { n, sum: did, sum_squares: did, covariate: covariate.then_some(pre), ..Sums::default() }
    });
    (MetricKind::Proportion, sums)
}

fn comparisons() -> Vec<Value> {
    let mut chance = Chance(2026);
    let priors = [None, Some(Prior { mean: 0.0, sd: 0.3 }), Some(Prior { mean: 0.05, sd: 0.1 })];
    (0..400_usize)
        .map(|row| {
            let (kind, [a, b]) = match row % 5 {
                0 => shares(&mut chance, false),
                1 => shares(&mut chance, true),
                kind => means(&mut chance, kind - 2),
            };
            json!({
                "what": "comparison", "kind": kind, "a": a, "b": b, "inverse": row % 2 == 1,
                "alpha": ([0.05, 0.01, 0.1, 0.025][row % 4]), "tuning": ([5000.0, 1000.0, 20_000.0][row % 3]),
                "prior": priors[row / 5 % 3],
            })
        })
        .collect()
}

fn observations(row: &Value) -> Observations {
    let better = if row["inverse"] == true { Direction::Down } else { Direction::Up };
    let metric = Metric { name: "m".into(), kind: from(&row["kind"]), better, role: Role::Goal };
    let sums: [Sums; 2] = [from(&row["a"]), from(&row["b"])];
    let arm = |name: &str, sums: &Sums| Arm { name: name.into(), weight: 1.0, units: sums.n };
    Observations {
        control: "a".into(),
        variants: vec![arm("a", &sums[0]), arm("b", &sums[1])],
        metrics: vec![Observed { metric, sums: BTreeMap::from([("a".into(), sums[0]), ("b".into(), sums[1])]) }],
    }
}

fn from<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

fn numbers(effect: Option<Effect>) -> [f64; 5] {
    let effect = effect.expect("computed");
    [effect.estimate, effect.standard_error, effect.lower, effect.upper, effect.p_value]
}

fn belief(reading: &Reading) -> [f64; 7] {
    [reading.lift, reading.sd, reading.lower, reading.upper, reading.chance_to_win, reading.risk, reading.risk_control]
}

#[test]
fn lifts_intervals_and_p_values_are_those_of_gbstats() {
    let table = comparisons();
    let Some(answers) = ask(&table) else { return };
    let mut compared = 0;
    for (row, answer) in table.iter().zip(&answers) {
        // A covariate that explains everything leaves gbstats nothing; here the metric is then taken as it is.
        if answer["sequential_absolute"][1] == 0.0 {
            assert!(row["a"].get("covariate").is_some(), "{row}");
            continue;
        }
        let observations = observations(row);
        let settings = |method, scale| Settings {
            alpha: from(&row["alpha"]),
            method,
            scale,
            prior: from(&row["prior"]),
            ..Settings::default()
        };
        let sequential = Method::Sequential { tuning: from(&row["tuning"]) };
        let fixed = Method::Fixed { planned_units: None };
        for (method, name) in [(sequential, "sequential"), (fixed, "fixed")] {
            for (scale, on) in [(Scale::Relative, "relative"), (Scale::Absolute, "absolute")] {
                let analysis = analyse(&observations, &settings(method, scale));
                let own = &analysis.metrics[0].variants[0];
                let effect = if scale == Scale::Relative { own.relative } else { own.absolute };
                same(name, row, &numbers(effect), &answer[format!("{name}_{on}")]);
                same("bayes", row, &belief(&own.reading.unwrap()), &answer[format!("bayes_{on}")]);
                if let (Some(p), "fixed_absolute") = (answer["scipy_welch"].as_f64(), &*format!("{name}_{on}")) {
                    same("scipy", row, &[own.absolute.unwrap().p_value], &json!([p]));
                }
                let adjusted = row["a"].get("covariate").is_some();
                assert_eq!(own.variance_reduction.is_some(), adjusted, "{row}");
                compared += 1;
            }
        }
    }
    assert!(compared > 1500, "{compared}");
}

#[test]
fn the_test_of_the_split_is_that_of_gbstats_and_scipy() {
    let mut chance = Chance(7);
    let table: Vec<Value> = (0..200)
        .map(|row| {
            let weights: Vec<f64> = (0..2 + row % 4).map(|_| chance.between(0.1, 5.0)).collect();
            let units = f64::from(chance.units());
            let total: f64 = weights.iter().sum();
            let users: Vec<f64> =
                weights.iter().map(|weight| (weight / total * units * chance.between(0.9, 1.1)).round()).collect();
            json!({ "what": "split", "users": users, "weights": weights })
        })
        .collect();
    let Some(answers) = ask(&table) else { return };
    let mut failed = 0;
    for (row, answer) in table.iter().zip(&answers) {
        let (users, weights): (Vec<f64>, Vec<f64>) = (from(&row["users"]), from(&row["weights"]));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of units")]
        let arms = users.iter().zip(&weights).enumerate().map(|(at, (units, weight))| Arm {
            name: at.to_string(),
            weight: *weight,
            units: *units as u64,
        });
        let observations = Observations { control: "0".into(), variants: arms.collect(), metrics: Vec::new() };
        let split = analyse(&observations, &Settings::default()).split;
        same("split", row, &[split.p_value.unwrap(), split.p_value.unwrap()], answer);
        failed += u32::from(!split.passed);
    }
    assert!((20..180).contains(&failed), "some pass and some do not: {failed}");
}

#[test]
fn the_exact_chance_to_win_and_risk_are_those_of_integration() {
    let mut chance = Chance(11);
    let table: Vec<Value> = (0..120)
        .map(|row| {
            let arm = |chance: &mut Chance| {
                let n = [20.0, 300.0, 5000.0][row % 3];
                let did = (chance.between(0.0, 90.0_f64.min(n))).round();
                if row % 2 == 0 { [did, n - did] } else { [n - did, did] }
            };
            let (a, b) = (arm(&mut chance), arm(&mut chance));
            json!({ "what": "exact", "a": a, "b": b })
        })
        .collect();
    let Some(answers) = ask(&table) else { return };
    for (row, answer) in table.iter().zip(&answers) {
        let sums = |arm: &Value| {
            let [did, not]: [f64; 2] = from(arm);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of units")]
            let n = (did + not) as u64;
            Sums { n, sum: did, ..Sums::default() }
        };
        let row = json!({ "kind": "proportion", "a": sums(&row["a"]), "b": sums(&row["b"]) });
        let analysis = analyse(&observations(&row), &Settings::default());
        let reading = analysis.metrics[0].variants[0].reading.unwrap();
        same("exact", &row, &[reading.chance_to_win_exact.unwrap(), reading.risk_exact.unwrap()], answer);
    }
}

#[test]
fn the_number_of_units_is_that_of_scipy() {
    let mut chance = Chance(13);
    let table: Vec<Value> = (0..120)
        .map(|row| {
            let (mean, relative) = (row % 2 == 0, row % 3 != 0);
            let baseline = if mean { chance.between(0.5, 40.0) } else { chance.between(0.01, 0.6) };
            let effect = chance.between(0.03, 0.4) * if row % 5 == 0 { -1.0 } else { 1.0 };
            json!({
                "what": "power", "baseline": baseline, "sd": mean.then(|| chance.between(0.5, 30.0)),
                "effect": if relative { effect } else { effect * baseline }, "relative": relative,
                "alpha": ([0.05, 0.01][row % 2]), "power": ([0.8, 0.9, 0.95][row % 3]), "ratio": ([1.0, 0.25, 2.0][row / 3 % 3]),
                "comparisons": 1 + row % 4, "sequential": row / 2 % 2 == 0,
            })
        })
        .collect();
    let Some(answers) = ask(&table) else { return };
    for (row, answer) in table.iter().zip(&answers) {
        let (baseline, effect): (f64, f64) = (from(&row["baseline"]), from(&row["effect"]));
        let sd: Option<f64> = from(&row["sd"]);
        let plan = Plan {
            baseline: sd.map_or(Baseline::Proportion { share: baseline }, |sd| Baseline::Mean { mean: baseline, sd }),
            alpha: from(&row["alpha"]),
            power: from(&row["power"]),
            method: if row["sequential"] == true { Method::SEQUENTIAL } else { Method::Fixed { planned_units: None } },
            variants: from(&row["comparisons"]),
            goals: 1,
            ratio: from(&row["ratio"]),
        };
        let change = if row["relative"] == true { Change::Relative(effect) } else { Change::Absolute(effect) };
        let size = sample_size(&plan, change).unwrap();
        let should = answer.as_f64().unwrap();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of units")]
        let least = (should * (1.0 - 1e-9)).ceil() as u64;
        assert_eq!(size.control, least.max(2), "{should} {row}");
    }
}
