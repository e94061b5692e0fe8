//! `towpath history`: the deployments of an environment, newest first.

use towpath_server::api::types::{DeploymentView, RolloutStatus};

use super::Outcome;
use crate::{
    cli::HistoryArgs,
    context::Context,
    failure::Exit,
    output::{Paint, Table},
    words::{between, time, word},
};

pub(crate) async fn run(context: &Context, args: HistoryArgs) -> Outcome {
    let environment = context.environment(&args.environment);
    let deployments = context.client()?.history(&environment, args.limit).await?;
    context.out.list(&deployments, |paint| text(&deployments, paint))?;
    if deployments.is_empty() {
        context.out.next(&format!("towpath promote RELEASE {environment}"));
    }
    Ok(Exit::Done)
}

fn text(deployments: &[DeploymentView], paint: Paint) -> String {
    let mut table = Table::new(&["REVISION", "RELEASE", "STATUS", "STARTED", "TOOK", "BY", "WHY"]);
    for one in deployments {
        let status = word(&one.status);
        let status = match one.status {
            RolloutStatus::Completed if one.current => paint.green("current"),
            RolloutStatus::RolledBack | RolloutStatus::Aborted => paint.red(&status),
            RolloutStatus::Running | RolloutStatus::Paused | RolloutStatus::RollingBack => paint.yellow(&status),
            RolloutStatus::Completed | RolloutStatus::Retired => status,
        };
        table.row(vec![
            paint.bold(&format!("d{}", one.revision)),
            format!("r{} {}", one.release, one.version),
            status,
            time(one.started_at),
            one.ended_at.map(|ended| between(one.started_at, ended)).unwrap_or_default(),
            one.started_by.clone(),
            why(one),
        ]);
    }
    if table.is_empty() { "nothing was deployed here yet\n".to_owned() } else { table.text(paint) }
}

fn why(one: &DeploymentView) -> String {
    let back = one.rollback.as_ref().map(|origin| format!("back from d{} to d{}", origin.from, origin.to));
    let failure = one.failure.as_ref().map(|failure| failure.message.clone());
    let keys = one.overlay.join(", ");
    let configuration = match (one.configuration_only, keys.is_empty()) {
        (true, true) => Some("only configuration".to_owned()),
        (true, false) => Some(format!("only configuration: {keys}")),
        (false, false) => Some(format!("live overlay: {keys}")),
        (false, true) => None,
    };
    let parts: Vec<String> = [back, configuration, one.reason.clone(), failure].into_iter().flatten().collect();
    parts.join("; ")
}
