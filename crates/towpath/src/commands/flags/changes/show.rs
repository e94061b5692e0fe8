//! `towpath flags diff`, `log`, `pending`, `approve`, `reject`.

use towpath_server::api::types::{
    ApproveFlags, FlagChangeView, FlagDifferenceView, FlagPresence, FlagRequestAnswered, FlagRequestView, FlagsDiff,
    RejectFlags,
};

use crate::{
    cli::{ApproveFlagsArgs, FlagDiffArgs, FlagLogArgs, PendingArgs, RejectFlagsArgs},
    commands::Outcome,
    context::Context,
    failure::{Exit, Failure},
    output::Paint,
    words::{short, time},
};

pub(super) async fn diff(context: &Context, args: &FlagDiffArgs) -> Outcome {
    let client = context.client()?;
    let (from, to) = (context.environment(&args.from), context.environment(&args.to));
    let mut diff = client.diff_flags(&from, &to).await?;
    if !args.flags.is_empty() {
        diff.differences.retain(|it| {
            args.flags.iter().any(|flag| it.flag.as_ref() == Some(flag) || it.segment.as_ref() == Some(flag))
        });
    }
    context.out.show(&diff, |paint| diff_text(&diff, paint))?;
    if diff.differences.is_empty() {
        return Ok(Exit::Done);
    }
    context.out.next(&format!("towpath flags promote {from} {to} --dry-run"));
    Ok(Exit::Difference)
}

fn diff_text(diff: &FlagsDiff, paint: Paint) -> String {
    if diff.differences.is_empty() {
        return format!("the flags of {} and {} are equal\n", paint.bold(&diff.from), paint.bold(&diff.to));
    }
    diff.differences.iter().map(|it| difference_text(it, diff, paint)).collect()
}

fn difference_text(it: &FlagDifferenceView, diff: &FlagsDiff, paint: Paint) -> String {
    let name = match (&it.flag, &it.segment) {
        (Some(flag), _) => flag.clone(),
        (None, Some(segment)) => format!("segment {segment}"),
        (None, None) => String::new(),
    };
    match it.presence {
        FlagPresence::Left => format!("{} is only in {}\n", paint.bold(&name), diff.from),
        FlagPresence::Right => format!("{} is only in {}\n", paint.bold(&name), diff.to),
        FlagPresence::Both => {
            let line = |line: &String| format!("  {}\n", line.strip_prefix(&format!("{name}: ")).unwrap_or(line));
            let lines: String = it.lines.iter().map(line).collect();
            format!("{}\n{lines}", paint.bold(&name))
        }
    }
}

pub(super) async fn log(context: &Context, args: &FlagLogArgs) -> Outcome {
    let environment = context.environment(&args.environment);
    let mut log = context.client()?.flag_log(&environment).await?;
    if let Some(flag) = &args.flag {
        let segment = format!("segment {flag}");
        log.changes.retain(|change| change.targets.iter().any(|target| target == flag || *target == segment));
    }
    context.out.list(&log.changes, |paint| match log.changes.as_slice() {
        [] => format!("nothing was changed of the flags of {environment}\n"),
        changes => changes.iter().map(|change| change_text(change, paint)).collect(),
    })?;
    Ok(Exit::Done)
}

fn change_text(change: &FlagChangeView, paint: Paint) -> String {
    let mut head = format!("{}  {}  {}", paint.bold(&format!("c{}", change.number)), time(change.at), change.by);
    for approval in &change.approvals {
        head += &format!(", approved by {}", approval.by);
    }
    if let Some(undone) = change.undoes {
        head += &format!(", takes c{undone} back");
    }
    if let Some(from) = &change.from {
        head += &format!(", from {from}");
    }
    if let Some(by) = change.undone_by {
        head += &format!(", {}", paint.yellow(&format!("taken back by c{by}")));
    }
    if let Some(reason) = &change.reason {
        head += &format!(": {reason}");
    }
    let lines: String = change.lines.iter().map(|line| format!("    {line}\n")).collect();
    format!("{head}\n{lines}")
}

pub(super) async fn pending(context: &Context, args: &PendingArgs) -> Outcome {
    let environment = context.environment(&args.environment);
    let list = context.client()?.flag_requests(&environment).await?;
    context.out.list(&list.requests, |paint| match list.requests.as_slice() {
        [] => format!("no change of the flags of {environment} waits\n"),
        requests => requests.iter().map(|request| request_text(request, paint)).collect(),
    })?;
    if let Some(request) = list.requests.iter().find(|request| request.outdated.is_none()) {
        context.out.next(&format!("towpath flags approve {environment} c{} --plan {}", request.number, request.plan));
    }
    Ok(Exit::Done)
}

fn request_text(request: &FlagRequestView, paint: Paint) -> String {
    let name = paint.bold(&format!("c{}", request.number));
    let reason = request.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let mut text = format!("{name}  {}  {}, plan {}{reason}\n", time(request.at), request.by, short(&request.plan));
    text += &request.lines.iter().map(|line| format!("    {line}\n")).collect::<String>();
    if let Some(why) = &request.outdated {
        text += &format!("  {} {why}; reject it and ask again\n", paint.yellow("outdated:"));
    }
    let agreed: Vec<&str> = request.approvals.iter().map(|approval| approval.by.as_str()).collect();
    let who = if agreed.is_empty() { String::new() } else { format!(" ({})", agreed.join(", ")) };
    let roles = if request.roles.is_empty() { String::new() } else { format!(" of {}", request.roles.join(", ")) };
    text += &format!(
        "  {} of {} approvals{roles}{who}, until {}\n",
        agreed.len(),
        request.required,
        time(request.expires_at)
    );
    text
}

pub(super) async fn approve(context: &Context, args: &ApproveFlagsArgs) -> Outcome {
    let client = context.client()?;
    let environment = context.environment(&args.environment);
    let mut plan = args.plan.clone();
    if plan.is_none() {
        // What is approved has to be seen before.
        let requests = client.flag_requests(&environment).await?.requests;
        if let Some(request) = requests.iter().find(|request| request.number == args.number) {
            context.out.progress(request_text(request, context.out.paint_err()).trim_end());
            plan = Some(request.plan.clone());
        }
    }
    let body = ApproveFlags { plan, comment: args.comment.clone() };
    let answered = client.approve_flags(&environment, args.number, &body).await?;
    context.out.show(&answered, |paint| approved_text(&answered, paint))?;
    Ok(Exit::Done)
}

fn approved_text(answered: &FlagRequestAnswered, paint: Paint) -> String {
    let name = paint.bold(&format!("c{}", answered.number));
    if let Some(request) = answered.request.as_ref().filter(|_| !answered.in_force) {
        let (have, needed) = (request.approvals.len(), request.required);
        return format!("{name} has {have} of {needed} approvals in {}\n", answered.environment);
    }
    let lines: String = answered.lines.iter().map(|line| format!("  {line}\n")).collect();
    format!("{name} is served in {}\n{lines}", paint.bold(&answered.environment))
}

pub(super) async fn reject(context: &Context, args: &RejectFlagsArgs) -> Result<Exit, Failure> {
    let environment = context.environment(&args.environment);
    let body = RejectFlags { comment: args.comment.clone() };
    let answered = context.client()?.reject_flags(&environment, args.number, &body).await?;
    context.out.show(&answered, |paint| {
        format!(
            "{} is rejected; the flags of {environment} stay as they are\n",
            paint.bold(&format!("c{}", args.number))
        )
    })?;
    Ok(Exit::Done)
}
