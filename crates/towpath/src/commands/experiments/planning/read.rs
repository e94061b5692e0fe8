//! Sums in files: JSON as core writes it with the settings beside, or CSV with a row per metric and variant.
//!
//! Nothing is guessed: an unknown column, a missing one and a number that is none are errors with the line.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use serde::Deserialize;
use serde_json::{Value, json};
use towpath_core::experiments::statistics::{Arm, Observations, Observed, Settings};

use crate::failure::{Exit, Failure};

mod csv;
#[cfg(test)]
mod tests;

/// Sums of more metrics and variants than anybody has fit into this.
const LARGEST: u64 = 16 << 20;

/// What a file says.
#[derive(Debug)]
pub(super) struct ReadFile {
    pub observations: Observations,
    pub settings: Settings,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    control: String,
    variants: Vec<Arm>,
    metrics: Vec<Observed>,
    #[serde(default)]
    settings: Settings,
}

/// Reads a file, by what it begins with: JSON begins with a brace.
pub(super) fn observations(path: &Path) -> Result<ReadFile, Failure> {
    let text = text(path)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let name = path.display().to_string();
    if text.trim_start().starts_with('{') { from_json(text, &name) } else { from_csv(text, &name) }
}

fn text(path: &Path) -> Result<String, Failure> {
    let name = path.display();
    let unreadable =
        |error: io::Error| Failure::new(Exit::Failed, "unreadable", format!("cannot read `{name}`")).because(&error);
    let mut text = String::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().take(LARGEST + 1).read_to_string(&mut text)
    } else {
        File::open(path).map_err(unreadable)?.take(LARGEST + 1).read_to_string(&mut text)
    };
    if read.map_err(unreadable)? as u64 > LARGEST {
        return Err(Failure::usage(format!("`{name}` is larger than 16 MiB: it is to hold sums, not single events")));
    }
    Ok(text)
}

fn from_json(text: &str, name: &str) -> Result<ReadFile, Failure> {
    let Written { mut control, variants, metrics, settings } = serde_json::from_str(text).map_err(|error| {
        Failure::new(Exit::Usage, "invalid_json", format!("`{name}` is not what an experiment's sums look like"))
            .because(&error)
            .next("see `experiments` in the guide for the form of the file")
    })?;
    if control.is_empty() {
        control = variants.first().map(|arm| arm.name.clone()).unwrap_or_default();
    }
    Ok(ReadFile { observations: Observations { control, variants, metrics }, settings })
}

fn from_csv(text: &str, name: &str) -> Result<ReadFile, Failure> {
    let wrong =
        |line: usize, what: String| Failure::new(Exit::Usage, "invalid_csv", format!("`{name}` line {line}: {what}"));
    let mut records = csv::records(text).map_err(|line| wrong(line, "a quotation mark is not closed".to_owned()))?;
    if records.is_empty() {
        return Err(wrong(1, "the file is empty".to_owned()));
    }
    let (line, head) = records.remove(0);
    let columns = Columns::new(head).map_err(|what| wrong(line, what))?;
    let mut gathered = Gathered::default();
    for (line, record) in records {
        let row = columns.row(record).map_err(|what| wrong(line, what))?;
        gathered.add(&row).map_err(|what| wrong(line, what))?;
    }
    gathered
        .observations()
        .map_err(|what| wrong(line, what))
        .map(|observations| ReadFile { observations, settings: Settings::default() })
}

/// The columns there can be. The first four name, the rest count.
const COLUMNS: [&str; 17] = [
    "metric",
    "variant",
    "kind",
    "n",
    "sum",
    "sum_squares",
    "better",
    "role",
    "margin",
    "weight",
    "units",
    "denominator_sum",
    "denominator_sum_squares",
    "denominator_sum_products",
    "covariate_sum",
    "covariate_sum_squares",
    "covariate_sum_products",
];

struct Columns(Vec<String>);

type Row = BTreeMap<String, String>;

impl Columns {
    fn new(head: Vec<String>) -> Result<Self, String> {
        let names: Vec<String> = head.into_iter().map(|name| name.trim().to_lowercase()).collect();
        if let Some(unknown) = names.iter().find(|name| !COLUMNS.contains(&name.as_str())) {
            return Err(format!("there is no column `{unknown}`; there are {}", COLUMNS.join(", ")));
        }
        if let Some(missing) = COLUMNS.iter().take(5).find(|name| !names.iter().any(|own| own == *name)) {
            return Err(format!("the column `{missing}` is missing"));
        }
        if let Some(twice) = names.iter().enumerate().find(|(at, name)| names.iter().skip(at + 1).any(|n| n == *name)) {
            return Err(format!("the column `{}` is there twice", twice.1));
        }
        Ok(Self(names))
    }

    fn row(&self, record: Vec<String>) -> Result<Row, String> {
        if record.len() != self.0.len() {
            return Err(format!("there are {} fields and {} columns", record.len(), self.0.len()));
        }
        let cells = self.0.iter().cloned().zip(record.into_iter().map(|cell| cell.trim().to_owned()));
        Ok(cells.filter(|(_, cell)| !cell.is_empty()).collect())
    }
}

/// What rows add up to.
#[derive(Default)]
struct Gathered {
    /// Variants in the order in which they come, with weight and units.
    variants: Vec<(String, Option<f64>, u64)>,
    /// Metrics in the order in which they come, as JSON, from which core reads.
    metrics: Vec<(String, Value, serde_json::Map<String, Value>)>,
}

impl Gathered {
    fn add(&mut self, row: &Row) -> Result<(), String> {
        let need = |name: &str| row.get(name).cloned().ok_or_else(|| format!("`{name}` is empty"));
        let (metric, variant, kind) = (need("metric")?, need("variant")?, need("kind")?);
        let n = whole("n", &need("n")?)?;
        let units = row.get("units").map(|units| whole("units", units)).transpose()?;
        let weight = row.get("weight").map(|weight| number("weight", weight)).transpose()?;
        match self.variants.iter_mut().find(|(name, _, _)| *name == variant) {
            Some((_, known, most)) => {
                if let (Some(known), Some(weight)) = (*known, weight)
                    && (known - weight).abs() > 0.0
                {
                    return Err(format!("variant `{variant}` had another weight before"));
                }
                *known = known.or(weight);
                *most = (*most).max(units.unwrap_or(n));
            }
            None => self.variants.push((variant.clone(), weight, units.unwrap_or(n))),
        }
        let mut sums = serde_json::Map::new();
        sums.insert("n".to_owned(), json!(n));
        sums.insert("sum".to_owned(), json!(number("sum", &need("sum")?)?));
        if let Some(squares) = row.get("sum_squares") {
            sums.insert("sum_squares".to_owned(), json!(number("sum_squares", squares)?));
        } else if kind != "proportion" {
            return Err(format!("`sum_squares` is empty, and a {kind} needs it"));
        }
        for second in ["denominator", "covariate"] {
            let names = ["sum", "sum_squares", "sum_products"].map(|sum| (sum, format!("{second}_{sum}")));
            if names.iter().any(|(_, name)| row.contains_key(name)) {
                let mut of_second = serde_json::Map::new();
                for (sum, name) in names {
                    of_second.insert(sum.to_owned(), json!(number(&name, &need(&name)?)?));
                }
                sums.insert(second.to_owned(), Value::Object(of_second));
            }
        }
        let sums = Value::Object(sums);
        let about =
            json!({ "kind": kind, "better": row.get("better").map_or("up", String::as_str), "role": role(row)? });
        match self.metrics.iter_mut().find(|(name, _, _)| *name == metric) {
            Some((_, known, _)) if *known != about => {
                Err(format!("metric `{metric}` had another kind, direction, role or margin before"))
            }
            Some((_, _, all)) if all.contains_key(&variant) => {
                Err(format!("metric `{metric}` of variant `{variant}` is there twice"))
            }
            Some((_, _, all)) => {
                all.insert(variant, sums);
                Ok(())
            }
            None => {
                self.metrics.push((metric, about, serde_json::Map::from_iter([(variant, sums)])));
                Ok(())
            }
        }
    }

    fn observations(self) -> Result<Observations, String> {
        let control = self.variants.first().map(|(name, _, _)| name.clone()).unwrap_or_default();
        let variants = self.variants.into_iter();
        let variants =
            variants.map(|(name, weight, units)| Arm { name, weight: weight.unwrap_or(1.0), units }).collect();
        let metrics = self.metrics.into_iter().map(|(name, about, sums)| {
            let mut written = about;
            if let Value::Object(written) = &mut written {
                written.insert("name".to_owned(), name.clone().into());
                written.insert("sums".to_owned(), Value::Object(sums));
            }
            serde_json::from_value(written).map_err(|error| format!("metric `{name}`: {error}"))
        });
        Ok(Observations { control, variants, metrics: metrics.collect::<Result<_, String>>()? })
    }
}

/// Reads role and margin: `2%` is relative, `0.02` is in the metric's own unit.
fn role(row: &Row) -> Result<Value, String> {
    let role = row.get("role").map_or("goal", String::as_str);
    match (role, row.get("margin")) {
        ("guardrail", None) => Ok(json!({ "guardrail": { "relative": 0.0 } })),
        ("guardrail", Some(margin)) => match margin.strip_suffix('%') {
            Some(percent) => Ok(json!({ "guardrail": { "relative": number("margin", percent.trim())? / 100.0 } })),
            None => Ok(json!({ "guardrail": { "absolute": number("margin", margin)? } })),
        },
        (_, Some(_)) => Err("only a guardrail has a margin".to_owned()),
        ("goal" | "secondary", None) => Ok(json!(role)),
        (other, None) => Err(format!("`{other}` is no role; there are goal, secondary, guardrail")),
    }
}

fn number(name: &str, text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    number.ok_or_else(|| format!("`{text}` in `{name}` is no number"))
}

fn whole(name: &str, text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("`{text}` in `{name}` is no count"))
}
