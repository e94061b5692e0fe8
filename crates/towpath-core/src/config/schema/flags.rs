//! What live changes of feature flags need in an environment. The flags themselves are in `flags/`.

use std::collections::BTreeSet;

use super::{access::positive, gates::KnownRole};
use crate::{
    config::read::section,
    project::{ApprovalPolicy, FlagApprovals, FlagPolicy},
    units::Millis,
};

section! {
    /// What live changes of feature flags need. Switching a flag off never waits for anybody.
    #[derive(Default)]
    pub struct FlagsFile {
        /// Who must agree before a change takes effect; those of `gates.approvals` if absent.
        approvals: Option<FlagApprovalsFile>,
        /// Whether it must be said why; in production if absent.
        reason: Option<bool>,
        /// How long a change waits for approvals before it has to be asked for again; 7 days if absent.
        waits: Option<Millis>,
    }
    check(value, reader; waits) {
        let sound = waits.is_none_or(|time| time.0 > 0);
        if !sound {
            positive(value, "waits", reader);
        }
        sound
    }
}

section! {
    /// Who must agree to a change of feature flags.
    pub struct FlagApprovalsFile {
        /// How many different people; 0 if nobody needs to.
        required: u32 = 1,
        /// Which roles may approve; anybody in the project if empty.
        roles: BTreeSet<KnownRole>,
        /// How long an approval holds.
        expires: Millis = Millis::from_secs(7 * 86_400),
    }
    check(value, reader; expires) {
        let sound = expires.0 > 0;
        if !sound {
            positive(value, "expires", reader);
        }
        sound
    }
}

impl FlagsFile {
    /// Returns what is asked for as deciding wants it.
    pub fn policy(&self) -> FlagPolicy {
        let approvals = self.approvals.as_ref().map(|file| {
            if file.required == 0 {
                return FlagApprovals::Nobody;
            }
            FlagApprovals::Of(ApprovalPolicy {
                required: file.required,
                roles: file.roles.iter().map(|role| role.0.clone()).collect(),
                expires: file.expires,
            })
        });
        FlagPolicy { approvals, reason: self.reason, waits: self.waits }
    }
}
