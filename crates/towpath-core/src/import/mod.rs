//! From the files of other tools to a project: `.env`, Compose, Kubernetes, kustomize, Spring, Helm, `Procfile`.
//!
//! Texts go in ([`read`]), what they say comes out as facts with their places; [`Imported::settle`] decides between
//! them and writes the project's files as texts. Nothing here opens a file, runs another tool or asks anybody: what
//! has to be chosen is a [`Conflict`], and what is not taken is a [`Note`] with its reason. The value of a secret
//! never reaches a text that is written.

mod compose;
mod convert;
mod dockerfile;
mod dotenv;
mod facts;
mod helm;
mod infer;
mod kubernetes;
mod kustomize;
mod names;
mod node;
mod package;
mod procfile;
mod secret;
mod settle;
mod sources;
mod spring;
mod write;

#[cfg(test)]
mod tests;

pub use facts::{Broken, Imported, Kind, Note, Outcome, Place};
pub use settle::{Choice, Choices, Conflict, Settled};
pub use sources::{File, MAX_FILE_BYTES, kind_of, looks_into, read, references};
