//! Reads and writes messages for tonic.
//!
//! A codec of our own, since what cannot be read is the caller's mistake and no internal error.

use std::marker::PhantomData;

use prost::Message;
use tonic::{
    Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

/// Reads `In` and writes `Out`.
pub(super) struct Messages<In, Out>(PhantomData<fn() -> (In, Out)>);

pub(super) struct Writer<Out>(PhantomData<fn() -> Out>);

pub(super) struct Reader<In>(PhantomData<fn() -> In>);

impl<In, Out> Default for Messages<In, Out> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<In: Message + Default + 'static, Out: Message + 'static> Codec for Messages<In, Out> {
    type Encode = Out;
    type Decode = In;
    type Encoder = Writer<Out>;
    type Decoder = Reader<In>;

    fn encoder(&mut self) -> Writer<Out> {
        Writer(PhantomData)
    }

    fn decoder(&mut self) -> Reader<In> {
        Reader(PhantomData)
    }
}

impl<Out: Message> Encoder for Writer<Out> {
    type Item = Out;
    type Error = Status;

    fn encode(&mut self, message: Out, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        message.encode(buffer).map_err(|error| Status::internal(error.to_string()))
    }
}

impl<In: Message + Default> Decoder for Reader<In> {
    type Item = In;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<In>, Status> {
        let wrong =
            |error: prost::DecodeError| Status::invalid_argument(format!("the message cannot be read: {error}"));
        In::decode(buffer).map(Some).map_err(wrong)
    }
}
