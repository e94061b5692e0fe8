//! Results for people.

use super::*;

/// Returns an experiment with a bit of everything: a goal, a money metric, a guardrail, three variants.
fn rich() -> Observations {
    let arms = ["current", "quick", "quick with a very long name for a variant"];
    let sums = |all: [Sums; 3]| -> Vec<(&str, Sums)> { arms.into_iter().zip(all).collect() };
    let n = 20_000;
    let mut failed = observed(
        "failed requests",
        MetricKind::Proportion,
        Role::Guardrail(Margin::Relative(0.25)),
        &sums([share(n, 600.0), share(n, 620.0), share(n, 1000.0)]),
    );
    failed.metric.better = Direction::Down;
    Observations {
        control: "current".into(),
        variants: arms.into_iter().map(|name| Arm { name: name.into(), weight: 1.0, units: n }).collect(),
        metrics: vec![
            observed(
                "paid",
                MetricKind::Proportion,
                Role::Goal,
                &sums([2000.0, 2320.0, 2010.0].map(|did| share(n, did))),
            ),
            observed(
                "basket",
                MetricKind::Mean,
                Role::Secondary,
                &sums([70_200.0, 71_900.0, 69_000.0].map(|sum| mean(n, sum, 1_214_000.0))),
            ),
            failed,
            observed("same for all", MetricKind::Mean, Role::Secondary, &sums([share(n, 0.0); 3])),
        ],
    }
}

fn plotted(observations: &Observations, width: usize) -> String {
    let lines = report::plot(&analyse(observations, &Settings::default()), width);
    lines.into_iter().map(|line| line.text + "\n").collect()
}

#[test]
fn intervals_are_drawn_in_text_of_80_columns() {
    let text = plotted(&rich(), 80);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn a_drawing_says_the_same_in_words() {
    let svg = report::svg(&analyse(&rich(), &Settings::default()));
    for text in ["Stop", "failed requests", "harmed", "prefers-color-scheme:dark", "viewBox=\"0 0 400 "] {
        assert!(svg.contains(text), "{text}: {svg}");
    }
    insta::assert_snapshot!(svg);
}

#[test]
fn names_are_text_whatever_is_in_them() {
    let mut observations = two(MetricKind::Proportion, share(5000, 500.0), share(5000, 750.0));
    let hostile = "</text><script>\u{1b}[2J\n\"&'";
    observations.variants[1].name = hostile.into();
    observations.metrics[0].metric.name = hostile.into();
    let sums = observations.metrics[0].sums.remove("b").unwrap();
    observations.metrics[0].sums.insert(hostile.into(), sums);
    let analysis = analyse(&observations, &Settings::default());
    let svg = report::svg(&analysis);
    assert!(!svg.contains("<script") && !svg.contains('\u{1b}') && svg.contains("&lt;script&gt;"), "{svg}");
    let text = plotted(&observations, 80);
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
}

#[test]
fn effects_of_any_size_have_an_axis() {
    for scale in [1e-12, 1e-6, 1.0, 1e9, 1e140] {
        let (a, b) = (mean(5000, 5000.0 * scale, 1e5 * scale * scale), mean(5000, 9000.0 * scale, 1e5 * scale * scale));
        let observations = two(MetricKind::Mean, a, b);
        for settings in [Settings::default(), Settings { scale: Scale::Absolute, ..Settings::default() }] {
            let analysis = analyse(&observations, &settings);
            let lines = report::plot(&analysis, 80);
            assert!(lines.iter().any(|line| line.text.contains('●')), "{scale}: {lines:?}");
            let svg = report::svg(&analysis);
            assert!(svg.contains("<circle") && !svg.contains("NaN") && !svg.contains("inf"), "{scale}: {svg}");
        }
    }
}

#[test]
fn numbers_are_short_and_honest() {
    let cases = [
        (0.0, "0"),
        (4.08, "+4.08"),
        (-4.08, "−4.08"),
        (0.049_999, "+0.0500"),
        (9.999, "+10.0"),
        (99.96, "+100"),
        (1234.5, "+1234"),
        (1e-7, "+1.00e-7"),
        (-2e12, "−2.00e12"),
        (0.999_6, "+1.00"),
    ];
    for (number, text) in cases {
        assert_eq!(words::signed(number), text);
    }
    assert_eq!((words::p_value(0.020_158), words::p_value(1e-9)), ("0.0202".into(), "< 0.0001".into()));
}
