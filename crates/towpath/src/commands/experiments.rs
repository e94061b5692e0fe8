//! `towpath experiments …`.

use std::io::Read as _;

use serde_json::{Value, json};
use towpath_server::api::types::{
    ChangeExperiment, DecideExperiment, EraseUnit, ExperimentView, ExposureReport, ItemStatus, MetricEventReport,
    Reported,
};

use super::{Outcome, client_command};
use crate::{
    cli::{
        ChangeExperimentArgs, DecideExperimentArgs, EraseUnitArgs, ExperimentArgs, ExperimentsCommand,
        ListExperimentsArgs, TrackArgs,
    },
    context::Context,
    failure::{Exit, Failure},
    folder::unreadable,
    output::{Paint, Table},
    words::time,
};

mod planning;
mod results;

/// How many items and bytes are sent at once.
const AT_ONCE: usize = 5000;
const BYTES_AT_ONCE: usize = 900 << 10;

pub(super) fn run(context: &Context, command: &ExperimentsCommand) -> Outcome {
    match command {
        ExperimentsCommand::Planning(command) => planning::run(context, command),
        ExperimentsCommand::List(args) => client_command(list(context, args)),
        ExperimentsCommand::Show(args) => client_command(show(context, args)),
        ExperimentsCommand::Start(args) => client_command(change(context, args, "start")),
        ExperimentsCommand::Stop(args) => client_command(change(context, args, "stop")),
        ExperimentsCommand::Decide(args) => client_command(decide(context, args)),
        ExperimentsCommand::Results(args) => client_command(results::results(context, args)),
        ExperimentsCommand::Export(args) => client_command(results::export(context, args)),
        ExperimentsCommand::Track(args) => client_command(track(context, args)),
        ExperimentsCommand::Erase(args) => client_command(erase(context, args)),
    }
}

async fn list(context: &Context, args: &ListExperimentsArgs) -> Outcome {
    let environment = context.environment(&args.environment);
    let experiments = context.client()?.experiments(&environment).await?.experiments;
    context.out.list(&experiments, |paint| {
        if experiments.is_empty() {
            return format!("no experiment is declared in what {environment} runs\n");
        }
        let mut table = Table::new(&["NAME", "STATE", "FLAG", "VARIANTS", "SINCE", ""]);
        for it in &experiments {
            let since = it.end.as_ref().map(|end| end.at).or(it.started_at).map_or_else(|| "-".to_owned(), time);
            let (name, state) = (paint.bold(&it.name), state(it, paint));
            table.row(vec![name, state, it.flag.clone(), variants(it), since, note(it)]);
        }
        table.text(paint)
    })?;
    Ok(Exit::Done)
}

fn state(it: &ExperimentView, paint: Paint) -> String {
    match it.state.as_str() {
        "running" => paint.blue(&it.state),
        "stopped" => paint.yellow(&it.state),
        "decided" => paint.green(&it.state),
        other => paint.dim(other),
    }
}

/// The variants, control first, with their shares where those are known.
fn variants(it: &ExperimentView) -> String {
    let one = |variant: &towpath_server::api::types::ExperimentVariant| match variant.weight {
        Some(weight) => format!("{} {weight}", variant.variant),
        None => variant.variant.clone(),
    };
    it.variants.iter().map(one).collect::<Vec<_>>().join(" : ")
}

fn note(it: &ExperimentView) -> String {
    let ended = it.end.as_ref().and_then(|end| match &end.variant {
        Some(variant) => Some(format!("for {variant}")),
        None => end.cause.clone(),
    });
    ended.or_else(|| it.altered.as_ref().map(|it| it.what.clone())).or_else(|| it.problem.clone()).unwrap_or_default()
}

async fn show(context: &Context, args: &ExperimentArgs) -> Outcome {
    let environment = context.environment(&args.environment);
    let view = context.client()?.experiment(&environment, &args.experiment).await?;
    context.out.show(&view, |paint| text(&view, paint))?;
    Ok(Exit::Done)
}

fn text(view: &ExperimentView, paint: Paint) -> String {
    let mut lines = vec![format!("{} in {}: {}", paint.bold(&view.name), view.environment, state(view, paint))];
    let mut add = |what: &str, text: String| lines.push(format!("  {what:<12} {text}"));
    if let Some(hypothesis) = &view.hypothesis {
        add("expects", hypothesis.clone());
    }
    add("flag", view.flag.clone());
    add("variants", variants(view));
    for metric in view.definition.get("metrics").and_then(Value::as_array).into_iter().flatten() {
        let word = |name: &str| metric.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        add(&word("role"), format!("{} ({} of {}, {})", word("name"), word("kind"), word("event"), word("direction")));
    }
    if let Some(owner) = &view.owner {
        add("owner", owner.clone());
    }
    if let (Some(run), Some(at)) = (view.run, view.started_at) {
        let by = view.started_by.as_deref().unwrap_or("-");
        add("run", format!("{run}, since {} by {by}", time(at)));
    }
    if let Some(altered) = &view.altered {
        add("altered", format!("{}: {}", time(altered.at), paint.yellow(&altered.what)));
    }
    if let Some(end) = &view.end {
        let how = end.variant.as_ref().map(|variant| format!("for {variant}")).or_else(|| end.cause.clone());
        add("ended", format!("{} by {}, {}", time(end.at), end.by, how.unwrap_or_default()));
        end.summary.iter().for_each(|summary| add("known then", summary.clone()));
    }
    if let Some(problem) = &view.problem {
        add("cannot start", paint.yellow(problem));
    }
    lines.join("\n") + "\n"
}

async fn change(context: &Context, args: &ChangeExperimentArgs, verb: &str) -> Outcome {
    let environment = context.environment(&args.environment);
    let body = ChangeExperiment { reason: args.reason.clone() };
    let view = context.client()?.change_experiment(&environment, &args.experiment, verb, &body).await?;
    context.out.show(&view, |paint| text(&view, paint))?;
    context.out.next(&format!("towpath experiments results {environment} {}", view.name));
    Ok(Exit::Done)
}

async fn decide(context: &Context, args: &DecideExperimentArgs) -> Outcome {
    let environment = context.environment(&args.environment);
    let body = DecideExperiment { variant: args.variant.clone(), force: args.force, reason: args.reason.clone() };
    let view = context.client()?.decide_experiment(&environment, &args.experiment, &body).await?;
    context.out.show(&view, |paint| text(&view, paint))?;
    Ok(Exit::Done)
}

async fn erase(context: &Context, args: &EraseUnitArgs) -> Outcome {
    let environment = context.environment(&args.environment);
    let erased = context.client()?.erase_unit(&environment, &EraseUnit { unit: args.unit.clone() }).await?;
    context.out.show(&erased, |_| format!("{} rows of the unit were deleted in {environment}\n", erased.erased))?;
    Ok(Exit::Done)
}

async fn track(context: &Context, args: &TrackArgs) -> Outcome {
    let environment = context.environment(&args.environment);
    let (what, lines) = lines(args)?;
    let client = context.client()?;
    let mut whole = Reported::default();
    for batch in batches(&lines) {
        let reported = client.report(&environment, what, batch).await?;
        whole.accepted += reported.accepted;
        whole.duplicate += reported.duplicate;
        for (code, count) in reported.refused {
            *whole.refused.entry(code).or_default() += count;
        }
        whole.items.extend(reported.items);
    }
    let refused = whole.items.iter().enumerate().filter(|(_, item)| item.status == ItemStatus::Refused);
    let refused: Vec<_> = refused.collect();
    let short = json!({
        "accepted": whole.accepted,
        "duplicate": whole.duplicate,
        "refused": refused.iter().map(|(line, item)| json!({
            "line": line + 1, "code": item.code, "reason": item.reason,
        })).collect::<Vec<_>>(),
    });
    context.out.show(&short, |_| {
        format!("{} accepted, {} known already, {} refused\n", whole.accepted, whole.duplicate, refused.len())
    })?;
    for (line, item) in refused.iter().take(20) {
        context.out.warn(&format!("line {}: {}", line + 1, item.reason.as_deref().unwrap_or_default()));
    }
    Ok(if refused.is_empty() { Exit::Done } else { Exit::Failed })
}

/// Returns where to report and what, an item on each line.
fn lines(args: &TrackArgs) -> Result<(&'static str, String), Failure> {
    let json = |value: serde_json::Result<String>| {
        value.map_err(|error| Failure::usage("the value is no number").because(&error))
    };
    if let (Some(event), Some(unit), Some(id)) = (&args.event, &args.unit, &args.id) {
        let (id, event, unit) = (id.clone(), event.clone(), unit.clone());
        let report = MetricEventReport { id, event, unit, value: args.value, at: args.at };
        return Ok(("metric-events", json(serde_json::to_string(&report))?));
    }
    if let (Some(experiment), Some(unit), Some(variant)) = (&args.exposure, &args.unit, &args.variant) {
        let (experiment, variant, unit) = (Some(experiment.clone()), variant.clone(), unit.clone());
        let report = ExposureReport { experiment, flag: None, variant, unit, at: args.at };
        return Ok(("exposures", json(serde_json::to_string(&report))?));
    }
    let (what, path) = match (&args.exposures, &args.events) {
        (Some(path), _) => ("exposures", path),
        (None, Some(path)) => ("metric-events", path),
        (None, None) => return Err(Failure::usage("say what happened").next("--event NAME --unit TEXT --id TEXT")),
    };
    let mut text = String::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().read_to_string(&mut text).map(drop)
    } else {
        std::fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text)).map(drop)
    };
    read.map_err(|error| unreadable(path, &error))?;
    Ok((what, text))
}

/// Returns lines in parts that the server takes at once.
fn batches(lines: &str) -> Vec<String> {
    let mut batches: Vec<(usize, String)> = Vec::new();
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        match batches.last_mut() {
            Some((count, batch)) if *count < AT_ONCE && batch.len() + line.len() < BYTES_AT_ONCE => {
                *count += 1;
                batch.push('\n');
                batch.push_str(line);
            }
            _ => batches.push((1, line.to_owned())),
        }
    }
    batches.into_iter().map(|(_, batch)| batch).collect()
}
