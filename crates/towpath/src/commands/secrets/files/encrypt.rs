//! `towpath secrets encrypt`.

use towpath_secrets::sops::{self, Creation, Format};

use super::{
    ENTROPY, now,
    place::{self, CIPHERTEXT_MODE, Delivery},
    rules,
    transit::Vault,
};
use crate::{
    cli::EncryptArgs,
    commands::Outcome,
    context::Context,
    failure::{Exit, Failure},
};

pub(super) fn run(context: &Context, args: &EncryptArgs) -> Outcome {
    let named = args.creation.filename_override.as_deref();
    let input = place::read(&args.file.file, args.file.input_type.as_deref(), named)?;
    let delivery = Delivery::of(&input, &args.result)?;
    let creation = rules::creation(context, &args.file.file, &args.creation)?;
    let bytes = encrypted(&input.name, &input.bytes, input.format, &creation)?;
    delivery.write(&bytes, CIPHERTEXT_MODE)?;
    delivery.tell(context, &format!("encrypted {} for {}", input.name, people(&creation)));
    Ok(Exit::Done)
}

/// Encrypts a text as a new file.
pub(super) fn encrypted(name: &str, text: &[u8], format: Format, creation: &Creation) -> Result<Vec<u8>, Failure> {
    sops::encrypt(text, format, creation, &Vault::of_environment(), now(), &ENTROPY)
        .map_err(|error| place::wrong(name, &error).kept("nothing was encrypted"))
}

fn people(creation: &Creation) -> String {
    let keys: usize = creation.groups.iter().map(|group| group.keys.len()).sum();
    let keys = crate::words::count(keys as u64, "key");
    match creation.groups.len() {
        0 | 1 => keys,
        groups => format!("{keys} in {groups} groups, {} of which are needed", creation.threshold.unwrap_or(groups)),
    }
}
