//! `cargo xtask bench`: named measurements, their figures against ceilings, and the page that keeps them.
//!
//! A measurement is an example program that prints one JSON line, `{"FIGURE": number, …}`, last on its standard output,
//! or a function here. Units are in the figures' names (`_ms`, `_per_s`, `_mb`); ratios are `vs_PEER`.

mod config;
mod flags;
mod leaks;
mod ofrep;
mod page;
mod proxy;
mod run;
mod secrets;
mod server;
mod streams;
mod upstream;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::process;
use crate::workspace::Workspace;

#[cfg(test)]
mod tests;

pub(crate) use upstream::serve as serve_upstream;

/// What to measure, and what to do with it.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Takes these measurements only (may be repeated).
    #[arg(long, value_name = "NAME", value_parser = names())]
    only: Vec<String>,
    /// Writes the figures into the performance page of the guide.
    #[arg(long)]
    write: bool,
    /// Fails when a figure misses its ceiling; what cannot be measured here is only named.
    #[arg(long)]
    strict: bool,
}

struct Measurement {
    name: &'static str,
    what: &'static str,
    by: By,
    bounds: &'static [(&'static str, Bound)],
}

/// How a measurement is taken.
enum By {
    /// An example of a package, built with `--release`.
    Example { package: &'static str, name: &'static str },
    /// Code of this crate, which may build what it needs.
    Function(fn(&Workspace) -> Result<Taken>),
}

/// What a figure must keep to.
#[derive(Clone, Copy)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// Figures by name.
type Figures = BTreeMap<String, f64>;

/// What came of one measurement.
enum Taken {
    Figures { figures: Figures, notes: Vec<String> },
    Skipped(String),
}

const MEASUREMENTS: &[Measurement] = &[
    Measurement {
        name: "config",
        what: "validating a project as a process, and resolving beside figment and config-rs",
        by: By::Function(config::measure),
        bounds: &[
            ("usual_ms", Bound::AtMost(5.0)),
            ("large_ms", Bound::AtMost(50.0)),
            ("small_vs_figment", Bound::AtLeast(3.0)),
            ("small_vs_config_rs", Bound::AtLeast(3.0)),
            ("small_merge_vs_figment", Bound::AtLeast(3.0)),
            ("small_merge_vs_config_rs", Bound::AtLeast(3.0)),
            ("one_vs_figment", Bound::AtLeast(3.0)),
            ("one_vs_config_rs", Bound::AtLeast(3.0)),
            ("one_merge_vs_figment", Bound::AtLeast(3.0)),
            ("one_merge_vs_config_rs", Bound::AtLeast(3.0)),
            ("all_vs_figment", Bound::AtLeast(3.0)),
            ("all_vs_config_rs", Bound::AtLeast(3.0)),
            ("all_merge_vs_figment", Bound::AtLeast(3.0)),
            ("all_merge_vs_config_rs", Bound::AtLeast(3.0)),
            ("json_vs_figment", Bound::AtLeast(3.0)),
            ("json_vs_config_rs", Bound::AtLeast(3.0)),
            ("json_merge_vs_figment", Bound::AtLeast(3.0)),
            ("json_merge_vs_config_rs", Bound::AtLeast(3.0)),
        ],
    },
    Measurement {
        name: "run",
        what: "what `towpath run` adds to the start of a program, in a project of 4 environments and 150 variables",
        by: By::Function(run::measure),
        bounds: &[("run_overhead_ms", Bound::AtMost(15.0)), ("with_secrets_overhead_ms", Bound::AtMost(15.0))],
    },
    Measurement {
        name: "secrets",
        what: "values of a kilobyte beside aws-lc-rs alone, and a sops file of 500 values beside rops",
        by: By::Function(secrets::measure),
        bounds: &[
            ("seal_vs_raw", Bound::AtLeast(0.9)),
            ("open_vs_raw", Bound::AtLeast(0.9)),
            ("yaml_open_ms", Bound::AtMost(10.0)),
            ("json_open_ms", Bound::AtMost(10.0)),
            ("env_open_ms", Bound::AtMost(10.0)),
            ("whole_vs_rops", Bound::AtLeast(1.0)),
        ],
    },
    Measurement {
        name: "leaks",
        what: "looking for leaked credentials in a project of 10,000 files, as a process",
        by: By::Function(leaks::measure),
        bounds: &[("leaks_ms", Bound::AtMost(2000.0))],
    },
    Measurement {
        name: "flags",
        what: "evaluating a flag, beside closures written by hand, datalogic-rs and unleash-yggdrasil",
        by: By::Function(flags::measure),
        bounds: &[
            ("times_by_hand", Bound::AtMost(1.3)),
            ("vs_datalogic", Bound::AtLeast(2.5)),
            ("vs_yggdrasil", Bound::AtLeast(2.5)),
            ("load_10000_ms", Bound::AtMost(50.0)),
        ],
    },
    Measurement {
        name: "append",
        what: "durable appends to the ledger, grouped, a checkpoint signed per group",
        by: By::Example { package: "towpath-store", name: "append_speed" },
        bounds: &[("appends_per_s", Bound::AtLeast(10_000.0))],
    },
    Measurement {
        name: "experiments",
        what: "exposures and metric events of 1,000,000 units made durable in batches, and added up",
        by: By::Example { package: "towpath-store", name: "experiments_speed" },
        bounds: &[("exposures_per_s", Bound::AtLeast(20_000.0)), ("resident_mb", Bound::AtMost(200.0))],
    },
    Measurement {
        name: "core",
        what: "commands decided and folded by the pure core, over a growing world",
        by: By::Example { package: "towpath-testkit", name: "core_speed" },
        bounds: &[],
    },
    Measurement {
        name: "startup",
        what: "loading a ledger of 100,000 events: after a clean stop, after a crash, without a snapshot",
        by: By::Example { package: "towpath-store", name: "startup_speed" },
        bounds: &[("clean_ms", Bound::AtMost(300.0)), ("crashed_ms", Bound::AtMost(300.0))],
    },
    Measurement {
        name: "server",
        what: "the server as a user runs it: resident memory while idle, and a blue-green rollback until it is served",
        by: By::Function(server::measure),
        bounds: &[("idle_mb", Bound::AtMost(60.0)), ("switch_back_ms", Bound::AtMost(2000.0))],
    },
    Measurement {
        name: "ofrep",
        what: "evaluating 5 flags with targeting in one OFREP request, HTTP/1.1 kept alive, the server on one core",
        by: By::Function(ofrep::measure),
        // unleash-edge 19.15.1 took 54 us where this was first measured.
        bounds: &[("cpu_us_per_request", Bound::AtMost(20.0)), ("half_load_p99_ms", Bound::AtMost(1.0))],
    },
    Measurement {
        name: "streams",
        what: "10,000 listeners of event streams: how soon all hear of a change, and the server's memory for each",
        by: By::Function(streams::measure),
        bounds: &[("heard_max_ms", Bound::AtMost(1000.0))],
    },
    Measurement {
        name: "proxy",
        what: "the proxy on one core beside nginx and haproxy on the same core, 1 KB answers, 64 connections",
        by: By::Function(proxy::measure),
        bounds: &[("vs_nginx", Bound::AtLeast(0.8)), ("vs_haproxy", Bound::AtLeast(1.0))],
    },
];

fn names() -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new(MEASUREMENTS.iter().map(|measurement| measurement.name))
}

/// Takes the chosen measurements and prints them.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let chosen = |name: &str| options.only.is_empty() || options.only.iter().any(|only| only == name);
    let mut missed = Vec::new();
    for measurement in MEASUREMENTS.iter().filter(|measurement| chosen(measurement.name)) {
        println!("\n{}: {}", measurement.name, measurement.what);
        match take(workspace, measurement)? {
            Taken::Skipped(reason) => {
                println!("  skipped: {reason}");
            }
            Taken::Figures { figures, notes } => {
                let rows = rows(&figures, measurement.bounds);
                print!("{}", page::plain(&rows, &notes));
                missed.extend(
                    rows.iter().filter(|row| row.missed).map(|row| format!("{}.{}", measurement.name, row.figure)),
                );
                if options.write {
                    page::write(workspace, measurement.name, &rows, &notes)?;
                }
            }
        }
    }
    if options.strict && !missed.is_empty() {
        bail!("missed: {}", missed.join(", "));
    }
    Ok(())
}

fn take(workspace: &Workspace, measurement: &Measurement) -> Result<Taken> {
    match measurement.by {
        By::Function(measure) => measure(workspace),
        By::Example { package, name } => {
            let Some(program) = build_example(workspace, package, name)? else {
                return Ok(Taken::Skipped(format!("not built: `{package}` has no example `{name}`")));
            };
            let printed = process::stdout_of(&mut workspace.command(&program))?;
            let figures = figures(&printed).with_context(|| format!("`{name}` printed no line of figures"))?;
            Ok(Taken::Figures { figures, notes: Vec::new() })
        }
    }
}

/// Returns the program as users have it: the one that `TOWPATH_PROGRAM` names, or else it is built.
fn program(workspace: &Workspace) -> Result<PathBuf> {
    if let Some(program) = std::env::var_os("TOWPATH_PROGRAM") {
        return Ok(program.into());
    }
    process::run(workspace.cargo().args(["build", "--release", "--quiet", "--package", "towpath"]))?;
    Ok(workspace.target()?.join("release/towpath"))
}

/// Builds an example for release and returns its path; `None` when the package has no such example.
fn build_example(workspace: &Workspace, package: &str, name: &str) -> Result<Option<String>> {
    if !workspace.path(format!("crates/{package}/examples/{name}.rs")).is_file() {
        return Ok(None);
    }
    process::run(workspace.cargo().args(["build", "--release", "--quiet", "--package", package, "--example", name]))?;
    let program = workspace.target()?.join("release/examples").join(name);
    Ok(Some(program.to_string_lossy().into_owned()))
}

/// Reads the last line that is a JSON object; what is not a number in it is left out.
fn figures(printed: &str) -> Option<Figures> {
    let object = printed.lines().rev().find_map(|line| {
        let value: serde_json::Value = serde_json::from_str(line.trim()).ok()?;
        value.as_object().cloned()
    })?;
    let figures: Figures = object.into_iter().filter_map(|(name, value)| Some((name, value.as_f64()?))).collect();
    (!figures.is_empty()).then_some(figures)
}

/// One figure beside its ceiling.
struct Row {
    figure: String,
    value: Option<f64>,
    bound: Option<Bound>,
    missed: bool,
}

fn rows(figures: &Figures, bounds: &[(&str, Bound)]) -> Vec<Row> {
    let bound_of = |figure: &str| bounds.iter().find(|(name, _)| *name == figure).map(|(_, bound)| *bound);
    let measured = figures.iter().map(|(figure, value)| {
        let bound = bound_of(figure);
        let missed = bound.is_some_and(|bound| !bound.holds(*value));
        Row { figure: figure.clone(), value: Some(*value), bound, missed }
    });
    let absent = bounds.iter().filter(|(name, _)| !figures.contains_key(*name)).map(|(name, bound)| Row {
        figure: (*name).to_owned(),
        value: None,
        bound: Some(*bound),
        missed: false,
    });
    measured.chain(absent).collect()
}

impl Bound {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
        }
    }
}
