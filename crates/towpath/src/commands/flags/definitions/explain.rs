//! `towpath flags explain`: who set what of a flag.

use serde::Serialize;
use towpath_core::config::{Data, SourceSet, Value, detect};

use super::state::State;
use crate::{
    cli::ShowFlagArgs,
    commands::Outcome,
    context::Context,
    failure::{Exit, Failure},
    output::{Paint, Table},
};

/// One property with everybody who set it, the one that holds first.
#[derive(Debug, Serialize)]
struct Explained {
    property: String,
    layers: Vec<Layer>,
}

#[derive(Debug, Serialize)]
struct Layer {
    /// `None` where it was taken away.
    value: Option<serde_json::Value>,
    place: String,
}

pub(super) fn run(context: &Context, args: &ShowFlagArgs) -> Outcome {
    if args.state.file.is_some() {
        return Err(Failure::usage("one file has no layers to explain").next("leave out --file"));
    }
    let loaded = context.folder()?.load()?;
    let detected = detect(args.state.env.as_deref(), &Context::process_environment());
    let name = loaded
        .find_detected(&detected)
        .map_err(|error| Failure::new(Exit::Usage, "not_found", error.to_string()).next("towpath env list"))?;
    let state = State::of_environment(context, Some(name.as_str()), args.state.files)?;
    let key = args.key.as_str();
    let found = loaded.flag_value(name.as_str(), key);
    let served = state.document.flags.get(key).map(serde_json::to_value).and_then(Result::ok);
    if found.is_none() && served.is_none() {
        return Err(state.no_flag(key));
    }
    let mut properties = Vec::new();
    if let Some(flag) = &found {
        explain(flag, loaded.sources(), &mut properties);
    }
    if let Some(served) = served.filter(|_| state.sources.files().next().is_none()) {
        differences(&served, &state.from, &mut properties);
    }
    context.out.list(&properties, |paint| properties.iter().map(|one| text(one, paint)).collect())?;
    Ok(Exit::Done)
}

/// Collects the properties of a flag; of what is laid over by members, each member.
fn explain(flag: &Value, sources: &SourceSet, properties: &mut Vec<Explained>) {
    for (name, member) in flag.as_map().into_iter().flatten() {
        match &member.value.data {
            Data::Map(members) if ["variants", "metadata", "towpath"].contains(&name.as_ref()) => {
                for (inside, member) in members {
                    properties.push(layers(format!("{name}.{inside}"), &member.value, sources));
                }
            }
            Data::Map(_) | Data::List(_) | Data::Scalar(_) | Data::Removed => {
                properties.push(layers(name.to_string(), &member.value, sources));
            }
        }
    }
}

fn layers(property: String, value: &Value, sources: &SourceSet) -> Explained {
    let layer = |value: &Value| Layer {
        value: (!value.is_removed()).then(|| value.to_json()),
        place: sources.place(value.origin),
    };
    Explained { property, layers: std::iter::once(value).chain(&value.shadowed).map(layer).collect() }
}

/// Puts what the environment serves before what the files say, where that is something else.
fn differences(served: &serde_json::Value, from: &str, properties: &mut Vec<Explained>) {
    let property = |path: &str| {
        path.split_once('.')
            .map_or_else(|| served.get(path), |(outer, inner)| served.get(outer).and_then(|outer| outer.get(inner)))
    };
    let mut known: Vec<String> = properties.iter().map(|one| one.property.clone()).collect();
    for (name, value) in served.as_object().into_iter().flatten() {
        let by_member = ["variants", "metadata", "towpath"].contains(&name.as_str());
        match value.as_object().filter(|_| by_member) {
            Some(members) => known.extend(members.keys().map(|inner| format!("{name}.{inner}"))),
            None => known.push(name.clone()),
        }
    }
    known.sort();
    known.dedup();
    for path in known {
        let now = property(&path).cloned();
        match properties.iter_mut().find(|one| one.property == path) {
            Some(one) if one.layers.first().is_some_and(|first| first.value != now) => {
                one.layers.insert(0, Layer { value: now, place: from.to_owned() });
            }
            Some(_) => {}
            // What nobody wrote is a default.
            None if path == "state" => {}
            None => properties
                .push(Explained { property: path, layers: vec![Layer { value: now, place: from.to_owned() }] }),
        }
    }
}

fn text(one: &Explained, paint: Paint) -> String {
    let shown = |layer: &Layer| layer.value.as_ref().map_or_else(|| "(removed)".to_owned(), ToString::to_string);
    let mut table = Table::new(&[]);
    for (index, layer) in one.layers.iter().enumerate() {
        let value = shown(layer);
        let (mark, value) = if index == 0 { ("  =", value) } else { ("   ", paint.dim(&value)) };
        table.row(vec![mark.to_owned(), value, paint.dim(&layer.place)]);
    }
    format!("{}\n{}", paint.bold(&one.property), table.text(paint))
}
