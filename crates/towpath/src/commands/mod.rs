//! What the commands do. Each reads its arguments, asks the server or the files, and prints.

use std::{ffi::OsString, io};

use clap::{CommandFactory as _, Parser as _, error::ErrorKind};

use crate::{
    cli::{Cli, Command},
    context::Context,
    failure::{Exit, Failure},
    output::{Color, Format, Output},
};

pub(crate) mod audit;
mod demo_app;
mod diff;
mod env;
mod experiments;
mod flags;
mod gc;
mod history;
mod init;
mod logs;
pub(crate) mod metrics;
pub(crate) mod promotion;
mod reference;
pub(crate) mod release;
mod rollback;
mod rollout;
mod run;
mod schema;
pub(crate) mod secrets;
mod server;
mod status;
pub(crate) mod watch;

/// What a command returns when it was carried out.
pub(crate) type Outcome = Result<Exit, Failure>;

/// Reads the command line, carries it out, prints why it failed, and returns the exit status.
pub(crate) fn main() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misunderstood(&error),
    };
    let context = Context::new(cli.globals);
    match run(&context, cli.command) {
        Ok(exit) => exit,
        Err(failure) if failure.is_silent() => failure.exit,
        Err(failure) => {
            context.out.failure(&failure);
            failure.exit
        }
    }
}

fn run(context: &Context, command: Command) -> Outcome {
    match command {
        Command::Init(args) => init::run(context, &args),
        Command::Up(args) => server::up(context, &args),
        Command::Down(args) => server::down(context, &args),
        Command::Demo(args) => crate::demo::run(context, &args),
        Command::Env(command) => env::run(context, command),
        Command::Gc(args) => client_command(gc::run(context, args)),
        Command::Flags(command) => flags::run(context, &command),
        Command::Experiments(command) => experiments::run(context, &command),
        Command::Secrets(command) => secrets::run(context, &command),
        Command::Run(args) => run::run(context, &args),
        Command::Schema(args) => schema::run(context, &args),
        Command::Release(command) => client_command(release::run(context, command)),
        Command::Promote(args) => client_command(promotion::promote(context, args)),
        Command::Approve(args) => client_command(promotion::approve(context, args)),
        Command::Reject(args) => client_command(promotion::reject(context, args)),
        Command::Gates(args) => client_command(promotion::gates(context, args)),
        Command::Rollout(command) => client_command(rollout::run(context, command)),
        Command::Rollback(args) => client_command(rollback::run(context, args)),
        Command::Status(args) => client_command(status::run(context, args)),
        Command::History(args) => client_command(history::run(context, args)),
        Command::Logs(args) => client_command(logs::run(context, args)),
        Command::Metrics(command) => client_command(metrics::run(context, command)),
        Command::Audit(command) => client_command(audit::run(context, command)),
        Command::Completions { shell } => completions(context, shell),
        Command::Reference { topic } => reference::run(context, topic),
        Command::DemoApp => demo_app::run(),
    }
}

/// Runs what waits for a server, in one thread: a client has nothing to do at the same time.
fn client_command(work: impl Future<Output = Outcome>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::new(Exit::Failed, "runtime", "cannot start").because(&error))?.block_on(work)
}

fn completions(context: &Context, shell: clap_complete::Shell) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "towpath", &mut script);
    context.out.data(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}

/// Prints help where it was asked for, and what is wrong with the command line otherwise.
fn misunderstood(error: &clap::Error) -> Exit {
    let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let exit = if asked { Exit::Done } else { Exit::Usage };
    match format_asked_for(std::env::args_os()) {
        Format::Json | Format::Jsonl if !asked => {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
            let out = Output::new(Format::Json, Color::Never, false, 0);
            out.failure(&Failure::usage(first).next("towpath --help"));
        }
        Format::Text | Format::Json | Format::Jsonl => {
            // Where nobody reads, nothing can be said.
            let _: io::Result<()> = error.print();
        }
    }
    exit
}

/// Returns the format that a command line asks for, even if nothing else of it can be understood.
fn format_asked_for(args: impl Iterator<Item = OsString>) -> Format {
    let words: Vec<String> = args.filter_map(|arg| arg.into_string().ok()).collect();
    let named = |word: &str| match word {
        "json" => Format::Json,
        "jsonl" => Format::Jsonl,
        _ => Format::Text,
    };
    let mut format = Format::Text;
    for (word, next) in words.iter().zip(words.iter().skip(1).map(Some).chain([None])) {
        if let Some(value) =
            word.strip_prefix("--output=").or_else(|| word.strip_prefix("-o").filter(|v| !v.is_empty()))
        {
            format = named(value);
        } else if let ("-o" | "--output", Some(value)) = (word.as_str(), next) {
            format = named(value);
        }
    }
    format
}

#[cfg(test)]
mod tests;
