//! What the demo tells: a release that goes well, one that goes wrong in production only, and what remains of both.

use std::{net::SocketAddr, time::Duration};

use serde_json::{Value, json};
use towpath_core::analysis::Share;
use towpath_server::api::types::{
    ApproveRequest, ConfirmRequest, CreatePromotion, PromotionView, ReleaseView, RolloutStatus, StepKind,
};

use super::{
    load::{Load, Plan},
    project,
    sink::Sink,
    stage::{Stage, expect, missed},
};
use crate::{
    cli::CreateArgs,
    client::Client,
    commands::{audit, metrics, promotion::gates_text, release},
    failure::{Exit, Failure},
    folder::unwritable,
    server::keys,
    words::{between, short},
};

/// One request in so many publishes a notice; the others read the board.
const ONE_IN: usize = 4;

/// The people: ana makes releases, ben agrees.
struct Cast {
    ana: Client,
    ben: Client,
    mail: Sink,
}

/// Plays it and returns what was measured.
pub(super) async fn play(stage: &mut Stage<'_>) -> Result<Value, Failure> {
    let mail = Sink::start()
        .map_err(|error| Failure::new(Exit::Failed, "demo", "cannot start the mail server").because(&error))?;
    let cast = opening(stage, mail).await?;
    let baseline = today(stage, &cast).await?;
    let good = good_release(stage, &cast).await?;
    let bad = bad_release(stage, &cast, good.number).await?;
    let ending = ending(stage, &cast).await?;
    Ok(json!({ "baseline": baseline.version, "good": good.version, "rolledBack": bad, "ending": ending }))
}

async fn opening(stage: &mut Stage<'_>, mail: Sink) -> Result<Cast, Failure> {
    let root = stage.root.clone();
    project::write(&root).map_err(|error| unwritable(&root, &error))?;
    for environment in ["staging", "production"] {
        set_mail(stage, environment, mail.address)?;
    }
    stage.heading("A school's notice board")?;
    stage.tell(&format!("the project is in {}: towpath.yaml and environments/", root.display()))?;
    stage.tell(&format!("the school's mail server listens at {}", mail.address))?;
    stage.open().await?;
    let url = stage.url().unwrap_or_default();
    stage.tell(&format!("towpath up: the API is at {url}; instances are plain processes, the proxy is in front"))?;
    Ok(Cast { ana: stage.client("ana")?, ben: stage.client("ben")?, mail })
}

/// Brings in what the school uses today: the first release of an environment has nothing to be compared with.
async fn today(stage: &mut Stage<'_>, cast: &Cast) -> Result<ReleaseView, Failure> {
    stage.heading("0.9: what the school uses today")?;
    let release = make(stage, "0.9").await?;
    stage.completes(&cast.ana, "development", release.number).await?;
    promote(cast, release.number, "staging").await?;
    stage.completes(&cast.ana, "staging", release.number).await?;
    let asked = promote(cast, release.number, "production").await?;
    agree(cast, asked.number).await?;
    stage.completes(&cast.ana, "production", release.number).await?;
    let address = production_address(cast).await?;
    stage.tell(&format!(
        "parents read the board at http://{address}, and publish a notice with one request in {ONE_IN}"
    ))?;
    let mut requests = vec![("GET", "/".to_owned(), String::new()); ONE_IN - 1];
    requests.push(("POST", "/notices".to_owned(), "text=Library+closes+at+three".to_owned()));
    stage.send(Load::start(&Plan { address, clients: 8, pause: Duration::from_millis(30), requests }));
    Ok(release)
}

async fn good_release(stage: &Stage<'_>, cast: &Cast) -> Result<ReleaseView, Failure> {
    stage.heading("1.0: a good release, from development to production")?;
    let release = make(stage, "1.0").await?;
    stage.tell("development takes every new release by itself")?;
    stage.completes(&cast.ana, "development", release.number).await?;
    stage.tell(&format!("$ towpath --as ana promote r{} staging", release.number))?;
    promote(cast, release.number, "staging").await?;
    stage.completes(&cast.ana, "staging", release.number).await?;
    gates(stage, cast, release.number).await?;
    let before = stage.tally();
    let rollout = stage.completes(&cast.ana, "production", release.number).await?;
    let seen = stage.tally().since(&before);
    let took = rollout.deployment.ended_at.map(|ended| between(rollout.deployment.started_at, ended));
    let (requests, failed) = (seen.requests, seen.failed);
    stage.tell(&format!(
        "1.0 is in production after {}: {requests} requests meanwhile, {failed} failed; {} mails were sent",
        took.unwrap_or_default(),
        cast.mail.taken()
    ))?;
    expect(
        requests > 0 && failed == 0,
        "requests failed during a good rollout",
        &format!("{failed} of {requests}: {:?}", seen.errors),
    )?;
    Ok(release)
}

/// Shows gates that are closed, a refusal, and how they open.
async fn gates(stage: &Stage<'_>, cast: &Cast, release: u64) -> Result<(), Failure> {
    let paint = stage.context.out.paint();
    stage.tell(&format!("$ towpath --as ana promote r{release} production --confirm production"))?;
    let asked = promote(cast, release, "production").await?;
    stage.tell(&format!("p{} waits, plan {}:", asked.number, short(&asked.plan)))?;
    let closed: Vec<_> = asked.gates.iter().filter(|gate| !gate.open).cloned().collect();
    expect(closed.len() >= 2, "no gate was closed", "production declares an approval and a checklist")?;
    stage.tell(gates_text(&asked.gates, paint).trim_end())?;
    stage.tell(&format!("$ towpath --as ana approve p{}", asked.number))?;
    match cast.ana.approve(asked.number, &ApproveRequest::default()).await {
        Err(failure) if failure.exit == Exit::Refused => {
            stage.tell(&format!("{} {}", paint.red("refused:"), failure.message()))?;
        }
        Err(failure) => return Err(failure),
        Ok(_) => return Err(missed("an approval of one's own was taken", "ana made the release and asked for it")),
    }
    stage.tell(&format!(
        "$ towpath --as ben approve p{0}; towpath --as ana gates p{0} --confirm \"the office knows\"",
        asked.number
    ))?;
    agree(cast, asked.number).await?;
    stage.deployed(&cast.ana, asked.number).await?;
    stage.tell("all gates are open: the canary begins")
}

/// The scenario of many a school: staging is right, production has a wrong value, and nobody sees it before.
async fn bad_release(stage: &Stage<'_>, cast: &Cast, good: u64) -> Result<Value, Failure> {
    stage.heading("1.1: right in staging, wrong in production")?;
    let wrong = closed_port()?;
    set_mail(stage, "production", wrong)?;
    stage.tell(&format!("somebody types a wrong port: production's MAIL_URL says {wrong}, where nothing listens"))?;
    let release = make(stage, "1.1").await?;
    stage.completes(&cast.ana, "development", release.number).await?;
    promote(cast, release.number, "staging").await?;
    stage.completes(&cast.ana, "staging", release.number).await?;
    stage.tell("staging is happy: its own value is right")?;
    let asked = promote(cast, release.number, "production").await?;
    stage.tell(&format!(
        "$ towpath --as ana promote r{} production --dry-run   (shows it, to those who look)",
        release.number
    ))?;
    let changes = asked.diff.iter().flat_map(|diff| &diff.services).flat_map(|service| &service.variables);
    for change in changes {
        let value = |value: &Option<String>| value.clone().unwrap_or_default();
        stage.tell(&format!("  ~ {}  {} -> {}", change.name, value(&change.before), value(&change.after)))?;
    }
    agree(cast, asked.number).await?;
    stage.deployed(&cast.ana, asked.number).await?;
    let before = stage.tally();
    let rollout = stage.follow(&cast.ana, "production", release.number).await?;
    let seen = stage.tally().since(&before);
    let deployment = &rollout.deployment;
    let failure = deployment.failure.as_ref().map(|failure| failure.kind.clone()).unwrap_or_default();
    expect(
        deployment.status == RolloutStatus::RolledBack && failure == "analysis",
        "production did not roll 1.1 back by its analysis",
        &failure,
    )?;
    let canary = rollout.steps.iter().filter(|step| step.kind == StepKind::Weight).find_map(|step| step.weight_percent);
    let canary = u64::from(canary.unwrap_or(0));
    let took = deployment.ended_at.map(|ended| between(deployment.started_at, ended)).unwrap_or_default();
    let share = Share::of(seen.failed, seen.requests);
    stage.tell(&format!(
        "rolled back by itself after {took}: {} of {} requests failed ({share}); the canary had {canary} %",
        seen.failed, seen.requests
    ))?;
    expect(seen.failed > 0, "nothing failed, so nothing was caught", &format!("{} requests", seen.requests))?;
    expect(
        seen.failed * 100 <= seen.requests * canary,
        "more requests failed than the canary's share",
        &format!("{} of {}", seen.failed, seen.requests),
    )?;
    healthy_again(stage, cast, good).await?;
    Ok(
        json!({ "version": "1.1", "requests": seen.requests, "failed": seen.failed, "canaryPercent": canary, "took": took }),
    )
}

async fn healthy_again(stage: &Stage<'_>, cast: &Cast, good: u64) -> Result<(), Failure> {
    let production = cast.ana.environment("production").await?;
    let runs = production.summary.current.map(|current| current.release);
    expect(runs == Some(good), "production does not run 1.0 again", &format!("{runs:?}"))?;
    let before = stage.tally();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let seen = stage.tally().since(&before);
    expect(
        seen.requests > 0 && seen.failed == 0,
        "requests still fail after the rollback",
        &format!("{} of {}", seen.failed, seen.requests),
    )?;
    stage.tell(&format!("1.0 serves alone again: {} requests in 2 seconds, none failed", seen.requests))
}

async fn ending(stage: &Stage<'_>, cast: &Cast) -> Result<Value, Failure> {
    let paint = stage.context.out.paint();
    stage.heading("What remains")?;
    let history = cast.ana.history("production", 10).await?;
    for one in &history {
        let why = one.failure.as_ref().map(|failure| format!(": {}", failure.message)).unwrap_or_default();
        let status = crate::words::word(&one.status);
        stage.tell(&format!(
            "d{} r{} {}  {status}, by {}{why}",
            one.revision, one.release, one.version, one.started_by
        ))?;
    }
    let dora = cast.ana.dora(1).await?;
    for line in metrics::text(&dora, paint).lines().take(dora.environments.len() + 2) {
        stage.tell(line)?;
    }
    let production = dora.environments.iter().find(|one| one.environment == "production");
    let failed = production.map(|one| one.change_failure_rate.failed).unwrap_or_default();
    expect(failed == 1, "the failed change is not in the figures", &format!("{failed} failed changes"))?;
    let data = stage.data();
    let report = audit::check(&data, &keys::verifier(&data)?, None).await?;
    expect(report.is_sound(), "the ledger is not sound", &format!("{:?}", report.findings))?;
    stage.tell(&format!("$ towpath audit verify: {} events, every hash and signature holds", report.entries))?;
    stage.tell(
        "look at: towpath status, towpath history production, towpath audit log, towpath env diff staging production",
    )?;
    let tally = stage.tally();
    let share = Share::of(tally.failed, tally.requests);
    stage.tell(&format!(
        "in all {} requests, {} failed ({share}); {} notices mailed",
        tally.requests,
        tally.failed,
        cast.mail.taken()
    ))?;
    Ok(
        json!({ "requests": tally.requests, "failed": tally.failed, "events": report.entries, "mails": cast.mail.taken() }),
    )
}

async fn make(stage: &Stage<'_>, version: &str) -> Result<ReleaseView, Failure> {
    project::set_version(&stage.root, version).map_err(|error| unwritable(&stage.root, &error))?;
    stage.tell(&format!("$ towpath --as ana release create --version {version}"))?;
    let args = CreateArgs {
        version: Some(version.to_owned()),
        artifacts: Vec::new(),
        notes: None,
        wait: false,
        timeout: None,
    };
    let (new, release, uploaded) = release::make(&stage.as_person(Some("ana")), args).await?;
    expect(new, "a new release was not new", version)?;
    let digest = short(&release.digest);
    stage.tell(&format!(
        "r{} {version} ({digest}), {} blobs uploaded, {} known",
        release.number, uploaded.blobs, uploaded.known
    ))?;
    Ok(release)
}

async fn promote(cast: &Cast, release: u64, environment: &str) -> Result<PromotionView, Failure> {
    let body = CreatePromotion {
        environment: environment.to_owned(),
        release,
        reason: None,
        confirm: Some(environment.to_owned()),
        dry_run: false,
        plan: None,
    };
    let (_, promotion) = cast.ana.promote(&body).await?;
    // The answer to asking has no diff; the promotion asked for by its number has.
    cast.ana.promotion(promotion.number).await
}

async fn agree(cast: &Cast, promotion: u64) -> Result<(), Failure> {
    cast.ben.approve(promotion, &ApproveRequest::default()).await?;
    cast.ana.confirm(promotion, &ConfirmRequest { item: "the office knows".to_owned() }).await?;
    Ok(())
}

async fn production_address(cast: &Cast) -> Result<SocketAddr, Failure> {
    let production = cast.ana.environment("production").await?;
    let url = production.summary.addresses.into_iter().find_map(|address| address.url).unwrap_or_default();
    url.trim_start_matches("http://").parse().map_err(|_| missed("production has no address", &url))
}

fn set_mail(stage: &Stage<'_>, environment: &str, server: SocketAddr) -> Result<(), Failure> {
    project::set_mail(&stage.root, environment, &format!("smtp://{server}"))
        .map_err(|error| unwritable(&stage.root, &error))
}

/// Returns an address where nothing listens.
fn closed_port() -> Result<SocketAddr, Failure> {
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    free.map_err(|error| Failure::new(Exit::Failed, "demo", "cannot find a free port").because(&error))
}
