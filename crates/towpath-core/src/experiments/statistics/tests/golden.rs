//! Published values: the tests of gbstats itself.

use super::*;

#[track_caller]
fn near(is: f64, should: f64) {
    assert!((is - should).abs() < 1e-7, "{is} is not {should}");
}

#[test]
fn the_bayesian_reading_is_that_of_gbstats() {
    let analysis = analyse(&two(MetricKind::Proportion, share(100, 49.0), share(100, 51.0)), &Settings::default());
    let reading = only(&analysis).reading.unwrap();
    near(reading.lift, 0.040_816_3 + 2.65e-8);
    near(reading.chance_to_win, 0.609_181_3);
    assert!((reading.sd - 0.147_252_5).abs() < 1e-6);
    assert!((reading.lower + 0.247_793_4).abs() < 1e-6 && (reading.upper - 0.329_426_0).abs() < 1e-6);
    assert!((reading.risk_control - 0.081_395_8).abs() < 1e-6 && (reading.risk - 0.040_579_5).abs() < 1e-6);
    assert!((reading.chance_to_win_exact.unwrap() - 0.610_770_5).abs() < 1e-6);
}

#[test]
fn the_fixed_test_is_welchs() {
    let (a, b) = (mean(3407, 1396.87, 52377.9767), mean(3461, 2422.7, 134_698.29));
    let settings = Settings { method: Method::Fixed { planned_units: None }, ..Settings::default() };
    let effect = only(&analyse(&two(MetricKind::Mean, a, b), &settings)).absolute.unwrap();
    assert!((effect.estimate - 0.29).abs() < 1e-5);
    assert!((effect.p_value - 0.020_158_4).abs() < 1e-6);
    assert!((effect.lower - 0.045_377_9).abs() < 1e-6 && (effect.upper - 0.534_622_1).abs() < 1e-6);
}

#[test]
fn the_confidence_sequence_is_that_of_gbstats() {
    let analysis =
        analyse(&two(MetricKind::Proportion, share(3000, 1396.0), share(3461, 2422.0)), &Settings::default());
    let effect = only(&analysis).relative.unwrap();
    assert!((effect.estimate - 0.503_863_4).abs() < 1e-6);
    assert!((effect.lower - 0.400_978_5).abs() < 1e-6 && (effect.upper - 0.606_748_2).abs() < 1e-6);
    assert!((effect.p_value / 5.17e-44 - 1.0).abs() < 1e-2, "{}", effect.p_value);
}

#[test]
fn the_confidence_sequence_of_means_is_that_of_gbstats() {
    let (a, b) = (mean(3000, 1396.87, 52377.9767), mean(3461, 2422.7, 134_698.29));
    let settings = Settings { method: Method::Sequential { tuning: 1000.0 }, ..Settings::default() };
    let effect = only(&analyse(&two(MetricKind::Mean, a, b), &settings)).relative.unwrap();
    assert!((effect.estimate - 0.503_361_1).abs() < 1e-6);
    assert!((effect.lower + 0.558_440_5).abs() < 1e-6 && (effect.upper - 1.565_162_7).abs() < 1e-6);
    near(effect.p_value, 1.0);
}

#[test]
fn the_test_of_the_split_is_that_of_gbstats() {
    let analysis = analyse(&two(MetricKind::Proportion, share(1000, 49.0), share(1100, 51.0)), &Settings::default());
    assert!((analysis.split.p_value.unwrap() - 0.029_096_3).abs() < 1e-7);
    assert!(analysis.split.passed);
}
