//! `towpath metrics …`: figures computed from the ledger.

use towpath_server::api::types::{Dora, Durations};

use super::Outcome;
use crate::{
    cli::MetricsCommand,
    context::Context,
    failure::{Exit, Failure},
    output::{Paint, Table},
    words::span,
};

pub(crate) async fn run(context: &Context, command: MetricsCommand) -> Outcome {
    let MetricsCommand::Dora(args) = command;
    let mut dora = context.client()?.dora(args.days).await?;
    if let Some(name) = &args.environment {
        let name = context.environment(name);
        dora.environments.retain(|one| one.environment == name);
        if dora.environments.is_empty() {
            let message = format!("there is no environment `{name}` in the pipeline");
            return Err(Failure::new(Exit::Usage, "not_found", message).next("towpath status"));
        }
    }
    context.out.show(&dora, |paint| text(&dora, paint))?;
    Ok(Exit::Done)
}

/// Returns the table of the four metrics, with their definitions.
pub(crate) fn text(dora: &Dora, paint: Paint) -> String {
    let mut table = Table::new(&["ENVIRONMENT", "DEPLOYMENTS", "LEAD TIME", "CHANGE FAILURE", "TIME TO RESTORE"]);
    for one in &dora.environments {
        let frequency = &one.deployment_frequency;
        let failures = &one.change_failure_rate;
        let percent = failures.percent.map_or_else(|| "–".to_owned(), |percent| format!("{percent:.0} %"));
        table.row(vec![
            paint.bold(&one.environment),
            format!("{} ({:.2} a day)", frequency.deployments, frequency.per_day),
            durations(&one.lead_time),
            format!("{percent} ({} of {})", failures.failed, failures.started),
            durations(&one.time_to_restore),
        ]);
    }
    let definitions = dora.environments.first().map(|one| {
        let all = [
            ("deployments", &one.deployment_frequency.definition),
            ("lead time", &one.lead_time.definition),
            ("change failure", &one.change_failure_rate.definition),
            ("time to restore", &one.time_to_restore.definition),
        ];
        all.iter().map(|(name, words)| format!("{}\n", paint.dim(&format!("{name}: {words}")))).collect::<String>()
    });
    format!("the last {} days\n{}{}", dora.days, table.text(paint), definitions.unwrap_or_default())
}

fn durations(durations: &Durations) -> String {
    let text = |millis: Option<u64>| millis.map_or_else(|| "–".to_owned(), span);
    if durations.count == 0 {
        "–".to_owned()
    } else {
        format!("{} (median of {})", text(durations.median_ms), durations.count)
    }
}
