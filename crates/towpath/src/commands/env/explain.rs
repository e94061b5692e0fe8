//! `towpath env explain`: which layers set a value.

use towpath_core::config::Explanation;

use super::{resolve, which};
use crate::{
    cli::ExplainArgs,
    commands::Outcome,
    context::Context,
    failure::{Exit, Failure},
    folder::ProjectFolder,
    output::{Paint, Table},
    words::time,
};

pub(super) fn run(context: &Context, folder: &ProjectFolder, args: &ExplainArgs) -> Outcome {
    let (environment, key) = match (&args.option.env, &args.environment, &args.key) {
        (Some(_), Some(_), Some(_)) => {
            let failure = Failure::usage("the environment is named twice: by an argument and by `--env`");
            return Err(failure.next("towpath env explain --env production KEY"));
        }
        (Some(named), key, None) => (Some(named), key.as_deref()),
        (named @ Some(_), None, key) | (None, named, key) => (named.as_ref(), key.as_deref()),
    };
    let loaded = folder.load()?;
    let name = which(context, &loaded, environment.map(String::as_str))?;
    let resolved = resolve(context, &loaded, &name, &args.layers)?;
    let explanations = match key {
        Some(key) => resolved.explain(key).map_err(|error| Failure::of(Exit::Usage, "not_found", &error))?,
        None => resolved.explain_all(),
    };
    context.out.list(&explanations, |paint| explanations.iter().map(|one| explained(one, paint)).collect())?;
    Ok(Exit::Done)
}

fn explained(explanation: &Explanation, paint: Paint) -> String {
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "(removed)".to_owned());
    let mut table = Table::new(&[]);
    for (index, part) in explanation.contributions.iter().enumerate() {
        let alias = part.alias.iter().map(|alias| format!(", through the alias at {alias}"));
        let when = part.at.iter().map(|at| format!(" at {}", time(*at)));
        let who = part.by.iter().map(|by| format!(" by {by}"));
        let why = part.reason.iter().map(|reason| format!(": {reason}"));
        let more = alias.chain(when).chain(who).chain(why);
        let place: String = std::iter::once(part.place.clone()).chain(more).collect();
        let value = match &part.whole {
            Some(whole) => format!("{whole} = {}", shown(&part.value)),
            None => shown(&part.value),
        };
        let (mark, value) = if index == 0 { ("=", value) } else { (" ", paint.dim(&value)) };
        table.row(vec![format!("  {mark}"), value, part.layer.clone(), paint.dim(&place)]);
    }
    for part in &explanation.references {
        let place = part.place.clone().unwrap_or_else(|| "computed".to_owned());
        let value = format!("{} = {}", part.key, part.value);
        table.row(vec!["  $".to_owned(), value, "refers to".to_owned(), paint.dim(&place)]);
    }
    format!("{} = {}\n{}", paint.bold(&explanation.key), shown(&explanation.value), table.text(paint))
}
