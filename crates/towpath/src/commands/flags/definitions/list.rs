//! `towpath flags list` and `show`.

use serde_json::{Value, json};
use towpath_core::{
    config::yaml_text,
    flags::{FlagDefinition, FlagKey, FlagState},
};

use super::state::State;
use crate::{
    cli::{ListFlagsArgs, ShowFlagArgs, StateArgs},
    commands::Outcome,
    context::Context,
    failure::Exit,
    output::{Paint, Table},
};

pub(super) fn list(context: &Context, args: &ListFlagsArgs) -> Outcome {
    let env = args.which.given().map(str::to_owned);
    let state = State::find(context, &StateArgs { env, file: None, files: args.files })?;
    let wanted = |flag: &FlagDefinition| {
        let tagged = args.tag.as_ref().is_none_or(|tag| flag.towpath.tags.contains(tag));
        tagged && (args.owner.is_none() || flag.towpath.owner == args.owner)
    };
    let flags: Vec<(&FlagKey, &FlagDefinition)> =
        state.document.flags.iter().filter(|(_, flag)| wanted(flag)).collect();
    let items: Vec<Value> = flags.iter().map(|(key, flag)| item(key, flag)).collect();
    context.out.list(&items, |paint| {
        let mut table = Table::new(&["FLAG", "STATE", "TYPE", "DEFAULT", "RULE", "OWNER", "EXPIRES", "TAGS"]);
        for (key, flag) in &flags {
            table.row(row(key, flag, paint));
        }
        if table.is_empty() { "no flags\n".to_owned() } else { table.text(paint) }
    })?;
    if state.document.flags.is_empty() {
        context.out.next("towpath flags add new-checkout");
    }
    Ok(Exit::Done)
}

fn item(key: &FlagKey, flag: &FlagDefinition) -> Value {
    json!({
        "key": key,
        "state": flag.state,
        "type": kind(flag),
        "variants": flag.variants,
        "defaultVariant": flag.default_variant,
        "targeted": has_rule(flag),
        "towpath": flag.towpath,
    })
}

fn row(key: &FlagKey, flag: &FlagDefinition, paint: Paint) -> Vec<String> {
    let notes = &flag.towpath;
    vec![
        paint.bold(key.as_str()),
        match flag.state {
            FlagState::Enabled => paint.green("enabled"),
            FlagState::Disabled => paint.dim("disabled"),
        },
        kind(flag).to_owned(),
        flag.default_variant.clone().unwrap_or_else(|| "(of the code)".to_owned()),
        if has_rule(flag) { "yes".to_owned() } else { String::new() },
        notes.owner.clone().unwrap_or_default(),
        match notes.expires {
            Some(day) => day.to_string(),
            None if notes.permanent => "never".to_owned(),
            None => String::new(),
        },
        notes.tags.join(", "),
    ]
}

fn has_rule(flag: &FlagDefinition) -> bool {
    flag.targeting.as_ref().is_some_and(|rule| *rule != json!({}) && !rule.is_null())
}

/// Returns what the variants of a flag are.
pub(super) fn kind(flag: &FlagDefinition) -> &'static str {
    match flag.variants.values().next() {
        Some(Value::Bool(_)) => "boolean",
        Some(Value::String(_)) => "string",
        Some(Value::Number(_)) => "number",
        Some(Value::Object(_) | Value::Array(_)) => "object",
        Some(Value::Null) | None => "none",
    }
}

pub(super) fn show(context: &Context, args: &ShowFlagArgs) -> Outcome {
    let state = State::find(context, &args.state)?;
    let flag = state.document.flags.get(args.key.as_str()).ok_or_else(|| state.no_flag(&args.key))?;
    let value = json!({ "key": args.key, "flag": flag });
    context.out.show(&value, |_| {
        let mut whole = serde_json::Map::new();
        whole.insert(args.key.clone(), json!(flag));
        yaml_text(&Value::Object(whole))
    })?;
    Ok(Exit::Done)
}
