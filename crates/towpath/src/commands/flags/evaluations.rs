//! `towpath flags evaluations`: how often flags were evaluated.

use towpath_server::api::types::FlagEvaluationsView;

use crate::{
    cli::EvaluationsArgs,
    commands::{Outcome, client_command},
    context::Context,
    failure::Exit,
    output::{Paint, Table},
    words::time,
};

pub(super) fn run(context: &Context, args: &EvaluationsArgs) -> Outcome {
    client_command(show(context, args))
}

async fn show(context: &Context, args: &EvaluationsArgs) -> Outcome {
    let environment = context.environment(&args.environment);
    let flags = context.client()?.flag_evaluations(&environment).await?.flags;
    context.out.list(&flags, |paint| table(&environment, &flags, paint))?;
    Ok(Exit::Done)
}

fn table(environment: &str, flags: &[FlagEvaluationsView], paint: Paint) -> String {
    if flags.is_empty() {
        return format!("{environment} serves no flags\n");
    }
    let mut table = Table::new(&["FLAG", "ASKED", "AMONG ALL", "LAST", "YIELDED"]);
    for flag in flags {
        let mut yielded: Vec<String> = Vec::new();
        for result in &flag.results {
            let what = result.variant.as_deref().unwrap_or(&result.reason);
            let count = flag.results.iter().filter(|it| it.variant.as_deref().unwrap_or(&it.reason) == what);
            let text = format!("{what} {}", count.map(|it| it.count).sum::<u64>());
            if !yielded.contains(&text) {
                yielded.push(text);
            }
        }
        table.row(vec![
            if flag.served { paint.bold(&flag.flag) } else { paint.dim(&format!("{} (gone)", flag.flag)) },
            flag.asked.to_string(),
            flag.among_all.to_string(),
            flag.last.map_or_else(|| paint.yellow("never"), time),
            yielded.join(", "),
        ]);
    }
    table.text(paint)
}
