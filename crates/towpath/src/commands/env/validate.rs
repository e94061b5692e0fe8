//! `towpath env validate`: every mistake at once.

use serde_json::json;
use towpath_core::config::{Inputs, render_diagnostics};

use super::known;
use crate::{
    commands::Outcome,
    context::Context,
    failure::Exit,
    folder::{ProjectFolder, checked, mistakes},
    words::count,
};

pub(super) fn run(context: &Context, folder: &ProjectFolder, environment: Option<&str>) -> Outcome {
    let loaded = folder.load()?;
    let (diagnostics, sources, count_of) = if let Some(name) = environment {
        let name = known(context, &loaded, name)?;
        let mut diagnostics = loaded.diagnostics().to_vec();
        let mut resolution = loaded.resolve(name.as_str(), &Inputs::default());
        diagnostics.append(&mut resolution.diagnostics);
        (diagnostics, resolution.sources, 1)
    } else {
        (checked(&loaded).1, loaded.sources().clone(), loaded.environments().count())
    };
    if let Some(failure) = mistakes(&sources, &diagnostics, context.out.paint_err()) {
        return Err(failure);
    }
    let views: Vec<_> = diagnostics.iter().map(|one| one.view(&sources)).collect();
    let value = json!({ "valid": true, "environments": count_of, "warnings": views });
    context.out.show(&value, |paint| {
        let warnings = render_diagnostics(&sources, &diagnostics, paint.is_on());
        let checked = count(count_of as u64, "environment");
        format!("{warnings}{} {checked}, no mistakes\n", paint.green("ok"))
    })?;
    Ok(Exit::Done)
}
