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
        let when = part.at.iter().map(|at| format!(" at {}", time(*at)));
        let who = part.by.iter().map(|by| format!(" by {by}"));
        let why = part.reason.iter().map(|reason| format!(": {reason}"));
        let place: String = std::iter::once(part.place.clone()).chain(when).chain(who).chain(why).collect();
        let (mark, value) = if index == 0 { ("=", shown(&part.value)) } else { (" ", paint.dim(&shown(&part.value))) };
        table.row(vec![format!("  {mark}"), value, part.layer.clone(), paint.dim(&place)]);
    }
    format!("{} = {}\n{}", paint.bold(&explanation.key), shown(&explanation.value), table.text(paint))
}
