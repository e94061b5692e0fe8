//! `towpath env validate`: every mistake at once.

use serde_json::json;
use towpath_core::config::{Inputs, diagnostic_views, render_diagnostics};

use super::which;
use crate::{
    cli::ValidateArgs,
    commands::Outcome,
    context::Context,
    failure::{Exit, Failure},
    folder::{ProjectFolder, mistakes},
    words::count,
};

pub(super) fn run(context: &Context, folder: &ProjectFolder, args: &ValidateArgs) -> Outcome {
    let loaded = folder.load()?;
    let inputs = Inputs { flags: args.layers.set.clone(), ..Inputs::default() };
    let named = args.environment.as_ref().or(args.option.env.as_ref());
    let (diagnostics, sources, count_of) = if let Some(name) = named {
        let name = which(context, &loaded, Some(name))?;
        let (diagnostics, sources) = loaded.validate_one(&name, &inputs);
        (diagnostics, sources, 1)
    } else if inputs.flags.is_empty() {
        (loaded.validate(), loaded.sources().clone(), loaded.environments().count())
    } else {
        let (diagnostics, sources) = loaded.validate_with(&inputs);
        (diagnostics, sources, loaded.environments().count())
    };
    let paint = context.out.paint_err();
    if let Some(failure) = mistakes(&sources, &diagnostics, paint) {
        return Err(failure);
    }
    let views = diagnostic_views(&sources, &diagnostics);
    if args.strict && !diagnostics.is_empty() {
        let warnings = count(diagnostics.len() as u64, "warning");
        let failure = Failure::new(Exit::Failed, "doubtful_configuration", format!("the configuration has {warnings}"));
        return Err(failure
            .report(render_diagnostics(&sources, &diagnostics, paint.is_on()), &json!(views))
            .next("mend the files, or leave out --strict"));
    }
    let value = json!({ "valid": true, "environments": count_of, "warnings": views });
    context.out.show(&value, |paint| {
        let warnings = render_diagnostics(&sources, &diagnostics, paint.is_on());
        let checked = count(count_of as u64, "environment");
        let found = if diagnostics.is_empty() {
            "no mistakes".to_owned()
        } else {
            format!("no mistakes, {}", count(diagnostics.len() as u64, "warning"))
        };
        format!("{warnings}{} {checked}, {found}\n", paint.green("ok"))
    })?;
    Ok(Exit::Done)
}
