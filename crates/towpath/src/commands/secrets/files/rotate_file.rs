//! `towpath secrets rotate-file`: a new data key, and other keys that open it where that is asked for.

use towpath_secrets::sops::{Creation, KeyGroup, MasterKey};

use super::{
    ENTROPY, now, open,
    place::{self, CIPHERTEXT_MODE},
    rules,
    transit::Vault,
    update_keys::{change, tell},
};
use crate::{
    cli::RotateFileArgs,
    commands::Outcome,
    context::Context,
    failure::{Exit, Failure},
};

pub(super) fn run(context: &Context, args: &RotateFileArgs) -> Outcome {
    let all = |age: &[String], vault: &[String]| -> Result<Vec<MasterKey>, Failure> {
        let age = age.iter().map(|text| rules::age_key(text.trim()));
        age.chain(vault.iter().map(|uri| rules::vault_key(uri))).collect()
    };
    let added = all(&args.add_age, &args.add_hc_vault_transit)?;
    let removed = all(&args.rm_age, &args.rm_hc_vault_transit)?;
    for path in &args.files {
        let opened = open(context, place::read(path, args.input_type.as_deref(), None)?)?;
        let name = opened.input.name.as_str();
        let metadata = opened.file.metadata();
        let groups = changed(name, &metadata.groups, &added, &removed)?;
        let creation = Creation { groups, threshold: metadata.threshold, ..Creation::default() };
        let change = change(name, &opened.file, &creation.groups, creation.threshold);
        let vault = Vault::of_environment();
        let rotated =
            opened.file.rotate_for(&opened.key, &creation.groups, creation.threshold, &vault, now(), &ENTROPY);
        let bytes = rotated.map_err(|error| place::wrong(name, &error).kept("the file as it was"))?;
        match &opened.input.path {
            Some(path) => place::replace(path, &bytes, CIPHERTEXT_MODE)?,
            None => place::print(&bytes)?,
        }
        context.out.progress(&format!("{name} has a new data key"));
        if !change.is_none() {
            tell(context, &change);
        }
    }
    Ok(Exit::Done)
}

/// Returns the groups with some keys more in the first, and some fewer in all.
fn changed(
    name: &str,
    groups: &[KeyGroup],
    added: &[MasterKey],
    removed: &[MasterKey],
) -> Result<Vec<KeyGroup>, Failure> {
    let mut groups = groups.to_vec();
    for key in removed {
        let before: usize = groups.iter().map(|group| group.keys.len()).sum();
        for group in &mut groups {
            group.keys.retain(|other| !other.is_same(key));
        }
        if groups.iter().map(|group| group.keys.len()).sum::<usize>() == before {
            let message = format!("`{}` is no key of {name}", key.name());
            return Err(Failure::new(Exit::Usage, "not_found", message)
                .kept("nothing was changed")
                .next(format!("towpath secrets file-status {name}")));
        }
    }
    if let Some(first) = groups.first_mut() {
        let new = added.iter().filter(|key| !first.keys.iter().any(|other| other.is_same(key))).cloned();
        let new: Vec<_> = new.collect();
        first.keys.extend(new);
    }
    if groups.iter().any(|group| group.keys.is_empty()) {
        let message = format!("nobody could open {name} any more, or not enough groups");
        return Err(Failure::usage(message).kept("nothing was changed").next("add a key with --add-age"));
    }
    Ok(groups)
}
