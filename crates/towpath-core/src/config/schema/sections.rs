//! What an environment says of its surroundings: infrastructure, resources, security, observability.
//!
//! These sections are typed and checked; what acts on them lives with the noun they belong to.

use std::num::NonZeroU32;

use crate::{
    config::{
        read::{Read, Reader, section, words},
        value::Value,
    },
    units::{Bytes, MilliCpu, Millis},
};

/// A URL with scheme and host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlText(pub String);

impl Read for UrlText {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let text = String::read(value, reader)?;
        let sound = crate::config::variables::is_url(&text);
        if !sound {
            reader.wrong(value, &format!("`{text}` is not a URL such as `https://example.org`"));
        }
        sound.then_some(Self(text))
    }
}

section! {
    /// Where an environment runs.
    pub struct InfrastructureFile {
        /// Whose machines: aws, azure, gcp, on-premise or local.
        provider: Provider,
        /// The region, in the provider's words.
        region: Option<String>,
        /// The private network.
        vpc_id: Option<String>,
        /// The subnets.
        subnet_ids: Vec<String>,
        /// The cluster.
        kubernetes: Option<KubernetesFile>,
    }
}

words! {
    /// Whose machines.
    pub enum Provider {
        /// Amazon Web Services.
        Aws = "aws",
        /// Microsoft Azure.
        Azure = "azure",
        /// Google Cloud.
        Gcp = "gcp",
        /// Own machines.
        OnPremise = "on-premise",
        /// This machine.
        Local = "local",
    }
}

section! {
    /// A Kubernetes cluster.
    pub struct KubernetesFile {
        /// The cluster's name.
        cluster_name: String,
        /// The namespace.
        namespace: String,
        /// The node pool.
        node_pool: Option<String>,
    }
}

section! {
    /// Something an environment uses beside its services.
    pub struct ResourceFile {
        /// How many.
        replicas: Option<u32>,
        /// How many at least, when scaled by itself.
        min_replicas: Option<u32>,
        /// How many at most, when scaled by itself.
        max_replicas: Option<NonZeroU32>,
        /// CPU of each.
        cpu: Option<MilliCpu>,
        /// Memory of each.
        memory: Option<Bytes>,
        /// Disk.
        storage: Option<Bytes>,
        /// The size in the provider's words.
        instance_size: Option<String>,
        /// How long its backups are kept.
        backup_retention: Option<Millis>,
        /// Whether it is there at all.
        enabled: bool = true,
        /// How long what it stores is kept.
        retention: Option<Millis>,
        /// Whether it alerts.
        alerting: Option<bool>,
    }
    check(this, value, reader) {
        let ordered = match (this.min_replicas, this.max_replicas) {
            (Some(min), Some(max)) => min <= max.get(),
            (None, _) | (_, None) => true,
        };
        let one_way = this.replicas.is_none() || (this.min_replicas.is_none() && this.max_replicas.is_none());
        if !ordered {
            reader.wrong(value, "`min_replicas` must not be higher than `max_replicas`");
        }
        if !one_way {
            reader.wrong(value, "`replicas` is fixed and excludes `min_replicas` and `max_replicas`");
        }
        ordered && one_way
    }
}

section! {
    /// What protects an environment.
    pub struct SecurityFile {
        /// Who may reach it over the network.
        network_policy: Option<NetworkPolicy>,
        /// How users of the application sign in.
        authentication: Option<AuthenticationFile>,
        /// What is encrypted.
        encryption: Option<EncryptionFile>,
        /// What it must comply with.
        compliance: Option<ComplianceFile>,
    }
}

words! {
    /// Who may reach an environment.
    pub enum NetworkPolicy {
        /// Anybody.
        Open = "open",
        /// Who is allowed.
        Restricted = "restricted",
        /// Nobody from outside.
        Private = "private",
    }
}

section! {
    /// How users sign in.
    pub struct AuthenticationFile {
        /// The way: oauth, saml or api-keys.
        method: AuthenticationMethod,
        /// Who vouches for them.
        providers: Vec<String>,
    }
}

words! {
    /// A way of signing in.
    pub enum AuthenticationMethod {
        /// OAuth 2, `OpenID` Connect too.
        Oauth = "oauth",
        /// SAML 2.
        Saml = "saml",
        /// Keys of programs.
        ApiKeys = "api-keys",
    }
}

section! {
    /// What is encrypted.
    pub struct EncryptionFile {
        /// Stored data.
        at_rest: bool = false,
        /// Data on the wire.
        in_transit: bool = false,
        /// Who keeps the keys.
        key_management: Option<String>,
    }
}

section! {
    /// What an environment must comply with.
    pub struct ComplianceFile {
        /// The standards, such as `SOC2` or `GDPR`.
        standards: Vec<String>,
        /// Whether every access is recorded.
        audit_logging: bool = false,
        /// How long data is kept.
        data_retention: Option<Millis>,
    }
}

section! {
    /// Logs, metrics and traces.
    pub struct ObservabilityFile {
        /// Logs.
        logging: Option<LoggingFile>,
        /// Metrics.
        metrics: Option<MetricsFile>,
        /// Traces.
        tracing: Option<TracingFile>,
    }
}

section! {
    /// Logs.
    pub struct LoggingFile {
        /// The least important that is written.
        level: LogLevel = LogLevel::Info,
        /// Where they go.
        destination: Option<String>,
        /// For machines or for people.
        format: LogFormat = LogFormat::Json,
    }
}

words! {
    /// How important a log line is.
    pub enum LogLevel {
        /// For finding faults.
        Debug = "debug",
        /// What happens.
        Info = "info",
        /// What should be looked at.
        Warn = "warn",
        /// What went wrong.
        Error = "error",
    }
}

words! {
    /// The form of log lines.
    pub enum LogFormat {
        /// One JSON object a line.
        Json = "json",
        /// For people.
        Pretty = "pretty",
    }
}

section! {
    /// Metrics.
    pub struct MetricsFile {
        /// Whether they are collected.
        enabled: bool = true,
        /// Where they are sent or read.
        endpoint: Option<String>,
        /// How often.
        interval: Option<Millis>,
        /// How long they are kept.
        retention: Option<Millis>,
    }
}

section! {
    /// Traces.
    pub struct TracingFile {
        /// Whether they are collected.
        enabled: bool = true,
        /// Where they are sent.
        endpoint: Option<String>,
        /// The share of requests that is traced, from 0 to 1.
        sample_rate: Option<f64>,
    }
    check(this, value, reader) {
        let sound = this.sample_rate.is_none_or(|rate| (0.0..=1.0).contains(&rate));
        if !sound {
            reader.wrong(value, "`sample_rate` is a share from 0 to 1");
        }
        sound
    }
}
