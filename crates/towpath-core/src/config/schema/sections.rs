//! What an environment says of its surroundings: infrastructure, resources, security, observability.
//!
//! These sections are typed and checked; what acts on them lives with the noun they belong to. Each says so as long
//! as nothing does.

use std::num::NonZeroU32;

use super::{
    access::{AllowList, GeoBlockingFile, Mfa, RateLimitFile, SessionsFile},
    values::{Namespace, Share},
};
use crate::{
    config::read::{section, words},
    units::{Bytes, MilliCpu, Millis},
};

section! {
    /// Where an environment runs.
    /// Towpath checks this and shows it; nothing acts on it yet.
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
        /// The namespace; the environment's `namespace` if absent.
        namespace: Option<Namespace>,
        /// The node pool.
        node_pool: Option<String>,
    }
}

section! {
    /// Something an environment uses beside its services.
    /// Towpath checks this and shows it; nothing acts on it yet.
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
    check(value, reader; min_replicas, max_replicas) {
        let sound = match (min_replicas, max_replicas) {
            (Some(min), Some(max)) => *min <= max.get(),
            (None, _) | (_, None) => true,
        };
        if !sound {
            reader.clash(value, &["min_replicas", "max_replicas"], "`min_replicas` must not be higher than `max_replicas`");
        }
        sound
    }
    check(value, reader; replicas, min_replicas, max_replicas) {
        let sound = replicas.is_none() || (min_replicas.is_none() && max_replicas.is_none());
        if !sound {
            let why = "`replicas` is a fixed number and excludes `min_replicas` and `max_replicas`";
            reader.clash(value, &["replicas", "min_replicas", "max_replicas"], why);
        }
        sound
    }
}

section! {
    /// What protects an environment.
    /// Towpath checks this and shows it; nothing acts on it yet.
    pub struct SecurityFile {
        /// Who may reach it over the network.
        network_policy: Option<NetworkPolicy>,
        /// How users of the application sign in.
        authentication: Option<AuthenticationFile>,
        /// What is encrypted.
        encryption: Option<EncryptionFile>,
        /// What it must comply with.
        compliance: Option<ComplianceFile>,
        /// How long users stay signed in.
        sessions: Option<SessionsFile>,
        /// Whether users need a second factor.
        mfa: Option<Mfa>,
        /// The addresses requests may come from; any if empty.
        ip_allow_list: AllowList,
        /// From which countries requests may come.
        geo_blocking: Option<GeoBlockingFile>,
        /// How many requests one caller may make.
        rate_limits: Vec<RateLimitFile>,
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
    /// Towpath checks this and shows it; nothing acts on it yet.
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
        sample_rate: Option<Share>,
    }
}
