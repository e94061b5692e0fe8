//! `towpath run`: a command with the variables of an environment, in place of this process.
//!
//! Nothing stays between the caller and the command, so terminal, process group, signals and exit status are the
//! command's own; only to mask its output it is started beside this process. No value is ever printed.

use std::{
    collections::BTreeMap,
    env,
    ffi::OsStr,
    io,
    os::unix::{ffi::OsStrExt as _, process::CommandExt as _},
    path::Path,
    process::Command,
};

use towpath_core::{config::Rendered, secrets::SecretText};

use super::{
    Outcome,
    env::{
        Laid, inputs,
        secrets::{self, Values},
        service_of, which,
    },
};
use crate::{
    cli::RunArgs,
    context::Context,
    failure::{Exit, Failure},
    mask::{Masks, SHORTEST},
    words::size,
};

mod masked;

use masked::Wrong;

/// What `--clean` leaves: without these, programs do not find each other, the user or the terminal.
const KEPT: [&str; 11] =
    ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "COLORTERM", "LANG", "LANGUAGE", "TZ", "TMPDIR"];

/// How many pages Linux takes for one argument or variable (`MAX_ARG_STRLEN`, include/uapi/linux/binfmts.h).
const PAGES_OF_STRING: usize = 32;

pub(crate) fn run(context: &Context, args: &RunArgs) -> Outcome {
    let loaded = context.folder()?.load()?;
    let name = which(context, &loaded, args.which.given())?;
    let laid = Laid::new(context, &loaded, &name, inputs(&args.layers), args.layers.offline);
    let (resolved, _) = laid.resolve(context)?;
    let Values { environment: resolved, roots: values, whole } =
        secrets::values(context, &laid, resolved, &args.secrets, args.layers.offline)?;
    let service = args.service.as_deref().map(|service| service_of(&resolved, service)).transpose()?;
    let mut variables = laid.loaded().rendered_with(&resolved, service.as_ref(), &values);
    if !args.secrets.only.is_empty() {
        variables.retain(|name, variable| !variable.secret || args.secrets.only.contains(name));
    }
    let mut command = command(args, &variables)?;
    command.env("TOWPATH_ENV", resolved.name.as_str());
    let program = command.get_program().to_owned();
    if args.mask {
        let plain = variables.iter().filter(|(_, variable)| variable.secret);
        let mut hidden: BTreeMap<String, SecretText> =
            plain.map(|(name, variable)| (name.clone(), SecretText::new(variable.value.as_str()))).collect();
        hidden.extend(whole);
        hidden.extend(values);
        let (masks, short) = Masks::new(&hidden);
        if !short.is_empty() {
            let what = format!("{} shorter than {SHORTEST} bytes", short.join(", "));
            context.out.warn(&format!("not masked, because {what}"));
        }
        return match masked::run(command, masks) {
            Ok(status) => std::process::exit(status),
            Err(Wrong::Start(error)) => Err(not_started(args, &variables, &program, &error)),
            Err(Wrong::Watch(failure)) => Err(failure),
        };
    }
    let error = command.exec();
    Err(not_started(args, &variables, &program, &error))
}

/// Returns the command with its variables, or why Linux would not start it.
fn command(args: &RunArgs, variables: &BTreeMap<String, Rendered>) -> Result<Command, Failure> {
    let (program, arguments) =
        args.command.split_first().ok_or_else(|| Failure::usage("there is no command to start"))?;
    for (name, variable) in variables {
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
    Ok(command)
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
fn not_started(args: &RunArgs, variables: &BTreeMap<String, Rendered>, program: &OsStr, error: &io::Error) -> Failure {
    let shown = program.display();
    let failed = |code, message: String| Failure::new(Exit::NotExecutable, code, message).kept("nothing was started");
    let kind = error.kind();
    let named = program.as_bytes().contains(&b'/');
    if kind == io::ErrorKind::NotFound && named && Path::new(program).exists() {
        let message = format!("`{shown}` cannot be started: the interpreter its first line names is missing");
        failed("not_executable", message)
    } else if kind == io::ErrorKind::NotFound {
        let message = if named {
            format!("there is no `{shown}`")
        } else {
            format!("there is no command `{shown}` in any folder of PATH")
        };
        Failure::new(Exit::NotFound, "command_not_found", message).kept("nothing was started")
    } else if kind == io::ErrorKind::PermissionDenied {
        failed("not_executable", format!("`{shown}` cannot be executed")).next("chmod +x, if it is a program")
    } else if kind == io::ErrorKind::ArgumentListTooLong {
        let passed = bytes(args.command.iter().skip(1).map(|argument| argument.len()).sum());
        let set = variables.iter().map(|(name, variable)| name.len() + variable.value.len()).sum();
        let message = format!(
            "the environment ({}) and the arguments ({passed}) are more than Linux gives a process",
            bytes(set)
        );
        failed("too_long", message).next("add --clean, or keep large values in files")
    } else {
        failed("not_executable", format!("`{shown}` cannot be started")).because(error)
    }
}
