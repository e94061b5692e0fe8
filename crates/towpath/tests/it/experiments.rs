//! Experiments end to end: units are exposed by real evaluations and real reports, and what is planted is found.

use std::collections::BTreeMap;

use reqwest::{Client, header};
use serde_json::{Value, json};

use crate::project::{Project, until};

mod killed;
mod sdks;

const FLAGS: &str = r#"{"flags": {
  "new-checkout": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off",
    "targeting": {"fractional": [{"cat": ["spring", {"var": "targetingKey"}]}, ["on", 50], ["off", 50]]}},
  "colour": {"state": "ENABLED", "variants": {"red": "r", "blue": "b"}, "defaultVariant": "red",
    "targeting": {"fractional": [["red", 50], ["blue", 50]]}}
}}"#;

const EXPERIMENTS: &str = r#"experiments:
  checkout:
    flag: new-checkout
    hypothesis: one page instead of three lets more people finish
    control: "off"
    salt: spring
    cuped: 7d
    metrics:
      - {event: purchase, minimum: 0.05}
      - {name: revenue, event: purchase, kind: mean, role: secondary, cap: 500}
      - {event: error, kind: proportion, direction: decrease, role: guardrail, margin: 0.1}
  placebo:
    flag: colour
    control: red
    metrics:
      - {event: click}
"#;

/// A project with two flags and an experiment on each, and its server.
pub(crate) fn shop() -> Project {
    let mut project = Project::small();
    project.write("flags/shop.json", FLAGS);
    project.write("flags/experiments/shop.yaml", EXPERIMENTS);
    project.up();
    project
}

/// Talks to the server as an application does.
pub(crate) struct Application {
    client: Client,
    url: String,
    key: String,
    runtime: tokio::runtime::Runtime,
}

impl Application {
    /// Makes a key and talks with it.
    pub(crate) fn new(project: &Project, name: &str) -> Self {
        let key = project.ok(&format!("flags keys create development {name}"));
        let running: Value = serde_json::from_str(&project.read(".towpath/server.json")).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = Client::builder().no_proxy().build().unwrap();
        Self { client, url: running["url"].as_str().unwrap().to_owned(), key: key.trim().to_owned(), runtime }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// Evaluates a flag for a unit and returns the variant.
    fn variant(&self, flag: &str, unit: &str) -> String {
        let url = format!("{}/ofrep/v1/evaluate/flags/{flag}", self.url);
        let request = self.client.post(url).bearer_auth(&self.key);
        let sent = request.json(&json!({ "context": { "targetingKey": unit } })).send();
        let answer: Value = self.runtime.block_on(async { sent.await.unwrap().json().await.unwrap() });
        answer["variant"].as_str().unwrap_or_else(|| panic!("{answer:#}")).to_owned()
    }

    /// Reports items as lines; returns status and answer.
    fn send(&self, what: &str, lines: String) -> (u16, Value) {
        let url = format!("{}/api/v1/environments/development/{what}", self.url);
        let request = self.client.post(url).bearer_auth(&self.key);
        let sent = request.header(header::CONTENT_TYPE, "application/x-ndjson").body(lines).send();
        self.runtime.block_on(async {
            let response = sent.await.unwrap();
            (response.status().as_u16(), response.json().await.unwrap_or(Value::Null))
        })
    }

    /// Reports items that all fit and are new.
    #[track_caller]
    fn report(&self, what: &str, items: &[Value]) {
        for items in items.chunks(5000) {
            let lines: Vec<String> = items.iter().map(Value::to_string).collect();
            let (status, answer) = self.send(what, lines.join("\n"));
            assert_eq!((status, answer["accepted"].as_u64()), (200, Some(items.len() as u64)), "{answer}");
        }
    }
}

fn exposure(experiment: &str, unit: usize, variant: &str) -> Value {
    json!({ "experiment": experiment, "variant": variant, "unit": format!("u-{unit}") })
}

fn event(name: &str, unit: usize) -> Value {
    json!({ "id": format!("{name}-{unit}"), "event": name, "unit": format!("u-{unit}"), "value": 10.5 })
}

fn results(project: &Project, experiment: &str) -> Value {
    project.json(&format!("experiments results development {experiment}"))
}

fn units(results: &Value) -> BTreeMap<String, u64> {
    let variants = results["observations"]["variants"].as_array().unwrap().iter();
    variants.map(|it| (it["name"].as_str().unwrap().to_owned(), it["units"].as_u64().unwrap())).collect()
}

/// Knuth's multiplicative hash: as good as chance, and the same every time.
fn chance(number: usize) -> f64 {
    let hash = u32::try_from(number % 1_000_003).unwrap().wrapping_mul(2_654_435_761) ^ 0x5bd1_e995;
    f64::from(hash.wrapping_mul(2_246_822_519) >> 8) / f64::from(1_u32 << 24)
}

#[test]
fn a_planted_effect_is_found_in_served_evaluations_and_none_where_there_is_none() {
    let project = shop();
    let application = Application::new(&project, "shop");
    for experiment in ["checkout", "placebo"] {
        project.ok(&format!("experiments start development {experiment}"));
    }
    let mut events = Vec::new();
    for unit in 0..1500 {
        let name = format!("u-{unit}");
        let rate = if application.variant("new-checkout", &name) == "on" { 0.45 } else { 0.25 };
        application.variant("colour", &name);
        if chance(unit) < rate {
            events.push(event("purchase", unit));
        }
        if chance(unit + 500_000) < 0.3 {
            events.push(event("click", unit));
        }
    }
    application.report("metric-events", &events);
    let found = until("every evaluation is counted", || {
        let results = results(&project, "checkout");
        (units(&results).values().sum::<u64>() == 1500).then_some(results)
    });
    let verdict = &found["analysis"]["verdict"];
    assert_eq!((verdict["decision"].as_str(), verdict["variant"].as_str()), (Some("better"), Some("on")), "{found:#}");
    assert_eq!((found["mixed"].as_u64(), found["dropped"].as_u64()), (Some(0), Some(0)));
    let placebo = results(&project, "placebo");
    assert_eq!(placebo["analysis"]["verdict"]["decision"], "undecided", "{placebo:#}");

    let text = project.ok("experiments results development checkout --svg plot.svg");
    assert!(text.contains("purchase") && text.contains("on") && project.read("plot.svg").starts_with("<svg"), "{text}");
    let csv = project.ok("experiments export development checkout --format csv");
    assert!(csv.starts_with("metric,variant,kind,n,") && csv.lines().count() == 7, "{csv}");
    // What is exported says the same elsewhere.
    project.write("sums.csv", &csv);
    project.write("sums.json", &project.ok("experiments export development checkout"));
    for file in ["sums.csv", "sums.json"] {
        let analysis = project.json(&format!("experiments analyse {file}"));
        assert_eq!(analysis["verdict"]["decision"], "better", "{file}: {analysis:#}");
    }
    project.ok("experiments decide development checkout on --reason 'it sells more'");
    let shown = project.json("experiments show development checkout");
    assert_eq!((shown["state"].as_str(), shown["end"]["variant"].as_str()), (Some("decided"), Some("on")));
    let ledger = project.ok("audit log --limit 100 -o json");
    assert!(!ledger.contains("u-1"), "a unit is in the ledger");
    assert!(!project.server_log().contains("u-1"), "a unit is in the log");
}

#[test]
fn shares_that_are_not_as_meant_block_the_verdict_and_a_decision_without_force() {
    let project = shop();
    let application = Application::new(&project, "shop");
    project.ok("experiments start development checkout");
    let exposures: Vec<Value> =
        (0..1000).map(|unit| exposure("checkout", unit, if unit % 10 < 6 { "on" } else { "off" })).collect();
    application.report("exposures", &exposures);
    let found = results(&project, "checkout");
    assert_eq!(found["analysis"]["verdict"]["decision"], "blocked", "{found:#}");
    assert_eq!(found["analysis"]["verdict"]["reasons"][0]["code"], "sample_ratio_mismatch");
    let refused = project.fails("experiments decide development checkout on", 3);
    assert!(refused.contains("say nothing") && refused.contains("--force"), "{refused}");
    project.ok("experiments decide development checkout off --force");
}

#[test]
fn harm_stops_the_experiment_by_itself_and_gives_everybody_the_control() {
    let project = shop();
    let application = Application::new(&project, "shop");
    project.ok("experiments start development checkout");
    let (mut exposures, mut events, mut treated) = (Vec::new(), Vec::new(), None);
    for unit in 0..2000 {
        let variant = application.variant("new-checkout", &format!("u-{unit}"));
        let rate = if variant == "on" { 0.5 } else { 0.2 };
        if variant == "on" {
            treated = Some(unit);
        }
        exposures.push(exposure("checkout", unit, &variant));
        if chance(unit) < rate {
            events.push(event("error", unit));
        }
    }
    application.report("metric-events", &events);
    let stopped = until("the experiment stops", || {
        let shown = project.json("experiments show development checkout");
        (shown["state"] == "stopped").then_some(shown)
    });
    assert_eq!(stopped["end"]["guardrail"], "error", "{stopped:#}");
    assert_eq!(stopped["end"]["by"], "towpath");
    assert_eq!(application.variant("new-checkout", &format!("u-{}", treated.unwrap())), "off");
    // What is reported of it now comes too late.
    let (_, answer) = application.send("exposures", exposure("checkout", 9999, "on").to_string());
    assert_eq!(answer["refused"]["not_running"], 1, "{answer}");
}

#[test]
fn a_bad_item_loses_none_of_the_others_and_what_comes_again_counts_once() {
    let project = shop();
    let application = Application::new(&project, "shop");
    project.ok("experiments start development checkout");
    let lines = [
        exposure("checkout", 1, "on").to_string(),
        "{\"unit\": \"secret-user\", broken".to_owned(),
        exposure("checkot", 2, "on").to_string(),
        exposure("checkout", 2, "no").to_string(),
        "[1, 2]".to_owned(),
        exposure("checkout", 1, "on").to_string(),
        exposure("checkout", 3, "off").to_string(),
        json!({ "experiment": "checkout", "variant": "on", "unit": "u-4", "at": "2099-01-01T00:00:00Z" }).to_string(),
    ];
    let (status, answer) = application.send("exposures", lines.join("\n"));
    assert_eq!(status, 200);
    let statuses: Vec<&str> =
        answer["items"].as_array().unwrap().iter().map(|it| it["status"].as_str().unwrap()).collect();
    let (a, d, r) = ("accepted", "duplicate", "refused");
    assert_eq!(statuses, [a, r, r, r, r, d, a, r], "{answer:#}");
    assert!(!answer.to_string().contains("secret-user"), "{answer}");
    assert!(answer.to_string().contains("did you mean `checkout`?"), "{answer}");
    let (_, again) = application.send("exposures", lines.join("\n"));
    assert_eq!((again["accepted"].as_u64(), again["duplicate"].as_u64()), (Some(0), Some(3)));

    let events = [event("purchase", 1).to_string(), event("purchase", 1).to_string(), event("purchas", 1).to_string()];
    let (_, answer) = application.send("metric-events", events.join("\n"));
    assert_eq!((answer["accepted"].as_u64(), answer["duplicate"].as_u64()), (Some(1), Some(1)));
    assert_eq!(answer["refused"]["unknown_event"], 1);
    assert_eq!(units(&results(&project, "checkout")), BTreeMap::from([("off".to_owned(), 1), ("on".to_owned(), 1)]));

    // A unit that was seen in both is left out, and one can be forgotten.
    application.report("exposures", &[exposure("checkout", 1, "off")]);
    assert_eq!(results(&project, "checkout")["mixed"], 1);
    let erased = project.json("experiments erase development --unit u-1");
    assert_eq!(erased["erased"], 2);
    assert_eq!(results(&project, "checkout")["mixed"], 0);
}

#[test]
fn who_may_not_report_or_reports_nonsense_is_told_so() {
    let project = shop();
    let mut application = Application::new(&project, "shop");
    let many = vec!["{}"; 10_001].join("\n");
    assert_eq!(application.send("exposures", many).0, 413);
    assert_eq!(application.send("metric-events", " ".repeat(2 << 20)).0, 413);
    let url = format!("{}/api/v1/environments/development/exposures", application.url);
    let status = |body: &'static str, media: &str| {
        let request = application.client.post(&url).bearer_auth(&application.key).header(header::CONTENT_TYPE, media);
        application.runtime.block_on(async { request.body(body).send().await.unwrap().status().as_u16() })
    };
    assert_eq!(status("{}", "application/json"), 400);
    assert_eq!(status("[", "application/json"), 400);
    assert_eq!(status("[]", "text/plain"), 415);
    assert_eq!(status("[]", "application/json"), 200);
    assert_eq!(status("[{}, 1, null, \"x\"]", "application/json"), 200);
    application.url = application.url.clone();
    let elsewhere = url.replace("development", "staging");
    let sent = application.client.post(&elsewhere).bearer_auth(&application.key).json(&json!([])).send();
    assert_eq!(application.runtime.block_on(sent).unwrap().status().as_u16(), 403);
    let sent = application.client.post(&url).bearer_auth("nobody").json(&json!([])).send();
    assert_eq!(application.runtime.block_on(sent).unwrap().status().as_u16(), 401);
    // A key of an application opens nothing else.
    let other = url.replace("exposures", "experiments");
    let sent = application.client.get(&other).bearer_auth(&application.key).send();
    assert_eq!(application.runtime.block_on(sent).unwrap().status().as_u16(), 401);
}

#[test]
fn a_flag_that_is_changed_under_a_running_experiment_is_written_down_and_keeps_it_from_being_decided() {
    let mut project = shop();
    project.ok("experiments start development checkout");
    assert_eq!(project.stop(), 0);
    project.write("flags/shop.json", &FLAGS.replace(r#"["on", 50], ["off", 50]]}}"#, r#"["on", 90], ["off", 10]]}}"#));
    project.up();
    until("the change is written down", || {
        let shown = project.json("experiments show development checkout");
        shown["altered"]["what"].as_str().map(str::to_owned)
    });
    let refused = project.fails("experiments decide development checkout on", 3);
    assert!(refused.contains("were changed while it ran"), "{refused}");
    project.ok("experiments stop development checkout");
    project.ok("experiments start development checkout");
    let shown = project.json("experiments show development checkout");
    assert_eq!((shown["run"].as_u64(), shown["variants"][1]["weight"].as_u64()), (Some(2), Some(90)));
}

#[test]
fn mistakes_in_the_files_are_told_with_their_places_and_what_cannot_start_says_why() {
    let project = Project::small();
    project.write("flags/shop.json", FLAGS);
    project.write("flags/experiments/shop.yaml", &EXPERIMENTS.replace("flag: colour", "flag: color"));
    let said = project.fails("env validate", 1);
    assert!(said.contains("flags/experiments/shop.yaml:12:3") && said.contains("did you mean `colour`?"), "{said}");

    let project = shop();
    let refused = project.fails("experiments start development chekout", 2);
    assert!(refused.contains("one of: checkout, placebo"), "{refused}");
    project.ok("experiments start development checkout");
    project.fails("experiments start development checkout", 3);
    let listed = project.ok("experiments list development");
    assert!(listed.contains("running") && listed.contains("draft"), "{listed}");
    project.fails("experiments results development placebo", 2);
}
