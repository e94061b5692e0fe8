//! `towpath secrets file-status`: what a file says of itself without a key.

use serde::Serialize;
use towpath_secrets::sops::{File, SopsError};

use super::{keyring::shown, place};
use crate::{cli::FileStatusArgs, commands::Outcome, context::Context, failure::Exit, words::count};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct View {
    file: String,
    encrypted: bool,
    format: &'static str,
    last_modified: Option<String>,
    version: Option<String>,
    /// The keys of each group.
    groups: Vec<Vec<String>>,
    needed: usize,
    names: Vec<String>,
}

pub(super) fn run(context: &Context, args: &FileStatusArgs) -> Outcome {
    let input = place::read(&args.file.file, args.file.input_type.as_deref(), None)?;
    let file = match File::parse(&input.bytes, input.format) {
        Ok(file) => Some(file),
        Err(SopsError::NotEncrypted) => None,
        Err(error) => return Err(place::wrong(&input.name, &error)),
    };
    let metadata = file.as_ref().map(File::metadata);
    let keys = |group: &towpath_secrets::sops::KeyGroup| group.keys.iter().map(shown).collect();
    let view = View {
        encrypted: metadata.is_some(),
        format: input.format.word(),
        last_modified: metadata.map(|metadata| metadata.last_modified.clone()),
        version: metadata.and_then(|metadata| metadata.version.clone()),
        groups: metadata.map(|metadata| metadata.groups.iter().map(keys).collect()).unwrap_or_default(),
        needed: metadata.map_or(0, towpath_secrets::sops::Metadata::needed),
        names: file
            .iter()
            .flat_map(File::names)
            .filter(|name| name.encrypted)
            .map(|name| name.path.to_string())
            .collect(),
        file: input.name,
    };
    context.out.show(&view, |_| text(&view))?;
    Ok(Exit::Done)
}

fn text(view: &View) -> String {
    if !view.encrypted {
        return format!("{} is not encrypted\n", view.file);
    }
    let when = view.last_modified.as_deref().unwrap_or("an unknown time");
    let mut text = format!("{}: {} encrypted, last at {when}\n", view.file, count(view.names.len() as u64, "value"));
    if view.groups.len() > 1 {
        text += &format!("  {} of {} groups of keys are needed\n", view.needed, view.groups.len());
    }
    for (index, group) in view.groups.iter().enumerate() {
        if view.groups.len() > 1 {
            text += &format!("  group {}\n", index + 1);
        }
        text.extend(group.iter().map(|key| format!("  {key}\n")));
    }
    text
}
