//! The server is killed while applications report: everything that was acknowledged is counted, and once.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use reqwest::{Client, header};
use serde_json::{Value, json};

use super::{results, shop, units};
use crate::project::{Project, until};

/// Reports batches until told to stop or the server is gone, and notes which were acknowledged.
fn reporter(
    (url, key): (String, String),
    first: usize,
    acknowledged: Arc<Mutex<BTreeSet<usize>>>,
    stop: Arc<AtomicBool>,
) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = Client::builder().no_proxy().build().unwrap();
        let mut batch = first;
        while !stop.load(Ordering::Relaxed) {
            if !runtime.block_on(send(&client, (&url, &key), batch)) {
                return;
            }
            acknowledged.lock().unwrap().insert(batch);
            batch += 4;
        }
    })
}

/// Reports a batch of 50 units with an event each; says whether both were acknowledged.
async fn send(client: &Client, (url, key): (&str, &str), batch: usize) -> bool {
    let units = || (0..50).map(move |unit| format!("u-{batch}-{unit}"));
    let variant = |unit: &str| if unit.ends_with(['0', '2', '4', '6', '8']) { "on" } else { "off" };
    let exposures =
        units().map(|it| json!({ "experiment": "checkout", "variant": variant(&it), "unit": it }).to_string());
    let events = units().map(|it| json!({ "id": "1", "event": "purchase", "unit": it, "value": 2 }).to_string());
    for (what, lines) in [("exposures", exposures.collect::<Vec<_>>()), ("metric-events", events.collect())] {
        let request = client.post(format!("{url}/api/v1/environments/development/{what}")).bearer_auth(key);
        let request = request.header(header::CONTENT_TYPE, "application/x-ndjson").body(lines.join("\n"));
        let Ok(response) = request.send().await else { return false };
        let Ok(answer) = response.json::<Value>().await else { return false };
        let taken = answer["accepted"].as_u64().zip(answer["duplicate"].as_u64());
        if taken.is_none_or(|(new, known)| new + known != 50) {
            return false;
        }
    }
    true
}

fn sums(project: &Project) -> (u64, f64) {
    let results = results(project, "checkout");
    let purchases = results["observations"]["metrics"][0]["sums"].as_object().unwrap();
    (units(&results).values().sum(), purchases.values().map(|sums| sums["sum"].as_f64().unwrap()).sum())
}

#[test]
fn everything_that_was_acknowledged_is_counted_once_however_the_server_ends() {
    let mut project = shop();
    let key = project.ok("flags keys create development shop").trim().to_owned();
    project.ok("experiments start development checkout");
    let acknowledged = Arc::<Mutex<BTreeSet<usize>>>::default();
    let url = |project: &Project| {
        let running: Value = serde_json::from_str(&project.read(".towpath/server.json")).unwrap();
        running["url"].as_str().unwrap().to_owned()
    };
    for life in 0..3_usize {
        let stop = Arc::<AtomicBool>::default();
        let before = acknowledged.lock().unwrap().len();
        let reporters: Vec<_> = (0..4)
            .map(|first| {
                let first = life * 1_000_000 + first;
                reporter((url(&project), key.clone()), first, Arc::clone(&acknowledged), Arc::clone(&stop))
            })
            .collect();
        until("some batches are acknowledged", || {
            (acknowledged.lock().unwrap().len() >= before + 20 + life * 7).then_some(())
        });
        project.kill();
        stop.store(true, Ordering::Relaxed);
        for reporter in reporters {
            reporter.join().unwrap();
        }
        project.up();
        let batches = acknowledged.lock().unwrap().len() as u64;
        let (counted, purchases) = sums(&project);
        assert!(counted >= batches * 50, "{counted} units of {batches} batches of 50");
        assert!(purchases >= f64::from(u32::try_from(batches).unwrap()) * 50.0, "{purchases} purchases");
        assert!(counted <= (batches + 4 * (life as u64 + 1)) * 50, "{counted} units of {batches} batches of 50");
    }
    // Who was not answered sends it again, and who was may do so too.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = Client::builder().no_proxy().build().unwrap();
    let url = url(&project);
    let before = sums(&project);
    for batch in acknowledged.lock().unwrap().iter() {
        assert!(runtime.block_on(send(&client, (&url, &key), *batch)));
    }
    assert_eq!(sums(&project), before);
}
