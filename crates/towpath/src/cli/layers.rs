//! Options of commands that look at one environment: which it is, and what is laid over its files.
//!
//! Nothing here knows which environments there are or which keys an environment has.

use clap::{Args, builder::NonEmptyStringValueParser};

/// Which environment, for commands that can do without a name.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct WhichArgs {
    /// Which; without it what `TOWPATH_ENV`, `ENVIRONMENT` or `NODE_ENV` says, else development.
    #[arg(value_name = "ENVIRONMENT", value_parser = NonEmptyStringValueParser::new(), conflicts_with = "env")]
    pub environment: Option<String>,
    #[command(flatten)]
    pub option: EnvOption,
}

/// The environment as an option, for commands whose arguments mean something else, too.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct EnvOption {
    /// The same as ENVIRONMENT.
    #[arg(short, long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub env: Option<String>,
}

/// What is laid over the files, for this command only.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct LayerArgs {
    /// Sets a key over every other layer, such as `services.web.replicas=3`; a variable may be named alone: `LOG_LEVEL=debug`.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
    /// Leaves out what the server knows: the live overlay.
    #[arg(long)]
    pub offline: bool,
}

impl WhichArgs {
    /// Returns the name that was given in either way.
    pub(crate) fn given(&self) -> Option<&str> {
        self.environment.as_deref().or(self.option.env.as_deref())
    }
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE; an empty value is `KEY=`")?;
    if key.trim().is_empty() {
        return Err("the key before `=` is empty".to_owned());
    }
    Ok((key.trim().to_owned(), value.to_owned()))
}
