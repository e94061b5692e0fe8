//! `environments/NAME.yaml`: what is different in one environment.

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    access::{AccessFile, positive},
    flags::FlagsFile,
    gates::GatesFile,
    keeping::{BackupsFile, BudgetFile, DataFile},
    promises::{AlertsFile, SlaFile},
    scaling::AutoscalingFile,
    secrets::SecretsFile,
    sections::{InfrastructureFile, ObservabilityFile, ResourceFile, SecurityFile},
    service::{CommandLine, ServiceFile},
    strategy::StrategyFile,
    values::{HttpPath, Namespace, UrlText},
};
use crate::{
    config::{
        describe::{Book, Shape},
        diagnostic::Diagnostic,
        nearest::suggestion,
        read::{NAME, Placed, Read, Reader, section},
        value::Value,
    },
    deployment::{Check, CheckAction},
    ids::{EnvironmentName, ServiceName},
    project::Tier,
    units::Millis,
};

section! {
    /// What an environment is, after all layers were laid over each other.
    pub struct EnvironmentFile {
        /// The environment this one is built on; all it does not say is taken from there.
        extends: Option<Parent>,
        /// How much depends on it: development, testing, staging or production.
        tier: Option<Tier>,
        /// Other names it answers to.
        aliases: Option<Aliases>,
        /// What it is for.
        description: Option<String>,
        /// Where people reach it.
        url: Option<UrlText>,
        /// Where programs reach it.
        api_url: Option<UrlText>,
        /// The Kubernetes namespace that everything of it lives in.
        /// Towpath checks this and shows it; nothing acts on it yet.
        namespace: Option<Namespace>,
        /// The services, by name; fields override those of `towpath.yaml`.
        services: BTreeMap<ServiceName, ServiceFile>,
        /// Values of the variables declared in `towpath.yaml`.
        variables: Option<VariableValues>,
        /// Where the values of secrets come from.
        secrets: SecretsFile = SecretsFile::default(),
        /// How releases are brought in.
        deployment: DeploymentFile = DeploymentFile::default(),
        /// What a release must pass to enter.
        gates: GatesFile = GatesFile::default(),
        /// What live changes of feature flags need.
        flags: FlagsFile = FlagsFile::default(),
        /// What is checked before a new revision counts as good.
        verification: Vec<CheckFile>,
        /// Where it runs.
        infrastructure: Option<InfrastructureFile>,
        /// What it may use beside the services: databases, workers, monitoring.
        resources: BTreeMap<String, ResourceFile>,
        /// How near to people its data are.
        data: Option<DataFile>,
        /// Who may use the application.
        access: Option<AccessFile>,
        /// What users are promised.
        sla: Option<SlaFile>,
        /// When somebody is told that something is wrong.
        alerts: Option<AlertsFile>,
        /// How its data are copied.
        backups: Option<BackupsFile>,
        /// What it may cost.
        budget: Option<BudgetFile>,
        /// How many instances of each service run when the load decides.
        autoscaling: Option<AutoscalingFile>,
        /// What protects it.
        security: Option<SecurityFile>,
        /// Logs, metrics and traces.
        observability: Option<ObservabilityFile>,
        /// Features that are on or off from the start.
        /// Towpath checks this and shows it; nothing acts on it yet.
        features: BTreeMap<String, bool>,
    }
    check(value, reader; namespace, infrastructure) {
        let cluster = infrastructure.as_ref().and_then(|infrastructure| infrastructure.kubernetes.as_ref());
        let inner = cluster.and_then(|cluster| cluster.namespace.as_ref());
        let sound = namespace.is_none() || inner.is_none() || namespace.as_ref() == inner;
        if !sound {
            let why = "`namespace` and `infrastructure.kubernetes.namespace` must be the same; one of them is enough";
            reader.clash(value, &["namespace"], why);
        }
        sound
    }
}

/// Declares a key that is read before the layers are merged and only described here.
macro_rules! elsewhere {
    ($( $(#[$meta:meta])* $name:ident |$book:ident| $shape:expr; )*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name;

        impl Read for $name {
            fn read(_: &Value, _: &mut Reader) -> Option<Self> {
                Some(Self)
            }

            fn shape($book: &mut Book) -> Shape {
                $shape
            }
        }
    )*};
}

elsewhere! {
    /// The name of another environment, or `base`.
    Parent |book| {
        let words = EnvironmentName::shape(book).words;
        Shape { words, json: Book::one_of(&book.names.parents, json!({ "type": "string", "pattern": NAME })) }
    };
    /// Other names.
    Aliases |book| {
        let words = EnvironmentName::shape(book).words;
        let json = json!({ "type": "array", "items": { "type": "string", "pattern": NAME } });
        Shape { words: format!("list of {words}"), json }
    };
    /// A value for each variable.
    VariableValues |book| {
        let words = "map from variable to its value".to_owned();
        let json = match &book.names.variables {
            Some(known) => json!({ "type": "object", "properties": known, "additionalProperties": false }),
            None => json!({ "type": "object", "propertyNames": { "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" } }),
        };
        Shape { words, json }
    };
}

/// The name of an environment the project has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownEnvironment(pub EnvironmentName);

impl Read for KnownEnvironment {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let name = EnvironmentName::read(value, reader)?;
        let known = reader.environments.contains(name.as_str());
        if !known {
            let message = format!("`{}`: there is no environment `{name}`", reader.path());
            let help = suggestion(name.as_str(), reader.environments.iter().map(String::as_str));
            reader.push(Diagnostic::error("config::reference", value.origin, message).help(help));
        }
        known.then_some(Self(name))
    }

    fn shape(book: &mut Book) -> Shape {
        let words = EnvironmentName::shape(book).words;
        Shape { words, json: Book::one_of(&book.names.environment_words, json!({ "type": "string", "pattern": NAME })) }
    }
}

section! {
    /// How releases are brought in.
    #[derive(Default)]
    pub struct DeploymentFile {
        /// rolling, recreate, blue-green or canary, with settings or by name alone.
        strategy: Option<StrategyFile>,
        /// How long a rollout may go without progress before it fails; 10 minutes if absent.
        progress_deadline: Option<Millis>,
        /// The readiness probe of every service that declares none.
        health_check: Option<HealthCheckFile>,
        /// What happens when a deployment fails.
        rollback: Option<RollbackFile>,
    }
}

section! {
    /// What happens when a deployment fails. Without this section a failed rollout goes back by itself.
    pub struct RollbackFile {
        /// Whether one can go back. If not, `towpath rollback` is refused and a failed rollout waits for a person.
        enabled: bool = true,
        /// Whether a failed rollout goes back by itself. If not, it waits: `towpath rollout abort` goes back,
        /// `towpath rollout resume` tries on.
        automatic: bool = true,
        /// How long going back waits until the good revision has all its instances; then those that are ready take over.
        timeout: Millis = Millis::from_secs(300),
    }
    check(value, reader; enabled, automatic) {
        let sound = *enabled || !automatic || value.get("automatic").is_none();
        if !sound {
            reader.clash(value, &["enabled", "automatic"], "`automatic: true` needs `enabled: true`");
        }
        sound
    }
    check(value, reader; timeout) {
        let sound = timeout.0 > 0;
        if !sound {
            positive(value, "timeout", reader);
        }
        sound
    }
}

section! {
    /// A readiness probe for all services.
    pub struct HealthCheckFile {
        /// The path that answers 200 to 399 when all is well.
        path: HttpPath,
        /// Time between attempts.
        interval: Millis = Millis::from_secs(5),
        /// Time after which an attempt has failed.
        timeout: Millis = Millis::from_secs(2),
    }
    check(value, reader; interval) {
        let sound = interval.0 > 0;
        if !sound {
            positive(value, "interval", reader);
        }
        sound
    }
    check(value, reader; timeout) {
        let sound = timeout.0 > 0;
        if !sound {
            positive(value, "timeout", reader);
        }
        sound
    }
}

/// One check: `http` or `command`.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckFile(pub Check);

/// The name of a service the environment has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownService(pub ServiceName);

impl Read for KnownService {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let name = ServiceName::read(value, reader)?;
        if let Some(services) = reader.services.as_ref().filter(|services| !services.contains(name.as_str())) {
            let message = format!("there is no service `{name}`");
            let help = suggestion(name.as_str(), services.iter().map(String::as_str));
            reader.push(Diagnostic::error("config::reference", value.origin, message).help(help));
            return None;
        }
        Some(Self(name))
    }

    fn shape(book: &mut Book) -> Shape {
        ServiceName::shape(book)
    }
}

section! {
    /// A check of a new revision.
    pub struct CheckMap {
        /// What people call it.
        name: String,
        /// A request to a service.
        http: Option<HttpCheckFile>,
        /// A command whose status 0 is success; `TOWPATH_URL_<SERVICE>` tells where services are.
        command: Option<CommandLine>,
        /// Time after which it has failed.
        timeout: Millis = Millis::from_secs(30),
        /// How often it is tried again.
        retries: u32 = 0,
    }
    choice("http", "command"; one) "a check needs exactly one of `http` and `command`"
}

section! {
    /// A request whose answer is checked.
    pub struct HttpCheckFile {
        /// The service that is asked.
        service: KnownService,
        /// The path.
        path: HttpPath = HttpPath("/".to_owned()),
        /// The expected status.
        status: u16 = 200,
        /// Text that the body must contain.
        contains: Option<String>,
    }
}

impl Read for CheckFile {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let map = CheckMap::read(value, reader)?;
        let action = match (map.http, map.command) {
            (Some(http), _) => CheckAction::Http {
                service: http.service.0,
                path: http.path.0,
                status: http.status,
                contains: http.contains,
            },
            (None, command) => CheckAction::Command { command: command.map(|line| line.0).unwrap_or_default() },
        };
        let check = Check { name: map.name, action, timeout: map.timeout, retries: map.retries };
        Some(Self(check))
    }

    fn shape(book: &mut Book) -> Shape {
        CheckMap::shape(book)
    }
}

/// What an environment says of itself, not inherited and read before the layers are merged.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Head {
    pub(crate) extends: Option<Placed<EnvironmentName>>,
    pub(crate) tier: Option<Tier>,
    pub(crate) aliases: Vec<Placed<EnvironmentName>>,
}

/// The keys of an environment file that say what it is and are not inherited.
pub(crate) const OWN_KEYS: &[&str] = &["extends", "tier", "aliases"];

impl Head {
    pub(crate) fn read(value: &Value, reader: &mut Reader) -> Self {
        use crate::config::read::Step;
        fn field<T: Read>(value: &Value, name: &'static str, reader: &mut Reader) -> Option<T> {
            let value = value.get(name).filter(|value| !value.is_null())?;
            reader.under(Step::Field(name), |reader| T::read(value, reader))
        }
        Self {
            extends: field(value, "extends", reader),
            tier: field(value, "tier", reader),
            aliases: field(value, "aliases", reader).unwrap_or_default(),
        }
    }
}
