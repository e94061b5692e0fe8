//! Gates: what must be open before a promotion becomes a deployment, and what would open it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Promotion, closing, next_opening};
use crate::{
    config::Live,
    event::elapsed,
    ids::{EnvironmentName, PrincipalName},
    project::{ApprovalPolicy, EnvironmentPolicy, Window},
    units::Millis,
    world::World,
};

/// What kind of gate it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// It has been deployed and verified in the environments before.
    Upstream,
    /// It has run there long enough.
    Soak,
    /// Enough people agreed.
    Approval,
    /// Everything is ticked off.
    Checklist,
    /// No freeze window is open.
    Freeze,
    /// A maintenance window is open.
    Maintenance,
    /// No other rollout is running in the environment.
    Rollout,
}

/// How a gate stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateStatus {
    /// Which.
    pub gate: Gate,
    /// Whether it lets through.
    pub open: bool,
    /// Why.
    pub why: String,
    /// What opens it, if it is closed.
    pub opens: Option<String>,
    /// When it opens by itself, if it does and that is known.
    pub opens_at: Option<Timestamp>,
}

impl Gate {
    /// Returns the stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Soak => "soak",
            Self::Approval => "approval",
            Self::Checklist => "checklist",
            Self::Freeze => "freeze",
            Self::Maintenance => "maintenance",
            Self::Rollout => "rollout",
        }
    }
}

impl GateStatus {
    fn open(gate: Gate, why: impl Into<String>) -> Self {
        Self { gate, open: true, why: why.into(), opens: None, opens_at: None }
    }

    fn closed(gate: Gate, why: impl Into<String>, opens: impl Into<String>) -> Self {
        Self { gate, open: false, why: why.into(), opens: Some(opens.into()), opens_at: None }
    }

    fn at(mut self, at: Option<Timestamp>) -> Self {
        self.opens_at = at;
        self
    }
}

/// Returns how every gate of a promotion stands; it may go when all are open. Gates are those of the project as it is
/// declared now: a stricter rule holds for requests that were made before it.
pub fn gates(world: &World, promotion: &Promotion, now: Timestamp) -> Vec<GateStatus> {
    let Some(policy) = world.policy(&promotion.environment) else {
        return vec![GateStatus::closed(
            Gate::Upstream,
            format!("environment `{}` is no longer in the pipeline", promotion.environment),
            "put it back into `towpath.yaml`, or reject the promotion",
        )];
    };
    let mut all = upstream(world, promotion, policy);
    all.extend(policy.gates.soak.and_then(|soak| soaked(world, promotion, policy, soak, now)));
    all.extend(policy.gates.approvals.as_ref().map(|rule| approval(world, promotion, rule, now)));
    all.extend(checklist(promotion, &policy.gates.checklist));
    all.extend(freeze(&policy.gates.freeze, now));
    all.extend(maintenance(&policy.gates.maintenance, now));
    all.extend(rollout(world, &promotion.environment));
    all
}

fn upstream(world: &World, promotion: &Promotion, policy: &EnvironmentPolicy) -> Vec<GateStatus> {
    policy
        .after
        .iter()
        .map(|before| match world.passed(before, promotion.release) {
            Some(at) => GateStatus::open(
                Gate::Upstream,
                format!("{} was deployed and verified in {before} at {at:.0}", promotion.release),
            ),
            None if world.current(&promotion.environment).is_some_and(|it| it.release == promotion.release) => {
                let why = format!("{} runs here already; only its configuration changes", promotion.release);
                GateStatus::open(Gate::Upstream, why)
            }
            None => GateStatus::closed(
                Gate::Upstream,
                format!("{} has not been deployed successfully in {before}", promotion.release),
                format!("towpath promote {} {before}", promotion.release),
            ),
        })
        .collect()
}

fn soaked(
    world: &World,
    promotion: &Promotion,
    policy: &EnvironmentPolicy,
    soak: Millis,
    now: Timestamp,
) -> Option<GateStatus> {
    // The environment where it arrived last decides.
    let since = policy.after.iter().filter_map(|before| world.passed(before, promotion.release)).max()?;
    let ran = elapsed(since, now);
    if ran >= soak {
        return Some(GateStatus::open(Gate::Soak, format!("ran for {}, {soak} are asked", coarse(ran))));
    }
    let left = Millis(soak.0.saturating_sub(ran.0));
    Some(
        GateStatus::closed(
            Gate::Soak,
            format!("ran for {} of the {soak} asked", coarse(ran)),
            format!("waiting another {}", coarse(left)),
        )
        .at(add(since, soak)),
    )
}

fn approval(world: &World, promotion: &Promotion, rule: &ApprovalPolicy, now: Timestamp) -> GateStatus {
    let mut counted: BTreeSet<&PrincipalName> = BTreeSet::new();
    let mut expired: BTreeSet<&PrincipalName> = BTreeSet::new();
    for approval in &promotion.approvals {
        if may_approve(world, promotion, rule, &approval.by).is_err() {
            continue;
        }
        if elapsed(approval.at, now) >= rule.expires {
            expired.insert(&approval.by);
        } else {
            counted.insert(&approval.by);
        }
    }
    let have = u32::try_from(counted.len()).unwrap_or(u32::MAX);
    let mut why = format!("{have} of {}", rule.required);
    if !counted.is_empty() {
        why = format!("{why} ({})", join(counted.iter()));
    }
    for by in expired.difference(&counted) {
        why = format!("{why}; {by}'s is older than {} and no longer counts", rule.expires);
    }
    if have >= rule.required {
        return GateStatus::open(Gate::Approval, why);
    }
    let whom = if rule.roles.is_empty() {
        "anybody but who asked for it or made the release".to_owned()
    } else {
        format!("somebody with role {}", join(rule.roles.iter()))
    };
    GateStatus::closed(Gate::Approval, why, format!("towpath approve {} as {whom}", promotion.number))
}

/// Why a person's approval does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoApproval {
    /// They asked for it.
    Requested,
    /// They made the release.
    MadeRelease,
    /// They set a value of the live overlay that it brings in.
    SetOverlay,
    /// They wrote a secret that it brings in.
    WroteSecret,
    /// They have none of the roles.
    MissingRole,
}

/// Says whether `who` may approve a promotion.
pub(crate) fn may_approve(
    world: &World,
    promotion: &Promotion,
    rule: &ApprovalPolicy,
    who: &PrincipalName,
) -> Result<(), NoApproval> {
    if promotion.requested_by == *who {
        return Err(NoApproval::Requested);
    }
    if world.releases.get(&promotion.release).is_some_and(|release| release.created_by == *who) {
        return Err(NoApproval::MadeRelease);
    }
    let current = world.current(&promotion.environment).map(|current| current.live.as_ref());
    let live = world.live(&promotion.environment);
    let brought = live.changed(current.unwrap_or(&Live::NONE));
    if live.overlay.iter().any(|entry| entry.origin.principal == *who && brought.contains(&entry.key)) {
        return Err(NoApproval::SetOverlay);
    }
    if let Some(store) = world.secrets(&promotion.environment) {
        let before = current.map(|current| &current.secrets);
        let new = |name: &String| before.and_then(|before| before.get(name)) != live.secrets.get(name);
        let wrote =
            |name: &String| store.secrets.get(name).and_then(|it| it.current()).is_some_and(|it| it.1.by == *who);
        if live.secrets.keys().any(|name| new(name) && wrote(name)) {
            return Err(NoApproval::WroteSecret);
        }
    }
    let roles = world.project.as_ref().and_then(|project| project.people.get(who));
    let holds = roles.is_some_and(|roles| rule.roles.is_empty() || !roles.is_disjoint(&rule.roles));
    if holds { Ok(()) } else { Err(NoApproval::MissingRole) }
}

fn checklist(promotion: &Promotion, items: &[String]) -> Option<GateStatus> {
    if items.is_empty() {
        return None;
    }
    let open: Vec<&String> =
        items.iter().filter(|item| !promotion.confirmed.iter().any(|done| done.item == **item)).collect();
    Some(match open.first() {
        None => GateStatus::open(Gate::Checklist, format!("all {} items are confirmed", items.len())),
        Some(first) => {
            let quoted: Vec<String> = open.iter().map(|item| format!("`{item}`")).collect();
            GateStatus::closed(
                Gate::Checklist,
                format!("{} of {} items are open: {}", open.len(), items.len(), quoted.join(", ")),
                format!("towpath gates {} --confirm \"{first}\"", promotion.number),
            )
        }
    })
}

fn freeze(windows: &[Window], now: Timestamp) -> Option<GateStatus> {
    if windows.is_empty() {
        return None;
    }
    let open = windows.iter().filter_map(|window| Some((closing(window, now)?, window.reason()))).max();
    Some(match open {
        None => GateStatus::open(Gate::Freeze, "no freeze window is open"),
        Some((until, reason)) => {
            let because = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
            GateStatus::closed(Gate::Freeze, format!("frozen until {until}{because}"), format!("waiting until {until}"))
                .at(Some(until))
        }
    })
}

fn maintenance(windows: &[Window], now: Timestamp) -> Option<GateStatus> {
    if windows.is_empty() {
        return None;
    }
    if let Some(until) = windows.iter().filter_map(|window| closing(window, now)).max() {
        return Some(GateStatus::open(Gate::Maintenance, format!("a maintenance window is open until {until}")));
    }
    let next = windows.iter().filter_map(|window| next_opening(window, now)).min();
    let opens = next.map_or_else(
        || "declaring a maintenance window that is not over".to_owned(),
        |at| format!("waiting until {at}"),
    );
    Some(GateStatus::closed(Gate::Maintenance, "no maintenance window is open", opens).at(next))
}

fn rollout(world: &World, environment: &EnvironmentName) -> Option<GateStatus> {
    let revision = world.environments.get(environment)?.rollout?;
    Some(GateStatus::closed(
        Gate::Rollout,
        format!("rollout {revision} is running in {environment}"),
        format!("waiting for it, or towpath rollout abort {environment}"),
    ))
}

fn add(from: Timestamp, length: Millis) -> Option<Timestamp> {
    from.checked_add(SignedDuration::from_millis(i64::try_from(length.0).ok()?)).ok()
}

/// Whole seconds: nobody waits for milliseconds.
fn coarse(length: Millis) -> Millis {
    if length.0 < 1000 { length } else { Millis(length.0 / 1000 * 1000) }
}

fn join<T: ToString>(items: impl Iterator<Item = T>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}
