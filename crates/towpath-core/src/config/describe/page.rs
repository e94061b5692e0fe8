//! The reference page: every key with its type, default and meaning, section by section.

use std::fmt::Write as _;

use super::{
    super::{
        read::Read,
        schema::{EXAMPLE, environment::EnvironmentFile, project::ProjectKeys},
    },
    Book, Choice, Mode, Names, Section, one_line,
};

/// Returns the reference of the configuration as Markdown.
pub fn reference_page() -> String {
    let mut book = Book::new(Mode::Whole, Names::default());
    ProjectKeys::shape(&mut book);
    let project = book.sections.len();
    EnvironmentFile::shape(&mut book);
    let mut page = String::from(HEAD);
    for (at, section) in book.sections.iter().enumerate() {
        let file = if at < project { "towpath.yaml" } else { "environments/NAME.yaml" };
        write_section(&mut page, section, file);
    }
    page.push_str("## Simple values\n");
    for (word, about) in &book.simple {
        let _ = write!(page, "\n### {}\n\n{about}\n", capital(word));
    }
    let _ = write!(
        page,
        "\n## A whole example\n\nA production environment that says something in every section:\n\n```yaml\n{EXAMPLE}```\n"
    );
    page
}

const HEAD: &str = "\
# Configuration reference

Every key of [the project file](#project) and of [an environment's file](#environment), as the program itself knows
them. How the files work together is told in [configuration](../configuration.md), how an editor completes and checks
them in [editors](../editors.md). The same as JSON Schema: [project](project.schema.json),
[environment](environment.schema.json).

A key in **bold** must be there once all layers are laid over each other. `null` takes away what a lower layer said.

";

fn write_section(page: &mut String, section: &Section, file: &str) {
    // Writing into a String cannot fail.
    let _ = write!(page, "## {}\n\n", capital(&section.title));
    let place = match (section.place.as_str(), file) {
        ("", file) => format!("`{file}`"),
        (place, file) => format!("`{place}` in `{file}`"),
    };
    let _ = write!(page, "{} Found at {place}.\n\n", section.doc);
    for choice in &section.choices {
        let _ = write!(page, "{}\n\n", choice_words(choice));
    }
    if section.keys.is_empty() {
        page.push_str("There is nothing to set.\n\n");
        return;
    }
    page.push_str("| key | type | default | meaning |\n| --- | --- | --- | --- |\n");
    for key in &section.keys {
        let name = if key.required { format!("**`{}`**", key.name) } else { format!("`{}`", key.name) };
        let default = match &key.default {
            Some(serde_json::Value::String(text)) => format!("`{text}`"),
            Some(value) => format!("`{value}`"),
            None => String::new(),
        };
        let doc = one_line(&key.doc).replace('|', "\\|");
        let _ = writeln!(page, "| {name} | {} | {default} | {doc} |", key.shape.words.replace('|', "\\|"));
    }
    page.push('\n');
}

fn choice_words(choice: &Choice) -> String {
    let amount = match (choice.least, choice.most) {
        (true, true) => "Exactly one",
        (false, _) => "At most one",
        (true, false) => "At least one",
    };
    let keys: Vec<String> = choice.keys.iter().map(|key| format!("`{key}`")).collect();
    format!("{amount} of {}.", keys.join(", "))
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
