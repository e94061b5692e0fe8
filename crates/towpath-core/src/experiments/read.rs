//! Reading experiments from the files of a project: `flags/experiments/*.yaml`, `.yml` or `.json`.
//!
//! Whether the flag fits depends on the environment, and is not said here but where it is started ([`super::pin`]).

use std::collections::BTreeMap;

use super::{Direction, ExperimentDefinition, ExposureRule, Method, Metric, MetricKind, MetricRole, SampleRatioRule};
use crate::{
    config::{
        Diagnostic, EXPERIMENT_FOLDER, Label, SourceSet, has_errors, is_source, nearest,
        read::{Placed, Read, Reader, section},
        value::{Nulls, Value},
        yaml,
    },
    flags::FlagKey,
    ids::ExperimentName,
    units::Millis,
};

/// How many metrics an experiment may have.
const MAX_METRICS: usize = 100;
/// The usual chance of finding an effect where there is none.
const ALPHA: f64 = 0.05;
/// The longest name of an event or a metric, in bytes.
const MAX_NAME: usize = 128;
/// The longest window before an exposure.
const MAX_WINDOW: Millis = Millis(90 * 24 * 3_600_000);

/// What files declare, with the place of each name.
pub type DeclaredExperiments = BTreeMap<ExperimentName, Placed<ExperimentDefinition>>;

section! {
    /// A file of experiments.
    pub struct ExperimentsFile {
        /// The experiments by name.
        experiments: BTreeMap<ExperimentName, ExperimentFile>,
    }
}

section! {
    /// What an experiment compares and how it is judged.
    pub struct ExperimentFile {
        /// The key of the flag whose variants are compared.
        flag: Placed<String>,
        /// What is expected and why.
        hypothesis: Option<String>,
        /// Who answers for it.
        owner: Option<String>,
        /// The variant that the others are compared with.
        control: Placed<String>,
        /// The others; without them every other variant of the flag.
        treatments: Vec<Placed<String>>,
        /// How many units each variant should get in relation to the others; without them as the flag's `fractional` says.
        weights: BTreeMap<String, Placed<u32>>,
        /// A text that the flag's `fractional` mixes with the unit, so that this experiment draws apart from others.
        salt: Option<Placed<String>>,
        /// The member of the context that names the unit.
        unit: String = "targetingKey".to_owned(),
        /// The chance of finding an effect where there is none, over all goals and treatments; without it `0.05`.
        alpha: Option<Placed<f64>>,
        /// How the goals are judged.
        method: Method = Method::Sequential,
        /// How many units each variant needs before there is a verdict.
        minimum_sample: u64 = 100,
        /// How long before its exposure the events of a unit are used to reduce noise (CUPED), at most 90 days.
        cuped: Option<Placed<Millis>>,
        /// What counts as an exposure beside what applications report.
        exposure: ExposureRule = ExposureRule::Single,
        /// What happens when variants get shares of units other than they should.
        on_sample_ratio: SampleRatioRule = SampleRatioRule::Block,
        /// What is measured.
        metrics: Vec<Placed<MetricFile>>,
    }
}

section! {
    /// What is measured of each unit.
    pub struct MetricFile {
        /// What it is called; the event's name, if nothing is said.
        name: Option<String>,
        /// The event it is computed from.
        event: Placed<String>,
        /// For a ratio the event of the denominator.
        per: Option<Placed<String>>,
        /// What is computed for each unit.
        kind: MetricKind = MetricKind::Proportion,
        /// What an event is worth that carries no value.
        value: f64 = 1.0,
        /// Which way is better.
        direction: Direction = Direction::Increase,
        /// What it is for.
        role: MetricRole = MetricRole::Goal,
        /// The smallest effect worth finding in relation to the control, such as `0.02`: for planning.
        minimum: Option<Placed<f64>>,
        /// The most that counts of one unit.
        cap: Option<Placed<f64>>,
        /// How long after its exposure the events of a unit count; without it until the experiment ends.
        within: Option<Millis>,
        /// For a guardrail how much worse it may get in relation to the control, such as `0.01`.
        margin: Option<Placed<f64>>,
    }
}

/// Says whether a path, relative to the project folder and with `/`, is one of a file of experiments.
pub fn is_experiment_file(path: &str) -> bool {
    let name = path.strip_prefix(EXPERIMENT_FOLDER).and_then(|rest| rest.strip_prefix('/'));
    name.is_some_and(|name| !name.contains('/')) && is_source(path)
}

/// Says which experiments are on flags that nobody defines.
pub(crate) fn unknown_flags<'k>(
    declared: &DeclaredExperiments,
    flags: impl Iterator<Item = &'k str> + Clone,
) -> Vec<Diagnostic> {
    let unknown = declared.iter().filter(|(_, it)| !flags.clone().any(|key| key == it.value.flag.as_str()));
    unknown
        .map(|(name, it)| {
            let flag = &it.value.flag;
            let message = format!("the experiment `{name}` is on the flag `{flag}`, which no file defines");
            let near = nearest(flag.as_str(), flags.clone()).map(|near| format!("did you mean `{near}`?"));
            let help = near.unwrap_or_else(|| "define it in `flags/`".to_owned());
            Diagnostic::error("experiments::flag", it.label, message).help(help)
        })
        .collect()
}

/// Reads every experiment, and says everything that is wrong; what is wrong is left out.
pub fn read_experiments(sources: &SourceSet) -> (DeclaredExperiments, Vec<Diagnostic>) {
    let mut declared = DeclaredExperiments::new();
    let mut diagnostics = Vec::new();
    for (id, source) in sources.iter().filter(|(_, source)| is_experiment_file(source.name())) {
        let (document, mut wrong) = yaml::parse(id, source.text(), 0);
        diagnostics.append(&mut wrong);
        let Some(document) = document else { continue };
        let value = Value::of(&document, document.root(), Nulls::Keep);
        let mut reader = Reader::default();
        ExperimentsFile::read(&value, &mut reader);
        diagnostics.append(&mut reader.diagnostics);
        // Each is looked at by itself, so that what is wrong with one hides nothing of another.
        for (name, member) in value.get("experiments").and_then(Value::as_map).into_iter().flatten() {
            let Ok(name) = ExperimentName::new(name) else { continue };
            let Some(file) = ExperimentFile::read(&member.value, &mut Reader::default()) else { continue };
            if let Some(other) = declared.get(&name) {
                let message = format!("the experiment `{name}` is declared twice");
                let error = Diagnostic::error("experiments::twice", member.key, message);
                diagnostics.push(error.related(other.label, "first here").help("give one of them another name"));
                continue;
            }
            let (definition, mut wrong) = file.definition(&name);
            let sound = !has_errors(&wrong);
            diagnostics.append(&mut wrong);
            if let Some(definition) = definition.filter(|_| sound) {
                declared.insert(name, Placed { value: definition, label: member.key });
            }
        }
    }
    (declared, diagnostics)
}

/// Collects what is wrong with one experiment.
struct Check<'a> {
    name: &'a ExperimentName,
    wrong: Vec<Diagnostic>,
}

impl Check<'_> {
    fn value(&mut self, at: Label, message: &str, help: &str) {
        let message = format!("`experiments.{}`: {message}", self.name);
        self.wrong.push(Diagnostic::error("experiments::value", at, message).help(help));
    }

    fn range(&mut self, number: &Placed<f64>, what: &str, range: std::ops::RangeInclusive<f64>) {
        if !range.contains(&number.value) {
            let message = format!("{what} cannot be {}", number.value);
            self.value(number.label, &message, &format!("write a number from {} to {}", range.start(), range.end()));
        }
    }
}

impl ExperimentFile {
    fn definition(self, name: &ExperimentName) -> (Option<ExperimentDefinition>, Vec<Diagnostic>) {
        let mut check = Check { name, wrong: Vec::new() };
        let flag = FlagKey::new(&self.flag.value);
        if let Err(error) = &flag {
            check.value(self.flag.label, &error.to_string(), "write the key of the flag as it stands in `flags/`");
        }
        self.check(&mut check);
        let metrics: Vec<Metric> = self.metrics.into_iter().map(|it| it.value.metric(it.label, &mut check)).collect();
        let definition = flag.ok().map(|flag| ExperimentDefinition {
            flag,
            hypothesis: self.hypothesis,
            owner: self.owner,
            control: self.control.value,
            treatments: self.treatments.into_iter().map(|it| it.value).collect(),
            weights: self.weights.into_iter().map(|(variant, weight)| (variant, weight.value)).collect(),
            salt: self.salt.map(|salt| salt.value),
            unit: self.unit,
            alpha: self.alpha.map_or(ALPHA, |alpha| alpha.value),
            method: self.method,
            minimum_sample: self.minimum_sample,
            cuped: self.cuped.map(|window| window.value),
            exposure: self.exposure,
            on_sample_ratio: self.on_sample_ratio,
            metrics,
        });
        (definition, check.wrong)
    }

    fn check(&self, check: &mut Check) {
        for (place, treatment) in self.treatments.iter().enumerate() {
            let earlier = self.treatments.iter().take(place).any(|it| it.value == treatment.value);
            if earlier || treatment.value == self.control.value {
                let message = format!("`{}` is compared with itself", treatment.value);
                check.value(treatment.label, &message, "name each variant once, the control not among the treatments");
            }
        }
        if self.treatments.len() > 50 {
            check.value(self.control.label, "more than 50 treatments", "compare fewer variants");
        }
        for (variant, weight) in &self.weights {
            let known = *variant == self.control.value || self.treatments.iter().any(|it| it.value == *variant);
            if !known && !self.treatments.is_empty() {
                let help = "name only the control and the treatments";
                check.value(weight.label, &format!("`{variant}` has a weight but is not compared"), help);
            }
            if weight.value == 0 {
                check.value(weight.label, &format!("`{variant}` gets no units"), "write a weight of at least 1");
            }
        }
        if let Some(alpha) = &self.alpha {
            check.range(alpha, "`alpha`", 0.0001..=0.5);
        }
        if let Some(salt) = self.salt.as_ref().filter(|salt| salt.value.is_empty()) {
            check.value(
                salt.label,
                "the salt is empty",
                "write any text that no other experiment uses, or leave it out",
            );
        }
        if let Some(window) = self.cuped.as_ref().filter(|it| it.value > MAX_WINDOW || it.value == Millis(0)) {
            check.value(window.label, "the window is not between nothing and 90 days", "write for example `14d`");
        }
        self.check_metrics(check);
    }

    fn check_metrics(&self, check: &mut Check) {
        if !self.metrics.iter().any(|it| it.value.role == MetricRole::Goal) {
            let help = "add a metric with `role: goal`, or leave `role` out of one";
            check.value(self.control.label, "it has no goal, so nothing could be decided", help);
        }
        if let Some(over) = self.metrics.get(MAX_METRICS) {
            check.value(over.label, &format!("more than {MAX_METRICS} metrics"), "measure fewer");
        }
        for (place, metric) in self.metrics.iter().enumerate() {
            let name = metric.value.name();
            if self.metrics.iter().take(place).any(|it| it.value.name() == name) {
                let message = format!("two metrics are called `{name}`");
                check.value(metric.label, &message, "give one of them another `name`");
            }
        }
    }
}

impl MetricFile {
    fn name(&self) -> &str {
        self.name.as_ref().unwrap_or(&self.event.value)
    }

    fn metric(self, at: Label, check: &mut Check) -> Metric {
        let name = self.name().to_owned();
        for (text, label) in std::iter::once((&self.event.value, self.event.label))
            .chain(self.per.iter().map(|per| (&per.value, per.label)))
            .chain(std::iter::once((&name, at)))
        {
            if text.is_empty() || text.len() > MAX_NAME || text.chars().any(char::is_control) {
                let help = format!("use 1 to {MAX_NAME} bytes without control characters");
                check.value(label, "this cannot be the name of an event or a metric", &help);
            }
        }
        match (self.kind, &self.per) {
            (MetricKind::Ratio, None) => {
                check.value(
                    at,
                    &format!("the ratio `{name}` has no denominator"),
                    "write `per:` with the name of its event",
                );
            }
            (MetricKind::Proportion | MetricKind::Mean | MetricKind::Count, Some(per)) => {
                let message = format!("`{name}` is no ratio, but has a denominator");
                check.value(per.label, &message, "write `kind: ratio`, or take `per` away");
            }
            (MetricKind::Ratio, Some(_)) | (MetricKind::Proportion | MetricKind::Mean | MetricKind::Count, None) => {}
        }
        if let Some(cap) = &self.cap {
            check.range(cap, "`cap`", f64::MIN_POSITIVE..=1e15);
        }
        if let Some(minimum) = &self.minimum {
            check.range(minimum, "`minimum`", 1e-6..=100.0);
        }
        if let Some(margin) = &self.margin {
            check.range(margin, "`margin`", 0.0..=1.0);
            if self.role != MetricRole::Guardrail {
                let message = format!("`{name}` is no guardrail, but has a margin");
                check.value(margin.label, &message, "write `role: guardrail`, or take `margin` away");
            }
        }
        Metric {
            event: self.event.value,
            per: self.per.map(|per| per.value),
            kind: self.kind,
            value: self.value,
            direction: self.direction,
            role: self.role,
            minimum: self.minimum.map(|it| it.value),
            cap: self.cap.map(|it| it.value),
            within: self.within,
            margin: self.margin.map_or(0.0, |it| it.value),
            name,
        }
    }
}

#[cfg(test)]
mod tests;
