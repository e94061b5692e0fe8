//! `towpath flags …`: what people change while flags serve.

use std::{fs, io::Read as _, path::Path};

use serde::Serialize;
use serde_json::Value;
use towpath_core::config::{has_errors, read_foreign};
use towpath_server::api::types::{
    ChangeFlags, FlagChangeHow, FlagEditView, FlagEffect, FlagsChanged, PromoteFlags, UndoFlags,
};

use crate::{
    cli::{ChangesCommand, FlagHowArgs},
    client::Client,
    commands::{Outcome, client_command},
    context::Context,
    failure::{Exit, Failure},
    folder::unreadable,
    output::Paint,
    words::short,
};

mod show;

/// The longest file that is read; the server takes less.
const MOST: u64 = 1 << 20;

pub(super) fn run(context: &Context, command: &ChangesCommand) -> Outcome {
    let edit = |environment: &str, how: &FlagHowArgs, edits: Vec<FlagEditView>| {
        client_command(change(context, environment, "changes", how, |how| ChangeFlags { edits: edits.clone(), how }))
    };
    match command {
        ChangesCommand::On(args) => edit(&args.environment, &args.how, switched(&args.flags, true)),
        ChangesCommand::Off(args) => edit(&args.environment, &args.how, switched(&args.flags, false)),
        ChangesCommand::Default(args) => {
            let (flag, variant) = (args.flag.clone(), args.variant.clone());
            edit(&args.environment, &args.how, vec![FlagEditView::Default { flag, variant }])
        }
        ChangesCommand::Percentage(args) => {
            let (flag, variant, percent) = (args.flag.clone(), args.variant.clone(), args.percent.clone());
            edit(&args.environment, &args.how, vec![FlagEditView::Percentage { flag, variant, percent }])
        }
        ChangesCommand::Edit(args) => {
            let flag = args.flag.clone();
            let one = match (&args.from_file, &args.targeting) {
                (Some(path), _) => FlagEditView::Patch { flag, patch: properties(path)? },
                (None, Some(path)) => FlagEditView::Targeting { flag, targeting: rule(path)? },
                (None, None) => FlagEditView::Targeting { flag, targeting: Value::Null },
            };
            edit(&args.environment, &args.how, vec![one])
        }
        ChangesCommand::Segment(args) => {
            let segment = args.segment.clone();
            let one = match &args.from_file {
                Some(path) => FlagEditView::Segment { segment, rule: rule(path)? },
                None => FlagEditView::ResetSegment { segment },
            };
            edit(&args.environment, &args.how, vec![one])
        }
        ChangesCommand::Reset(args) => {
            let reset = |flag: &String| FlagEditView::ResetFlag { flag: flag.clone() };
            edit(&args.environment, &args.how, args.flags.iter().map(reset).collect())
        }
        ChangesCommand::Undo(args) => {
            let body = |how| UndoFlags { number: args.number, how };
            client_command(change(context, &args.environment, "undo", &args.how, body))
        }
        ChangesCommand::Promote(args) => {
            let from = context.environment(&args.from);
            let body = |how| PromoteFlags { from: from.clone(), keys: args.flags.clone(), how };
            client_command(change(context, &args.to, "promote", &args.how, body))
        }
        ChangesCommand::Diff(args) => client_command(show::diff(context, args)),
        ChangesCommand::Log(args) => client_command(show::log(context, args)),
        ChangesCommand::Pending(args) => client_command(show::pending(context, args)),
        ChangesCommand::Approve(args) => client_command(show::approve(context, args)),
        ChangesCommand::Reject(args) => client_command(show::reject(context, args)),
    }
}

fn switched(flags: &[String], enabled: bool) -> Vec<FlagEditView> {
    flags.iter().map(|flag| FlagEditView::State { flag: flag.clone(), enabled }).collect()
}

/// Asks for a change, after a look at what it does where that has to be confirmed.
async fn change<B: Serialize + Sync>(
    context: &Context,
    environment: &str,
    what: &str,
    args: &FlagHowArgs,
    body: impl Fn(FlagChangeHow) -> B,
) -> Outcome {
    let client = context.client()?;
    let environment = context.environment(environment);
    let mut how =
        FlagChangeHow { reason: args.reason.clone(), dry_run: args.dry_run, confirm: None, plan: args.plan.clone() };
    if args.dry_run {
        return dry_run(context, &client.change_flags(&environment, what, &body(how)).await?);
    }
    how.confirm = named(context, &environment)?;
    let asked = client.change_flags(&environment, what, &body(how.clone())).await;
    let changed = match asked {
        Err(failure) if failure.code() == "confirmation_required" => {
            confirm(context, &client, &environment, what, how, &body).await?
        }
        asked => asked?,
    };
    context.out.show(&changed, |paint| done_text(&changed, paint))?;
    hint(context, &changed);
    Ok(Exit::Done)
}

/// Returns the name given by `--confirm`; another environment's is a slip.
fn named(context: &Context, environment: &str) -> Result<Option<String>, Failure> {
    let tier = towpath_server::api::types::Tier::Development;
    context.confirmation(environment, tier, "change of flags")
}

async fn confirm<B: Serialize + Sync>(
    context: &Context,
    client: &Client,
    environment: &str,
    what: &str,
    mut how: FlagChangeHow,
    body: &impl Fn(FlagChangeHow) -> B,
) -> Result<FlagsChanged, Failure> {
    let shown = client.change_flags(environment, what, &body(FlagChangeHow { dry_run: true, ..how.clone() })).await?;
    if context.out.is_text() && context.is_interactive() {
        // What is confirmed has to be seen before.
        context.out.progress(planned_text(&shown, context.out.paint_err()).trim_end());
    }
    how.confirm = context.confirmation(environment, shown.tier, &format!("change of flags in {environment}"))?;
    // What is done is what was shown, or it is refused.
    how.plan = Some(shown.plan);
    client.change_flags(environment, what, &body(how)).await
}

fn dry_run(context: &Context, shown: &FlagsChanged) -> Outcome {
    context.out.show(shown, |paint| planned_text(shown, paint))?;
    Ok(if shown.refusal.is_some() { Exit::Refused } else { Exit::Done })
}

fn planned_text(shown: &FlagsChanged, paint: Paint) -> String {
    if shown.effect == FlagEffect::Unchanged {
        return format!("the flags of {} are so already\n", paint.bold(&shown.environment));
    }
    let mut text = format!("flags of {} would change, plan {}\n", paint.bold(&shown.environment), short(&shown.plan));
    text += &lines(&shown.lines);
    if let Some(refusal) = &shown.refusal {
        text += &format!("  {} {}\n", paint.red("refused:"), refusal.message);
    } else if shown.effect == FlagEffect::Waits {
        text += "  it would wait for approvals\n";
    }
    text
}

fn done_text(changed: &FlagsChanged, paint: Paint) -> String {
    let environment = paint.bold(&changed.environment);
    let name = changed.number.map(|number| paint.bold(&format!("c{number}"))).unwrap_or_default();
    let mut text = match changed.effect {
        FlagEffect::Unchanged => return format!("the flags of {environment} are so already\n"),
        FlagEffect::Changed => format!("{name} is served in {environment}\n"),
        FlagEffect::Waits => format!("{name} waits for approvals in {environment}, plan {}\n", short(&changed.plan)),
    };
    text += &lines(&changed.lines);
    for number in &changed.outdated {
        text += &format!("  {} c{number}, which waits, cannot be approved any more\n", paint.yellow("outdated:"));
    }
    text
}

fn lines(lines: &[String]) -> String {
    lines.iter().map(|line| format!("  {line}\n")).collect()
}

fn hint(context: &Context, changed: &FlagsChanged) {
    let environment = &changed.environment;
    match (changed.effect, changed.number) {
        (FlagEffect::Changed, Some(number)) => {
            context.out.next(&format!("towpath flags undo {environment} c{number}, to take it back"));
        }
        (FlagEffect::Waits, Some(number)) => {
            context.out.next(&format!("towpath flags approve {environment} c{number}, as somebody else"));
        }
        (FlagEffect::Changed | FlagEffect::Waits | FlagEffect::Unchanged, _) => {}
    }
}

fn properties(path: &Path) -> Result<serde_json::Map<String, Value>, Failure> {
    let Value::Object(properties) = rule(path)? else {
        return Err(Failure::usage(format!("`{}` is not a map of properties of a flag", path.display()))
            .kept("nothing was changed")
            .next("such as {\"defaultVariant\": \"on\"}"));
    };
    Ok(properties)
}

/// Reads JSON, or YAML where it is none.
fn rule(path: &Path) -> Result<Value, Failure> {
    let name = if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() };
    // No file is called like this, and it is what people type first.
    if let Some(value) = path.to_str().filter(|text| text.starts_with('{')).map(serde_json::from_str) {
        return value.map_err(|error| {
            Failure::usage(format!("`{name}` is no JSON: {error}"))
                .kept("nothing was changed")
                .next("write JSON, the path of a file, or `-` for standard input")
        });
    }
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(MOST + 1).read_to_end(&mut bytes)
    } else {
        fs::File::open(path).and_then(|file| file.take(MOST + 1).read_to_end(&mut bytes))
    };
    read.map_err(|error| unreadable(path, &error).kept("nothing was changed"))?;
    let wrong = |why: &str| Failure::usage(format!("{name} is {why}")).kept("nothing was changed");
    if bytes.len() as u64 > MOST {
        return Err(wrong("longer than any change may be"));
    }
    let text = String::from_utf8(bytes).map_err(|_| wrong("no text"))?;
    if let Ok(value) = serde_json::from_str(&text) {
        return Ok(value);
    }
    let (value, diagnostics) = read_foreign(&text, 0);
    if let Some(first) = diagnostics.iter().find(|one| one.is_error()).filter(|_| has_errors(&diagnostics)) {
        return Err(wrong(&format!("neither JSON nor YAML: {}", first.message)));
    }
    value.map(|value| value.to_json()).ok_or_else(|| wrong("empty"))
}
