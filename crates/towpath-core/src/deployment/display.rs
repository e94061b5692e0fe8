//! Specifications as people read them in a diff. Every field is told: two that differ are never shown alike.

use std::fmt;

use super::{
    AnalysisSpec, CanaryStep, Check, CheckAction, FlagStep, FlagStrategy, Probe, ProbeAction, RollbackPolicy, Strategy,
};
use crate::analysis::Share;

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.action {
            ProbeAction::Http { path, headers } => {
                write!(f, "GET {path}")?;
                headers.iter().try_for_each(|(name, value)| write!(f, " with {name}: {value}"))?;
            }
            ProbeAction::Tcp => f.write_str("connect")?,
            ProbeAction::Command { command } => write!(f, "run `{}`", command.join(" "))?,
        }
        let Self { initial_delay, period, timeout, failure_threshold, success_threshold, .. } = self;
        write!(
            f,
            " every {period} after {initial_delay}, timeout {timeout}, fails after {failure_threshold}, succeeds after {success_threshold}"
        )
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recreate => f.write_str("recreate"),
            Self::Rolling { max_surge, max_unavailable } => {
                write!(f, "rolling: surge {max_surge}, unavailable {max_unavailable}")
            }
            Self::BlueGreen { auto_promote_after, analysis, keep_old } => {
                match auto_promote_after {
                    Some(after) => write!(f, "blue-green: promoted after {after}")?,
                    None => f.write_str("blue-green: promoted by a person")?,
                }
                if let Some(analysis) = analysis {
                    write!(f, ", then {analysis}")?;
                }
                write!(f, ", old kept for {keep_old}")
            }
            Self::Canary { steps } => {
                f.write_str("canary: ")?;
                for (index, step) in steps.iter().enumerate() {
                    let comma = if index > 0 { ", " } else { "" };
                    write!(f, "{comma}{step}")?;
                }
                Ok(())
            }
            Self::Flag(flag) => write!(f, "{flag}"),
        }
    }
}

impl fmt::Display for FlagStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, variant, via, definition, steps } = self;
        write!(f, "flag: {} with `{key}` off, then `{variant}`", via.as_str())?;
        for (index, step) in steps.iter().enumerate() {
            let comma = if index > 0 { ", " } else { " " };
            match step {
                FlagStep::Percent { percent } => write!(f, "{comma}{percent}")?,
                FlagStep::Pause { duration: Some(duration) } => write!(f, "{comma}pause {duration}")?,
                FlagStep::Pause { duration: None } => write!(f, "{comma}pause until a person goes on")?,
                FlagStep::Analysis(analysis) => write!(f, "{comma}{analysis}")?,
            }
        }
        if let Some(definition) = definition {
            // The flag as it is defined is part of what is agreed on.
            let bytes = serde_json::to_vec(definition).unwrap_or_default();
            let digest = crate::ids::Digest::of(&bytes).to_string();
            write!(f, " (as defined in {})", digest.get(..12).unwrap_or(&digest))?;
        }
        Ok(())
    }
}

impl fmt::Display for RollbackPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = match (self.enabled, self.automatic) {
            (false, _) => "nobody goes back",
            (true, false) => "a person goes back",
            (true, true) => "goes back by itself",
        };
        write!(f, "{who}, within {}", self.timeout)
    }
}

impl fmt::Display for CanaryStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Weight { percent } => write!(f, "{percent}"),
            Self::Pause { duration: Some(duration) } => write!(f, "wait {duration}"),
            Self::Pause { duration: None } => f.write_str("wait for a person"),
            Self::Analysis(analysis) => write!(f, "{analysis}"),
        }
    }
}

impl fmt::Display for AnalysisSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "analyse {} times every {} (from {} requests", self.count, self.interval, self.min_requests)?;
        if let Some(limit) = self.max_error_rate_bp {
            write!(f, ", errors up to {}", Share(u64::from(limit)))?;
        }
        if let Some(limit) = self.max_p95 {
            write!(f, ", p95 up to {limit}")?;
        }
        write!(f, ", {} failed and {} inconclusive allowed)", self.failure_limit, self.inconclusive_limit)
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.name)?;
        match &self.action {
            CheckAction::Http { service, path, status, contains } => {
                write!(f, "GET {path} of {service} is {status}")?;
                if let Some(text) = contains {
                    write!(f, " with the text `{text}`")?;
                }
            }
            CheckAction::Command { command } => write!(f, "run `{}`", command.join(" "))?,
        }
        write!(f, " (timeout {}, {} retries)", self.timeout, self.retries)
    }
}
