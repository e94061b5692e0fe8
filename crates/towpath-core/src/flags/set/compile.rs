//! From the JSON of a rule to something that runs.
//!
//! What can be known beforehand is found out here: places in the context, constant versions, lists and weights, unknown
//! operators, how much a rule may cost.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use super::{
    problem::RuleProblem,
    rule::{
        Among, Both, Call, Code, Constant, Each, Equals, Every, If, Items, Key, KnownVersion, Named, Now, Order,
        Ordered, Path, Reduce, Rule, SemVer, Shared, Slot, Var, What, Within, builtin,
    },
    tape::Tape,
    value::Number,
};
use crate::flags::Bucketing;

mod shares;

/// How deep rules may nest, segments followed.
const DEEPEST: usize = 160;
/// How many parts a rule may have, segments counted wherever they are named.
const LARGEST: usize = 1 << 20;
/// The slot of the targeting key.
const TARGETING_KEY: u32 = 0;

/// Compiles the rules of one set.
#[derive(Debug)]
pub(super) struct Compiler<'d> {
    segments: &'d BTreeMap<String, Value>,
    slots: BTreeMap<Box<str>, u32>,
    done: BTreeMap<(&'d str, bool, Bucketing), Segment>,
    /// A rule asks for what cannot be known beforehand.
    pub(super) everything: bool,
    /// A rule makes texts or lists.
    pub(super) room: bool,
    bucketing: Bucketing,
    /// Whose rule it is; not known of a segment, which many share.
    flag: Option<&'d str>,
    /// The rule is the body of a loop, and is not about the context.
    inside: bool,
    cost: usize,
    depth: usize,
    deepest: usize,
}

/// A segment that some rule names.
#[derive(Debug)]
enum Segment {
    /// It is being compiled: who meets it again goes round in a circle.
    Begun,
    Done {
        rule: Arc<dyn Rule>,
        cost: usize,
        height: usize,
    },
    Failed(RuleProblem),
}

type Compiled = Result<Code, RuleProblem>;

impl<'d> Compiler<'d> {
    /// Begins a set with its segments.
    pub(super) fn new(segments: &'d BTreeMap<String, Value>) -> Self {
        Self {
            segments,
            slots: BTreeMap::from([("targetingKey".into(), TARGETING_KEY)]),
            done: BTreeMap::new(),
            everything: false,
            room: false,
            bucketing: Bucketing::default(),
            flag: None,
            inside: false,
            cost: 0,
            depth: 0,
            deepest: 0,
        }
    }

    /// Returns the rule of a flag, and how many parts it has.
    pub(super) fn flag(
        &mut self,
        key: &'d str,
        rule: &'d Value,
        bucketing: Bucketing,
    ) -> Result<(Code, usize), RuleProblem> {
        if !rule.is_null() && !rule.is_object() {
            return Err(RuleProblem::not_a_rule());
        }
        (self.bucketing, self.inside, self.cost, self.depth, self.deepest) = (bucketing, false, 0, 0, 0);
        self.flag = Some(key);
        let code = self.rule(rule)?;
        Ok((code, self.cost))
    }

    /// Returns the paths of the slots, in their order.
    pub(super) fn paths(self) -> Vec<Box<str>> {
        let mut paths: Vec<_> = self.slots.into_iter().map(|(path, slot)| (slot, path)).collect();
        paths.sort_unstable();
        paths.into_iter().map(|(_, path)| path).collect()
    }

    fn rule(&mut self, value: &'d Value) -> Compiled {
        self.spend(1)?;
        if self.depth >= DEEPEST {
            return Err(RuleProblem::too_deep());
        }
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        let code = match value {
            Value::Null => Ok(Box::new(Constant::Null) as Code),
            Value::Bool(it) => Ok(Box::new(Constant::Bool(*it)) as Code),
            Value::Number(it) => Ok(Box::new(Constant::Num(Number::of(it))) as Code),
            Value::String(it) => Ok(Box::new(Constant::Str(it.as_str().into())) as Code),
            Value::Array(items) => self.list(value, items),
            Value::Object(members) => match (members.iter().next(), members.len()) {
                (Some((name, values)), 1) => self.operator(name, values).map_err(|problem| problem.below(name)),
                _ => literal(value, self.depth),
            },
        };
        self.depth -= 1;
        code
    }

    fn spend(&mut self, cost: usize) -> Result<(), RuleProblem> {
        self.cost = self.cost.saturating_add(cost);
        if self.cost > LARGEST { Err(RuleProblem::too_large()) } else { Ok(()) }
    }

    fn list(&mut self, value: &'d Value, items: &'d [Value]) -> Compiled {
        if is_literal(value, DEEPEST - self.depth.min(DEEPEST)) {
            return literal(value, self.depth);
        }
        self.room = true;
        Ok(Box::new(Items(self.all(items)?)))
    }

    fn all(&mut self, values: &'d [Value]) -> Result<Box<[Code]>, RuleProblem> {
        let rules = values.iter().enumerate().map(|(index, _)| self.at(values, index));
        rules.collect()
    }

    /// Compiles one of the values of an operator; one that is not there is `null`.
    fn at(&mut self, values: &'d [Value], index: usize) -> Compiled {
        match values.get(index) {
            Some(value) => self.rule(value).map_err(|problem| problem.below(&index.to_string())),
            None => Ok(Box::new(Constant::Null)),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "of JSON only the kinds named here count")]
    fn operator(&mut self, name: &'d str, values: &'d Value) -> Compiled {
        let list = match values {
            Value::Array(list) => list.as_slice(),
            one => std::slice::from_ref(one),
        };
        Ok(match name {
            "var" => return self.var(list),
            "if" | "?:" => Box::new(self.condition(list)?),
            "and" => Box::new(Both { decides: false, rules: self.all(list)? }),
            "or" => Box::new(Both { decides: true, rules: self.all(list)? }),
            "==" => Box::new(self.equals(list, false, false)?),
            "!=" => Box::new(self.equals(list, false, true)?),
            "===" => Box::new(self.equals(list, true, false)?),
            "!==" => Box::new(self.equals(list, true, true)?),
            "<" => return self.ordered(list, Order::Less),
            "<=" => return self.ordered(list, Order::LessOrEqual),
            ">" => return self.ordered(list, Order::Greater),
            ">=" => return self.ordered(list, Order::GreaterOrEqual),
            "in" => return self.within(list),
            "map" => Box::new(self.each(list, What::Map)?),
            "filter" => Box::new(self.each(list, What::Filter)?),
            "all" => Box::new(self.every(list, false, false, false)?),
            "some" => Box::new(self.every(list, true, true, false)?),
            "none" => Box::new(self.every(list, true, false, true)?),
            "reduce" => Box::new(self.reduce(list)?),
            "fractional" => return self.fractional(list),
            "sem_ver" => return self.version(list),
            "$ref" => return self.segment(values),
            "missing" | "missing_some" => return self.missing(name, list),
            _ => return self.call(name, list),
        })
    }

    fn call(&mut self, name: &str, list: &'d [Value]) -> Compiled {
        let Some((run, room)) = builtin(name) else { return Err(RuleProblem::unknown(name)) };
        self.room |= room;
        Ok(Box::new(Call { run, rules: self.all(list)? }))
    }

    fn condition(&mut self, list: &'d [Value]) -> Result<If, RuleProblem> {
        let pairs = list.len() / 2;
        let arms = (0..pairs).map(|pair| Ok((self.at(list, pair * 2)?, self.at(list, pair * 2 + 1)?)));
        let arms = arms.collect::<Result<_, RuleProblem>>()?;
        let otherwise = (list.len() % 2 == 1).then(|| self.at(list, pairs * 2)).transpose()?;
        Ok(If { arms, otherwise })
    }

    fn equals(&mut self, list: &'d [Value], strictly: bool, not: bool) -> Result<Equals, RuleProblem> {
        Ok(Equals { left: self.at(list, 0)?, right: self.at(list, 1)?, strictly, not })
    }

    fn ordered(&mut self, list: &'d [Value], order: Order) -> Compiled {
        if list.len() < 2 {
            // Nothing is more or less than `undefined`.
            return Ok(Box::new(Constant::Bool(false)));
        }
        let right = (list.len() > 2).then(|| self.at(list, 2)).transpose()?;
        Ok(Box::new(Ordered { order, left: self.at(list, 0)?, middle: self.at(list, 1)?, right }))
    }

    fn within(&mut self, list: &'d [Value]) -> Compiled {
        let needle = self.at(list, 0)?;
        if let Some(Value::Array(items)) = list.get(1) {
            let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            if let Some(texts) = texts {
                return Ok(Box::new(Among::new(needle, &texts)));
            }
        }
        // What is sought in a text becomes one.
        self.room = true;
        Ok(Box::new(Within { needle, stack: self.at(list, 1)? }))
    }

    fn version(&mut self, list: &'d [Value]) -> Compiled {
        let [_, relation, right] = list else { return Ok(Box::new(Constant::Null)) };
        // Numbers are versions as well.
        self.room = true;
        let mut left = self.at(list, 0)?;
        if let (Some(relation), Some(right)) = (relation.as_str(), right.as_str()) {
            match KnownVersion::new(left, relation, right) {
                Ok(known) => return Ok(Box::new(known)),
                Err(unused) => left = unused,
            }
        }
        Ok(Box::new(SemVer { left, relation: self.at(list, 1)?, right: self.at(list, 2)? }))
    }

    /// Compiles the body of a loop, and says what one turn of it costs.
    fn body(&mut self, list: &'d [Value]) -> Result<(Code, usize), RuleProblem> {
        let (before, inside) = (self.cost, std::mem::replace(&mut self.inside, true));
        let body = self.at(list, 1);
        self.inside = inside;
        Ok((body?, self.cost - before + 1))
    }

    fn each(&mut self, list: &'d [Value], what: What) -> Result<Each, RuleProblem> {
        self.room = true;
        let items = self.at(list, 0)?;
        let (body, cost) = self.body(list)?;
        Ok(Each { what, list: items, body, cost })
    }

    fn every(&mut self, list: &'d [Value], decides: bool, decided: bool, empty: bool) -> Result<Every, RuleProblem> {
        let items = self.at(list, 0)?;
        let (body, cost) = self.body(list)?;
        Ok(Every { list: items, body, cost, decides, decided, empty })
    }

    fn reduce(&mut self, list: &'d [Value]) -> Result<Reduce, RuleProblem> {
        self.room = true;
        let items = self.at(list, 0)?;
        let (body, cost) = self.body(list)?;
        Ok(Reduce { list: items, body, first: self.at(list, 2)?, cost })
    }

    fn var(&mut self, list: &'d [Value]) -> Compiled {
        let path = match list.first() {
            None | Some(Value::Null) => Some(String::new()),
            Some(Value::String(it)) => Some(it.clone()),
            Some(Value::Bool(it)) => Some(it.to_string()),
            Some(Value::Number(it)) => {
                let mut text = String::new();
                // Writing into memory does not fail.
                let _ = Number::of(it).write(&mut text);
                Some(text)
            }
            Some(Value::Array(_) | Value::Object(_)) => None,
        };
        let path = match path {
            Some(path) => Path::Known(self.known(&path)),
            None => self.computed(list)?,
        };
        let default = list.get(1).map(|_| self.at(list, 1)).transpose()?;
        Ok(match (path, default) {
            (Path::Known(rule), None) => rule,
            (path, default) => Box::new(Var { path, default }),
        })
    }

    fn computed(&mut self, list: &'d [Value]) -> Result<Path, RuleProblem> {
        self.everything |= !self.inside;
        self.room = true;
        Ok(Path::Computed(self.at(list, 0)?))
    }

    /// Compiles the way that a path names.
    fn known(&mut self, path: &str) -> Code {
        if path.is_empty() {
            self.everything |= !self.inside;
            return Box::new(Named { from: None, way: Box::default() });
        }
        let flagd = path == "$flagd" || path.starts_with("$flagd.");
        match path {
            "$flagd.flagKey" if !self.inside => Box::new(Key),
            "$flagd.timestamp" if !self.inside => Box::new(Now),
            _ if flagd || self.inside => Box::new(Named { from: None, way: path.split('.').map(Box::from).collect() }),
            _ => self.slotted(path),
        }
    }

    /// The way through objects is gone while the context is read; places in lists and texts are found when they are needed.
    fn slotted(&mut self, path: &str) -> Code {
        let by_place =
            |name: &str| name == "length" || (!name.is_empty() && name.bytes().all(|it| it.is_ascii_digit()));
        let mut split = path.len();
        let mut from = 0;
        for name in path.split('.') {
            if from > 0 && by_place(name) {
                split = from - 1;
                break;
            }
            from += name.len() + 1;
        }
        let (head, tail) = path.split_at_checked(split).unwrap_or((path, ""));
        let slot: Code = Box::new(Slot(self.slot(head)));
        match tail.strip_prefix('.') {
            Some(tail) => Box::new(Named { from: Some(slot), way: tail.split('.').map(Box::from).collect() }),
            None => slot,
        }
    }

    fn slot(&mut self, path: &str) -> u32 {
        if let Some(slot) = self.slots.get(path) {
            return *slot;
        }
        let next = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        self.slots.insert(path.into(), next);
        next
    }

    fn missing(&mut self, name: &str, list: &'d [Value]) -> Compiled {
        if !self.inside {
            let keys: Option<Vec<_>> = literal_keys(name, list);
            match keys {
                // What is asked for is kept.
                Some(keys) => {
                    for key in keys {
                        self.slot(key.split('.').next().unwrap_or_default());
                    }
                }
                None => self.everything = true,
            }
        }
        self.call(name, list)
    }

    fn segment(&mut self, name: &'d Value) -> Compiled {
        let Value::String(name) = name else { return Err(RuleProblem::unknown("$ref")) };
        let Some(rule) = self.segments.get(name) else { return Err(RuleProblem::no_segment(name)) };
        let key = (name.as_str(), self.inside, self.bucketing);
        if !self.done.contains_key(&key) {
            self.done.insert(key, Segment::Begun);
            let (cost, deepest) = (std::mem::take(&mut self.cost), std::mem::replace(&mut self.deepest, self.depth));
            let flag = self.flag.take();
            let segment = match self.rule(rule) {
                Ok(code) => Segment::Done { rule: Arc::from(code), cost: self.cost, height: self.deepest - self.depth },
                Err(problem) => Segment::Failed(problem),
            };
            (self.cost, self.deepest, self.flag) = (cost, deepest, flag);
            self.done.insert(key, segment);
        }
        match self.done.get(&key) {
            Some(Segment::Done { rule, cost, height }) => {
                let (rule, cost, height) = (Arc::clone(rule), *cost, *height);
                self.spend(cost)?;
                if self.depth + height > DEEPEST {
                    return Err(RuleProblem::too_deep());
                }
                self.deepest = self.deepest.max(self.depth + height);
                Ok(Box::new(Shared(rule)))
            }
            Some(Segment::Failed(problem)) => Err(problem.clone().within(name)),
            Some(Segment::Begun) | None => Err(RuleProblem::circle(name)),
        }
    }
}

/// Returns the keys that `missing` names if no rule makes them.
fn literal_keys<'d>(name: &str, list: &'d [Value]) -> Option<Vec<&'d str>> {
    let keys = match (name, list) {
        ("missing_some", [_, Value::Array(keys), ..]) | ("missing", [Value::Array(keys), ..]) => keys.as_slice(),
        ("missing", keys) => keys,
        _ => return None,
    };
    keys.iter().map(|key| key.as_str().filter(|key| !key.is_empty())).collect()
}

fn literal(value: &Value, depth: usize) -> Compiled {
    if is_deeper(value, DEEPEST - depth.min(DEEPEST)) {
        return Err(RuleProblem::too_deep());
    }
    let mut tape = Tape::default();
    tape.push(value);
    tape.shrink();
    Ok(Box::new(Constant::Deep(tape)))
}

/// Says whether nothing in a value is a rule.
fn is_literal(value: &Value, depth: usize) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
        Value::Array(items) => depth > 0 && items.iter().all(|item| is_literal(item, depth - 1)),
        Value::Object(members) => members.len() != 1,
    }
}

fn is_deeper(value: &Value, depth: usize) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        Value::Array(items) => depth == 0 || items.iter().any(|item| is_deeper(item, depth - 1)),
        Value::Object(members) => depth == 0 || members.values().any(|member| is_deeper(member, depth - 1)),
    }
}
