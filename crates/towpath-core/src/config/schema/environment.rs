//! `environments/NAME.yaml`: what is different in one environment.

use std::collections::BTreeMap;

use super::{
    gates::GatesFile,
    sections::{InfrastructureFile, ObservabilityFile, ResourceFile, SecurityFile, UrlText},
    service::{CommandLine, HttpPath, ServiceFile},
    strategy::StrategyFile,
};
use crate::{
    config::{
        diagnostic::Diagnostic,
        nearest::suggestion,
        read::{Placed, Read, Reader, section},
        value::Value,
    },
    deployment::{Check, CheckAction},
    ids::{EnvironmentName, ServiceName},
    project::Tier,
    units::Millis,
};

section! {
    /// The environment file, after all layers were merged.
    pub struct EnvironmentFile {
        /// The environment this one is built on; all it does not say is taken from there.
        extends: Option<Value>,
        /// How much depends on it: development, testing, staging or production.
        tier: Option<Tier>,
        /// Other names it answers to.
        aliases: Option<Value>,
        /// What it is for.
        description: Option<String>,
        /// Where people reach it.
        url: Option<UrlText>,
        /// Where programs reach it.
        api_url: Option<UrlText>,
        /// The services, by name; fields override those of `towpath.yaml`.
        services: BTreeMap<ServiceName, ServiceFile>,
        /// Values of the variables declared in `towpath.yaml`.
        variables: Option<Value>,
        /// How releases are brought in.
        deployment: DeploymentFile = DeploymentFile::default(),
        /// What a release must pass to enter.
        gates: GatesFile = GatesFile::default(),
        /// What is checked before a new revision counts as good.
        verification: Vec<CheckFile>,
        /// Where it runs.
        infrastructure: Option<InfrastructureFile>,
        /// What it may use beside the services: databases, workers, monitoring.
        resources: BTreeMap<String, ResourceFile>,
        /// What protects it.
        security: Option<SecurityFile>,
        /// Logs, metrics and traces.
        observability: Option<ObservabilityFile>,
        /// Features that are on or off from the start.
        features: BTreeMap<String, bool>,
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
    check(this, value, reader) {
        let sound = this.interval.0 > 0 && this.timeout.0 > 0;
        if !sound {
            reader.wrong(value, "`interval` and `timeout` must be longer than 0");
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
        let known = reader.services.iter().any(|service| service == name.as_str());
        if !known {
            let message = format!("there is no service `{name}`");
            let help = suggestion(name.as_str(), reader.services.iter().map(String::as_str));
            reader.push(Diagnostic::error("config::reference", value.origin, message).help(help));
        }
        known.then_some(Self(name))
    }
}

section! {
    /// The keys of a check.
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
    check(this, value, reader) {
        let one = this.http.is_some() != this.command.is_some();
        if !one {
            reader.wrong(value, "a check needs exactly one of `http` and `command`");
        }
        one
    }
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
