//! `towpath demo`: the whole road once, with a real server, real processes and real requests. Nothing is staged: every
//! number is measured while it plays, and it fails if anything of it did not happen.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::Args;
use serde_json::json;

use crate::{
    commands::Outcome,
    context::Context,
    failure::{Exit, Failure},
    words::count,
};

mod load;
mod project;
mod server;
mod sink;
mod stage;
mod story;

/// The demo is to end within this time.
const PATIENCE: Duration = Duration::from_secs(90);

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Leaves everything running in its folder, and says where.
    #[arg(long)]
    pub keep: bool,
}

/// Plays the demo.
pub(crate) fn run(context: &Context, args: &DemoArgs) -> Outcome {
    let began = Instant::now();
    let folder = temporary()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(Exit::Failed, "runtime", "cannot start").because(&error))?;
    let mut stage = stage::Stage::new(context, folder.clone(), began);
    let played = runtime.block_on(async {
        tokio::select! {
            played = story::play(&mut stage) => Some(played),
            () = tokio::time::sleep(PATIENCE) => {
                Some(Err(stage::missed("the demo did not end in time", "90 s are more than it needs; is this machine busy?")))
            }
            _ = tokio::signal::ctrl_c() => None,
        }
    });
    let keep = args.keep && matches!(played, Some(Ok(_)));
    let url = stage.url();
    if keep {
        stage.leave();
    } else {
        context.out.progress("cleaning up");
        stage.stop();
        // What is left in a temporary folder does no harm.
        let _ = fs::remove_dir_all(&folder);
    }
    drop(runtime);
    match played {
        None => Ok(Exit::Interrupted),
        Some(Err(failure)) => Err(failure),
        Some(Ok(summary)) => {
            let took = began.elapsed();
            let value = json!({
                "summary": summary,
                "tookMs": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                "kept": keep.then(|| folder.display().to_string()),
                "url": if keep { url.clone() } else { None },
            });
            context.out.show(&value, |paint| {
                let where_ = if keep {
                    let url = url.unwrap_or_default();
                    let folder = folder.display();
                    format!("it goes on at {url}, in {folder}\n  towpath -C {folder} status\n  towpath -C {folder} down --stop-instances --confirm production\n")
                } else {
                    String::new()
                };
                format!("{} all of it happened, in {}\n{where_}", paint.green("ok"), count(took.as_secs(), "second"))
            })?;
            Ok(Exit::Done)
        }
    }
}

/// Makes a folder that nobody else can enter.
fn temporary() -> Result<PathBuf, Failure> {
    let name = format!("towpath-demo-{}", hex::encode(crate::server::files::random::<6>()?));
    let folder = std::env::temp_dir().join(name);
    crate::server::files::private_folder(&folder)?;
    Ok(folder)
}
