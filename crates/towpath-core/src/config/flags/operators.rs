//! The operators of targeting: JsonLogic's and flagd's own, with how many arguments each takes and what it yields.

use serde_json::{Value as Json, json};

/// What an operator yields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Yields {
    /// `true` or `false`.
    Truth,
    /// Anything.
    Any,
}

/// One operator.
#[derive(Debug)]
pub(super) struct Operator {
    pub(super) name: &'static str,
    /// The fewest and the most arguments.
    pub(super) arguments: (usize, usize),
    pub(super) yields: Yields,
    about: &'static str,
}

const MANY: usize = usize::MAX;

const fn operator(name: &'static str, arguments: (usize, usize), yields: Yields, about: &'static str) -> Operator {
    Operator { name, arguments, yields, about }
}

use Yields::{Any, Truth};

/// Every operator. Numbers of arguments are those of JsonLogic (jsonlogic.com/operations.html) and of flagd's targeting.json.
pub(super) const ALL: [Operator; 36] = [
    operator("var", (0, 2), Any, "What the context has under a name; then what stands for it where it is missing."),
    operator("missing", (0, MANY), Any, "Those of the names that the context does not have."),
    operator("missing_some", (2, 2), Any, "Those of the names that are missing, unless enough are there."),
    operator("if", (1, MANY), Any, "Condition, then, else; or several conditions, each with its then."),
    operator("?:", (1, MANY), Any, "As `if`."),
    operator("==", (2, 2), Truth, "Whether two values are equal, whatever their types."),
    operator("===", (2, 2), Truth, "Whether two values are equal and of one type."),
    operator("!=", (2, 2), Truth, "Whether two values differ, whatever their types."),
    operator("!==", (2, 2), Truth, "Whether two values differ, in value or type."),
    operator("!", (1, 1), Truth, "Whether a value is false, empty or missing."),
    operator("!!", (1, 1), Truth, "Whether a value is neither false, empty nor missing."),
    operator("or", (1, MANY), Any, "The first that is true, or the last."),
    operator("and", (1, MANY), Any, "The first that is false, or the last."),
    operator(">", (2, 2), Truth, "Whether the first is greater."),
    operator(">=", (2, 2), Truth, "Whether the first is greater or equal."),
    operator("<", (2, 3), Truth, "Whether the first is less; of three, whether the second is between."),
    operator("<=", (2, 3), Truth, "Whether the first is less or equal; of three, whether the second is between."),
    operator("min", (1, MANY), Any, "The least."),
    operator("max", (1, MANY), Any, "The greatest."),
    operator("+", (1, MANY), Any, "The sum."),
    operator("-", (1, 2), Any, "The difference."),
    operator("*", (1, MANY), Any, "The product."),
    operator("/", (2, 2), Any, "The quotient."),
    operator("%", (2, 2), Any, "The remainder."),
    operator("map", (2, 2), Any, "What a rule makes of each item of a list."),
    operator("filter", (2, 2), Any, "The items of a list for which a rule is true."),
    operator("reduce", (2, 3), Any, "What a rule makes of `accumulator` and `current`, item after item."),
    operator("all", (2, 2), Truth, "Whether a rule is true for every item of a list."),
    operator("none", (2, 2), Truth, "Whether a rule is true for no item of a list."),
    operator("some", (2, 2), Truth, "Whether a rule is true for an item of a list."),
    operator("merge", (0, MANY), Any, "One list of several."),
    operator("in", (2, 2), Truth, "Whether a list has an item, or a text a part."),
    operator("cat", (0, MANY), Any, "One text of several."),
    operator("substr", (2, 3), Any, "A part of a text."),
    operator("log", (1, 1), Any, "The value itself; nothing is written down."),
    operator("fractional", (1, MANY), Any, "Shares of users: `[variant, weight]` each; before them what to choose by."),
];

/// flagd's operators on texts and versions, and what stands for a segment.
pub(super) const OWN: [Operator; 4] = [
    operator("sem_ver", (3, 3), Truth, "Compares versions: a version, one of = != < <= > >= ^ ~, a version."),
    operator("starts_with", (2, 2), Truth, "Whether a text begins with another."),
    operator("ends_with", (2, 2), Truth, "Whether a text ends with another."),
    operator("$ref", (1, 1), Any, "The segment of this name."),
];

/// Returns the operator of a name.
pub(super) fn named(name: &str) -> Option<&'static Operator> {
    every().find(|operator| operator.name == name)
}

/// Returns all of them.
pub(super) fn every() -> impl Iterator<Item = &'static Operator> + Clone {
    ALL.iter().chain(&OWN)
}

impl Operator {
    /// Returns a schema for what stands under it.
    pub(super) fn schema(&self) -> Json {
        let (least, most) = self.arguments;
        if self.name == "$ref" {
            return json!({ "type": "string", "description": self.about });
        }
        let mut list = json!({ "type": "array", "items": { "$ref": "#/$defs/Rule" }, "minItems": least });
        if let (Json::Object(list), true) = (&mut list, most != MANY) {
            list.insert("maxItems".to_owned(), most.into());
        }
        if least > 1 {
            return json!({ "description": self.about, "allOf": [list] });
        }
        // One argument needs no list.
        let other = json!({ "$ref": "#/$defs/Rule", "not": { "type": "array" } });
        json!({ "description": self.about, "anyOf": [list, other] })
    }

    /// Says how many arguments it takes.
    pub(super) fn takes(&self) -> String {
        match self.arguments {
            (1, 1) => "one argument".to_owned(),
            (least, most) if least == most => format!("{least} arguments"),
            (least, most) if most == MANY => format!("{least} arguments or more"),
            (least, most) => format!("{least} to {most} arguments"),
        }
    }
}
