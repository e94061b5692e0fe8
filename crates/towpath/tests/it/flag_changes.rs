//! Live changes of flags through the real program: served at once, with approvals, taken back, taken over, through rollouts, and
//! through `kill -9`.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::project::{PATIENCE, Project, until};

const FLAGS: &str = r#"{
  "flags": {
    "checkout": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off",
      "targeting": {"if": [{"$ref": "staff"}, "on", null]}},
    "search": {"state": "ENABLED", "variants": {"old": "old", "new": "new"}, "defaultVariant": "old"}
  },
  "$evaluators": {"staff": {"ends_with": [{"var": "email"}, "@board.example"]}}
}"#;

/// Sends one request and returns status and body.
fn send(project: &Project, path: &str, body: &Value) -> std::io::Result<(u16, Value)> {
    let running: Value = serde_json::from_str(&project.read(".towpath/server.json")).unwrap();
    let host = running["url"].as_str().unwrap().trim_start_matches("http://").to_owned();
    let token = project.read(".towpath/token");
    send_to(&host, token.trim(), path, body)
}

fn send_to(host: &str, token: &str, path: &str, body: &Value) -> std::io::Result<(u16, Value)> {
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let body = body.to_string();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Ok((status, serde_json::from_str(body).unwrap_or(Value::Null)))
}

/// Evaluates a flag for somebody, once.
fn evaluated(project: &Project, environment: &str, flag: &str, email: &str) -> Value {
    let path = format!("/environments/{environment}/ofrep/v1/evaluate/flags/{flag}");
    let context = json!({ "context": { "targetingKey": email, "email": email } });
    let (status, body) = send(project, &path, &context).unwrap();
    if status == 404 {
        json!("no such flag")
    } else {
        body.get("value").cloned().unwrap_or_else(|| body["reason"].clone())
    }
}

fn served(project: &Project, flag: &str) -> Value {
    evaluated(project, "production", flag, "user@example.org")
}

fn with_flags(production: &str) -> Project {
    let mut project = Project::small();
    project.write("flags/flags.json", FLAGS);
    if !production.is_empty() {
        project.write("environments/production.yaml", production);
    }
    project.up();
    project
}

#[test]
fn a_change_is_served_when_the_command_ends_and_can_be_read_by_people() {
    let project = with_flags("");
    assert_eq!(served(&project, "checkout"), json!(false));
    let no_reason = project.fails("flags percentage production checkout 100", 2);
    assert!(no_reason.contains("needs a reason"), "{no_reason}");
    let unconfirmed = project.fails("flags percentage production checkout 100 --reason 'for all'", 3);
    assert!(unconfirmed.contains("--confirm production"), "{unconfirmed}");
    let planned = project.ok("flags percentage production checkout 100 --reason 'for all' --dry-run");
    assert!(planned.contains("would change, plan"), "{planned}");
    assert_eq!(served(&project, "checkout"), json!(false), "a dry run does nothing");
    let changed = project.ok("flags percentage production checkout 100 --reason 'for all' --confirm production");
    assert!(changed.starts_with("c1 is served in production\n"), "{changed}");
    assert_eq!(served(&project, "checkout"), json!(true));
    let began = Instant::now();
    project.ok("flags off production checkout --reason 'it burns'");
    assert_eq!(served(&project, "checkout"), json!("DISABLED"), "without --confirm, at once");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    project.ok("flags undo production --reason 'the fire is out'");
    assert_eq!(served(&project, "checkout"), json!(true));
    let log = project.ok("flags log production");
    for part in [
        "c2  ",
        "owner, taken back by c3: it burns",
        "checkout: state ENABLED → DISABLED",
        "owner, takes c2 back: the fire is out",
        "[\"on\",100],[\"off\",0]",
    ] {
        assert!(log.contains(part), "{part}\n{log}");
    }
    let audit = project.json("audit log --kind flags_changed --limit 10");
    let words: Vec<&str> =
        audit["items"].as_array().unwrap().iter().map(|it| it["body"]["words"][0].as_str().unwrap()).collect();
    assert_eq!(words.len(), 3, "{audit:#}");
    assert!(words.contains(&"checkout: state ENABLED → DISABLED"), "{words:?}");
    assert!(project.ok("audit verify").starts_with("ok"));
}

#[test]
fn rules_variants_segments_and_any_property_are_changed_and_left_to_the_files_again() {
    let project = with_flags("flags: {reason: false}\n");
    let how = "--confirm production";
    project.ok(&format!("flags default production search new {how}"));
    assert_eq!(served(&project, "search"), json!("new"));
    project.write("rule.yaml", "if:\n  - {\"==\": [{var: email}, user@example.org]}\n  - \"on\"\n");
    project.ok(&format!("flags edit production checkout --targeting rule.yaml {how}"));
    assert_eq!(served(&project, "checkout"), json!(true));
    project.write("patch.json", r#"{"variants": {"newest": "newest"}, "defaultVariant": "newest"}"#);
    project.ok(&format!("flags edit production search --from-file patch.json {how}"));
    assert_eq!(served(&project, "search"), json!("newest"));
    project.ok(&format!("flags reset production checkout search {how}"));
    assert_eq!((served(&project, "checkout"), served(&project, "search")), (json!(false), json!("old")));
    project.write("everybody.json", "true");
    project.ok(&format!("flags segment production staff --from-file everybody.json {how}"));
    assert_eq!(served(&project, "checkout"), json!(true));
    project.ok(&format!("flags segment production staff --reset {how}"));
    assert_eq!(served(&project, "checkout"), json!(false));
    project.write("new.json", r#"{"state": "ENABLED", "variants": {"a": 1}, "defaultVariant": "a"}"#);
    project.ok(&format!("flags edit production made-live --from-file new.json {how}"));
    assert_eq!(served(&project, "made-live"), json!(1));
}

#[test]
fn what_would_not_work_is_refused_and_changes_nothing() {
    let project = with_flags("flags: {reason: false}\n");
    let how = "--confirm production";
    project.write("unknown.json", r#"{"frobnicate": [1]}"#);
    project.write("cycle.json", r#"{"towpath": {"requires": [{"flag": "checkout", "variant": "on"}]}}"#);
    project.write("text.json", "no: [json");
    for (line, exit, why) in [
        ("flags off production chekout", 2, "did you mean `checkout`?"),
        ("flags default production search newer", 2, "has no variant `newer`"),
        ("flags edit production search --targeting unknown.json", 2, "frobnicate"),
        ("flags edit production checkout --from-file cycle.json", 2, "would not work"),
        ("flags edit production checkout --targeting text.json", 2, "neither JSON nor YAML"),
        ("flags edit production checkout --targeting gone.json", 2, "gone.json"),
        ("flags percentage production checkout 100.5", 2, "is not a percentage"),
        ("flags percentage production checkout 10 --variant purple", 2, "has no variant `purple`"),
        ("flags undo production", 2, "no change that could be taken back"),
        ("flags undo production c7", 2, "has no change c7"),
        ("flags off nowhere checkout", 2, "there is no environment `nowhere`"),
        ("flags approve production c1", 2, "has no change c1"),
    ] {
        let said = project.fails(&format!("{line} {how}"), exit);
        assert!(said.contains(why), "{line}\n{said}");
    }
    assert_eq!(project.ok("flags log production"), "nothing was changed of the flags of production\n");
    assert_eq!(served(&project, "checkout"), json!(false));
}

#[test]
fn where_approvals_are_asked_a_change_waits_for_somebody_else_and_switching_off_does_not() {
    let project = with_flags("gates: {approvals: {required: 1, roles: [tech-lead]}}\n");
    let asked = project.json("--as ana flags default production search new --reason 'it is ready'");
    assert_eq!((&asked["effect"], &asked["number"]), (&json!("waits"), &json!(1)), "{asked:#}");
    assert_eq!(served(&project, "search"), json!("old"));
    let pending = project.ok("flags pending production");
    assert!(
        pending.contains("search: defaultVariant old → new") && pending.contains("0 of 1 approvals of tech-lead"),
        "{pending}"
    );
    let own = project.fails("--as ana flags approve production c1", 3);
    assert!(own.contains("you asked for it yourself"), "{own}");
    let other = format!("--plan sha256:{}", "0".repeat(64));
    let changed = project.fails(&format!("--as ben flags approve production c1 {other}"), 3);
    assert!(changed.contains("not what was shown"), "{changed}");
    let approved = project.ok("--as ben flags approve production c1");
    assert!(approved.starts_with("c1 is served in production"), "{approved}");
    assert_eq!(served(&project, "search"), json!("new"));
    // Off waits for nobody, on does; and what waits is outdated by it.
    project.ok("--as ana flags default production search old --reason 'not yet'");
    let off = project.json("--as ana flags off production search --reason 'it burns'");
    assert_eq!((&off["effect"], &off["outdated"]), (&json!("changed"), &json!([2])), "{off:#}");
    assert_eq!(served(&project, "search"), json!("DISABLED"));
    let outdated = project.ok("flags pending production");
    assert!(outdated.contains("c3 changed the same flags since; reject it and ask again"), "{outdated}");
    let refused = project.fails("--as ben flags approve production c2", 3);
    assert!(refused.contains("not what was shown any more"), "{refused}");
    project.ok("flags reject production c2 --comment 'ask again'");
    assert_eq!(project.ok("flags pending production"), "no change of the flags of production waits\n");
    let on = project.json("--as ana flags undo production --reason 'all well'");
    assert_eq!(on["effect"], "waits", "it would switch on: {on:#}");
}

#[test]
fn flags_are_compared_and_taken_over_with_the_plan_that_was_shown() {
    let project = with_flags("");
    let equal = project.ok("flags diff staging production");
    assert_eq!(equal, "the flags of staging and production are equal\n");
    project.ok("flags percentage staging checkout 25");
    project.ok("flags default staging search new");
    let differ = project.run("flags diff staging production -o json");
    assert_eq!(differ.exit, 4, "{}", differ.err);
    let differ: Value = serde_json::from_str(&differ.out).unwrap();
    assert_eq!(
        differ["differences"][1]["properties"][0],
        json!({ "property": "defaultVariant", "left": "new", "right": "old" })
    );
    let plan = project.json("flags promote staging production search --reason ready --dry-run");
    assert_eq!(plan["lines"], json!(["search: defaultVariant old → new"]));
    let plan = plan["plan"].as_str().unwrap().to_owned();
    // Somebody else is quicker: what was shown is not what would be done.
    project.ok("flags off production search --reason 'it burns'");
    let how = "--reason ready --confirm production";
    let other = project.fails(&format!("flags promote staging production search {how} --plan {plan}"), 3);
    assert!(other.contains("is not what was shown"), "{other}");
    assert_eq!(served(&project, "search"), json!("DISABLED"));
    project.ok(&format!("flags promote staging production {how}"));
    assert_eq!(served(&project, "search"), json!("new"));
    assert_eq!(project.run("flags diff staging production").exit, 0);
    assert!(project.ok(&format!("flags promote staging production {how}")).contains("are so already"));
    assert!(project.ok("flags log production").contains("from staging: ready"));
}

#[test]
fn a_rollout_brings_new_flags_first_and_changes_the_others_when_it_is_done_and_a_rollback_takes_both_back() {
    let mut project = Project::small();
    project.write("flags/flags.json", FLAGS);
    project.write(
        "environments/development.yaml",
        "services: {web: {replicas: 2}}\ndeployment: {progress_deadline: 20s, strategy: {canary: {steps: [{weight: 50%}, {pause: manual}]}}}\n",
    );
    project.up();
    let look = |project: &Project| {
        let of = |flag| evaluated(project, "development", flag, "user@example.org");
        (of("search"), of("fresh"))
    };
    let one = project.release("1.0");
    project.arrives("development", one);
    assert_eq!(look(&project), (json!("old"), json!("no such flag")));
    let changed = FLAGS.replace(
        r#""defaultVariant": "old"}"#,
        r#""defaultVariant": "new"},
      "fresh": {"state": "ENABLED", "variants": {"on": true}, "defaultVariant": "on"}"#,
    );
    project.write("flags/flags.json", &changed);
    let two = project.release("1.1");
    project.until_rollout("development", "waits", |rollout| rollout["status"] == "paused");
    assert_eq!(look(&project), (json!("old"), json!(true)), "its code finds its flags");
    project.ok("flags percentage development checkout 100");
    project.ok("rollout promote development");
    project.arrives("development", two);
    assert_eq!(look(&project), (json!("new"), json!(true)));
    project.ok("rollback development --reason 'no good'");
    project.settled("development");
    assert_eq!(look(&project), (json!("old"), json!("no such flag")));
    let stays = evaluated(&project, "development", "checkout", "user@example.org");
    assert_eq!(stays, json!(true), "what people changed stays");
}

#[test]
fn no_acknowledged_change_is_lost_by_kill_9_and_the_same_is_served_again() {
    let mut project = with_flags("flags: {reason: false}\n");
    for writer in 0..3 {
        let flag = json!({ "state": "ENABLED", "variants": { "v": 0 }, "defaultVariant": "v" });
        project.write("new.json", &flag.to_string());
        project.ok(&format!("flags edit development counter-{writer} --from-file new.json"));
    }
    let mut reached = [0_u64; 3];
    for round in 0..3_u64 {
        let running: Value = serde_json::from_str(&project.read(".towpath/server.json")).unwrap();
        let host = running["url"].as_str().unwrap().trim_start_matches("http://").to_owned();
        let token = project.read(".towpath/token").trim().to_owned();
        let stop = Arc::new(AtomicBool::new(false));
        let acknowledged: Arc<[AtomicU64; 3]> = Arc::new(reached.map(AtomicU64::new));
        let writers: Vec<_> = (0..3_usize)
            .map(|writer| {
                let (host, token, stop) = (host.clone(), token.clone(), Arc::clone(&stop));
                let acknowledged = Arc::clone(&acknowledged);
                std::thread::spawn(move || {
                    let path = "/api/v1/environments/development/flags/changes";
                    let mut next = acknowledged[writer].load(Ordering::SeqCst) + 1;
                    while !stop.load(Ordering::SeqCst) {
                        let patch = json!({ "variants": { "v": next } });
                        let edit = json!({ "kind": "patch", "flag": format!("counter-{writer}"), "patch": patch });
                        match send_to(&host, &token, path, &json!({ "edits": [edit] })) {
                            Ok((200, _)) => {
                                acknowledged[writer].store(next, Ordering::SeqCst);
                                next += 1;
                            }
                            Ok((status, body)) => panic!("{status} {body}"),
                            Err(_) => return,
                        }
                    }
                })
            })
            .collect();
        let enough = reached.iter().sum::<u64>() + 20 + round * 7;
        until("changes are made", || {
            let sum: u64 = acknowledged.iter().map(|it| it.load(Ordering::SeqCst)).sum();
            (sum >= enough).then_some(())
        });
        project.kill();
        stop.store(true, Ordering::SeqCst);
        for writer in writers {
            writer.join().unwrap();
        }
        project.up();
        for (writer, last) in reached.iter_mut().enumerate() {
            let acknowledged = acknowledged[writer].load(Ordering::SeqCst);
            let served = evaluated(&project, "development", &format!("counter-{writer}"), "x").as_u64().unwrap();
            // One change may have become durable without anybody being told.
            assert!(
                served == acknowledged || served == acknowledged + 1,
                "{served} is served, {acknowledged} acknowledged"
            );
            *last = served;
        }
    }
    assert!(project.ok("audit verify").starts_with("ok"));
    let log = project.json("flags log development");
    let newest = log["items"][0]["number"].as_u64().unwrap();
    assert!(newest >= reached.iter().sum::<u64>(), "{newest} {reached:?}");
}
