//! `towpath up` and `towpath down`.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use towpath_core::project::Tier;

use super::Outcome;
use crate::{
    cli::{DownArgs, UpArgs},
    context::Context,
    failure::{Exit, Failure},
    server::{self, lock::Lock},
};

/// How long a server may take to stop in good order.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn up(context: &Context, args: &UpArgs) -> Outcome {
    server::serve(context, args)?;
    Ok(Exit::Done)
}

pub(crate) fn down(context: &Context, args: &DownArgs) -> Outcome {
    let folder = context.folder()?;
    let data = folder.data();
    if !data.is_dir() {
        return nothing_runs(context);
    }
    if args.stop_instances {
        let (project, _) = folder.load()?.project();
        let policies = project.into_iter().flat_map(|project| project.environments);
        let production = policies.into_iter().find(|(_, policy)| policy.tier == Tier::Production);
        if let Some((name, _)) = production {
            let tier = towpath_server::api::types::Tier::Production;
            context.confirmation(name.as_str(), tier, "stopping every instance, those of production too")?;
        }
    }
    let deadline = Instant::now() + PATIENCE;
    let mut told = None;
    let lock = loop {
        let holder = match Lock::take(&data)? {
            Ok(lock) => break lock,
            Err(holder) => holder,
        };
        // A server that is just starting has not noted its number yet.
        if let (None, Some(pid)) = (told, holder.pid) {
            terminate(pid)?;
            told = Some(pid);
            context.out.progress(&format!("stopping process {pid}"));
        }
        if Instant::now() >= deadline {
            return Err(Failure::new(Exit::Failed, "still_running", "the server does not stop")
                .fact("pid", holder.pid.map_or_else(|| "unknown".to_owned(), |pid| pid.to_string()))
                .kept("it was told to stop and goes on stopping"));
        }
        sleep(Duration::from_millis(20));
    };
    if args.stop_instances {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::new(Exit::Failed, "runtime", "cannot start").because(&error))?;
        runtime.block_on(server::stop_instances(data, folder.root().to_owned()))?;
    }
    drop(lock);
    if told.is_none() && !args.stop_instances {
        return nothing_runs(context);
    }
    let value = json!({ "stopped": told, "instancesStopped": args.stop_instances });
    context.out.show(&value, |_| {
        let instances = if args.stop_instances { "instances are stopped" } else { "instances go on" };
        match told {
            Some(pid) => format!("the server (process {pid}) is stopped; {instances}\n"),
            None => format!("no server ran; {instances}\n"),
        }
    })?;
    Ok(Exit::Done)
}

fn nothing_runs(context: &Context) -> Outcome {
    context.out.show(&json!({ "stopped": null, "instancesStopped": false }), |_| "no server runs\n".to_owned())?;
    Ok(Exit::Done)
}

fn terminate(pid: u32) -> Result<(), Failure> {
    let process = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let told = process.map_or(Ok(()), |process| kill_process(process, Signal::TERM));
    match told {
        // It has ended meanwhile.
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(Failure::new(Exit::Failed, "not_stopped", format!("cannot stop process {pid}"))
            .because(&std::io::Error::from(error))
            .next("stop it as the user who started it")),
    }
}
