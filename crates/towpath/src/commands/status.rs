//! `towpath status`: what runs where and what waits.

use jiff::Timestamp;
use towpath_server::api::types::{EnvironmentSummary, EnvironmentView, InstanceList, Status};

use super::Outcome;
use crate::{
    cli::StatusArgs,
    context::Context,
    failure::Exit,
    output::{Paint, Table},
    words::{between, count, size, word},
};

pub(crate) async fn run(context: &Context, args: StatusArgs) -> Outcome {
    let client = context.client()?;
    if let Some(name) = args.environment {
        let name = context.environment(&name);
        let environment = client.environment(&name).await?;
        let instances = client.instances(&name).await?;
        let mut value = serde_json::to_value(&environment).unwrap_or_default();
        if let Some(object) = value.as_object_mut() {
            object.insert("instanceList".to_owned(), serde_json::json!(instances.items));
        }
        context.out.show(&value, |paint| environment_text(&environment, &instances, paint))?;
        return Ok(Exit::Done);
    }
    let status = client.status().await?;
    context.out.show(&status, |paint| status_text(&status, paint))?;
    let deployed = status.environments.iter().any(|one| one.current.is_some() || one.rollout.is_some());
    if !deployed && status.environments.iter().all(|one| one.waiting.is_empty()) {
        context.out.next("towpath release create --version 1.0");
    }
    Ok(Exit::Done)
}

fn status_text(status: &Status, paint: Paint) -> String {
    let mut table = Table::new(&["", "ENVIRONMENT", "RELEASE", "READY", "ROLLOUT", "ADDRESS"]);
    for one in &status.environments {
        table.row(vec![
            paint.tier(one.tier),
            paint.bold(&one.name),
            release(one),
            format!("{}/{}", one.instances.ready, one.instances.wanted),
            rollout(one, paint),
            addresses(one).join(" "),
        ]);
    }
    let project = status.project.as_deref().unwrap_or("no project");
    let rows = if table.is_empty() { "no environments in the pipeline\n".to_owned() } else { table.text(paint) };
    format!(
        "{}\n{rows}{}",
        paint.bold(project),
        status.environments.iter().map(|one| waiting(one, paint) + &overlay_text(one, paint)).collect::<String>()
    )
}

fn release(one: &EnvironmentSummary) -> String {
    one.current.as_ref().map_or_else(
        || "–".to_owned(),
        |current| {
            let age = current.since.map(|since| format!(", {} ago", between(since, Timestamp::now())));
            format!("r{} {} (d{}{})", current.release, current.version, current.revision, age.unwrap_or_default())
        },
    )
}

fn rollout(one: &EnvironmentSummary, paint: Paint) -> String {
    let Some(rollout) = &one.rollout else { return "–".to_owned() };
    let step = rollout.step.map(|step| format!(" [{}/{}]", step + 1, rollout.steps)).unwrap_or_default();
    let text = format!(
        "d{} r{} {}{step}, {} %",
        rollout.revision,
        rollout.release,
        word(&rollout.status),
        rollout.weight_percent
    );
    paint.yellow(&text)
}

fn addresses(one: &EnvironmentSummary) -> Vec<String> {
    let all = one.addresses.iter().filter_map(|address| match (&address.url, &address.error) {
        (Some(url), _) => Some(url.clone()),
        (None, Some(error)) => Some(format!("{}: {error}", address.service)),
        (None, None) => None,
    });
    all.collect()
}

fn waiting(one: &EnvironmentSummary, paint: Paint) -> String {
    let lines = one.waiting.iter().map(|promotion| {
        let closed = if promotion.closed.is_empty() { "gates open".to_owned() } else { promotion.closed.join("; ") };
        let name = paint.bold(&format!("p{}", promotion.number));
        let what = format!("r{} {} to {}", promotion.release, promotion.version, one.name);
        format!("{} {name} {what}: {closed}\n", paint.yellow("waits"))
    });
    lines.collect()
}

/// What of the live overlay is not in what runs.
fn overlay_text(one: &EnvironmentSummary, paint: Paint) -> String {
    let pending = one.overlay.as_ref().map(|overlay| overlay.pending.join(", ")).filter(|keys| !keys.is_empty());
    let line = |keys| format!("{} {}: not in what runs: {keys}\n", paint.yellow("overlay"), one.name);
    pending.map(line).unwrap_or_default()
}

fn environment_text(environment: &EnvironmentView, instances: &InstanceList, paint: Paint) -> String {
    let one = &environment.summary;
    let mut facts = Table::new(&[]);
    let mut fact = |label: &str, value: String| facts.row(vec![format!("  {}", paint.dim(label)), value]);
    fact("release", release(one));
    fact("rollout", rollout(one, paint));
    for address in addresses(one) {
        fact("address", address);
    }
    one.addresses.iter().filter_map(|address| address.preview.clone()).for_each(|preview| fact("preview", preview));
    if let Some(overlay) = &one.overlay {
        fact("overlay", format!("{} (towpath env overlay {})", count(overlay.keys as u64, "key"), one.name));
    }
    environment.gates.iter().for_each(|gate| fact("gate", gate.clone()));
    for retiring in &environment.retiring {
        fact("retiring", format!("d{} for {}", retiring.revision, between(retiring.since, Timestamp::now())));
    }
    let head = format!("{} {}\n", paint.tier(one.tier), paint.bold(&one.name));
    let mut table = Table::new(&["INSTANCE", "PHASE", "ADDRESS", "PID", "RESTARTS", "CPU", "MEMORY", ""]);
    for instance in &instances.items {
        table.row(vec![
            format!("{}/d{}/{}", instance.service, instance.revision, instance.index),
            word(&instance.phase),
            instance.address.clone().unwrap_or_default(),
            instance.pid.map(|pid| pid.to_string()).unwrap_or_default(),
            instance.restarts.to_string(),
            instance.cpu_milli.map(|milli| format!("{milli}m")).unwrap_or_default(),
            instance.memory_bytes.map(size).unwrap_or_default(),
            instance.message.clone().unwrap_or_default(),
        ]);
    }
    let rows = if table.is_empty() { String::new() } else { format!("\n{}", table.text(paint)) };
    format!("{head}{}{}{rows}", facts.text(paint), waiting(one, paint) + &overlay_text(one, paint))
}
