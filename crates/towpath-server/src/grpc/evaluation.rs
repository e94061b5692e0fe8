//! `flagd.evaluation.v1` and `v2`: what flags yield, with the status codes of flagd.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};
use tonic::Status;
use towpath_core::flags::{EvaluationError, Flag, Reason};
use towpath_engine::flags::Served;

use super::{
    messages::{
        AnyFlag, AnyValue, BooleanResponse, FloatResponse, IntResponse, ObjectResponse, ResolveAllResponse,
        StringResponse, Struct,
    },
    sync::enriched,
    values::structure,
};
use crate::{app::App, applications::Evaluator};

/// The two generations: of the first, clients cannot tell a value that is missing from one that is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Generation {
    V1,
    V2,
}

/// What a flag yields.
pub(super) struct Resolved {
    pub(super) reason: Reason,
    pub(super) variant: Option<String>,
    pub(super) value: Option<Json>,
    pub(super) metadata: Option<Struct>,
}

/// A response for a type of value.
pub(super) trait Response: Sized {
    /// Makes it, or nothing if the value is of another type.
    fn of(value: Option<Json>, reason: String, variant: Option<String>, metadata: Option<Struct>) -> Option<Self>;
}

macro_rules! response {
    ($name:ident, $json:ident => $value:expr) => {
        impl Response for $name {
            fn of(
                value: Option<Json>,
                reason: String,
                variant: Option<String>,
                metadata: Option<Struct>,
            ) -> Option<Self> {
                let value = match value {
                    None => None,
                    Some($json) => Some($value?),
                };
                Some(Self { value, reason, variant, metadata })
            }
        }
    };
}

response!(BooleanResponse, json => json.as_bool());
response!(StringResponse, json => if let Json::String(text) = json { Some(text) } else { None });
response!(FloatResponse, json => json.as_f64());
// flagd cuts a fraction off; a number that is too large becomes the largest.
#[expect(clippy::cast_possible_truncation, reason = "what flagd does")]
mod int {
    use super::{IntResponse, Json, Response, Struct};
    response!(IntResponse, json => json.as_i64().or_else(|| json.as_f64().map(|number| number as i64)));
}
response!(ObjectResponse, json => if let Json::Object(members) = json { Some(structure(members)) } else { None });

/// Evaluates one flag for a context, as a response of a type.
pub(super) fn resolve<R: Response>(
    app: &App,
    evaluator: &Evaluator,
    served: &Served,
    generation: Generation,
    key: &str,
    context: &[u8],
) -> Result<R, Status> {
    let flag = served.set.get(key).filter(|_| is_for(evaluator, served, key)).ok_or_else(|| not_found(key))?;
    let resolved = evaluate(app, served, flag, context)?;
    if generation == Generation::V1 && resolved.reason == Reason::Default && resolved.value.is_none() {
        // What flagd says to clients that could not tell.
        return Err(not_found(key));
    }
    let reason = resolved.reason.as_str().to_owned();
    let response = R::of(resolved.value, reason, resolved.variant, resolved.metadata);
    response.ok_or_else(|| Status::invalid_argument(format!("flag `{key}` is of another type: TYPE_MISMATCH")))
}

/// Evaluates every flag that yields a value.
pub(super) fn resolve_all(
    app: &App,
    evaluator: &Evaluator,
    served: &Served,
    context: &[u8],
) -> Result<BTreeMap<String, Resolved>, Status> {
    let context = enriched(served, context);
    let read = served.set.context(&context).map_err(|error| Status::invalid_argument(error.to_string()))?;
    let now = app.engine.now();
    let flags = served.set.flags().filter(|flag| is_for(evaluator, served, flag.key()));
    let resolved = flags.filter_map(|flag| {
        let resolved = read_evaluation(flag.key(), &served.set.evaluate(flag, &read, now)).ok()?;
        resolved.value.is_some().then(|| (flag.key().to_owned(), resolved))
    });
    Ok(resolved.collect())
}

/// Returns the message of it.
pub(super) fn all_response(resolved: BTreeMap<String, Resolved>, served: &Served) -> ResolveAllResponse {
    let flags = resolved.into_iter().filter_map(|(key, flag)| {
        let value = match flag.value? {
            Json::Bool(is) => AnyValue::Bool(is),
            Json::String(text) => AnyValue::Text(text),
            Json::Number(number) => AnyValue::Number(number.as_f64()?),
            Json::Object(members) => AnyValue::Object(structure(members)),
            Json::Null | Json::Array(_) => return None,
        };
        let (reason, variant) = (flag.reason.as_str().to_owned(), flag.variant.unwrap_or_default());
        Some((key, AnyFlag { reason, variant, value: Some(value), metadata: flag.metadata }))
    });
    let metadata = structure(served.document.metadata.clone());
    ResolveAllResponse { flags: flags.collect(), metadata: Some(metadata) }
}

fn evaluate(app: &App, served: &Served, flag: &Flag, context: &[u8]) -> Result<Resolved, Status> {
    let context = enriched(served, context);
    let context = served.set.context(&context).map_err(|error| Status::invalid_argument(error.to_string()))?;
    read_evaluation(flag.key(), &served.set.evaluate(flag, &context, app.engine.now()))
}

fn read_evaluation(key: &str, evaluation: &towpath_core::flags::Evaluation<'_>) -> Result<Resolved, Status> {
    match &evaluation.error {
        None => {}
        Some(EvaluationError::Parse(why)) => {
            return Err(Status::data_loss(format!("flag `{key}` cannot be understood: {why}")));
        }
        Some(error @ EvaluationError::TargetingKeyMissing) => {
            return Err(Status::unknown(format!("flag `{key}`: {}", error.code())));
        }
        Some(EvaluationError::General(why)) => return Err(Status::unknown(format!("flag `{key}`: {why}"))),
    }
    // Values and metadata are JSON texts that were made from JSON.
    let value = evaluation.value.map(serde_json::from_str::<Json>).transpose();
    let value = value.map_err(|error| Status::data_loss(error.to_string()))?;
    let metadata = evaluation.metadata.and_then(|text| serde_json::from_str::<Map<String, Json>>(text).ok());
    Ok(Resolved {
        reason: evaluation.reason,
        variant: evaluation.variant.map(str::to_owned),
        value,
        metadata: metadata.map(structure),
    })
}

/// Says whether a flag is for somebody: what is not meant for pages is not there for them.
fn is_for(evaluator: &Evaluator, served: &Served, key: &str) -> bool {
    let notes = || served.document.flags.get(key).map(|flag| &flag.towpath);
    !evaluator.client || notes().is_none_or(|notes| notes.client != Some(false))
}

fn not_found(key: &str) -> Status {
    let key: String = key.chars().take(256).collect();
    Status::not_found(format!("there is no flag `{key}`: FLAG_NOT_FOUND"))
}
