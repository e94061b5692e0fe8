//! How many instances there are when the load decides.

use std::num::NonZeroU32;

use crate::{
    config::read::section,
    units::{Millis, Percent},
};

section! {
    /// How many instances run when the load decides; for all services, or for one.
    /// Towpath checks this and shows it; nothing acts on it yet: `replicas` decides.
    pub struct AutoscalingFile {
        /// Whether the load decides.
        enabled: bool = true,
        /// How many at least.
        min: NonZeroU32 = NonZeroU32::MIN,
        /// How many at most.
        max: NonZeroU32,
        /// The CPU use that is aimed at.
        target_cpu: Option<Percent>,
        /// The CPU use above which instances are added.
        scale_up_threshold: Option<Percent>,
        /// The CPU use below which instances are taken away.
        scale_down_threshold: Option<Percent>,
        /// How long nothing changes after a change.
        cooldown: Millis = Millis::from_secs(300),
    }
    check(value, reader; min, max) {
        let sound = min <= max;
        if !sound {
            reader.clash(value, &["min", "max"], &format!("`min` ({min}) must not be higher than `max` ({max})"));
        }
        sound
    }
    check(value, reader; scale_up_threshold, scale_down_threshold) {
        let sound = match (scale_up_threshold, scale_down_threshold) {
            (Some(up), Some(down)) => up > down,
            (None, _) | (_, None) => true,
        };
        if !sound {
            let why = "`scale_up_threshold` must be higher than `scale_down_threshold`, or instances would come and go";
            reader.clash(value, &["scale_up_threshold", "scale_down_threshold"], why);
        }
        sound
    }
    check(value, reader; target_cpu, scale_up_threshold) {
        let sound = match (target_cpu, scale_up_threshold) {
            (Some(target), Some(up)) => target <= up,
            (None, _) | (_, None) => true,
        };
        if !sound {
            reader.clash(value, &["target_cpu", "scale_up_threshold"], "`target_cpu` must not be above `scale_up_threshold`");
        }
        sound
    }
    check(value, reader; target_cpu, scale_down_threshold) {
        let sound = match (target_cpu, scale_down_threshold) {
            (Some(target), Some(down)) => target >= down,
            (None, _) | (_, None) => true,
        };
        if !sound {
            reader.clash(value, &["target_cpu", "scale_down_threshold"], "`target_cpu` must not be below `scale_down_threshold`");
        }
        sound
    }
}
