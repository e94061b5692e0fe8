//! What the decision rules promise, tried on chance itself: seeded, so that every run is the same.

use super::*;
use crate::experiments::statistics::power::{Baseline, Change, Plan, sample_size};

/// Looks during one experiment, and units of each variant between two of them.
const LOOKS: u64 = 50;
const BETWEEN: u64 = 100;
const EXPERIMENTS: u32 = 600;

/// xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled", 2014).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    #[expect(clippy::cast_precision_loss, reason = "53 bits are a number from 0 to 1")]
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn units(&mut self, n: u64, share: f64) -> Sums {
        (0..n).map(|_| Unit::of(f64::from(u8::from(self.share() < share)))).collect()
    }

    /// Money per unit: mostly nothing, at times much.
    fn revenue(&mut self, n: u64) -> Sums {
        (0..n).map(|_| Unit::of(if self.share() < 0.1 { -20.0 * self.share().ln() } else { 0.0 })).collect()
    }
}

/// Counts the experiments of which `found` is true at some look.
fn looked_at(seed: u64, mut more: impl FnMut(&mut Chance) -> (Sums, Sums), found: impl Fn(Sums, Sums) -> bool) -> f64 {
    let mut chance = Chance(seed);
    let hits = (0..EXPERIMENTS).filter(|_| {
        let (mut a, mut b) = (Sums::default(), Sums::default());
        let mut hit = false;
        for _ in 0..LOOKS {
            let (more_a, more_b) = more(&mut chance);
            a.merge(&more_a);
            b.merge(&more_b);
            // Later looks draw as many numbers, so that experiments do not depend on what is found.
            hit = hit || found(a, b);
        }
        hit
    });
    f64::from(u32::try_from(hits.count()).unwrap()) / f64::from(EXPERIMENTS)
}

fn equal(chance: &mut Chance) -> (Sums, Sums) {
    (chance.units(BETWEEN, 0.1), chance.units(BETWEEN, 0.1))
}

fn decides(settings: &Settings, kind: MetricKind) -> impl Fn(Sums, Sums) -> bool {
    move |a, b| {
        let decision = analyse(&two(kind, a, b), settings).verdict.decision;
        matches!(decision, Decision::Better | Decision::Worse)
    }
}

#[test]
fn looking_at_every_turn_concludes_something_from_nothing_at_most_as_often_as_alpha() {
    let rate = looked_at(1, equal, decides(&Settings::default(), MetricKind::Proportion));
    eprintln!("sequence, {LOOKS} looks: {:.1} % false", rate * 100.0);
    assert!(rate <= 0.05, "{rate}");
}

#[test]
fn looking_at_every_turn_of_a_fixed_test_or_at_the_chance_to_win_concludes_something_from_nothing_far_too_often() {
    let rate = looked_at(1, equal, decides(&fixed(), MetricKind::Proportion));
    eprintln!("fixed, {LOOKS} looks: {:.1} % false", rate * 100.0);
    assert!(rate > 0.2, "{rate}");
    let settings = Settings::default();
    let rate = looked_at(1, equal, |a, b| {
        let chance = only(&analyse(&two(MetricKind::Proportion, a, b), &settings)).reading.unwrap().chance_to_win;
        !(0.05..=0.95).contains(&chance)
    });
    eprintln!("chance to win beyond 95 %, {LOOKS} looks: {:.1} % false", rate * 100.0);
    assert!(rate > 0.35, "{rate}");
}

#[test]
fn a_fixed_test_that_is_looked_at_once_is_wrong_as_often_as_alpha() {
    let planned = Settings { method: Method::Fixed { planned_units: Some(LOOKS * BETWEEN) }, ..Settings::default() };
    let rate = looked_at(1, equal, decides(&planned, MetricKind::Proportion));
    assert!((0.03..0.07).contains(&rate), "{rate}");
}

#[test]
fn skewed_values_and_rare_events_do_not_break_the_promise() {
    let settings = Settings::default();
    let revenue = |chance: &mut Chance| (chance.revenue(BETWEEN), chance.revenue(BETWEEN));
    let rate = looked_at(2, revenue, decides(&settings, MetricKind::Mean));
    assert!(rate <= 0.05, "revenue {rate}");
    let seldom = |chance: &mut Chance| (chance.units(BETWEEN, 0.005), chance.units(BETWEEN, 0.005));
    let rate = looked_at(3, seldom, decides(&settings, MetricKind::Proportion));
    assert!(rate <= 0.05, "rare {rate}");
}

#[test]
fn several_variants_together_are_wrong_at_most_as_often_as_alpha() {
    for correction in [Correction::Bonferroni, Correction::Holm] {
        let settings = Settings { correction, minimum_units: 100, ..fixed() };
        let mut chance = Chance(4);
        let wrong = (0..EXPERIMENTS).filter(|_| {
            let sums = ["a", "b", "c", "d"].map(|name| (name, chance.units(1000, 0.2)));
            let observations = Observations {
                control: "a".into(),
                variants: sums.iter().map(|(name, _)| Arm { name: (*name).into(), weight: 1.0, units: 1000 }).collect(),
                metrics: vec![observed("m", MetricKind::Proportion, Role::Goal, &sums)],
            };
            let analysis = analyse(&observations, &settings);
            analysis.metrics[0].variants.iter().any(|variant| variant.outcome != Outcome::Undecided)
        });
        let rate = f64::from(u32::try_from(wrong.count()).unwrap()) / f64::from(EXPERIMENTS);
        assert!(rate <= 0.065, "{correction:?} {rate}");
    }
}

#[test]
fn the_interval_holds_the_truth_at_every_look_at_once() {
    let settings = Settings::default();
    let better = |chance: &mut Chance| (chance.units(BETWEEN, 0.1), chance.units(BETWEEN, 0.13));
    let missed = looked_at(5, better, |a, b| {
        let analysis = analyse(&two(MetricKind::Proportion, a, b), &settings);
        let comparison = only(&analysis);
        let misses = |effect: Option<Effect>, truth: f64| effect.is_some_and(|e| e.lower > truth || e.upper < truth);
        a.n >= 500 && (misses(comparison.absolute, 0.03) || misses(comparison.relative, 0.3))
    });
    eprintln!("the truth is missed at some look in {:.1} %", missed * 100.0);
    assert!(missed <= 0.05, "{missed}");
}

#[test]
fn a_guardrail_stops_for_nothing_at_most_as_often_as_alpha_and_for_harm_soon() {
    let settings = Settings::default();
    let guarded = |a: Sums, b: Sums| {
        let mut observations = two(MetricKind::Proportion, a, b);
        observations.metrics[0].metric.role = Role::Guardrail(Margin::Relative(0.0));
        observations.metrics[0].metric.better = Direction::Down;
        analyse(&observations, &settings).verdict.decision == Decision::Stop
    };
    let rate = looked_at(6, equal, guarded);
    assert!(rate <= 0.05, "{rate}");
    let harm = |chance: &mut Chance| (chance.units(BETWEEN, 0.1), chance.units(BETWEEN, 0.15));
    let rate = looked_at(7, harm, guarded);
    assert!(rate > 0.95, "{rate}");
}

#[test]
fn the_power_is_what_the_calculator_says() {
    let baseline = Baseline::Proportion { share: 0.2 };
    for method in [Method::Fixed { planned_units: None }, Method::SEQUENTIAL] {
        let plan = Plan { baseline, alpha: 0.05, power: 0.8, method, variants: 1, goals: 1, ratio: 1.0 };
        let size = sample_size(&plan, Change::Relative(0.25)).unwrap();
        let settings = Settings { method, ..Settings::default() };
        let mut chance = Chance(8);
        let found = (0..EXPERIMENTS).filter(|_| {
            let (a, b) = (chance.units(size.control, 0.2), chance.units(size.each_variant, 0.25));
            analyse(&two(MetricKind::Proportion, a, b), &settings).verdict.decision == Decision::Better
        });
        let rate = f64::from(u32::try_from(found.count()).unwrap()) / f64::from(EXPERIMENTS);
        eprintln!("{method:?} with {} units: found in {:.1} %", size.total, rate * 100.0);
        assert!((0.75..0.85).contains(&rate), "{method:?} {rate}");
    }
}
