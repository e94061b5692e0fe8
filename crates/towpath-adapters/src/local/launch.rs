//! Starting the process of an instance.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use towpath_core::instance::{Environment, InstanceId, InstanceSet};
use towpath_engine::ports::TargetError;

use super::{
    artifacts::{ArtifactError, is_full},
    environment::{self, ExpandError},
    logs,
    registry::Registry,
    state::{self, Record},
};
use crate::{
    command::{ProgramError, find_program},
    process::{self, Leader},
};

/// Why an instance could not be started.
#[derive(Debug, thiserror::Error)]
pub(super) enum LaunchError {
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    #[error(transparent)]
    Expand(#[from] ExpandError),
    #[error(transparent)]
    Program(#[from] ProgramError),
    #[error("there is no folder `{}` to run it in", .0.display())]
    Directory(PathBuf),
    #[error(
        "`{program}` cannot be executed: it is neither a program for this machine nor a script that begins with `#!`"
    )]
    NotAProgram { program: String },
    #[error("`{program}` cannot be executed: {source}")]
    Execute { program: String, source: io::Error },
    #[error("no port is free on 127.0.0.1: {0}")]
    Port(io::Error),
    #[error("its log cannot be written, no space is left on the disk: {0}")]
    Full(io::Error),
    #[error("its log cannot be written: {0}")]
    Log(io::Error),
    #[error("its state cannot be written: {0}")]
    State(io::Error),
    #[error("its process cannot be watched: {0}")]
    Watch(io::Error),
    #[error("the server ended while it was started")]
    Ended,
}

/// A process with what it was started with.
pub(super) struct Running {
    pub(super) leader: Leader,
    pub(super) port: u16,
    pub(super) environment: Arc<BTreeMap<String, String>>,
    pub(super) directory: PathBuf,
}

/// Refuses a set that could never start, for reasons that show without trying.
pub(super) fn check(set: &InstanceSet) -> Result<(), TargetError> {
    let id = InstanceId { set: set.id.clone(), index: 0 };
    let variables = environment::of_instance(&id, 1, &set.environment);
    let checked = environment::check(&variables).and_then(|()| environment::expand(&set.spec.command, &variables));
    match checked {
        Ok(_) => Ok(()),
        Err(error) => Err(TargetError::CannotStart { set: set.id.clone(), reason: error.to_string(), source: None }),
    }
}

/// Returns the working directory of an instance, made if need be.
pub(super) async fn directory(registry: &Registry, record: &Record) -> Result<PathBuf, LaunchError> {
    match record.spec.artifact {
        Some(digest) => Ok(registry.artifacts.materialise(digest).await?),
        None if registry.default_directory.is_dir() => Ok(registry.default_directory.clone()),
        None => Err(LaunchError::Directory(registry.default_directory.clone())),
    }
}

/// Starts the process of an instance and writes it down.
pub(super) async fn launch(
    registry: Arc<Registry>,
    mut record: Record,
    resolved: Environment,
) -> Result<Running, LaunchError> {
    let directory = directory(&registry, &record).await?;
    let port = registry.ports.take().map_err(LaunchError::Port)?;
    record.port = Some(port);
    // In one go on another thread: nothing can part the start from its being written down but the death of the server,
    // and then the port that was written before is how the process is found.
    let kept = Arc::clone(&registry);
    let started = tokio::task::spawn_blocking(move || {
        let environment = environment::of_instance(&record.id, port, &resolved);
        let command = environment::expand(&record.spec.command, &environment)?;
        let started = spawn(&kept.data_dir, &mut record, &command, &environment, &directory)?;
        Ok((started, environment, directory))
    });
    let (pid, environment, directory) = match started.await {
        Ok(Ok(started)) => started,
        Ok(Err(error)) => {
            registry.ports.release(port);
            return Err(error);
        }
        Err(_) => return Err(LaunchError::Ended),
    };
    // Nobody else reaps it, so it is there to be watched even if it has ended.
    let leader = Leader::child(pid).map_err(|error| {
        process::kill_child(pid);
        registry.ports.release(port);
        LaunchError::Watch(error)
    })?;
    Ok(Running { leader, port, environment: Arc::new(environment), directory })
}

fn spawn(
    data_dir: &Path,
    record: &mut Record,
    command: &[String],
    environment: &BTreeMap<String, String>,
    directory: &Path,
) -> Result<u32, LaunchError> {
    use std::os::unix::process::CommandExt as _;
    let (program, arguments) = command.split_first().ok_or(ExpandError::NoCommand)?;
    let file = find_program(program, directory, environment.get("PATH").map_or("", String::as_str))?;
    let log = open_log(&logs::path(data_dir, &record.id))
        .map_err(|error| if is_full(&error) { LaunchError::Full(error) } else { LaunchError::Log(error) })?;
    let log_too = log.try_clone().map_err(LaunchError::Log)?;
    record.process = None;
    state::save(data_dir, record).map_err(LaunchError::State)?;
    let mut command = Command::new(&file);
    command.arg0(program).args(arguments).env_clear().envs(environment).current_dir(directory).process_group(0);
    command.stdin(Stdio::null()).stdout(log).stderr(log_too);
    // It is reaped through its pidfd, like the adopted ones.
    let child = command.spawn().map_err(|source| match source.raw_os_error() {
        // ENOEXEC, execve(2).
        Some(8) => LaunchError::NotAProgram { program: program.clone() },
        _ => LaunchError::Execute { program: program.clone(), source },
    })?;
    Ok(child.id())
}

fn open_log(path: &Path) -> io::Result<fs::File> {
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}
