//! Tests of `metrics`.

use std::collections::BTreeMap;

use super::*;

/// Reads text format 0.0.4 strictly: every sample belongs to the family declared last, and no series comes twice.
fn parse(text: &str) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    let (mut family, mut kind) = (String::new(), String::new());
    let mut families = Vec::new();
    for line in text.split_terminator('\n') {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, words) = help.split_once(' ').unwrap();
            assert!(!words.is_empty() && !families.contains(&name.to_owned()), "{line}");
            families.push(name.to_owned());
            family = name.to_owned();
            continue;
        }
        if let Some(declared) = line.strip_prefix("# TYPE ") {
            let (name, of) = declared.split_once(' ').unwrap();
            assert_eq!(name, family);
            assert!(["counter", "gauge", "histogram"].contains(&of));
            kind = of.to_owned();
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.strip_suffix('}').unwrap().split_once('{').unwrap();
        let base = if kind == "histogram" {
            ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap()
        } else {
            name
        };
        assert_eq!(base, family, "{line}");
        for label in labels.split(',') {
            let (key, quoted) = label.split_once('=').unwrap();
            assert!(key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{line}");
            let inner = quoted.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
            assert!(!inner.contains(['"', '\\', '\n']), "{line}");
        }
        assert!(samples.insert(series.to_owned(), value.parse().unwrap()).is_none(), "twice: {series}");
    }
    assert!(text.ends_with('\n'));
    samples
}

fn key(revision: u64) -> (RouteId, Revision) {
    let (environment, service) = ("production".parse().unwrap(), "web".parse().unwrap());
    (RouteId { environment, service }, Revision(revision))
}

#[test]
fn the_text_is_valid_and_says_what_was_counted() {
    let one = Arc::new(Series::new(2));
    one.answered(0, 200, Duration::from_millis(3));
    one.answered(1, 503, Duration::from_secs(70));
    one.failed(1, Duration::from_micros(50));
    one.truncated(0);
    one.retried(0);
    let two = Arc::new(Series::new(2));
    let series = BTreeMap::from([(key(1), one), (key(2), two)]);
    let text = prometheus(&series, &BTreeMap::from([(key(1), 4)]));
    let samples = parse(&text);
    let of = |name: &str, more: &str| {
        samples[&format!("{name}{{environment=\"production\",service=\"web\",revision=\"d1\"{more}}}")]
    };
    let is = |name: &str, more: &str, value: f64| assert!((of(name, more) - value).abs() < 1e-9, "{name} {more}");
    is("towpath_requests_total", "", 3.0);
    is("towpath_responses_total", ",code=\"2xx\"", 1.0);
    is("towpath_responses_total", ",code=\"5xx\"", 1.0);
    is("towpath_upstream_errors_total", "", 2.0);
    is("towpath_retries_total", "", 1.0);
    is("towpath_in_flight", "", 4.0);
    is("towpath_request_duration_seconds_bucket", ",le=\"0.0001\"", 1.0);
    is("towpath_request_duration_seconds_bucket", ",le=\"0.005\"", 2.0);
    is("towpath_request_duration_seconds_bucket", ",le=\"50\"", 2.0);
    is("towpath_request_duration_seconds_bucket", ",le=\"+Inf\"", 3.0);
    is("towpath_request_duration_seconds_count", "", 3.0);
    is("towpath_request_duration_seconds_sum", "", 70.003_05);
}

#[test]
fn microseconds_are_printed_as_exact_seconds() {
    for (micros, text) in [(0, "0"), (1, "0.000001"), (100, "0.0001"), (1_500_000, "1.5"), (50_000_000, "50")] {
        assert_eq!(seconds(micros), text);
    }
}
