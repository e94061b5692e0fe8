//! `towpath secrets history`: who wrote which version when and why.

use towpath_server::api::types::{SecretHistory, SecretVersionView};

use super::name;
use crate::{
    cli::SecretHistoryArgs,
    commands::Outcome,
    context::Context,
    failure::Exit,
    output::{Paint, Table},
    words::time,
};

pub(super) async fn run(context: &Context, args: &SecretHistoryArgs) -> Outcome {
    let name = name(&args.which)?;
    let environment = context.environment(&args.which.environment);
    let history = context.client()?.secret_history(&environment, name).await?;
    context.out.show(&history, |paint| text(&history, paint))?;
    Ok(Exit::Done)
}

fn text(history: &SecretHistory, paint: Paint) -> String {
    let mut table = Table::new(&["VERSION", "WRITTEN", "BY", "HOW", "WHY", ""]);
    for version in &history.versions {
        let number = version.version.to_string();
        table.row(vec![
            if version.current { paint.bold(&number) } else { number },
            time(version.at),
            version.by.clone(),
            how(version),
            version.reason.clone().unwrap_or_default(),
            state(version, paint),
        ]);
    }
    let mut text = table.text(paint);
    for unset in &history.unsets {
        let why = unset.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        text += &format!("unset {} by {}{why}\n", time(unset.at), unset.by);
    }
    text
}

fn how(version: &SecretVersionView) -> String {
    match version.of {
        Some(of) => format!("version {of} restored"),
        None => version.origin.clone(),
    }
}

fn state(version: &SecretVersionView, paint: Paint) -> String {
    match (&version.destroyed, version.current) {
        (Some(end), _) => paint.red(&format!("destroyed {} by {}", time(end.at), end.by)),
        (None, true) => paint.green("in force"),
        (None, false) => String::new(),
    }
}
