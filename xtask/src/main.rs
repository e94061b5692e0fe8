//! What CI and people run: `cargo xtask test | tidy | codegen | docs | bench`.
//!
//! This file only reads the command line; each command is a module. Nothing of the product may depend on this crate.
#![expect(clippy::print_stdout, reason = "a tool for people: its output is its result")]
#![expect(clippy::format_push_string, clippy::format_collect, reason = "short texts for people, built once")]

mod bench;
mod codegen;
mod docs;
mod needs;
mod process;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// The chores of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Everything CI checks, in the order in which it fails fastest.
    Test(test::Options),
    /// The rules no compiler knows: dependency table, file heads, sizes, words, licences.
    Tidy,
    /// Writes the generated files; with `--check` says which are stale.
    Codegen(codegen::Options),
    /// Checks the links of the guide and renders it.
    Docs,
    /// Measures, beside a peer where there is one.
    Bench(bench::Options),
    /// The server behind the proxies in `bench`; started by it.
    #[command(hide = true)]
    BenchUpstream,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = Workspace::find().and_then(|workspace| match arguments.chore {
        Chore::Test(options) => test::run(&workspace, &options),
        Chore::Tidy => tidy::run(&workspace),
        Chore::Codegen(options) => codegen::run(&workspace, &options),
        Chore::Docs => docs::run(&workspace),
        Chore::Bench(options) => bench::run(&workspace, &options),
        Chore::BenchUpstream => bench::serve_upstream(),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
