//! Values as the command line gives them.

use clap::Parser as _;

use super::*;
use crate::cli::{Cli, Command, EnvCommand};

fn read(line: &[&str]) -> Result<Vec<(String, Option<String>)>, String> {
    let words = ["towpath", "env", "set", "staging"].iter().chain(line);
    let cli = Cli::try_parse_from(words).map_err(|error| error.to_string())?;
    let Command::Env(EnvCommand::Set(args)) = cli.command else { panic!("another command") };
    let values = values(&args).map_err(|failure| failure.message().to_owned())?;
    Ok(values.into_iter().map(|value| (value.key, value.value)).collect())
}

fn one(key: &str, value: &str) -> Vec<(String, Option<String>)> {
    vec![(key.to_owned(), Some(value.to_owned()))]
}

#[test]
fn keys_and_values_are_written_in_two_ways() {
    assert_eq!(read(&["A", "1"]).unwrap(), one("A", "1"));
    assert_eq!(read(&["A", "b=c"]).unwrap(), one("A", "b=c"));
    assert_eq!(read(&["A", "-1"]).unwrap(), one("A", "-1"));
    assert_eq!(read(&["A="]).unwrap(), one("A", ""));
    assert_eq!(read(&["A=x=y", "B=2"]).unwrap(), [one("A", "x=y"), one("B", "2")].concat());
    assert_eq!(read(&["--remove", "A", "B"]).unwrap(), [("A".to_owned(), None), ("B".to_owned(), None)]);
}

#[test]
fn what_has_no_value_or_no_key_is_refused() {
    assert_eq!(read(&["A"]).unwrap_err(), "`A` has no value");
    assert_eq!(read(&["=1"]).unwrap_err(), "`=1`: the key before `=` is empty");
    assert_eq!(read(&["A=1", "B"]).unwrap_err(), "`B` has no value");
    assert_eq!(read(&["--remove", "A=1"]).unwrap_err(), "`A=1`: with --remove keys have no value");
    assert_eq!(read(&["A", "1", "--file", "x"]).unwrap_err(), "--file gives the value of one key");
    assert!(read(&[]).unwrap_err().contains("KEY=VALUE"));
}

#[test]
fn one_newline_at_the_end_of_a_text_is_not_part_of_it() {
    assert_eq!(text_of(&b"a\nb\n\n"[..], "x").unwrap(), "a\nb\n");
    assert_eq!(text_of(&b""[..], "x").unwrap(), "");
    assert!(text_of(&b"\xff"[..], "x").is_err());
    assert!(text_of(io::repeat(b'x'), "x").is_err());
}
