//! What is understood of a command line that is not understood.

use super::*;

fn asked_for(line: &str) -> Format {
    format_asked_for(line.split(' ').map(OsString::from))
}

#[test]
fn the_grammar_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn the_format_is_found_however_it_is_written() {
    for line in ["towpath -o json x", "towpath x --output json", "towpath --output=json", "towpath x -ojson"] {
        assert_eq!(asked_for(line), Format::Json, "{line}");
    }
    assert_eq!(asked_for("towpath x -o jsonl"), Format::Jsonl);
    assert_eq!(asked_for("towpath x -o"), Format::Text);
    assert_eq!(asked_for("towpath x"), Format::Text);
}

#[test]
fn the_commands_that_the_core_hints_at_are_understood() {
    let hints = [
        "promote r3 production --confirm production",
        "gates p4 --confirm item",
        "approve p4",
        "rollout abort staging",
        "rollout watch staging",
        "rollback production --to d3",
        "history production",
        "release list",
        "release create --version 1.0",
        "status",
        "up",
    ];
    for hint in hints {
        let words = std::iter::once("towpath").chain(hint.split(' '));
        assert!(Cli::try_parse_from(words).is_ok(), "{hint}");
    }
}
