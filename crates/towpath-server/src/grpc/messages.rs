//! The messages of `flagd.sync.v1`, `flagd.evaluation.v1` and `flagd.evaluation.v2`, and of `google.protobuf.Struct`, with the
//! field numbers of the published schemas (open-feature/flagd-schemas, `protobuf/flagd`).
//!
//! Both generations of the evaluation are one set of messages: v2 only marks as optional what v1 leaves out when it is zero, and
//! readers of v1 take a zero that is written for the zero it is.

use std::collections::BTreeMap;

use bytes::Bytes;

/// A JSON object.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Struct {
    #[prost(btree_map = "string, message", tag = "1")]
    pub(crate) fields: BTreeMap<String, Value>,
}

/// A JSON value.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Value {
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5, 6")]
    pub(crate) kind: Option<Kind>,
}

/// What a JSON value is.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Kind {
    /// The one value of the enumeration `NullValue`, which is written as its number.
    #[prost(int32, tag = "1")]
    Null(i32),
    #[prost(double, tag = "2")]
    Number(f64),
    #[prost(string, tag = "3")]
    Text(String),
    #[prost(bool, tag = "4")]
    Bool(bool),
    #[prost(message, tag = "5")]
    Struct(Struct),
    #[prost(message, tag = "6")]
    List(ListValue),
}

/// A JSON array.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ListValue {
    #[prost(message, repeated, tag = "1")]
    pub(crate) values: Vec<Value>,
}

/// Asks for the flags of a set: `SyncFlagsRequest` and `FetchAllFlagsRequest`, which are alike.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SyncRequest {
    #[prost(string, tag = "1")]
    pub(crate) provider_id: String,
    #[prost(string, tag = "2")]
    pub(crate) selector: String,
}

/// The flags of a set: `SyncFlagsResponse`, and `FetchAllFlagsResponse` where there is no context.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SyncResponse {
    /// A `string` of the schema, which is written alike; shared between all who get it.
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) flag_configuration: Bytes,
    #[prost(message, optional, tag = "2")]
    pub(crate) sync_context: Option<Struct>,
}

/// `GetMetadataRequest` and `EventStreamRequest`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Empty {}

/// `GetMetadataResponse`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct MetadataResponse {
    #[prost(message, optional, tag = "2")]
    pub(crate) metadata: Option<Struct>,
}

/// Asks for one flag, whatever its type.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ResolveRequest {
    #[prost(string, tag = "1")]
    pub(crate) flag_key: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) context: Option<Struct>,
}

/// What a flag that is true or false yields.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct BooleanResponse {
    #[prost(bool, optional, tag = "1")]
    pub(crate) value: Option<bool>,
    #[prost(string, tag = "2")]
    pub(crate) reason: String,
    #[prost(string, optional, tag = "3")]
    pub(crate) variant: Option<String>,
    #[prost(message, optional, tag = "4")]
    pub(crate) metadata: Option<Struct>,
}

/// What a flag that is a text yields.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct StringResponse {
    #[prost(string, optional, tag = "1")]
    pub(crate) value: Option<String>,
    #[prost(string, tag = "2")]
    pub(crate) reason: String,
    #[prost(string, optional, tag = "3")]
    pub(crate) variant: Option<String>,
    #[prost(message, optional, tag = "4")]
    pub(crate) metadata: Option<Struct>,
}

/// What a flag that is a number yields.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct FloatResponse {
    #[prost(double, optional, tag = "1")]
    pub(crate) value: Option<f64>,
    #[prost(string, tag = "2")]
    pub(crate) reason: String,
    #[prost(string, optional, tag = "3")]
    pub(crate) variant: Option<String>,
    #[prost(message, optional, tag = "4")]
    pub(crate) metadata: Option<Struct>,
}

/// What a flag that is a whole number yields.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct IntResponse {
    #[prost(int64, optional, tag = "1")]
    pub(crate) value: Option<i64>,
    #[prost(string, tag = "2")]
    pub(crate) reason: String,
    #[prost(string, optional, tag = "3")]
    pub(crate) variant: Option<String>,
    #[prost(message, optional, tag = "4")]
    pub(crate) metadata: Option<Struct>,
}

/// What a flag that is an object yields.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ObjectResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) value: Option<Struct>,
    #[prost(string, tag = "2")]
    pub(crate) reason: String,
    #[prost(string, optional, tag = "3")]
    pub(crate) variant: Option<String>,
    #[prost(message, optional, tag = "4")]
    pub(crate) metadata: Option<Struct>,
}

/// Asks for every flag.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ResolveAllRequest {
    #[prost(message, optional, tag = "1")]
    pub(crate) context: Option<Struct>,
}

/// What every flag yields.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ResolveAllResponse {
    #[prost(btree_map = "string, message", tag = "1")]
    pub(crate) flags: BTreeMap<String, AnyFlag>,
    #[prost(message, optional, tag = "2")]
    pub(crate) metadata: Option<Struct>,
}

/// What one of all flags yields.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct AnyFlag {
    #[prost(string, tag = "1")]
    pub(crate) reason: String,
    #[prost(string, tag = "2")]
    pub(crate) variant: String,
    #[prost(oneof = "AnyValue", tags = "3, 4, 5, 6")]
    pub(crate) value: Option<AnyValue>,
    #[prost(message, optional, tag = "7")]
    pub(crate) metadata: Option<Struct>,
}

/// A value of any type.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum AnyValue {
    #[prost(bool, tag = "3")]
    Bool(bool),
    #[prost(string, tag = "4")]
    Text(String),
    #[prost(double, tag = "5")]
    Number(f64),
    #[prost(message, tag = "6")]
    Object(Struct),
}

/// Something happened to the flags of a set.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct EventResponse {
    #[prost(string, tag = "1")]
    pub(crate) r#type: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) data: Option<Struct>,
}
