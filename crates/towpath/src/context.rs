//! What every command works with: the global options, where to print, the project.

use std::{
    collections::BTreeMap,
    env,
    io::{self, BufRead as _, IsTerminal as _, Write as _},
};

use towpath_server::api::types::Tier;

use crate::{
    cli::Globals,
    client::Client,
    failure::{Exit, Failure},
    folder::ProjectFolder,
    output::Output,
};

/// What every command works with.
#[derive(Debug)]
pub(crate) struct Context {
    /// The options.
    pub globals: Globals,
    /// Where to print.
    pub out: Output,
}

impl Context {
    /// Returns the context of these options.
    pub(crate) fn new(globals: Globals) -> Self {
        let out = Output::new(globals.output, globals.color, globals.quiet, globals.verbose);
        Self { globals, out }
    }

    /// Returns the project's folder.
    pub(crate) fn folder(&self) -> Result<ProjectFolder, Failure> {
        ProjectFolder::find(self.globals.project.as_deref())
    }

    /// Returns a client of the server.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        Client::find(&self.globals)
    }

    /// Returns the name of an environment that the user called by its name or an alias. What the files do not know is
    /// left to the server.
    pub(crate) fn environment(&self, name: &str) -> String {
        let found = self.folder().ok().and_then(|folder| folder.load().ok());
        found.and_then(|loaded| loaded.find(name).ok()).map_or_else(|| name.to_owned(), |found| found.to_string())
    }

    /// Returns the variables of the process whose names and values are text.
    pub(crate) fn process_environment() -> BTreeMap<String, String> {
        env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect()
    }

    /// Says whether somebody can be asked.
    pub(crate) fn is_interactive(&self) -> bool {
        !self.globals.no_input && io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Asks a question and returns the answer, or `default` for an empty one.
    pub(crate) fn ask(&self, question: &str, default: &str) -> Result<String, Failure> {
        let paint = self.out.paint_err();
        let hint = if default.is_empty() { String::new() } else { format!(" {}", paint.dim(&format!("[{default}]"))) };
        let mut err = io::stderr().lock();
        let mut answer = String::new();
        write!(err, "{question}{hint}: ")
            .and_then(|()| err.flush())
            .and_then(|()| io::stdin().lock().read_line(&mut answer))
            .map_err(|error| Failure::new(Exit::Failed, "no_answer", "cannot read the answer").because(&error))?;
        let answer = answer.trim();
        Ok(if answer.is_empty() { default.to_owned() } else { answer.to_owned() })
    }

    /// Returns the confirmation of a change to an environment of this tier: nothing below production, its name there,
    /// given by `--confirm` or typed.
    pub(crate) fn confirmation(&self, environment: &str, tier: Tier, what: &str) -> Result<Option<String>, Failure> {
        if self.globals.confirm.iter().any(|name| name == environment) {
            return Ok(Some(environment.to_owned()));
        }
        if let Some(other) = self.globals.confirm.first() {
            let message = format!("`--confirm {other}` does not name {environment}");
            return Err(Failure::usage(message).kept("nothing was changed"));
        }
        if tier != Tier::Production {
            return Ok(None);
        }
        let refused = |why: &str| {
            Failure::new(Exit::Refused, "not_confirmed", format!("{what} was not confirmed{why}"))
                .kept("nothing was changed")
                .next(format!("add --confirm {environment}"))
        };
        if !self.is_interactive() {
            return Err(refused(": users are there"));
        }
        let question = format!("{} {what}. Type {environment} to go on", self.out.paint_err().tier(tier));
        if self.ask(&question, "")? == environment { Ok(Some(environment.to_owned())) } else { Err(refused("")) }
    }
}
