//! `towpath env set`, `unset`, `overlay`: values laid over the files of an environment while it runs.

use std::{
    fs,
    io::{self, Read as _},
    time::Instant,
};

use towpath_server::api::types::{OverlayChanged, OverlayEffect, OverlayValue, OverlayView, SetOverlay, Tier};

use crate::{
    cli::{ChangeArgs, SetArgs, UnsetArgs},
    client::Client,
    commands::{
        Outcome,
        promotion::{gates_text, plan_text, wait},
    },
    context::Context,
    failure::{Exit, Failure},
    folder::unreadable,
    output::{Paint, Table},
    words::{short, time},
};

/// The longest value that is read; the server takes less.
const MOST: u64 = 1 << 20;

/// What is to be changed.
enum Change {
    Set(Vec<OverlayValue>),
    Unset(Vec<String>),
}

pub(super) async fn set(context: &Context, args: SetArgs) -> Outcome {
    let values = values(&args)?;
    change(context, &args.environment, Change::Set(values), args.how).await
}

pub(super) async fn unset(context: &Context, args: UnsetArgs) -> Outcome {
    change(context, &args.environment, Change::Unset(args.keys), args.how).await
}

pub(super) async fn list(context: &Context, environment: &str) -> Outcome {
    let environment = context.environment(environment);
    let overlay = context.client()?.overlay(&environment).await?;
    context.out.show(&overlay, |paint| overlay_text(&overlay, paint))?;
    Ok(Exit::Done)
}

/// Returns keys and values as the command line gives them.
fn values(args: &SetArgs) -> Result<Vec<OverlayValue>, Failure> {
    let value = |key: &str, value: Option<String>| OverlayValue { key: key.to_owned(), value };
    if args.remove {
        if let Some(pair) = args.values.iter().find(|key| key.contains('=')) {
            return Err(Failure::usage(format!("`{pair}`: with --remove keys have no value")));
        }
        return Ok(args.values.iter().map(|key| value(key, None)).collect());
    }
    match (args.values.as_slice(), &args.file) {
        ([key], Some(path)) if !key.contains('=') => {
            let file = fs::File::open(path).map_err(|error| unreadable(path, &error))?;
            Ok(vec![value(key, Some(text_of(file, &path.display().to_string())?))])
        }
        (_, Some(_)) => {
            Err(Failure::usage("--file gives the value of one key").next("towpath env set ENVIRONMENT KEY --file PATH"))
        }
        ([key, text], None) if !key.contains('=') => {
            let text = if text == "-" { text_of(io::stdin().lock(), "standard input")? } else { text.clone() };
            Ok(vec![value(key, Some(text))])
        }
        (pairs, None) => pairs.iter().map(|pair| key_value(pair)).collect(),
    }
}

fn key_value(pair: &str) -> Result<OverlayValue, Failure> {
    match pair.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok(OverlayValue { key: key.trim().to_owned(), value: Some(value.to_owned()) })
        }
        Some(_) => Err(Failure::usage(format!("`{pair}`: the key before `=` is empty"))),
        None => Err(Failure::usage(format!("`{pair}` has no value"))
            .next("KEY VALUE, or KEY=VALUE as often as wanted; an empty value is `KEY=`, no value at all --remove")),
    }
}

fn text_of(from: impl io::Read, what: &str) -> Result<String, Failure> {
    let failed = |message: String| Failure::new(Exit::Usage, "unreadable", message).kept("nothing was changed");
    let mut text = String::new();
    let read = from.take(MOST + 1).read_to_string(&mut text);
    read.map_err(|error| failed(format!("cannot read a text from {what}")).because(&error))?;
    if text.len() as u64 > MOST {
        return Err(failed(format!("{what} is longer than any value may be")));
    }
    // What a shell writes ends in a newline that is not meant.
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(text)
}

async fn change(context: &Context, environment: &str, change: Change, how: ChangeArgs) -> Outcome {
    let client = context.client()?;
    let environment = context.environment(environment);
    let mut body = SetOverlay {
        values: Vec::new(),
        reason: how.reason,
        record_only: how.record_only,
        dry_run: true,
        confirm: None,
        plan: how.plan,
    };
    let shown = send(&client, &environment, &change, &body).await?;
    let refused = shown.plan.as_ref().is_some_and(|plan| plan.refusal.is_some());
    if how.dry_run {
        context.out.show(&shown, |paint| planned_text(&shown, paint))?;
        return Ok(if refused { Exit::Refused } else { Exit::Done });
    }
    if context.out.is_text() && shown.tier == Tier::Production && !refused && context.is_interactive() {
        // What is confirmed has to be seen before.
        context.out.progress(planned_text(&shown, context.out.paint_err()).trim_end());
    }
    // A refusal that is certain needs no confirmation first.
    if !refused {
        let what = format!("live change of {environment}");
        body.confirm = context.confirmation(&environment, shown.tier, &what)?;
    }
    body.dry_run = false;
    // What is asked for is what was shown, or it is refused.
    body.plan = body.plan.or_else(|| shown.plan.map(|plan| plan.plan));
    let changed = send(&client, &environment, &change, &body).await?;
    if how.wait
        && let Some(promotion) = changed.promotion
    {
        context.out.progress(changed_text(&environment, &changed.changed, context.out.paint_err()).trim_end());
        let deadline = how.timeout.map(|timeout| Instant::now() + timeout.to_std());
        return wait(context, client, *promotion, deadline).await;
    }
    context.out.show(&changed, |paint| done_text(&changed, paint))?;
    hint(context, &changed);
    Ok(Exit::Done)
}

async fn send(
    client: &Client,
    environment: &str,
    change: &Change,
    body: &SetOverlay,
) -> Result<OverlayChanged, Failure> {
    match change {
        Change::Set(values) => {
            client.set_overlay(environment, &SetOverlay { values: values.clone(), ..body.clone() }).await
        }
        Change::Unset(keys) => client.unset_overlay(environment, keys, body).await,
    }
}

fn hint(context: &Context, changed: &OverlayChanged) {
    let environment = &changed.overlay.environment;
    match (&changed.promotion, changed.effect, changed.release) {
        (Some(promotion), _, _) => match promotion.gates.iter().find(|gate| !gate.open) {
            Some(gate) => context.out.next(gate.opens.as_deref().unwrap_or(&gate.why)),
            None => context.out.next(&format!("towpath rollout watch {environment}")),
        },
        (None, OverlayEffect::RecordedOnly, Some(release)) => {
            context.out.next(&format!("towpath promote r{release} {environment}, to bring it into what runs"));
        }
        (None, OverlayEffect::Promotion | OverlayEffect::Unchanged | OverlayEffect::NothingRuns, _)
        | (None, OverlayEffect::RecordedOnly, None) => {}
    }
}

fn changed_text(environment: &str, keys: &[String], paint: Paint) -> String {
    if keys.is_empty() {
        return format!("the live overlay of {} says this already\n", paint.bold(environment));
    }
    format!("live overlay of {} changed: {}\n", paint.bold(environment), keys.join(", "))
}

fn effect_text(changed: &OverlayChanged) -> String {
    let environment = &changed.overlay.environment;
    match changed.effect {
        OverlayEffect::Promotion => return String::new(),
        OverlayEffect::Unchanged => {
            format!("  what runs in {environment} is the same with it, so nothing is to be done\n")
        }
        OverlayEffect::NothingRuns => format!("  nothing runs in {environment} yet; the next release gets it\n"),
        OverlayEffect::RecordedOnly => "  recorded only; what runs stays as it is\n".to_owned(),
    }
}

fn extra_text(changed: &OverlayChanged, paint: Paint) -> String {
    let closed = changed
        .closed
        .iter()
        .map(|number| format!("  {} p{number}, which is no longer what was asked for\n", paint.yellow("closes")));
    let warnings = changed.warnings.iter().map(|line| format!("  {} {line}\n", paint.yellow("warning:")));
    closed.chain(warnings).collect()
}

fn planned_text(shown: &OverlayChanged, paint: Paint) -> String {
    let mut text = changed_text(&shown.overlay.environment, &shown.changed, paint).replace("changed:", "would change:");
    text += &effect_text(shown);
    text += &extra_text(shown, paint);
    shown.plan.iter().for_each(|plan| text += &plan_text(plan, paint));
    text
}

fn done_text(changed: &OverlayChanged, paint: Paint) -> String {
    let mut text = changed_text(&changed.overlay.environment, &changed.changed, paint);
    text += &effect_text(changed);
    text += &extra_text(changed, paint);
    if let Some(promotion) = &changed.promotion {
        let what = format!("r{} {} to {}", promotion.release, promotion.version, promotion.environment);
        let name = paint.bold(&format!("p{}", promotion.number));
        text += &format!("{name} {what} asked for, plan {}\n", short(&promotion.plan));
        text += &gates_text(&promotion.gates, paint);
    }
    text
}

fn overlay_text(overlay: &OverlayView, paint: Paint) -> String {
    let mut table = Table::new(&["KEY", "VALUE", "EVENT", "SET", "BY", "WHY", ""]);
    for entry in &overlay.entries {
        let value = entry.value.as_ref().map_or_else(|| paint.dim("(removed)"), |value| one_line(value));
        let waits = overlay.pending.contains(&entry.key);
        table.row(vec![
            paint.bold(&entry.key),
            value,
            entry.event.to_string(),
            time(entry.at),
            entry.by.clone(),
            entry.reason.clone().unwrap_or_default(),
            if waits { paint.yellow("not in what runs") } else { String::new() },
        ]);
    }
    let mut text = if table.is_empty() {
        format!("nothing is laid over the files of {}\n", overlay.environment)
    } else {
        table.text(paint)
    };
    for key in overlay.pending.iter().filter(|key| !overlay.entries.iter().any(|entry| entry.key == **key)) {
        text += &format!("{} {key} is taken off and still in what runs\n", paint.yellow("pending"));
    }
    text
}

/// A value in a table: what is long or has several lines is cut.
fn one_line(value: &str) -> String {
    const MOST: usize = 60;
    let line = value.lines().next().unwrap_or_default();
    let cut: String = line.chars().take(MOST).collect();
    if cut.len() < value.len() { format!("{cut}…") } else { cut }
}

#[cfg(test)]
mod tests;
