//! `towpath secrets update-keys`: who can open files, as `.sops.yaml` says now.

use serde::Serialize;
use towpath_secrets::sops::{Creation, File, KeyGroup, Metadata};

use super::{
    ENTROPY, Opened,
    keyring::shown,
    now, open,
    place::{self, CIPHERTEXT_MODE},
    rules,
    transit::Vault,
};
use crate::{
    cli::UpdateKeysArgs,
    commands::Outcome,
    context::Context,
    failure::{Exit, Failure},
};

/// What changes for a file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Change {
    pub(super) file: String,
    pub(super) added: Vec<String>,
    pub(super) removed: Vec<String>,
    /// Whether the groups or their threshold change.
    pub(super) regrouped: bool,
    /// The values that somebody knows who can open the file no more.
    pub(super) rotate: Vec<String>,
}

pub(super) fn run(context: &Context, args: &UpdateKeysArgs) -> Outcome {
    let mut planned = Vec::new();
    for path in &args.files {
        let input = place::read(path, args.input_type.as_deref(), None)?;
        let file = File::parse(&input.bytes, input.format).map_err(|error| place::wrong(&input.name, &error))?;
        let found = rules::find(context, path, args.config.as_deref())?;
        let rule = found.as_ref().and_then(|found| found.rule_for(path)).ok_or_else(|| {
            Failure::new(Exit::Failed, "no_rule", format!("no rule of a .sops.yaml is for `{}`", input.name))
                .kept("nothing was changed")
                .next("add a rule whose `path_regex` matches")
        })?;
        let creation = rules::of_rule(rule, path)?;
        let change = change(&input.name, &file, &creation.groups, creation.threshold);
        planned.push((input, creation, change));
    }
    let changes: Vec<&Change> = planned.iter().map(|(_, _, change)| change).collect();
    context.out.list(&changes, |_| changes.iter().map(|change| change.text()).collect())?;
    let to_do = planned.iter().filter(|(_, _, change)| !change.is_none()).count();
    if args.dry_run || to_do == 0 {
        return Ok(if to_do == 0 { Exit::Done } else { Exit::Difference });
    }
    confirm(context)?;
    for (input, creation, change) in planned {
        if change.is_none() {
            continue;
        }
        let opened = open(context, input)?;
        apply(&opened, &creation, &change)?;
        tell(context, &change);
    }
    Ok(Exit::Done)
}

fn confirm(context: &Context) -> Result<(), Failure> {
    if context.globals.yes {
        return Ok(());
    }
    let refused =
        || Failure::new(Exit::Refused, "not_confirmed", "the change was not confirmed").kept("nothing was changed");
    if !context.is_interactive() {
        return Err(refused().next("add --yes"));
    }
    let answer = context.ask("Change who can open them? (y/n)", "n")?;
    if answer.to_ascii_lowercase().starts_with('y') { Ok(()) } else { Err(refused()) }
}

/// Returns what other keys would change.
pub(super) fn change(name: &str, file: &File, groups: &[KeyGroup], threshold: Option<usize>) -> Change {
    let metadata = file.metadata();
    let mut wanted = metadata.clone();
    (wanted.groups, wanted.threshold) = (groups.to_vec(), threshold);
    let missing = |in_: &Metadata, of: &Metadata| -> Vec<String> {
        of.keys().filter(|key| !in_.keys().any(|other| other.is_same(key))).map(shown).collect()
    };
    let (added, removed) = (missing(metadata, &wanted), missing(&wanted, metadata));
    let same_groups = metadata.groups.len() == wanted.groups.len()
        && metadata.needed() == wanted.needed()
        && metadata.groups.iter().zip(&wanted.groups).all(|(a, b)| {
            a.keys.len() == b.keys.len() && a.keys.iter().all(|key| b.keys.iter().any(|other| other.is_same(key)))
        });
    let regrouped = !same_groups && added.is_empty() && removed.is_empty();
    let known = || file.names().into_iter().filter(|name| name.encrypted).map(|name| name.path.to_string()).collect();
    let rotate = if removed.is_empty() { Vec::new() } else { known() };
    Change { file: name.to_owned(), added, removed, regrouped, rotate }
}

/// Writes the file for other keys. Whom one takes away had the data key, so the file gets another.
pub(super) fn apply(opened: &Opened, creation: &Creation, change: &Change) -> Result<(), Failure> {
    let (key, vault) = (&opened.key, Vault::of_environment());
    let result = if change.removed.is_empty() {
        opened.file.update_keys(key, &creation.groups, creation.threshold, &vault, now(), &ENTROPY)
    } else {
        opened.file.rotate_for(key, &creation.groups, creation.threshold, &vault, now(), &ENTROPY)
    };
    let name = &opened.input.name;
    let bytes = result.map_err(|error| place::wrong(name, &error).kept("the file as it was"))?;
    match &opened.input.path {
        Some(path) => place::replace(path, &bytes, CIPHERTEXT_MODE),
        None => place::print(&bytes),
    }
}

/// Says what was done, and what is left to do.
pub(super) fn tell(context: &Context, change: &Change) {
    context.out.progress(&format!("changed who can open {}", change.file));
    if change.removed.is_empty() {
        return;
    }
    context.out.warn(&format!(
        "{} can open {} no more, but knows every value it had, and whoever has an old copy can still open that: give these new values",
        change.removed.join(", "),
        change.file
    ));
    for name in &change.rotate {
        context.out.warn(&format!("rotate {name}"));
    }
}

impl Change {
    pub(super) fn is_none(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && !self.regrouped
    }

    fn text(&self) -> String {
        let mut text = format!("{}{}\n", self.file, if self.is_none() { ": as the rules say" } else { "" });
        text.extend(self.added.iter().map(|key| format!("  + {key}\n")));
        text.extend(self.removed.iter().map(|key| format!("  - {key}\n")));
        if self.regrouped {
            text += "  ~ the groups of keys\n";
        }
        text
    }
}
