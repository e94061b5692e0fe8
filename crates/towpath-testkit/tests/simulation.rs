//! Thousands of seeds of whole control-plane runs with faults; a failing seed is a reproducible test.

use towpath_testkit::sim::{Outcome, run};

/// Runs seeds of one part; each part is its own test, so that they share the cores.
fn part(number: u64) {
    const SEEDS: u64 = 320;
    let mut sum = Outcome::default();
    let mut failed = Vec::new();
    for seed in number * SEEDS..(number + 1) * SEEDS {
        match run(seed) {
            Ok(outcome) => {
                sum.events += outcome.events;
                sum.crashes += outcome.crashes;
                sum.completed += outcome.completed;
                sum.rolled_back += outcome.rolled_back;
            }
            Err(violation) => failed.push(format!("seed {seed}: {violation:?}")),
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
    // A simulation in which nothing happens proves nothing.
    assert!(sum.crashes > SEEDS && sum.completed > SEEDS && sum.rolled_back > SEEDS / 2, "{sum:?}");
}

#[test]
fn every_invariant_holds_in_seeds_of_part_0() {
    part(0);
}

#[test]
fn every_invariant_holds_in_seeds_of_part_1() {
    part(1);
}

#[test]
fn every_invariant_holds_in_seeds_of_part_2() {
    part(2);
}

#[test]
fn every_invariant_holds_in_seeds_of_part_3() {
    part(3);
}

#[test]
fn every_invariant_holds_in_seeds_of_part_4() {
    part(4);
}

#[test]
fn every_invariant_holds_in_seeds_of_part_5() {
    part(5);
}

#[test]
fn every_invariant_holds_in_seeds_of_part_6() {
    part(6);
}

#[test]
fn a_seed_gives_the_same_run_every_time() {
    for seed in [3, 77, 1234] {
        assert_eq!(run(seed), run(seed));
    }
}
