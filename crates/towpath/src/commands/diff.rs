//! What changes, as people read it: `+` comes, `~` changes, `-` goes.

use towpath_server::api::types::{Change, Diff, FieldChange, RevisionRef};

use crate::{
    output::Paint,
    words::{count, short},
};

/// Returns what changes.
pub(crate) fn diff_text(diff: &Diff, paint: Paint) -> String {
    let name = |of: &RevisionRef| format!("r{} {}", of.release, of.version);
    let from = diff.from.as_ref().map_or_else(|| "nothing".to_owned(), name);
    let mut text = format!("  {from} -> {}\n", paint.bold(&name(&diff.to)));
    if diff.empty {
        return text + "  nothing changes\n";
    }
    if diff.configuration_only {
        text += "  only configuration changes\n";
    }
    for said in &diff.overlay {
        let said_of = |value: &Option<String>| value.clone().unwrap_or_else(|| "(not set)".to_owned());
        let (before, after) = (said_of(&said.before), said_of(&said.after));
        text += &format!("  {} live overlay {}  {before} -> {after}\n", mark(Change::Changed, paint), said.field);
    }
    for artifact in &diff.artifacts {
        let digest = |digest: &Option<String>| digest.as_deref().map_or("–", short).to_owned();
        text += &format!(
            "  {} artifact {}  {} -> {}  (+{} ~{} -{} files)\n",
            mark(artifact.change, paint),
            artifact.name,
            digest(&artifact.before),
            digest(&artifact.after),
            artifact.files_added,
            artifact.files_changed,
            artifact.files_removed,
        );
        artifact.files.iter().for_each(|file| text += &format!("      {file}\n"));
        let all = artifact.files_added + artifact.files_changed + artifact.files_removed;
        let more = all.saturating_sub(artifact.files.len() as u64);
        if more > 0 {
            text += &format!("      and {}\n", count(more, "more file"));
        }
    }
    for service in &diff.services {
        text += &format!("  {} service {}\n", mark(service.change, paint), service.service);
        text += &fields(&service.fields, "    ", paint);
        for variable in &service.variables {
            let value = |value: &Option<String>| match value {
                Some(value) => value.clone(),
                None if variable.secret => "(secret)".to_owned(),
                None => "–".to_owned(),
            };
            let (before, after) = (value(&variable.before), value(&variable.after));
            text += &match variable.change {
                Change::Added => format!("    {} {} = {after}\n", mark(variable.change, paint), variable.name),
                Change::Removed => format!("    {} {} = {before}\n", mark(variable.change, paint), variable.name),
                Change::Changed => {
                    format!("    {} {}  {before} -> {after}\n", mark(variable.change, paint), variable.name)
                }
            };
        }
    }
    text + &fields(&diff.deployment, "  ", paint)
}

fn fields(fields: &[FieldChange], indent: &str, paint: Paint) -> String {
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "–".to_owned());
    let lines = fields.iter().map(|field| {
        let (before, after) = (value(&field.before), value(&field.after));
        format!("{indent}{} {}  {before} -> {after}\n", mark(Change::Changed, paint), field.field)
    });
    lines.collect()
}

fn mark(change: Change, paint: Paint) -> String {
    match change {
        Change::Added => paint.green("+"),
        Change::Changed => paint.yellow("~"),
        Change::Removed => paint.red("-"),
    }
}
