//! Words of other tools for what Towpath calls otherwise.
//!
//! Spelling alone (`apiUrl` for `api_url`) is found by [`super::nearest`]; here are other words for the same thing.

/// A foreign word, our key, and how to write it where that is not the same with another name.
const WORDS: &[(&str, &str, &str)] = &[
    ("healthCheckPath", "health_check", "write `health_check: {path: …}`"),
    ("healthCheckInterval", "health_check", "write `health_check: {path: …, interval: …}`"),
    ("healthCheckTimeout", "health_check", "write `health_check: {path: …, timeout: …}`"),
    ("minInstances", "min", ""),
    ("maxInstances", "max", ""),
    ("minReplicas", "min", ""),
    ("maxReplicas", "max", ""),
    ("targetCpuPercent", "target_cpu", ""),
    ("targetCPUUtilization", "target_cpu", ""),
    ("targetCPUUtilizationPercentage", "target_cpu", ""),
    ("environment", "env", ""),
    ("instances", "replicas", ""),
    ("port", "listen", "the proxy listens on `listen: …`; an instance gets its port as `${PORT}`"),
    ("ports", "listen", "the proxy listens on `listen: …`; an instance gets its port as `${PORT}`"),
    ("cmd", "command", ""),
    ("entrypoint", "command", ""),
    ("limits", "memory", "write `cpu:` and `memory:` right here; they are limits"),
    ("requests", "memory", "write `cpu:` and `memory:` right here; they are limits"),
    ("readinessProbe", "readiness", ""),
    ("livenessProbe", "liveness", ""),
    ("startupProbe", "startup", ""),
    ("httpGet", "http", ""),
    ("tcpSocket", "tcp", "write `tcp: true`"),
    ("exec", "command", ""),
    ("periodSeconds", "period", "write `period: 5s`"),
    ("timeoutSeconds", "timeout", "write `timeout: 2s`"),
    ("initialDelaySeconds", "initial_delay", "write `initial_delay: 5s`"),
    ("responseTime", "p95", ""),
    ("cpuUsage", "cpu", ""),
    ("memoryUsage", "memory", ""),
    ("ipWhitelist", "ip_allow_list", ""),
    ("allowedIps", "ip_allow_list", ""),
    ("description", "doc", ""),
];

fn find(key: &str, known: &[&'static str]) -> Option<(&'static str, &'static str)> {
    let found = WORDS.iter().find(|(word, ours, _)| *word == key && known.contains(ours));
    found.map(|(_, ours, how)| (*ours, *how))
}

/// Returns our key for a foreign word, where the section has it.
pub(super) fn meant(key: &str, known: &[&'static str]) -> Option<&'static str> {
    find(key, known).map(|(ours, _)| ours)
}

/// Says how we write it.
pub(super) fn hint(key: &str, known: &[&'static str]) -> Option<String> {
    let (ours, how) = find(key, known)?;
    Some(if how.is_empty() { format!("that is called `{ours}` here") } else { how.to_owned() })
}
