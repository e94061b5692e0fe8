//! `towpath flags export`: a plain file of flagd.

use towpath_core::flags::export;

use super::state::State;
use crate::{
    cli::{ExportFlagsArgs, FlagFormat},
    commands::Outcome,
    context::Context,
    failure::Exit,
};

pub(super) fn run(context: &Context, args: &ExportFlagsArgs) -> Outcome {
    let state = State::find(context, &args.state)?;
    let exported = export(&state.document);
    for note in &exported.notes {
        context.out.warn(&format!("`{}`: {}", note.flag, note.what));
    }
    match args.format {
        FlagFormat::Json => context.out.data(&format!("{:#}\n", exported.file))?,
        FlagFormat::Yaml => context.out.data(&towpath_core::config::yaml_text(&exported.file))?,
    }
    Ok(Exit::Done)
}
