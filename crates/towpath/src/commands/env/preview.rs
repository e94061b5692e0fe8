//! `towpath env create --preview` and `env extend`: environments for a while.

use std::time::Instant;

use jiff::Timestamp;
use towpath_server::api::types::{CreatePreview, ExtendPreview, PreviewValue, PreviewView};

use crate::{
    cli::{CreateEnvArgs, ExtendArgs},
    commands::{Outcome, promotion},
    context::Context,
    failure::{Exit, Failure},
    output::Paint,
    words::{between, time},
};

pub(super) async fn create(context: &Context, args: CreateEnvArgs) -> Outcome {
    let (Some(extends), Some(ttl)) = (&args.extends, args.ttl) else {
        return Err(Failure::usage("a preview needs --extends and --ttl"));
    };
    let client = context.client()?;
    let body = CreatePreview {
        name: args.name.clone(),
        extends: extends.clone(),
        ttl_ms: ttl.0,
        tier: args.tier,
        description: args.description.clone(),
        set: args.set.iter().map(|(key, value)| PreviewValue { key: key.clone(), value: value.clone() }).collect(),
        release: args.release.map(|release| release.0),
        reason: args.reason.clone(),
        dry_run: args.dry_run,
    };
    let preview = client.create_preview(&body).await?;
    if let (Some(number), true) = (preview.promotion, args.wait) {
        context.out.progress(made(&preview, false, context.out.paint_err()).trim_end());
        let promotion = client.promotion(number).await?;
        let deadline = args.timeout.map(|timeout| Instant::now() + timeout.to_std());
        return promotion::wait(context, client, promotion, deadline).await;
    }
    context.out.show(&preview, |paint| made(&preview, args.dry_run, paint))?;
    let name = &preview.name;
    if args.dry_run {
        return Ok(Exit::Done);
    }
    match preview.promotion {
        Some(_) => context.out.next(&format!("towpath rollout watch {name}")),
        None => context.out.next(&format!("towpath promote RELEASE {name}")),
    }
    Ok(Exit::Done)
}

pub(super) async fn extend(context: &Context, args: ExtendArgs) -> Outcome {
    let client = context.client()?;
    let preview = client.extend_preview(&args.environment, &ExtendPreview { ttl_ms: args.ttl.0 }).await?;
    context.out.show(&preview, |paint| {
        format!(
            "{} lives until {}, {}\n",
            paint.bold(&preview.name),
            time(preview.expires_at),
            left(preview.expires_at)
        )
    })?;
    Ok(Exit::Done)
}

fn made(preview: &PreviewView, dry_run: bool, paint: Paint) -> String {
    let verb = if dry_run { "would make" } else { "made" };
    let mut text = format!(
        "{verb} preview {} on {}, {}\n  lives until {}, {}\n",
        paint.bold(&preview.name),
        preview.extends,
        paint.tier(preview.tier),
        time(preview.expires_at),
        left(preview.expires_at),
    );
    preview.promotion.iter().for_each(|number| text += &format!("  p{number} brings its release in\n"));
    if dry_run {
        text += &format!("\n{}", preview.file);
    }
    text
}

/// Returns how long something lasts from now on.
pub(in crate::commands) fn left(until: Timestamp) -> String {
    let now = Timestamp::now();
    if until <= now { "its time is over".to_owned() } else { format!("{} left", between(now, until)) }
}
