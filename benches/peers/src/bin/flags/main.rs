//! Evaluates the same rule by Towpath, by closures written by hand, by `datalogic-rs` and by `unleash-yggdrasil`, in turns, and
//! prints times as ratios; then how long 10,000 flags take from their text, and how much memory a flag takes.
//!
//! The rule: two `in`, a version above another, and a quarter of the users that are left. All contexts come as far as the quarter. Each contender gets its
//! context in its own form, read beforehand. Towpath and the closures bucket by flagd's third generation; the second, which
//! `datalogic-rs` has, is compared user by user. `cargo xtask bench` reads the last line.

mod hand;

use std::{collections::BTreeMap, env, fs, hint::black_box, process::Command, time::Duration};

use datalogic_rs::{Engine, Logic, ParsedData};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use towpath_core::flags::{Context, FlagDocument, FlagSet};
use unleash_yggdrasil::EngineState;

/// How many users there are.
const USERS: usize = 1024;
/// How often each contender meets all users.
const ROUNDS: usize = 200;
const COUNTRIES: [&str; 4] = ["CH", "DE", "AT", "FR"];
const PLANS: [&str; 3] = ["pro", "team", "enterprise"];

fn main() {
    match env::args().nth(1).as_deref() {
        None => measure(),
        Some("memory") => println!("{}", memory()),
        Some(other) => panic!("`{other}` is no word of this program"),
    }
}

/// Who asks, by number.
struct User {
    id: String,
    country: &'static str,
    plan: &'static str,
    version: String,
}

fn users() -> Vec<User> {
    let user = |it: usize| User {
        id: format!("user-{}", it * 7919),
        country: COUNTRIES[it % COUNTRIES.len()],
        plan: PLANS[it / 5 % PLANS.len()],
        version: format!("2.{}.{}", 5 + it % 17, it % 10),
    };
    (0..USERS).map(user).collect()
}

fn document(key: &str, share: &Value, bucketing: &str) -> Value {
    let rule = json!({"if": [
        {"and": [
            {"in": [{"var": "country"}, COUNTRIES]},
            {"in": [{"var": "plan"}, PLANS]},
            {"sem_ver": [{"var": "version"}, ">", "2.4.1"]},
        ]},
        share,
        "off",
    ]});
    json!({"flags": {key: {
        "state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off",
        "targeting": rule, "towpath": {"bucketing": bucketing},
    }}})
}

fn share() -> Value {
    json!({"fractional": [["on", 25], ["off", 75]]})
}

fn compile(document: &Value) -> FlagSet {
    FlagSet::compile(&serde_json::from_value::<FlagDocument>(document.clone()).expect("it is a document"))
}

/// Processor time of this thread: what else the machine does is not in it.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Returns for whom the flag is on.
type Run<'a> = Box<dyn FnMut(&mut [bool]) + 'a>;

fn ours<'a>(set: &'a FlagSet, contexts: &'a [Context<'_>]) -> Run<'a> {
    let flag = set.get("checkout").expect("it is there");
    let now = jiff::Timestamp::UNIX_EPOCH;
    Box::new(move |on| {
        for (context, on) in contexts.iter().zip(on) {
            *on = set.evaluate(flag, black_box(context), now).variant == Some("on");
        }
    })
}

fn contexts(users: &[User]) -> Vec<String> {
    let context = |user: &User| {
        json!({"targetingKey": user.id, "country": user.country, "plan": user.plan, "version": user.version})
            .to_string()
    };
    users.iter().map(context).collect()
}

/// The same context as flagd hands it to JsonLogic.
fn enriched(users: &[User]) -> Vec<ParsedData> {
    let context = |user: &User| {
        json!({
            "targetingKey": user.id, "country": user.country, "plan": user.plan, "version": user.version,
            "$flagd": {"flagKey": "checkout", "timestamp": 0},
        })
    };
    users.iter().map(|user| ParsedData::from_json(&context(user).to_string()).expect("it is JSON")).collect()
}

fn datalogic<'a>(engine: &'a Engine, rule: &'a Logic, data: &'a [ParsedData]) -> Run<'a> {
    let mut session = engine.session();
    Box::new(move |on| {
        for (data, on) in data.iter().zip(on) {
            let found = session.eval_borrowed(rule, black_box(data)).expect("it has a value");
            *on = found.as_str() == Some("on");
            session.reset();
        }
    })
}

fn yggdrasil() -> EngineState {
    let features = json!({"version": 2, "features": [{
        "name": "checkout", "type": "release", "enabled": true, "strategies": [{
            "name": "flexibleRollout",
            "parameters": {"rollout": "25", "stickiness": "userId", "groupId": "checkout"},
            "constraints": [
                {"contextName": "country", "operator": "IN", "values": COUNTRIES},
                {"contextName": "plan", "operator": "IN", "values": PLANS},
                {"contextName": "version", "operator": "SEMVER_GT", "value": "2.4.1"},
            ],
        }],
    }]});
    let engine = EngineState::default();
    let features = serde_json::from_value(features).expect("it is a set of Unleash's");
    let warnings = engine.apply_client_features(features);
    assert!(warnings.is_none(), "{warnings:?}");
    engine
}

fn unleash_contexts(users: &[User]) -> Vec<unleash_yggdrasil::Context> {
    let context = |user: &User| {
        let context = json!({
            "userId": user.id,
            "properties": {"country": user.country, "plan": user.plan, "version": user.version},
        });
        serde_json::from_value(context).expect("it is a context of Unleash's")
    };
    users.iter().map(context).collect()
}

fn measure() {
    let users = users();
    let texts = contexts(&users);
    let (third, second) =
        (compile(&document("checkout", &share(), "v3")), compile(&document("checkout", &share(), "v2")));
    let read = |set: &FlagSet| -> Vec<Context<'_>> {
        texts.iter().map(|text| set.context(text.as_bytes()).expect("it is a context")).collect()
    };
    let (of_third, of_second) = (read(&third), read(&second));
    let slots = hand::slots(&users);
    let rule = hand::rule();
    let engine = Engine::new();
    let logic = document("checkout", &share(), "v2")["flags"]["checkout"]["targeting"].to_string();
    let logic = engine.compile(logic.as_str()).expect("it is a rule");
    let data = enriched(&users);
    let unleash = yggdrasil();
    let for_unleash = unleash_contexts(&users);
    let mut contenders: Vec<(&str, Run<'_>)> = vec![
        ("hand", Box::new(|on| slots.iter().zip(on).for_each(|(slots, on)| *on = rule(black_box(slots)) == "on"))),
        ("towpath", ours(&third, &of_third)),
        ("datalogic", datalogic(&engine, &logic, &data)),
        (
            "yggdrasil",
            Box::new(|on| {
                for (context, on) in for_unleash.iter().zip(on) {
                    *on = unleash.is_enabled("checkout", black_box(context), &None);
                }
            }),
        ),
        ("towpath_v2", ours(&second, &of_second)),
    ];
    let mut on = vec![vec![false; USERS]; contenders.len()];
    let mut least = vec![f64::INFINITY; contenders.len()];
    for round in 0..ROUNDS {
        for turn in 0..contenders.len() {
            let at = (turn + round) % contenders.len();
            let start = processor_time();
            contenders[at].1(&mut on[at]);
            let took = (processor_time() - start).as_secs_f64() * 1e9 / 1024.0;
            least[at] = least[at].min(took);
        }
    }
    assert_eq!(on[0], on[1], "the closures and Towpath agree");
    assert_eq!(on[2], on[4], "datalogic-rs and Towpath agree on the second generation");
    for (at, (name, _)) in contenders.iter().enumerate() {
        let share = on[at].iter().filter(|it| **it).count();
        println!("{name:<12} {:7.1} ns   {:5.2} x by hand   {share} of {USERS} on", least[at], least[at] / least[0]);
    }
    let mut figures: BTreeMap<String, f64> = BTreeMap::new();
    figures.insert("evaluation_ns".into(), least[1]);
    figures.insert("by_hand_ns".into(), least[0]);
    figures.insert("times_by_hand".into(), least[1] / least[0]);
    figures.insert("vs_datalogic".into(), least[2] / least[1]);
    figures.insert("vs_yggdrasil".into(), least[3] / least[1]);
    figures.insert("load_10000_ms".into(), load());
    figures.insert("context_ns".into(), reading(&third, &texts));
    let program = env::current_exe().expect("this program has a path");
    let output = Command::new(program).arg("memory").output().expect("it starts again");
    let bytes: f64 = String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number of bytes");
    figures.insert("bytes_per_flag".into(), bytes);
    println!("{}", serde_json::to_string(&figures).expect("numbers"));
}

fn reading(set: &FlagSet, texts: &[String]) -> f64 {
    let round = || {
        let start = processor_time();
        for text in texts {
            black_box(set.context(black_box(text.as_bytes())).expect("it is a context"));
        }
        (processor_time() - start).as_secs_f64() * 1e9 / 1024.0
    };
    (0..50).map(|_| round()).fold(f64::INFINITY, f64::min)
}

/// Many flags with the rule, each a little different.
fn many(count: usize) -> String {
    let mut flags = serde_json::Map::new();
    for it in 0..count {
        let key = format!("flag-{it:06}");
        let one = document(&key, &json!({"fractional": [["on", it % 100 + 1], ["off", 100]]}), "v3");
        flags.insert(key.clone(), one["flags"][&key].clone());
    }
    json!({ "flags": flags }).to_string()
}

/// From the text to what evaluates, in milliseconds.
fn load() -> f64 {
    let text = many(10_000);
    let once = || {
        let start = processor_time();
        let document: FlagDocument = serde_json::from_str(black_box(&text)).expect("it is a document");
        let set = black_box(FlagSet::compile(&document));
        let took = (processor_time() - start).as_secs_f64() * 1000.0;
        assert_eq!(set.flags().len(), 10_000);
        took
    };
    (0..9).map(|_| once()).fold(f64::INFINITY, f64::min)
}

/// What a compiled flag takes, in bytes of resident memory.
fn memory() -> f64 {
    const FLAGS: usize = 50_000;
    let document: FlagDocument = serde_json::from_str(&many(FLAGS)).expect("it is a document");
    let before = resident();
    let set = black_box(FlagSet::compile(&document));
    let after = resident();
    assert_eq!(set.flags().len(), FLAGS);
    (after - before) / 50_000.0
}

fn resident() -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
    let kib: f64 = line.trim().trim_end_matches(" kB").trim().parse().expect("a number");
    kib * 1024.0
}
