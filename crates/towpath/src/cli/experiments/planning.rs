//! `towpath experiments …`: what can be computed before an experiment, or from sums alone.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum PlanningCommand {
    /// Computes how many units an experiment needs, or what so many units can show.
    Power(PowerArgs),
    /// Says what sums in a file prove; needs no server.
    Analyse(AnalyseArgs),
}

/// The decision rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Rule {
    /// Always-valid intervals: look as often as you like.
    Sequential,
    /// Welch's t test, for one look at a planned number of units.
    Fixed,
}

/// How alpha is kept over several comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeepBy {
    /// An equal part for each.
    Bonferroni,
    /// Holm's step-down procedure.
    Holm,
    /// The whole for each.
    None,
}

/// On which scale lifts are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum JudgedAs {
    /// Shares of control's value.
    Relative,
    /// Differences.
    Absolute,
}

#[derive(Debug, Args)]
pub(crate) struct PowerArgs {
    /// Control's value: a share such as `12%` or `0.12`, or with --sd a mean.
    #[arg(long, value_name = "NUMBER", value_parser = share, allow_hyphen_values = true)]
    pub baseline: f64,
    /// The standard deviation between units, which makes the baseline a mean.
    #[arg(long, value_name = "NUMBER", value_parser = finite)]
    pub sd: Option<f64>,
    /// The effect to be found, as a share of the baseline: `5%`; below 0 for a decrease.
    #[arg(long, value_name = "SHARE", value_parser = share, allow_hyphen_values = true, required_unless_present_any = ["difference", "units"])]
    pub effect: Option<f64>,
    /// The effect to be found, as a difference in the metric's own unit: `0.6%` of a share of units, `1.5` of a mean.
    #[arg(long, value_name = "NUMBER", value_parser = share, allow_hyphen_values = true, conflicts_with = "effect")]
    pub difference: Option<f64>,
    /// How many units there are in all: with an effect its power is computed, without one the effect that they show.
    #[arg(long, value_name = "COUNT")]
    pub units: Option<u64>,
    /// How often, at most, something is concluded where there is nothing.
    #[arg(long, value_name = "SHARE", value_parser = share, default_value = "5%")]
    pub alpha: f64,
    /// How often the effect is to be found where it is.
    #[arg(long, value_name = "SHARE", value_parser = share, default_value = "80%")]
    pub power: f64,
    /// How units are shared out, control first; every variant gets the same: `50:50`, `90:10`, `50:25:25`.
    #[arg(long, value_name = "SHARES", default_value = "50:50", value_parser = parse_split)]
    pub split: SplitArg,
    /// How many metrics are goals.
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    pub goals: u32,
    /// The decision rule.
    #[arg(long, value_enum, default_value_t = Rule::Sequential)]
    pub method: Rule,
    /// At how many units the sequence is narrowest.
    #[arg(long, value_name = "COUNT", value_parser = finite, default_value = "5000")]
    pub tuning: f64,
    /// How many units come each day, to say how long it takes.
    #[arg(long, value_name = "COUNT")]
    pub per_day: Option<u64>,
}

/// How units are shared out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SplitArg {
    /// Variants beside control.
    pub variants: u32,
    /// Units of each for every unit of control.
    pub ratio: f64,
}

#[derive(Debug, Args)]
pub(crate) struct AnalyseArgs {
    /// A file of sums, JSON or CSV; `-` is standard input.
    pub file: PathBuf,
    /// The variant the others are compared with; without it what the file says, else its first.
    #[arg(long, value_name = "VARIANT")]
    pub control: Option<String>,
    /// The decision rule.
    #[arg(long, value_enum)]
    pub method: Option<Rule>,
    /// How many units of each variant were planned, for `--method fixed`.
    #[arg(long, value_name = "COUNT")]
    pub planned: Option<u64>,
    /// At how many units the sequence is narrowest.
    #[arg(long, value_name = "COUNT", value_parser = finite)]
    pub tuning: Option<f64>,
    /// How often, at most, something is concluded where there is nothing; 5% by default.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub alpha: Option<f64>,
    /// How alpha is kept over several comparisons.
    #[arg(long, value_enum)]
    pub correction: Option<KeepBy>,
    /// On which scale lifts are judged.
    #[arg(long, value_enum)]
    pub scale: Option<JudgedAs>,
    /// How many units each variant must have before anything is concluded.
    #[arg(long, value_name = "COUNT")]
    pub minimum_units: Option<u64>,
    /// The standard deviation of relative lifts that is believed beforehand, for the Bayesian figures only.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub prior_sd: Option<f64>,
    /// Draws the intervals in the terminal.
    #[arg(long)]
    pub plot: bool,
    /// Draws the intervals into a file.
    #[arg(long, value_name = "PATH")]
    pub svg: Option<PathBuf>,
}

/// Reads `5%` and `0.05`, which are the same.
fn share(text: &str) -> Result<f64, String> {
    match text.trim().strip_suffix('%') {
        Some(percent) => finite(percent.trim()).map(|percent| percent / 100.0),
        None => finite(text),
    }
}

fn finite(text: &str) -> Result<f64, String> {
    let number = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    number.ok_or_else(|| "it is no number; write `5%`, `0.05` or `5`".to_owned())
}

fn parse_split(text: &str) -> Result<SplitArg, String> {
    let wrong = || "write the shares of control and of each variant, such as `50:50` or `50:25:25`".to_owned();
    let parts: Option<Vec<f64>> = text.split(':').map(|part| finite(part).ok().filter(|part| *part > 0.0)).collect();
    let parts = parts.ok_or_else(wrong)?;
    let (control, others) = parts.split_first().ok_or_else(wrong)?;
    let first = others.first().ok_or_else(wrong)?;
    if others.iter().any(|other| (other / first - 1.0).abs() > 1e-9) {
        return Err("every variant beside control gets the same share".to_owned());
    }
    let variants = u32::try_from(others.len()).map_err(|_| wrong())?;
    Ok(SplitArg { variants, ratio: first / control })
}
