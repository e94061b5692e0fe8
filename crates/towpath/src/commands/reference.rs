//! `towpath __reference`: what documentation is made of, taken from the program itself.

use clap::{Arg, Command, CommandFactory as _};

use towpath_core::config::{SchemaKind, reference_page};

use super::{Outcome, schema};
use crate::{
    cli::{Cli, ReferenceTopic},
    context::Context,
    failure::Exit,
};

pub(crate) fn run(context: &Context, topic: ReferenceTopic) -> Outcome {
    let text = match topic {
        ReferenceTopic::Cli => cli(),
        ReferenceTopic::Openapi => towpath_server::openapi_json(),
        ReferenceTopic::Configuration => reference_page(),
        ReferenceTopic::ProjectSchema => schema::text(SchemaKind::Project, None),
        ReferenceTopic::EnvironmentSchema => schema::text(SchemaKind::Environment, None),
    };
    context.out.data(&text)?;
    Ok(Exit::Done)
}

/// Returns the command line as Markdown: a chapter for each command, global options once.
fn cli() -> String {
    let mut root = Cli::command();
    root.build();
    let mut text = String::from("# Command line\n\n");
    text += &format!("{}\n\n", root.get_about().map(ToString::to_string).unwrap_or_default());
    text += &format!("```text\n{}\n```\n\n", root.get_after_help().map(ToString::to_string).unwrap_or_default());
    text += "## Global options\n\n";
    text += &options(root.get_arguments().filter(|arg| arg.is_global_set()));
    for command in root.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help") {
        chapter(command, "towpath", &mut text);
    }
    text
}

fn chapter(command: &Command, above: &str, text: &mut String) {
    let name = format!("{above} {}", command.get_name());
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let children: Vec<&Command> =
        command.get_subcommands().filter(|child| !child.is_hide_set() && child.get_name() != "help").collect();
    if children.is_empty() {
        let usage = command.clone().render_usage().to_string();
        let usage = usage.trim_start_matches("Usage: ").trim();
        *text += &format!("## `{name}`\n\n{about}.\n\n```text\n{usage}\n```\n\n");
        *text += &options(command.get_arguments().filter(|arg| !arg.is_global_set() && arg.get_id() != "help"));
    }
    for child in children {
        chapter(child, &name, text);
    }
}

fn options<'a>(args: impl Iterator<Item = &'a Arg>) -> String {
    let lines: String = args.filter(|arg| !arg.is_hide_set()).map(option).collect();
    if lines.is_empty() { lines } else { lines + "\n" }
}

fn option(arg: &Arg) -> String {
    let value = arg.get_value_names().map(|names| names.join(" ")).filter(|_| arg.get_action().takes_values());
    let name = match (arg.get_short(), arg.get_long(), value) {
        (_, None, value) => value.unwrap_or_else(|| arg.get_id().to_string().to_uppercase()),
        (Some(short), Some(long), Some(value)) => format!("-{short}, --{long} {value}"),
        (Some(short), Some(long), None) => format!("-{short}, --{long}"),
        (None, Some(long), Some(value)) => format!("--{long} {value}"),
        (None, Some(long), None) => format!("--{long}"),
    };
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let possible: Vec<String> =
        arg.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect();
    let possible = if possible.is_empty() { String::new() } else { format!(" One of {}.", possible.join(", ")) };
    let default: Vec<String> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    let default = if default.is_empty() { String::new() } else { format!(" Default `{}`.", default.join(" ")) };
    let env = arg.get_env().map(|env| format!(" Also from `{}`.", env.to_string_lossy())).unwrap_or_default();
    format!("- `{name}`: {help}.{possible}{default}{env}\n")
}
