//! `towpath env …`: environments as the files declare them, and what is laid over them while they run.

use std::collections::BTreeMap;

use serde::Serialize;
use towpath_core::{
    config::{Diagnostic, Inputs, Loaded, ResolvedEnvironment, detect, has_errors, load},
    ids::EnvironmentName,
    secrets::SecretPin,
};
use towpath_server::api::types::PreviewSummary;

use super::{Outcome, client_command};
pub(super) use render::service_of;

use crate::{
    cli::{EnvCommand, LayerArgs},
    context::Context,
    failure::{Exit, Failure},
    folder::{ProjectFolder, mistakes},
    output::Table,
};

mod author;
mod compare;
mod destroy;
mod explain;
mod live;
mod overlay;
pub(in crate::commands) mod preview;
mod render;
pub(in crate::commands) mod secrets;
mod sections;
mod show;
mod validate;

pub(crate) fn run(context: &Context, command: EnvCommand) -> Outcome {
    // What asks the server needs no files.
    let folder = || context.folder();
    match command {
        EnvCommand::List => list(context, &folder()?),
        EnvCommand::Create(args) if args.preview => client_command(preview::create(context, args)),
        EnvCommand::Create(args) => author::create(context, &folder()?, &args),
        EnvCommand::Clone(args) => author::copy(context, &folder()?, &args),
        EnvCommand::Extend(args) => client_command(preview::extend(context, args)),
        EnvCommand::Destroy(args) => client_command(destroy::run(context, args)),
        EnvCommand::Show { which, layers } => show::run(context, &folder()?, &which, &layers),
        EnvCommand::Explain(args) => explain::run(context, &folder()?, &args),
        EnvCommand::Validate(args) => validate::run(context, &folder()?, &args),
        EnvCommand::Render(args) => render::run(context, &folder()?, &args),
        EnvCommand::Set(args) => client_command(overlay::set(context, args)),
        EnvCommand::Unset(args) => client_command(overlay::unset(context, args)),
        EnvCommand::Overlay { environment } => client_command(overlay::list(context, &environment)),
        EnvCommand::Compare(args) => compare::run(context, &folder()?, &args),
    }
}

/// One environment of the list.
#[derive(Debug, Serialize)]
struct Listed {
    name: String,
    tier: Option<String>,
    aliases: Vec<String>,
    valid: bool,
    services: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preview: Option<PreviewSummary>,
}

fn list(context: &Context, folder: &ProjectFolder) -> Outcome {
    let loaded = folder.load()?;
    let broken = has_errors(loaded.diagnostics());
    let mut items: Vec<Listed> = loaded
        .environments()
        .map(|name| {
            let resolved = loaded.resolve(name.as_str(), &Inputs::default()).environment;
            let aliases = loaded.aliases().iter().filter(|(_, of)| *of == name).map(|(alias, _)| alias.clone());
            Listed {
                name: name.to_string(),
                tier: resolved.as_ref().map(|found| found.tier.to_string()),
                aliases: aliases.collect(),
                valid: resolved.is_some() && !broken,
                services: resolved.iter().flat_map(|found| found.services.keys().map(ToString::to_string)).collect(),
                url: resolved.as_ref().and_then(|found| found.url.clone()),
                description: resolved.and_then(|found| found.description),
                preview: None,
            }
        })
        .collect();
    items.extend(live::previews(context).into_iter().map(|(name, tier, preview)| Listed {
        name,
        tier: Some(tier),
        aliases: Vec::new(),
        valid: true,
        services: Vec::new(),
        url: None,
        description: None,
        preview: Some(preview),
    }));
    context.out.list(&items, |paint| {
        let mut table = Table::new(&["ENVIRONMENT", "TIER", "ALIASES", "SERVICES", ""]);
        for item in &items {
            let valid = match &item.preview {
                Some(it) => format!("preview on {} by {}, {}", it.extends, it.owner, preview::left(it.expires_at)),
                None if item.valid => item.url.clone().unwrap_or_default(),
                None => paint.red("has mistakes"),
            };
            let tier = item.tier.clone().unwrap_or_default();
            table.row(vec![paint.bold(&item.name), tier, item.aliases.join(", "), item.services.join(", "), valid]);
        }
        if table.is_empty() { "no environments\n".to_owned() } else { table.text(paint) }
    })?;
    if items.is_empty() {
        context.out.next("towpath init, to write a project with environments");
    } else if items.iter().any(|item| !item.valid) {
        context.out.next("towpath env validate");
    }
    Ok(Exit::Done)
}

/// Returns one environment with everything decided, or its mistakes.
pub(super) fn resolve(
    context: &Context,
    loaded: &Loaded,
    name: &EnvironmentName,
    layers: &LayerArgs,
) -> Result<ResolvedEnvironment, Failure> {
    resolve_with_warnings(context, loaded, name, layers).map(|(environment, _)| environment)
}

/// Returns one environment with everything decided and what is doubtful about it, or its mistakes.
fn resolve_with_warnings(
    context: &Context,
    loaded: &Loaded,
    name: &EnvironmentName,
    layers: &LayerArgs,
) -> Result<(ResolvedEnvironment, Vec<Diagnostic>), Failure> {
    resolve_over(context, loaded, name, inputs(layers), layers.offline)
}

/// Returns one environment as its files, these inputs and, unless told, the live overlay decide it.
fn resolve_over(
    context: &Context,
    loaded: &Loaded,
    name: &EnvironmentName,
    inputs: Inputs,
    offline: bool,
) -> Result<(ResolvedEnvironment, Vec<Diagnostic>), Failure> {
    Laid::new(context, loaded, name, inputs, offline).resolve(context)
}

/// The files of an environment with all that is laid over them.
pub(super) struct Laid<'l> {
    loaded: &'l Loaded,
    /// With its own file, where that is in the ledger only.
    with_file: Option<Loaded>,
    name: &'l EnvironmentName,
    inputs: Inputs,
}

impl<'l> Laid<'l> {
    /// Takes these inputs and, unless told, the live overlay.
    pub(super) fn new(
        context: &Context,
        loaded: &'l Loaded,
        name: &'l EnvironmentName,
        inputs: Inputs,
        offline: bool,
    ) -> Self {
        let live = live::live(context, name, offline);
        let with_file = live.file.is_some().then(|| load(&live.sources(loaded.sources(), name)));
        Self { loaded, with_file, name, inputs: Inputs { overlay: live.overlay, ..inputs } }
    }

    /// Returns the files.
    pub(super) fn loaded(&self) -> &Loaded {
        self.with_file.as_ref().unwrap_or(self.loaded)
    }

    /// Returns the environment and what is doubtful about it, or its mistakes.
    pub(super) fn resolve(&self, context: &Context) -> Result<(ResolvedEnvironment, Vec<Diagnostic>), Failure> {
        self.resolve_with(context, &self.inputs)
    }

    /// Returns the environment with secrets that other sources than its files have.
    fn with_secrets(
        &self,
        context: &Context,
        secrets: BTreeMap<String, SecretPin>,
    ) -> Result<ResolvedEnvironment, Failure> {
        let inputs = Inputs { secrets: Some(secrets), ..self.inputs.clone() };
        self.resolve_with(context, &inputs).map(|(environment, _)| environment)
    }

    fn resolve_with(
        &self,
        context: &Context,
        inputs: &Inputs,
    ) -> Result<(ResolvedEnvironment, Vec<Diagnostic>), Failure> {
        let loaded = self.loaded();
        let mut resolution = loaded.resolve(self.name.as_str(), inputs);
        let mut diagnostics = loaded.diagnostics().to_vec();
        diagnostics.append(&mut resolution.diagnostics);
        if let Some(failure) = mistakes(&resolution.sources, &diagnostics, context.out.paint_err()) {
            return Err(failure);
        }
        resolution
            .environment
            .map(|environment| (environment, diagnostics))
            .ok_or_else(|| Failure::new(Exit::Failed, "unresolved", format!("`{}` cannot be resolved", self.name)))
    }
}

/// Returns what is laid over the files: the process environment and the options of the command.
pub(super) fn inputs(layers: &LayerArgs) -> Inputs {
    Inputs { process: Context::process_environment(), flags: layers.set.clone(), ..Inputs::default() }
}

/// Returns the environment that is meant, named or detected, or what is wrong with its name.
pub(super) fn which(context: &Context, loaded: &Loaded, given: Option<&str>) -> Result<EnvironmentName, Failure> {
    let detected = detect(given, &Context::process_environment());
    // What no file knows may be a preview.
    if loaded.find_detected(&detected).is_err()
        && let Ok(name) = EnvironmentName::new(&detected.name)
        && live::live(context, &name, false).file.is_some()
    {
        return Ok(name);
    }
    loaded.find_detected(&detected).map_err(|error| {
        // With broken files nobody can say which names there are.
        mistakes(loaded.sources(), loaded.diagnostics(), context.out.paint_err())
            .unwrap_or_else(|| Failure::new(Exit::Usage, "not_found", error.to_string()).next("towpath env list"))
    })
}
