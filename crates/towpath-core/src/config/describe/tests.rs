//! What is described is what is read.

use std::collections::BTreeSet;

use super::{
    super::read::Read,
    super::schema::{EXAMPLE, environment::EnvironmentFile, project::ProjectKeys},
    *,
};
use crate::config::{SourceSet, load, render_diagnostics};

fn book() -> Book {
    let mut book = Book::new(Mode::Whole, Names::default());
    ProjectKeys::shape(&mut book);
    EnvironmentFile::shape(&mut book);
    book
}

#[test]
fn every_section_and_every_key_is_documented() {
    let book = book();
    assert!(book.sections.len() > 40);
    for section in &book.sections {
        assert!(section.doc.ends_with('.'), "{}: {}", section.title, section.doc);
        for key in &section.keys {
            assert!(key.doc.ends_with('.'), "{}.{}: {}", section.title, key.name, key.doc);
        }
    }
}

#[test]
fn no_two_sections_share_a_title() {
    let book = book();
    let titles: BTreeSet<&str> = book.sections.iter().map(|section| section.title.as_str()).collect();
    assert_eq!(titles.len(), book.sections.len());
    assert!(book.simple.keys().all(|word| !titles.contains(word)));
}

#[test]
fn every_reference_of_a_schema_leads_somewhere() {
    for kind in SCHEMAS {
        let schema = json_schema(kind, None);
        let text = schema.to_string();
        for target in text.split("\"#/$defs/").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(schema["$defs"].get(target).is_some(), "{target}");
        }
    }
}

#[test]
fn the_whole_example_says_something_in_every_section_and_validates() {
    let project = "project: shop\npeople: {ana: {roles: [tech-lead]}}\npipeline: [production]\n";
    let sources: SourceSet =
        [("towpath.yaml", project), ("environments/production.yaml", EXAMPLE)].into_iter().collect();
    let diagnostics = load(&sources).validate();
    assert_eq!(render_diagnostics(&sources, &diagnostics, false), "");
    let mut book = Book::new(Mode::Layer, Names::default());
    EnvironmentFile::shape(&mut book);
    let root = &book.sections[0];
    let missing: Vec<&str> =
        root.keys.iter().map(|key| key.name).filter(|key| !EXAMPLE.contains(&format!("\n{key}:"))).collect();
    assert_eq!(missing, ["extends", "variables"]);
}

/// Every key the reader accepts is in the schema and the other way round: both come from one declaration, so this
/// checks what was written by hand, through what an unknown key is answered with.
#[test]
fn the_reader_knows_the_keys_of_the_schema_and_no_others() {
    for kind in SCHEMAS {
        let schema = json_schema(kind, None);
        let known: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
        for key in known {
            let (project, environment) = match kind {
                SchemaKind::Project => (format!("{key}: ~\n"), String::new()),
                SchemaKind::Environment => (String::new(), format!("{key}: ~\n")),
                SchemaKind::Flags | SchemaKind::FlagEnvironment => (String::new(), String::new()),
            };
            let flags = match kind {
                SchemaKind::Project | SchemaKind::Environment => ("flags/a.yaml", String::new()),
                SchemaKind::Flags => ("flags/a.yaml", format!("{key}: ~\n")),
                SchemaKind::FlagEnvironment => ("flags/environments/base.yaml", format!("{key}: ~\n")),
            };
            let sources: SourceSet =
                [("towpath.yaml", project), ("environments/production.yaml", environment), flags].into_iter().collect();
            let is_unknown = |code: &str| ["config::unknown-key", "flags::unknown-member"].contains(&code);
            let unknown = load(&sources).validate().into_iter().find(|found| is_unknown(found.code));
            assert_eq!(unknown, None, "{key}");
        }
    }
}

#[test]
fn a_project_s_own_schema_knows_its_names() {
    let project = "project: shop\npeople: {ana: {roles: [tech-lead]}}\nservices: {web: {command: x}}\npipeline: [production]\nvariables: {LEVEL: {type: enum, values: [low, '1'], doc: How much., deprecated: use MORE}, KEY: {secret: true, default: hunter2}}\n";
    let sources: SourceSet =
        [("towpath.yaml", project), ("environments/production.yaml", "services: {api: {}}\n")].into_iter().collect();
    let schema = json_schema(SchemaKind::Environment, Some(&load(&sources)));
    let properties = &schema["properties"];
    assert_eq!(properties["extends"]["enum"], json!(["production", "base", null]));
    let services: Vec<&String> = properties["services"]["properties"].as_object().unwrap().keys().collect();
    assert_eq!(services, ["api", "web"]);
    let level = &properties["variables"]["properties"]["LEVEL"];
    assert_eq!(level["anyOf"][0]["enum"], json!(["low", "1", 1]));
    assert!(level["description"].as_str().unwrap().starts_with("How much."));
    assert_eq!(level["deprecated"], true);
    assert!(!schema.to_string().contains("hunter2"));
}

#[test]
fn nothing_is_accepted_where_layers_take_away() {
    assert_eq!(
        nullable(json!({ "type": "string", "enum": ["a"] })),
        json!({ "type": ["string", "null"], "enum": ["a", null] })
    );
    assert_eq!(
        nullable(json!({ "$ref": "#/$defs/A" })),
        json!({ "anyOf": [{ "$ref": "#/$defs/A" }, { "type": "null" }] })
    );
    assert_eq!(nullable(json!({})), json!({}));
}
