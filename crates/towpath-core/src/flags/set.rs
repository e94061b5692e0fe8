//! Flags ready to be evaluated.
//!
//! A set is compiled once: rules become trees of small objects over slots, and a context fills the slots while it
//! is read. Evaluating then looks nothing up by name and allocates nothing; what rules make on the way (texts, lists) goes into
//! room that the context brings along. Nobody's clock is read: the time is an argument.

use std::sync::Arc;

use bumpalo::Bump;
use jiff::Timestamp;
use serde_json::{Map, Value};

use self::{
    compile::Compiler,
    context::Questions,
    mark::is_same,
    number::Number,
    problem::RuleProblemKind,
    rule::{Code, Machine, Scope},
    value::Val,
};
use super::{FlagDefinition, FlagDocument, FlagState};

mod compile;
mod context;
mod mark;
mod number;
mod outcome;
mod prerequisites;
mod problem;
mod rule;
mod tape;
mod text;
mod value;

#[cfg(test)]
mod tests;

pub use context::{Context, ContextError, DEEPEST_CONTEXT};
pub use outcome::{Evaluation, EvaluationError, Reason};
pub use problem::{RuleProblem, RuleProblemKind as ProblemKind};

/// The flags of an environment, compiled.
#[derive(Debug, Default)]
pub struct FlagSet {
    /// By key.
    flags: Box<[Flag]>,
    questions: Arc<Questions>,
}

/// One flag of a set.
#[derive(Debug)]
pub struct Flag {
    key: Box<str>,
    disabled: bool,
    variants: Box<[Variant]>,
    default: Default,
    rule: Option<Code>,
    requires: Box<[Required]>,
    metadata: Option<Arc<str>>,
    problem: Option<Box<RuleProblem>>,
}

#[derive(Debug)]
struct Variant {
    name: Box<str>,
    /// As JSON text.
    value: Box<str>,
}

/// What a flag yields where no rule chooses.
#[derive(Debug)]
enum Default {
    /// The caller's own default.
    None,
    Variant(u32),
    /// A name that is no variant.
    Unknown(Box<str>),
}

/// Another flag that must yield a variant.
#[derive(Debug)]
struct Required {
    flag: u32,
    variant: u32,
}

impl FlagSet {
    /// Compiles a document. A flag that cannot be understood is kept, and yields an error when it is evaluated.
    pub fn compile(document: &FlagDocument) -> Self {
        let mut compiler = Compiler::new(&document.evaluators);
        let shared = metadata(&document.metadata, &Map::new());
        let mut costs = Vec::with_capacity(document.flags.len());
        let mut flags = Vec::with_capacity(document.flags.len());
        for (key, definition) in &document.flags {
            let (flag, cost) =
                Flag::compile(key.as_str(), definition, &document.metadata, shared.as_ref(), &mut compiler);
            flags.push(flag);
            costs.push(cost);
        }
        prerequisites::resolve(document, &mut flags, costs);
        let (everything, room) = (compiler.everything, compiler.room);
        let questions = Arc::new(Questions::of(&compiler.paths(), everything, room));
        Self { flags: flags.into_boxed_slice(), questions }
    }

    /// Returns a flag.
    pub fn get(&self, key: &str) -> Option<&Flag> {
        let place = self.flags.binary_search_by(|flag| (*flag.key).cmp(key)).ok()?;
        self.flags.get(place)
    }

    /// Returns every flag, by key.
    pub fn flags(&self) -> impl ExactSizeIterator<Item = &Flag> {
        self.flags.iter()
    }

    /// Reads the `context` object of a request for flags of this set: JSON text, at most [`DEEPEST_CONTEXT`] deep.
    pub fn context<'c>(&self, json: &'c [u8]) -> Result<Context<'c>, ContextError> {
        Context::read(&self.questions, json)
    }

    /// Evaluates one flag of this set for a context that was read for this set.
    pub fn evaluate<'s>(&'s self, flag: &'s Flag, context: &Context<'_>, now: Timestamp) -> Evaluation<'s> {
        let metadata = flag.metadata.as_deref();
        if !context.answers(&self.questions) {
            let error = EvaluationError::General("the context was read for other flags".to_owned());
            return Evaluation::failed(error, metadata);
        }
        match self.choose(flag, context, now) {
            Err(error) => Evaluation::failed(error, metadata),
            Ok((reason, variant)) => {
                let variant = variant.and_then(|variant| flag.variants.get(variant as usize));
                Evaluation {
                    reason,
                    variant: variant.map(|it| &*it.name),
                    value: variant.map(|it| &*it.value),
                    error: None,
                    metadata,
                }
            }
        }
    }

    fn choose(
        &self,
        flag: &Flag,
        context: &Context<'_>,
        now: Timestamp,
    ) -> Result<(Reason, Option<u32>), EvaluationError> {
        if flag.disabled {
            return Ok((Reason::Disabled, None));
        }
        if let Some(problem) = &flag.problem {
            return Err(EvaluationError::Parse(problem.to_string()));
        }
        if !flag.requires.iter().all(|required| self.is_met(required, context, now)) {
            return flag.fall_back(Reason::Default);
        }
        let Some(rule) = &flag.rule else { return flag.fall_back(Reason::Static) };
        // Flags that this one requires are done with the room by now.
        let mut room = context.room.borrow_mut();
        room.reset();
        match flag.by_rule(rule, context, now.as_second(), &room)? {
            Some(variant) => Ok((Reason::TargetingMatch, Some(variant))),
            None => flag.fall_back(Reason::Default),
        }
    }

    /// INVARIANT: this ends, for a flag in a circle has a problem, and chains are short.
    fn is_met(&self, required: &Required, context: &Context<'_>, now: Timestamp) -> bool {
        let other = self.flags.get(required.flag as usize);
        let found = other.map(|other| self.choose(other, context, now));
        matches!(found, Some(Ok((_, Some(variant)))) if variant == required.variant)
    }
}

impl Flag {
    /// Returns its key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns why it cannot be evaluated.
    pub fn problem(&self) -> Option<&RuleProblem> {
        self.problem.as_deref()
    }

    /// Returns the names of its variants and their values as JSON text, as they were written.
    pub fn variants(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.variants.iter().map(|variant| (&*variant.name, &*variant.value))
    }

    fn compile<'d>(
        key: &'d str,
        definition: &'d FlagDefinition,
        of_set: &Map<String, Value>,
        shared: Option<&Arc<str>>,
        compiler: &mut Compiler<'d>,
    ) -> (Self, usize) {
        let variants: Box<[_]> = definition
            .variants
            .iter()
            .map(|(name, value)| Variant { name: name.as_str().into(), value: value.to_string().into() })
            .collect();
        let default = match definition.default_variant.as_deref() {
            None | Some("") => Default::None,
            Some(name) => match place(&variants, name) {
                Some(variant) => Default::Variant(variant),
                None => Default::Unknown(name.into()),
            },
        };
        let bucketing = definition.towpath.bucketing.unwrap_or_default();
        // An empty rule is none; one that is `null` chooses nothing.
        let targeting = definition.targeting.as_ref().filter(|rule| rule.as_object().is_none_or(|it| !it.is_empty()));
        let (rule, cost, problem) = match targeting.map(|rule| compiler.flag(key, rule, bucketing)).transpose() {
            Ok(compiled) => {
                let (rule, cost) = compiled.unzip();
                (rule, cost.unwrap_or_default(), None)
            }
            Err(problem) => (None, 0, Some(Box::new(problem))),
        };
        let metadata = if definition.metadata.is_empty() {
            shared.map(Arc::clone)
        } else {
            metadata(of_set, &definition.metadata)
        };
        let disabled = definition.state == FlagState::Disabled;
        (Self { key: key.into(), disabled, variants, default, rule, requires: Box::default(), metadata, problem }, cost)
    }

    fn fall_back(&self, reason: Reason) -> Result<(Reason, Option<u32>), EvaluationError> {
        match &self.default {
            // Whatever the rule said: the caller's own default counts.
            Default::None => Ok((Reason::Default, None)),
            Default::Variant(variant) => Ok((reason, Some(*variant))),
            Default::Unknown(name) => Err(no_variant(name)),
        }
    }

    fn by_rule(
        &self,
        rule: &Code,
        context: &Context<'_>,
        now: i64,
        room: &Bump,
    ) -> Result<Option<u32>, EvaluationError> {
        let machine = Machine::new(context, &self.key, now, room);
        let value = rule.value(&Scope::root(&machine));
        if machine.gave_up() {
            return Err(EvaluationError::General("the rule takes too many steps for this context".to_owned()));
        }
        let name = match value {
            Val::Null => return Ok(None),
            Val::Num(Number::Float(it)) if !it.is_finite() => return Ok(None),
            Val::Str(name) => name,
            Val::Bool(true) => "true",
            Val::Bool(false) => "false",
            Val::Num(_) => value.text(&machine),
            Val::List(_) | Val::Map(_) => {
                return Err(EvaluationError::General("the rule yields no name of a variant".to_owned()));
            }
        };
        place(&self.variants, name).map(Some).ok_or_else(|| no_variant(name))
    }
}

fn place(variants: &[Variant], name: &str) -> Option<u32> {
    let place = variants.iter().position(|variant| is_same(&variant.name, name))?;
    u32::try_from(place).ok()
}

fn no_variant(name: &str) -> EvaluationError {
    let name: String = name.chars().take(100).collect();
    EvaluationError::General(format!("the flag has no variant `{name}`"))
}

/// Returns the metadata of set and flag as one object; that of the flag weighs more. Only scalars, as flagd has it.
fn metadata(of_set: &Map<String, Value>, of_flag: &Map<String, Value>) -> Option<Arc<str>> {
    let scalar = |(_, value): &(&String, &Value)| !(value.is_null() || value.is_array() || value.is_object());
    let mut both: Map<String, Value> = Map::new();
    both.extend(of_set.iter().filter(scalar).map(|(name, value)| (name.clone(), value.clone())));
    both.extend(of_flag.iter().filter(scalar).map(|(name, value)| (name.clone(), value.clone())));
    (!both.is_empty()).then(|| Value::Object(both).to_string().into())
}
