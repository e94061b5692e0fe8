//! What files of sums may look like.

use super::*;

const SUMS: &str = "metric,variant,kind,n,sum,sum_squares,better,role,margin,weight\n\
    paid,now,proportion,1000,100,,up,goal,,9\n\
    paid,\"new, \"\"blue\"\"\",proportion,110,12,,up,goal,,1\n\
    \n\
    wait,now,mean,1000,5000,30000,down,guardrail,2%,\n\
    wait,\"new, \"\"blue\"\"\",mean,110,560,3300,down,guardrail,2%,\n";

fn read(text: &str) -> Result<ReadFile, String> {
    from_csv(text, "sums.csv").map_err(|failure| format!("{failure:?}"))
}

#[test]
fn rows_of_metrics_and_variants_become_observations() {
    let observations = read(SUMS).unwrap().observations;
    insta::assert_json_snapshot!(observations);
}

#[test]
fn windows_line_ends_are_the_same() {
    assert_eq!(read(&SUMS.replace('\n', "\r\n")).unwrap().observations, read(SUMS).unwrap().observations);
}

#[test]
fn what_is_wrong_in_a_table_is_said_with_its_line() {
    let head = "metric,variant,kind,n,sum,sum_squares,role,margin,weight\n";
    let cases = [
        ("", "line 1: the file is empty"),
        ("metric,variant\n", "line 1: the column `kind` is missing"),
        ("metric,metrik\n", "line 1: there is no column `metrik`"),
        ("metric,variant,kind,n,sum,n\n", "line 1: the column `n` is there twice"),
        ("H p,a,mean,3,1\n", "line 2: there are 5 fields and 9 columns"),
        ("H p,a,proportion,-3,1,,,,\n", "line 2: `-3` in `n` is no count"),
        ("H p,a,proportion,3,inf,,,,\n", "line 2: `inf` in `sum` is no number"),
        ("H p,a,mean,3,1,,,,\n", "line 2: `sum_squares` is empty"),
        ("H p,a,proportion,3,1,,goal,2%,\n", "line 2: only a guardrail has a margin"),
        ("H p,a,proportion,3,1,,main,,\n", "line 2: `main` is no role"),
        ("H p,a,proportion,3,1,,,,\np,a,proportion,3,1,,,,\n", "line 3: metric `p` of variant `a` is there twice"),
        ("H p,a,proportion,3,1,,,,\np,b,mean,3,1,1,,,\n", "line 3: metric `p` had another kind"),
        ("H p,a,proportion,3,1,,,,1\nq,a,proportion,3,1,,,,2\n", "line 3: variant `a` had another weight"),
        ("H p,a,median,3,1,1,,,\n", "unknown variant `median`"),
        ("H \"p,a\n", "line 2: a quotation mark is not closed"),
    ];
    for (text, message) in cases {
        let error = read(&text.replace("H ", head)).unwrap_err();
        assert!(error.replace("\\\"", "\"").contains(message), "{text}: {error}");
    }
}

#[test]
fn a_misspelt_member_is_an_error_and_not_ignored() {
    let good = r#"{"variants": [{"name": "a", "units": 3}], "metrics": [{"name": "p", "kind": "mean", "sums": {}}]}"#;
    assert_eq!(from_json(good, "f").unwrap().observations.control, "a");
    for (right, wrong) in [("variants", "variant"), ("\"kind\"", "\"kinds\""), ("units", "unit"), ("mean", "median")] {
        assert!(from_json(&good.replacen(right, wrong, 1), "f").is_err(), "{wrong}");
    }
}
