//! Tests of reading the generator and the processor time, and of the medians.

use super::contender::ticks;
use super::load::{Load, parse};
use super::*;

#[test]
fn what_the_generator_prints_is_understood() {
    let printed = "Running 4s test @ http://127.0.0.1:1/\n  1 threads and 64 connections\n  Latency Distribution\n     \
                   50%    1.20ms\n     99%  980.00us\n  196000 requests in 4.00s, 220.00MB read\n  Socket errors: connect \
                   0, read 3, write 0, timeout 1\n  Non-2xx or 3xx responses: 6\nRequests/sec:  49000.25\n";
    let load = Load { requests: 196_000.0, per_second: 49_000.25, p99_ms: 0.98, failed: 10.0 };
    assert_eq!(parse(printed), Some(load));
    assert_eq!(parse("unable to connect"), None);
}

#[test]
fn processor_time_is_read_past_a_name_with_brackets() {
    assert_eq!(ticks("7 (a) b) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0"), Some(200.0));
}

#[test]
fn a_ratio_is_the_median_of_the_ratios_within_a_round() {
    let sample = |round, name, per_second| Sample {
        round,
        name,
        load: Load { requests: 1.0, per_second, p99_ms: 1.0, failed: 0.0 },
        cpu_us: 1.0,
    };
    // A slow second round slows both: the ratio of the medians would mislead.
    let samples = [
        sample(0, OURS, 90.0),
        sample(0, "nginx", 100.0),
        sample(1, OURS, 9.0),
        sample(1, "nginx", 10.0),
        sample(2, OURS, 50.0),
        sample(2, "nginx", 100.0),
    ];
    let figures = summary(&samples);
    assert!((figures["vs_nginx"] - 0.9).abs() < 1e-9, "{figures:?}");
    assert!(!figures.contains_key("vs_towpath"));
}
