//! Tests of `import`.

use std::collections::BTreeSet;

use super::{Choices, Conflict, File, Kind, Outcome, Settled, read};
use crate::config::{Inputs, ResolvedEnvironment, load};

mod formats;
mod properties;
mod secrets;

/// Imports files given as `=== PATH` lines with the text below each.
fn settled(text: &str, choices: &Choices) -> Result<Settled, Vec<Conflict>> {
    let mut files: Vec<File> = Vec::new();
    for line in text.lines() {
        let line = line.strip_prefix("        ").unwrap_or(line);
        match (line.strip_prefix("=== "), files.last_mut()) {
            (Some(path), _) => files.push(File { path: path.to_owned(), text: String::new() }),
            (None, Some(file)) => {
                file.text += line;
                file.text += "\n";
            }
            (None, None) => {}
        }
    }
    let chosen: BTreeSet<String> = files.iter().map(|file| file.path.clone()).collect();
    let imported = read(&files, &chosen);
    assert_eq!(imported.broken, [], "broken");
    imported.settle(choices)
}

fn named() -> Choices {
    Choices { name: "shop".to_owned(), ..Choices::default() }
}

#[track_caller]
fn project(text: &str) -> Settled {
    let settled = settled(text, &named()).unwrap();
    assert!(settled.mistakes.is_empty(), "{:#?}\n{:#?}", settled.mistakes, settled.files);
    settled
}

impl Settled {
    fn file(&self, path: &str) -> &str {
        self.files.iter().find(|(name, _)| name == path).map_or("", |(_, text)| text)
    }

    fn all(&self) -> String {
        let texts: Vec<String> = self.files.iter().map(|(path, text)| format!("=== {path}\n{text}")).collect();
        texts.concat()
    }

    fn environment(&self, name: &str) -> ResolvedEnvironment {
        let sources = self.files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        load(&sources).resolve(name, &Inputs::default()).environment.unwrap()
    }

    fn value(&self, environment: &str, name: &str) -> String {
        self.environment(environment).variables.get(name).map_or("(unset)".to_owned(), |found| found.value.clone())
    }

    fn why(&self, what: &str) -> Vec<(Outcome, String)> {
        let notes = self.notes.iter().filter(|note| note.what == what);
        notes.map(|note| (note.outcome, format!("{} {}", note.place, note.why))).collect()
    }
}

#[test]
fn what_is_common_is_written_once_and_what_differs_beside() {
    let settled = project(
        "
        === .env
        # How much is told.
        LOG_LEVEL=info
        PORT_COUNT=3
        === .env.production
        LOG_LEVEL=warn
        ",
    );
    insta::assert_snapshot!(settled.all());
}

#[test]
fn types_hold_for_the_values_of_every_environment() {
    let cases = [
        ("DEBUG", "true", "false", "type: bool"),
        ("DEBUG", "true", "1", ""),
        ("RETRIES", "3", "-4", "type: int"),
        ("RATIO", "3", "0.5", "type: float"),
        ("ZIP", "01234", "99999", ""),
        ("VERSION", "1.10.2", "1.2.0", ""),
        ("DB_PORT", "5432", "5433", "type: port"),
        ("DB_PORT", "5432", "70000", "type: int"),
        ("API", "https://a.example", "http://b.example:80/x", "type: url"),
        ("MAIL", "a@example.org", "b@example.org", "type: email"),
        ("CACHE_TTL", "30s", "5m", "type: duration"),
        ("CODE", "30s", "5m", ""),
        ("MAX_SIZE", "10Mi", "1Gi", "type: bytes"),
        ("LIMITS", "{\"a\":1}", "[1]", "type: json"),
        ("EMPTY", "1", "", ""),
    ];
    for (name, development, production, kind) in cases {
        let text = format!("=== .env\n{name}='{development}'\n=== .env.production\n{name}='{production}'\n");
        let settled = project(&text);
        let declared =
            settled.file("towpath.yaml").lines().find(|line| line.trim().starts_with(name)).unwrap().to_owned();
        let found = declared.split(['{', ',', '}']).find(|part| part.contains("type:")).unwrap_or("").trim().to_owned();
        assert_eq!(found, kind, "{declared}");
        assert_eq!(settled.value("production", name), production);
        assert_eq!(settled.value("development", name), development);
    }
}

#[test]
fn an_enum_is_one_only_when_asked() {
    let text = "=== .env\nLEVEL=info\n=== .env.production\nLEVEL=warn\n";
    assert!(!project(text).all().contains("enum"));
    let choices = Choices { enums: BTreeSet::from(["LEVEL".to_owned()]), ..named() };
    let settled = settled(text, &choices).unwrap();
    assert!(settled.all().contains("LEVEL: {type: enum, values: [info, warn], required: true}"), "{}", settled.all());
}

#[test]
fn tools_that_contradict_each_other_are_asked_about() {
    let text = "
        === .env
        DB_HOST=localhost
        === compose.yaml
        services:
          web: {build: ., command: serve, environment: {DB_HOST: db}}
        ";
    let conflicts = settled(text, &named()).unwrap_err();
    assert_eq!(conflicts.len(), 1);
    assert_eq!(conflicts[0].what, "DB_HOST");
    let said: Vec<String> = conflicts[0]
        .choices
        .iter()
        .map(|choice| format!("{} {} {}", choice.place, choice.from.as_str(), choice.value))
        .collect();
    assert_eq!(said, [".env:1 dotenv localhost", "compose.yaml:2 compose db"]);
    let preferred = |kind: Kind| settled(text, &Choices { prefer: vec![kind], ..named() }).unwrap();
    assert_eq!(preferred(Kind::Compose).value("production", "DB_HOST"), "db");
    let other = preferred(Kind::Dotenv);
    assert_eq!(other.value("production", "DB_HOST"), "localhost");
    assert!(other.notes.iter().any(|note| note.outcome == Outcome::Left && note.why.contains("preferred")));
}

#[test]
fn two_tools_that_say_what_runs_are_not_mixed() {
    let text = "
        === Procfile
        web: ./serve $PORT
        === compose.yaml
        services: {app: {build: ., command: ./serve}}
        ";
    assert_eq!(settled(text, &named()).unwrap_err()[0].what, "what runs");
    let choices = Choices { prefer: vec![Kind::Procfile], ..named() };
    let settled = settled(text, &choices).unwrap();
    assert_eq!(settled.services, ["web"]);
    assert_eq!(settled.why("services.app.command")[0].0, Outcome::Left);
}

#[test]
fn references_that_cannot_be_resolved_do_not_make_an_invalid_project() {
    let settled = project(
        "
        === .env
        HOST_NAME=a
        URL=http://${HOST_NAME}:${DB_PORT}/${MISSING:-x}
        PATH=${PATH}:/opt
        A=${B}
        B=${A}
        HERE=http://localhost:${PORT}
        === .env.production
        DB_PORT=1
        ",
    );
    assert_eq!(settled.value("production", "URL"), "http://a:1/x");
    assert_eq!(settled.value("development", "URL"), "http://a:/x");
    for name in ["PATH", "A", "B"] {
        assert!(settled.why(name).iter().any(|(_, why)| why.contains("refers to itself")), "{name}");
    }
    assert!(settled.why("HERE").iter().any(|(_, why)| why.contains("only when an instance starts")));
}

#[test]
fn services_that_differ_keep_their_own_values() {
    let settled = project(
        "
        === compose.yaml
        services:
          web: {build: ., command: ./web, environment: {MODE: web, SHARED: one}}
          worker: {build: ., command: ./work, environment: {MODE: work, SHARED: one}}
        ",
    );
    let environment = settled.environment("production");
    let modes: Vec<String> = environment.services.values().map(|service| service.env["MODE"].clone()).collect();
    assert_eq!(modes, ["web", "work"]);
    assert_eq!(settled.value("production", "SHARED"), "one");
}
