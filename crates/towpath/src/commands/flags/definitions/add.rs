//! `towpath flags add`: a file with a new flag.

use std::fs;

use serde_json::{Map, Value, json};
use towpath_core::{
    config::{FLAG_FOLDER, yaml_text},
    flags::{FlagDefinition, FlagKey, FlagNotes, FlagState},
};

use crate::{
    cli::{AddFlagArgs, FlagType},
    commands::Outcome,
    context::Context,
    failure::{Exit, Failure},
    folder::unwritable,
};

pub(super) fn run(context: &Context, args: &AddFlagArgs) -> Outcome {
    let key = FlagKey::new(&args.key).map_err(|error| Failure::of(Exit::Usage, "key", &error))?;
    let folder = context.folder()?;
    let loaded = folder.load()?;
    if let Some((_, label)) = loaded.flag_keys().find(|(known, _)| *known == key.as_str()) {
        let place = loaded.sources().place(label);
        let failure =
            Failure::new(Exit::Usage, "flag_exists", format!("the flag `{key}` is there already, at {place}"));
        return Err(failure.kept("nothing was changed").next(format!("towpath flags show {key}")));
    }
    let path = format!("{FLAG_FOLDER}/{}.yaml", file_name(&key));
    let file = folder.root().join(&path);
    if file.exists() {
        let failure = Failure::new(Exit::Usage, "file_exists", format!("`{path}` is there already, without the flag"));
        return Err(failure.kept("nothing was changed").next(format!("write the flag `{key}` into it")));
    }
    let mut flags = Map::new();
    flags.insert(key.to_string(), json!(definition(args)));
    let text = yaml_text(&json!({ "flags": flags }));
    let made = file.parent().map_or(Ok(()), fs::create_dir_all);
    made.and_then(|()| fs::write(&file, text)).map_err(|error| unwritable(&file, &error))?;
    context.out.show(&json!({ "key": key, "written": path }), |paint| format!("{} {path}\n", paint.green("wrote")))?;
    context.out.next(&format!("towpath flags eval {key} --context '{{\"targetingKey\": \"user-1\"}}'"));
    Ok(Exit::Done)
}

/// Returns a name for the file of a flag; keys may be anything.
fn file_name(key: &FlagKey) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' };
    let name: String = key.as_str().chars().take(100).map(plain).collect();
    if name.trim_matches('-').is_empty() { "flag".to_owned() } else { name }
}

fn definition(args: &AddFlagArgs) -> FlagDefinition {
    let (variants, default) = match args.kind {
        FlagType::Boolean => (json!({ "on": true, "off": false }), "off"),
        FlagType::String => (json!({ "first": "first", "second": "second" }), "first"),
        FlagType::Number => (json!({ "low": 1, "high": 10 }), "low"),
        FlagType::Object => (json!({ "none": {} }), "none"),
    };
    let variants = match variants {
        Value::Object(variants) => variants,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    };
    FlagDefinition {
        state: FlagState::Enabled,
        variants,
        default_variant: Some(default.to_owned()),
        targeting: None,
        metadata: Map::new(),
        towpath: FlagNotes {
            description: args.description.clone(),
            owner: args.owner.clone(),
            expires: args.expires,
            permanent: args.permanent,
            tags: args.tag.clone(),
            ..FlagNotes::default()
        },
    }
}
