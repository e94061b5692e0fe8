//! Renders the guide in the folder given as argument, as `mdbook build` would.
//!
//! Deliberately nothing more: links and the table of contents are checked by `cargo xtask docs`, which starts this.

use std::env;
use std::path::PathBuf;

use anyhow::Context as _;
use mdbook_driver::MDBook;

fn main() -> anyhow::Result<()> {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let book = arguments.next().context("usage: xtask-book BOOK-FOLDER OUTPUT-FOLDER")?;
    let output = arguments.next().context("usage: xtask-book BOOK-FOLDER OUTPUT-FOLDER")?;
    let mut book = MDBook::load(&book).with_context(|| format!("cannot load the book in `{}`", book.display()))?;
    book.config.build.build_dir = output;
    book.build().context("cannot render the book")
}
