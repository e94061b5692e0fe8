//! `towpath run`: a command with the variables of an environment, in place of this process.
//!
//! Nothing stays between the caller and the command, so terminal, process group, signals and exit status are the
//! command's own. No server is asked, and no value is ever printed.

use std::{
    env,
    ffi::{OsStr, OsString},
    io,
    os::unix::{ffi::OsStrExt as _, process::CommandExt as _},
    path::Path,
    process::Command,
};

use towpath_core::config::Rendered;

use super::{
    Outcome,
    env::{resolve, service_of, which},
};
use crate::{
    cli::RunArgs,
    context::Context,
    failure::{Exit, Failure},
    words::size,
};

/// What `--clean` leaves: without these, programs do not find each other, the user or the terminal.
const KEPT: [&str; 11] =
    ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "COLORTERM", "LANG", "LANGUAGE", "TZ", "TMPDIR"];

/// How many pages Linux takes for one argument or variable (`MAX_ARG_STRLEN`, include/uapi/linux/binfmts.h).
const PAGES_OF_STRING: usize = 32;

pub(crate) fn run(context: &Context, args: &RunArgs) -> Outcome {
    let loaded = context.folder()?.load()?;
    let name = which(context, &loaded, args.which.given())?;
    let resolved = resolve(context, &loaded, &name, &args.layers)?;
    let service = args.service.as_deref().map(|service| service_of(&resolved, service)).transpose()?;
    let variables = loaded.rendered(&resolved, service.as_ref());
    let (program, arguments) =
        args.command.split_first().ok_or_else(|| Failure::usage("there is no command to start"))?;
    for (name, variable) in &variables {
        check_variable(name, variable)?;
    }
    if let Some(argument) = arguments.iter().find(|argument| !fits(argument.len())) {
        let message = format!("an argument of {} is more than Linux takes ({})", bytes(argument.len()), limit());
        return Err(Failure::new(Exit::NotExecutable, "too_long", message));
    }
    let mut command = Command::new(program);
    command.args(arguments);
    if args.clean {
        command.env_clear().envs(env::vars_os().filter(|(name, _)| is_kept(name)));
    }
    command.envs(variables.iter().map(|(name, variable)| (name, &variable.value)));
    command.env("TOWPATH_ENV", resolved.name.as_str());
    let error = command.exec();
    Err(not_started(&command, program, &error))
}

fn is_kept(name: &OsStr) -> bool {
    KEPT.iter().any(|kept| name == *kept) || name.as_bytes().starts_with(b"LC_")
}

fn check_variable(name: &str, variable: &Rendered) -> Result<(), Failure> {
    if variable.value.contains('\0') {
        let message = format!("`{name}` has a NUL character, which no environment variable can hold");
        return Err(Failure::new(Exit::NotExecutable, "not_renderable", message).kept("nothing was started"));
    }
    if fits(name.len() + 1 + variable.value.len()) {
        return Ok(());
    }
    let message = format!(
        "`{name}` has {}, and Linux gives a process at most {} in one variable",
        bytes(variable.value.len()),
        limit()
    );
    Err(Failure::new(Exit::NotExecutable, "too_long", message).kept("nothing was started").next(
        "keep such a value in a file: towpath env render --format json --to FILE, and let a variable say where it is",
    ))
}

fn fits(length: usize) -> bool {
    length < rustix::param::page_size() * PAGES_OF_STRING
}

fn limit() -> String {
    bytes(rustix::param::page_size() * PAGES_OF_STRING)
}

fn bytes(length: usize) -> String {
    size(length as u64)
}

/// Says why the command did not take the place of this process, with the status that shells give it.
fn not_started(command: &Command, program: &OsString, error: &io::Error) -> Failure {
    let shown = program.display();
    let failed = |code, message: String| Failure::new(Exit::NotExecutable, code, message).kept("nothing was started");
    match error.kind() {
        io::ErrorKind::NotFound if Path::new(program).components().count() > 1 && Path::new(program).exists() => {
            failed(
                "not_executable",
                format!("`{shown}` cannot be started: the interpreter its first line names is missing"),
            )
        }
        io::ErrorKind::NotFound => {
            let message = if program.as_bytes().contains(&b'/') {
                format!("there is no `{shown}`")
            } else {
                format!("there is no command `{shown}` in any folder of PATH")
            };
            Failure::new(Exit::NotFound, "command_not_found", message).kept("nothing was started")
        }
        io::ErrorKind::PermissionDenied => {
            failed("not_executable", format!("`{shown}` cannot be executed")).next("chmod +x, if it is a program")
        }
        io::ErrorKind::ArgumentListTooLong => {
            let passed = command.get_args().map(OsStr::len).sum::<usize>();
            let set = command.get_envs().map(|(name, value)| name.len() + value.map_or(0, OsStr::len)).sum::<usize>();
            let message = format!(
                "the environment ({}) and the arguments ({}) are more than Linux gives a process",
                bytes(set),
                bytes(passed)
            );
            failed("too_long", message).next("add --clean, or --service NAME to give it only what it needs")
        }
        _ => failed("not_executable", format!("`{shown}` cannot be started")).because(error),
    }
}
