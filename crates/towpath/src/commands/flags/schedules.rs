//! `towpath flags …`: changes at a time, and step by step over a time.

use towpath_server::api::types::{
    AnswerSchedule, FlagScheduleState, FlagScheduleView, RampFlag, ScheduleFlag, ScheduledPercentage, ScheduledSetView,
};

use crate::{
    cli::{AnswerScheduleArgs, RampArgs, ScheduleArgs, ScheduledArg, SchedulesArgs, SchedulesCommand},
    commands::{Outcome, client_command},
    context::Context,
    failure::Exit,
    output::{Paint, Table},
    words::{time, word},
};

pub(super) fn run(context: &Context, command: &SchedulesCommand) -> Outcome {
    match command {
        SchedulesCommand::Schedule(args) => client_command(schedule(context, args)),
        SchedulesCommand::Ramp(args) => client_command(ramp(context, args)),
        SchedulesCommand::Schedules(args) => client_command(list(context, args)),
        SchedulesCommand::Unschedule(args) => client_command(answer(context, args, "cancel")),
        SchedulesCommand::ApproveSchedule(args) => client_command(answer(context, args, "approve")),
    }
}

async fn schedule(context: &Context, args: &ScheduleArgs) -> Outcome {
    let environment = context.environment(&args.environment);
    let set = match &args.set {
        ScheduledArg::On => ScheduledSetView { on: Some(true), ..ScheduledSetView::default() },
        ScheduledArg::Off => ScheduledSetView { on: Some(false), ..ScheduledSetView::default() },
        ScheduledArg::Variant { variant } => {
            ScheduledSetView { variant: Some(variant.clone()), ..ScheduledSetView::default() }
        }
        ScheduledArg::Percentage { variant, percent } => {
            let percentage = ScheduledPercentage { variant: Some(variant.clone()), percent: percent.clone() };
            ScheduledSetView { percentage: Some(percentage), ..ScheduledSetView::default() }
        }
    };
    let only_off = matches!(args.set, ScheduledArg::Off);
    let confirm = if only_off { None } else { confirm(context, &environment, &args.key).await? };
    let body = ScheduleFlag {
        key: args.key.clone(),
        at: args.at.clone(),
        time_zone: args.time_zone.clone(),
        set,
        reason: args.reason.clone(),
        confirm,
    };
    let made = context.client()?.schedule_flag(&environment, &body).await?;
    show(context, &made)
}

async fn ramp(context: &Context, args: &RampArgs) -> Outcome {
    let environment = context.environment(&args.environment);
    let body = RampFlag {
        key: args.key.clone(),
        variant: args.variant.clone(),
        steps: args.steps.clone(),
        every_ms: args.every.0,
        start: args.start.clone(),
        time_zone: args.time_zone.clone(),
        reason: args.reason.clone(),
        confirm: confirm(context, &environment, &args.key).await?,
    };
    let made = context.client()?.ramp_flag(&environment, &body).await?;
    show(context, &made)
}

async fn confirm(context: &Context, environment: &str, key: &str) -> Result<Option<String>, crate::failure::Failure> {
    let tier = context.client()?.environment(environment).await?.summary.tier;
    context.confirmation(environment, tier, &format!("changing the flag {key} by itself"))
}

fn show(context: &Context, made: &FlagScheduleView) -> Outcome {
    context.out.show(made, |paint| shown(made, paint))?;
    if made.state == FlagScheduleState::Waiting {
        context.out.next(&format!("towpath flags approve-schedule {} s{}", made.environment, made.number));
    }
    Ok(Exit::Done)
}

fn shown(schedule: &FlagScheduleView, paint: Paint) -> String {
    let name = paint.bold(&format!("s{}", schedule.number));
    let mut text = format!("{name} {} of {}: {}\n", schedule.key, schedule.environment, standing(schedule, paint));
    for step in &schedule.steps {
        let mark = if step.done { paint.green("✔") } else { paint.dim("·") };
        text += &format!("  {mark} {} {}\n", time(step.at), step.text);
    }
    text
}

fn standing(schedule: &FlagScheduleView, paint: Paint) -> String {
    let word = word(&schedule.state);
    let why = schedule.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    let text = match (schedule.state, schedule.approve_until) {
        (FlagScheduleState::Waiting, Some(until)) => format!("{word} for approvals until {}", time(until)),
        _ => format!("{word}{why}"),
    };
    match schedule.state {
        FlagScheduleState::Waiting => paint.yellow(&text),
        FlagScheduleState::Open => text,
        FlagScheduleState::Done => paint.green(&text),
        FlagScheduleState::Expired | FlagScheduleState::Cancelled => paint.dim(&text),
        FlagScheduleState::Failed => paint.red(&text),
    }
}

async fn list(context: &Context, args: &SchedulesArgs) -> Outcome {
    let environment = args.environment.as_ref().map(|name| context.environment(name));
    let schedules = context.client()?.flag_schedules(environment.as_deref()).await?.schedules;
    context.out.list(&schedules, |paint| table(&schedules, paint))?;
    Ok(Exit::Done)
}

fn table(schedules: &[FlagScheduleView], paint: Paint) -> String {
    if schedules.is_empty() {
        return "nothing is scheduled\n".to_owned();
    }
    let mut table = Table::new(&["SCHEDULE", "FLAG", "NEXT", "STEPS", "BY", ""]);
    for schedule in schedules {
        let steps: Vec<String> = schedule
            .steps
            .iter()
            .map(|step| if step.done { paint.dim(&step.text) } else { step.text.clone() })
            .collect();
        table.row(vec![
            format!("{} {}", schedule.environment, paint.bold(&format!("s{}", schedule.number))),
            schedule.key.clone(),
            schedule.next.map_or_else(|| "-".to_owned(), time),
            steps.join(", "),
            schedule.by.clone(),
            standing(schedule, paint),
        ]);
    }
    table.text(paint)
}

async fn answer(context: &Context, args: &AnswerScheduleArgs, verb: &str) -> Outcome {
    let environment = context.environment(&args.environment);
    let body = AnswerSchedule { reason: args.reason.clone() };
    let schedule = context.client()?.answer_schedule(&environment, (&args.number, verb), &body).await?;
    show(context, &schedule)
}
