//! `towpath flags validate`: every mistake in the files about flags.

use std::path::Path;

use jiff::Zoned;
use serde_json::json;
use towpath_core::config::{Diagnostic, FLAG_FOLDER, SourceSet, diagnostic_views, has_errors, render_diagnostics};

use super::state::State;
use crate::{
    cli::ValidateFlagsArgs,
    commands::Outcome,
    context::Context,
    failure::{Exit, Failure},
    words::count,
};

pub(super) fn run(context: &Context, args: &ValidateFlagsArgs) -> Outcome {
    let (diagnostics, sources, flags) = match &args.file {
        Some(file) => of_file(file)?,
        None => of_project(context)?,
    };
    let paint = context.out.paint_err();
    let wrong = diagnostics.iter().filter(|one| one.is_error()).count();
    if has_errors(&diagnostics) || args.strict && !diagnostics.is_empty() {
        let found = if wrong > 0 { count(wrong as u64, "mistake") } else { count(diagnostics.len() as u64, "warning") };
        let code = if wrong > 0 { "invalid_flags" } else { "doubtful_flags" };
        let failure = Failure::new(Exit::Failed, code, format!("the flags have {found}"));
        let views = json!(diagnostic_views(&sources, &diagnostics));
        return Err(failure
            .report(render_diagnostics(&sources, &diagnostics, paint.is_on()), &views)
            .next("mend the files, then towpath flags validate"));
    }
    let views = diagnostic_views(&sources, &diagnostics);
    context.out.show(&json!({ "valid": true, "flags": flags, "warnings": views }), |paint| {
        let warnings = render_diagnostics(&sources, &diagnostics, paint.is_on());
        let checked = count(flags as u64, "flag");
        let found = match diagnostics.len() {
            0 => "no mistakes".to_owned(),
            more => format!("no mistakes, {}", count(more as u64, "warning")),
        };
        format!("{warnings}{} {checked}: {found}\n", paint.green("ok"))
    })?;
    Ok(Exit::Done)
}

fn of_file(file: &Path) -> Result<(Vec<Diagnostic>, SourceSet, usize), Failure> {
    let state = State::of_file(file, None)?;
    Ok((state.diagnostics, state.sources, state.document.flags.len()))
}

fn of_project(context: &Context) -> Result<(Vec<Diagnostic>, SourceSet, usize), Failure> {
    let loaded = context.folder()?.load()?;
    let mut diagnostics = loaded.flag_diagnostics();
    diagnostics.extend(loaded.expired_flags(Zoned::now().date()));
    let flags = loaded.flag_keys().count();
    if flags == 0 && diagnostics.is_empty() {
        context.out.progress(&format!("there is no flag in `{FLAG_FOLDER}/`"));
    }
    Ok((diagnostics, loaded.sources().clone(), flags))
}
