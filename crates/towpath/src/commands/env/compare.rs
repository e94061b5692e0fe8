//! `towpath env diff`: environments beside each other.

use std::collections::BTreeMap;

use serde_json::json;
use towpath_core::{
    config::{Comparison, ResolvedEnvironment, compare},
    ids::EnvironmentName,
};

use super::{resolve, which};
use crate::{
    cli::LayerArgs,
    commands::Outcome,
    context::Context,
    failure::{Exit, Failure},
    folder::ProjectFolder,
    output::{Paint, Table},
};

pub(super) fn run(context: &Context, folder: &ProjectFolder, names: &[String], full: bool, offline: bool) -> Outcome {
    let loaded = folder.load()?;
    let all: Vec<String> = loaded.environments().map(ToString::to_string).collect();
    let names = if names.is_empty() { &all } else { names };
    if names.len() < 2 {
        return Err(Failure::usage("a comparison needs two environments").next("towpath env diff staging production"));
    }
    let layers = LayerArgs { offline, ..LayerArgs::default() };
    let one = |name: &String| resolve(context, &loaded, &which(context, &loaded, Some(name))?, &layers);
    let resolved: Vec<ResolvedEnvironment> = names.iter().map(one).collect::<Result<_, _>>()?;
    let comparison = compare(&resolved.iter().collect::<Vec<_>>());
    let value = comparison_json(&comparison, full);
    context.out.show(&value, |paint| comparison_text(&comparison, full, paint))?;
    Ok(if comparison.rows.iter().all(|row| row.same) { Exit::Done } else { Exit::Difference })
}

fn comparison_json(comparison: &Comparison, full: bool) -> serde_json::Value {
    let rows = comparison.rows.iter().filter(|row| full || !row.same).map(|row| {
        let names = comparison.environments.iter().map(ToString::to_string);
        let values: BTreeMap<String, &Option<String>> = names.zip(&row.values).collect();
        json!({ "key": row.key, "same": row.same, "secret": row.secret, "values": values })
    });
    json!({
        "environments": comparison.environments,
        "parityPercent": comparison.parity_percent(),
        "rows": rows.collect::<Vec<_>>(),
    })
}

fn comparison_text(comparison: &Comparison, full: bool, paint: Paint) -> String {
    let mut head = vec!["KEY"];
    head.extend(comparison.environments.iter().map(EnvironmentName::as_str));
    let mut table = Table::new(&head);
    for row in comparison.rows.iter().filter(|row| full || !row.same) {
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| paint.dim("–"));
        let key = if row.same { row.key.clone() } else { paint.yellow(&row.key) };
        table.row(std::iter::once(key).chain(row.values.iter().map(shown)).collect());
    }
    let differ = comparison.rows.iter().filter(|row| !row.same).count();
    let rows = if table.is_empty() { String::new() } else { table.text(paint) + "\n" };
    format!("{rows}{differ} of {} keys differ; parity {} %\n", comparison.rows.len(), comparison.parity_percent())
}
