//! Planning and analysing experiments without a server.

use serde_json::Value;

use crate::project::Project;

const SUMS: &str = "metric,variant,kind,n,sum,sum_squares,better,role,margin\n\
    paid,current,proportion,20000,2000,,up,goal,\n\
    paid,quick,proportion,20000,2320,,up,goal,\n\
    failed,current,proportion,20000,240,,down,guardrail,25%\n\
    failed,quick,proportion,20000,252,,down,guardrail,25%\n";

fn project() -> Project {
    let project = Project::empty();
    project.write("sums.csv", SUMS);
    project
}

#[test]
fn sums_of_a_file_are_analysed_without_a_server_or_a_project() {
    let ran = project().run("experiments analyse sums.csv --plot");
    assert_eq!(ran.exit, 0, "{}", ran.err);
    insta::assert_snapshot!(ran.out);
    let widest = ran.out.lines().map(|line| line.chars().count()).max();
    let plotted =
        ran.out.lines().skip_while(|line| !line.starts_with("paid  (")).map(|line| line.chars().count()).max();
    assert!(plotted.unwrap() <= 80, "{widest:?}");
}

#[test]
fn the_json_of_an_analysis_has_the_verdict_and_every_figure() {
    let analysis = project().json("experiments analyse sums.csv");
    assert_eq!(analysis["verdict"]["decision"], "better");
    assert_eq!(analysis["verdict"]["variant"], "quick");
    assert_eq!(analysis["split"]["passed"], true);
    let quick = &analysis["metrics"][0]["variants"][0];
    assert!((quick["relative"]["estimate"].as_f64().unwrap() - 0.16).abs() < 1e-9);
    assert_eq!(analysis["metrics"][1]["variants"][0]["guardrail"], "open");
}

#[test]
fn json_on_standard_input_is_read_and_the_command_line_weighs_more_than_its_settings() {
    let project = Project::empty();
    project.write(
        "sums.json",
        r#"{"variants": [{"name": "a", "units": 500}, {"name": "b", "units": 500}], "metrics": [
            {"name": "m", "kind": "proportion", "sums": {"a": {"n": 500, "sum": 50}, "b": {"n": 500, "sum": 80}}}
        ], "settings": {"alpha": 0.01, "minimum_units": 1000}}"#,
    );
    let decision = |more: &str| {
        let ran = crate::project::ran(
            project.shell(&format!("towpath experiments analyse - -o json {more} < sums.json")).output().unwrap(),
        );
        assert_eq!(ran.exit, 0, "{}", ran.err);
        let analysis: Value = serde_json::from_str(&ran.out).unwrap();
        (analysis["verdict"]["decision"].as_str().unwrap().to_owned(), analysis["judged_by"]["alpha"].as_f64().unwrap())
    };
    assert_eq!(decision(""), ("wait".to_owned(), 0.01));
    assert_eq!(decision("--minimum-units 100"), ("undecided".to_owned(), 0.01));
    assert_eq!(decision("--minimum-units 100 --method fixed --alpha 5%"), ("better".to_owned(), 0.05));
}

#[test]
fn the_drawing_is_one_file_that_loads_nothing() {
    let project = project();
    let ran = project.run("experiments analyse sums.csv --svg results.svg");
    assert_eq!(ran.exit, 0, "{}", ran.err);
    let svg = project.read("results.svg");
    assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""), "{svg}");
    assert!(svg.contains("prefers-color-scheme:dark") && svg.contains("quick is better than current"), "{svg}");
    assert_eq!(svg.matches("http").count(), 1, "only the name of the format: {svg}");
}

#[test]
fn files_that_make_no_sense_end_with_what_is_wrong() {
    let project = project();
    project.write("words.csv", &SUMS.replace("2320", "many"));
    project.write("twice.csv", &SUMS.replace("failed,quick", "failed,current"));
    project.write("half.json", "{\"variants\": [");
    project.write("one.json", r#"{"variants": [{"name": "a", "units": 3}], "metrics": []}"#);
    let cases = [
        ("words.csv", "line 3: `many` in `sum` is no number"),
        ("twice.csv", "line 5: metric `failed` of variant `current` is there twice"),
        ("half.json", "`half.json` is not what an experiment's sums look like"),
        ("one.json", "an experiment has at least two variants"),
    ];
    for (file, message) in cases {
        let ran = project.run(&format!("experiments analyse {file}"));
        assert_eq!(ran.exit, 2, "{file}: {}", ran.err);
        assert!(ran.err.contains(message), "{file}: {}", ran.err);
    }
    let ran = project.run("experiments analyse absent.csv");
    assert_eq!(ran.exit, 1, "{}", ran.err);
}

#[test]
fn the_number_of_units_is_planned_and_the_other_way_round() {
    let project = Project::empty();
    let units = |more: &str| project.json(&format!("experiments power --baseline 10% {more}"));
    let fixed = units("--difference 2% --method fixed --per-day 1000");
    assert_eq!((fixed["units"]["total"].as_u64(), fixed["days"].as_u64()), (Some(7678), Some(8)));
    let shown = units("--units 20000");
    let effect = shown["effect"]["relative"].as_f64().unwrap();
    let power = units(&format!("--units 20000 --effect {effect}"));
    assert!((power["power"].as_f64().unwrap() - 0.8).abs() < 1e-6, "{power}");
    let ran = project.run("experiments power --baseline 10% --effect -120%");
    assert_eq!(ran.exit, 2);
    assert!(ran.err.contains("with this effect the share would be 0 or less"), "{}", ran.err);
    let ran = project.run("experiments power --baseline 10% --effect 5% --split 50:30:20");
    assert_eq!(ran.exit, 2);
}
