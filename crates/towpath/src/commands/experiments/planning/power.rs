//! `towpath experiments power`.

use serde::Serialize;
use towpath_core::experiments::statistics::{
    Method, Scale,
    power::{Baseline, Change, Plan, PlanError, SampleSize, detectable, power, sample_size},
    words,
};

use crate::{
    cli::{PowerArgs, Rule},
    commands::Outcome,
    context::Context,
    failure::{Exit, Failure},
    output::{Paint, Table},
};

/// What is printed.
#[derive(Debug, Serialize)]
struct Planned {
    plan: Plan,
    /// The effect that is found with the planned power.
    effect: Change,
    /// The units that it takes.
    units: SampleSize,
    /// How many days they take to come.
    #[serde(skip_serializing_if = "Option::is_none")]
    days: Option<u64>,
    /// The same with a test for one look.
    #[serde(skip_serializing_if = "Option::is_none")]
    units_of_one_look: Option<SampleSize>,
}

pub(super) fn run(context: &Context, args: &PowerArgs) -> Outcome {
    let method = match args.method {
        Rule::Sequential => Method::Sequential { tuning: args.tuning },
        Rule::Fixed => Method::Fixed { planned_units: None },
    };
    let baseline = match args.sd {
        Some(sd) => Baseline::Mean { mean: args.baseline, sd },
        None => Baseline::Proportion { share: args.baseline },
    };
    let mut plan = Plan {
        baseline,
        alpha: args.alpha,
        power: args.power,
        method,
        variants: args.split.variants,
        goals: args.goals,
        ratio: args.split.ratio,
    };
    let effect = match (args.effect, args.difference, args.units) {
        (Some(effect), _, _) => Change::Relative(effect),
        (None, Some(difference), _) => Change::Absolute(difference),
        (None, None, units) => {
            // A baseline of 0 has no shares.
            let scale = if args.baseline == 0.0 { Scale::Absolute } else { Scale::Relative };
            let found = detectable(&plan, units.unwrap_or(0), scale, 1.0).map_err(failure)?;
            if scale == Scale::Relative { Change::Relative(found) } else { Change::Absolute(found) }
        }
    };
    if let (Some(units), true) = (args.units, args.effect.or(args.difference).is_some()) {
        // What so many units have is less than what was wished, or more.
        plan.power = power(&plan, units, effect).map_err(failure)?;
        return show_power(context, &plan, effect, units);
    }
    let units = sample_size(&plan, effect).map_err(failure)?;
    let one_look = Plan { method: Method::Fixed { planned_units: None }, ..plan };
    let planned = Planned {
        plan,
        effect,
        units,
        days: args.per_day.filter(|per_day| *per_day > 0).map(|per_day| units.total.div_ceil(per_day)),
        units_of_one_look: (args.method == Rule::Sequential).then(|| sample_size(&one_look, effect).ok()).flatten(),
    };
    context.out.show(&planned, |paint| text(&planned, paint))?;
    Ok(Exit::Done)
}

fn failure(error: PlanError) -> Failure {
    Failure::of(Exit::Usage, "no_plan", &error)
}

/// What so many units see.
#[derive(Debug, Serialize)]
struct Seen {
    plan: Plan,
    effect: Change,
    total: u64,
    power: f64,
}

fn show_power(context: &Context, plan: &Plan, effect: Change, total: u64) -> Outcome {
    let seen = Seen { plan: *plan, effect, total, power: plan.power };
    context.out.show(&seen, |paint| {
        let mut table = Table::new(&[]);
        table.row(vec![paint.dim("effect"), change(plan, effect)]);
        table.row(vec![paint.dim("units"), format!("{total} in all")]);
        table.row(vec![paint.dim("power"), format!("found in {} of such experiments", words::percent(seen.power))]);
        table.text(paint)
    })?;
    Ok(Exit::Done)
}

fn text(planned: &Planned, paint: Paint) -> String {
    let (plan, units) = (&planned.plan, &planned.units);
    let mut table = Table::new(&[]);
    let mut row = |name: &str, text: String| table.row(vec![paint.dim(name), text]);
    row("effect", change(plan, planned.effect));
    let each = if plan.variants == 1 { "the variant" } else { "each variant" };
    row("units", format!("{} in all: {} of control, {} of {each}", units.total, units.control, units.each_variant));
    if let Some(days) = planned.days {
        row("days", days.to_string());
    }
    row("power", format!("found in {} of such experiments", words::percent(units.power)));
    let parts = match u64::from(plan.variants) * u64::from(plan.goals) {
        1 => String::new(),
        parts => format!(", {} for each of {parts} comparisons", words::percent(units.alpha_each)),
    };
    row("alpha", format!("{}{parts}", words::percent(plan.alpha)));
    row(
        "rule",
        match plan.method {
            Method::Sequential { .. } => "always-valid intervals: look as often as you like".to_owned(),
            Method::Fixed { .. } => "one look, when all units are there".to_owned(),
        },
    );
    if let Some(one_look) = planned.units_of_one_look {
        row("one look", format!("{} units in all would do with --method fixed", one_look.total));
    }
    table.text(paint)
}

fn change(plan: &Plan, effect: Change) -> String {
    let kind = plan.baseline.kind();
    let base = match plan.baseline {
        Baseline::Proportion { share } => share,
        Baseline::Mean { mean, .. } => mean,
    };
    let (lift, to) = match effect {
        Change::Relative(share) => (words::lift(kind, Scale::Relative, share), base + share * base.abs()),
        Change::Absolute(difference) => (words::lift(kind, Scale::Absolute, difference), base + difference),
    };
    format!("{lift}: from {} to {}", words::value(kind, base), words::value(kind, to))
}
