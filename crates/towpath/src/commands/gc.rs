//! `towpath gc`: removes what nobody needs any more.

use towpath_server::api::types::{CollectGarbage, GarbageView};

use super::Outcome;
use crate::{
    cli::GcArgs,
    context::Context,
    failure::Exit,
    output::Paint,
    words::{count, short, size},
};

pub(crate) async fn run(context: &Context, args: GcArgs) -> Outcome {
    let client = context.client()?;
    let mut garbage = client.collect(&CollectGarbage { dry_run: true, listing: None }).await?;
    if !args.dry_run && (!garbage.blobs.is_empty() || !garbage.files.is_empty()) {
        // What is removed is what was listed, or nothing.
        let body = CollectGarbage { dry_run: false, listing: Some(garbage.listing) };
        garbage = client.collect(&body).await?;
    }
    context.out.show(&garbage, |paint| text(&garbage, paint))?;
    Ok(Exit::Done)
}

fn text(garbage: &GarbageView, paint: Paint) -> String {
    let mut text = String::new();
    for file in &garbage.files {
        text += &format!("  {} .towpath/{}, {}\n", paint.red("-"), file.path, size(file.bytes));
    }
    for blob in &garbage.blobs {
        text += &format!("  {} blob {}, {}\n", paint.red("-"), short(&blob.digest), size(blob.bytes));
    }
    let bytes = |all: u64, one: u64| all.saturating_add(one);
    let sum =
        garbage.files.iter().map(|file| file.bytes).chain(garbage.blobs.iter().map(|blob| blob.bytes)).fold(0, bytes);
    let verb = if garbage.removed { "removed" } else { "nobody needs" };
    let files = garbage.files.len();
    if text.is_empty() {
        return "there is nothing that nobody needs\n".to_owned();
    }
    format!("{text}{verb} {files} on disk and {}, {}\n", count(garbage.blobs.len() as u64, "blob"), size(sum))
}
