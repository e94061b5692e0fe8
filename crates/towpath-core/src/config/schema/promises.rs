//! What is promised of an environment and when somebody is told that it is not kept: SLA and alerts.

use std::collections::BTreeSet;

use super::values::{FineRate, Rate};
use crate::{
    config::read::{section, words},
    units::{Millis, Percent},
};

section! {
    /// What users are promised.
    /// Towpath checks this and shows it; nothing acts on it yet.
    pub struct SlaFile {
        /// The share of time in which it works.
        uptime: Option<FineRate>,
        /// The time in which 95 of 100 requests are answered.
        p95: Option<Millis>,
        /// The share of requests that may fail.
        error_rate: Option<Rate>,
    }
}

section! {
    /// When somebody is told.
    /// Towpath checks this and shows it; nothing acts on it yet.
    pub struct AlertsFile {
        /// Whether there are any.
        enabled: bool = true,
        /// Where they go.
        channels: BTreeSet<AlertChannel>,
        /// The share of failed requests above which one is sent.
        error_rate: Rate = Rate(100),
        /// The 95th percentile of latency above which one is sent.
        p95: Millis = Millis::from_secs(1),
        /// The CPU use above which one is sent.
        cpu: Percent = Percent::new(80).unwrap_or(Percent::FULL),
        /// The memory use above which one is sent.
        memory: Percent = Percent::new(85).unwrap_or(Percent::FULL),
        /// How many restarts of one service in an hour are still well.
        restarts_per_hour: u32 = 5,
        /// Whether a failed deployment sends one.
        deployment_failed: bool = true,
        /// The time after which a build takes too long.
        long_build: Millis = Millis::from_secs(600),
    }
}

words! {
    /// Where alerts go.
    pub enum AlertChannel {
        /// E-mail.
        Email = "email",
        /// Slack.
        Slack = "slack",
        /// `PagerDuty`.
        Pagerduty = "pagerduty",
        /// A signed webhook.
        Webhook = "webhook",
    }
}
