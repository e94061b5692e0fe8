//! `Dockerfile`: what starts the last stage, for services that say nothing themselves.
//!
//! Nothing is built; of all instructions only `ENTRYPOINT`, `CMD` and `EXPOSE` are read.

use super::{convert::shell_words, facts::Place};

/// What a Dockerfile says of the process it makes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Image {
    entrypoint: Option<Vec<String>>,
    command: Option<Vec<String>>,
    pub(super) ports: Vec<u16>,
    pub(super) place: Option<Place>,
}

impl Image {
    /// Returns program and arguments.
    pub(super) fn words(&self) -> Option<Vec<String>> {
        let words: Vec<String> = self.entrypoint.iter().chain(&self.command).flatten().cloned().collect();
        (!words.is_empty()).then_some(words)
    }
}

pub(super) fn read(path: &str, text: &str) -> Image {
    let mut image = Image::default();
    let mut lines = text.lines().zip(1_u32..);
    while let Some((line, number)) = lines.next() {
        let mut whole = line.trim().to_owned();
        while whole.ends_with('\\') {
            whole.pop();
            let Some((more, _)) = lines.next() else { break };
            whole.push_str(more.trim());
        }
        let Some((word, rest)) = whole.split_once(char::is_whitespace) else { continue };
        let place = Place::new(path, number);
        match word.to_ascii_uppercase().as_str() {
            "FROM" => image = Image::default(),
            "ENTRYPOINT" => {
                image = Image { entrypoint: words(rest), command: None, place: Some(place), ..image };
            }
            "CMD" => image = Image { command: words(rest), place: Some(place), ..image },
            "EXPOSE" => image.ports.extend(rest.split_whitespace().filter_map(port)),
            _ => {}
        }
    }
    image
}

fn port(word: &str) -> Option<u16> {
    word.split('/').next()?.parse().ok()
}

/// The exec form is JSON; anything else is a line for the shell.
fn words(rest: &str) -> Option<Vec<String>> {
    let rest = rest.trim();
    if rest.starts_with('[') {
        return serde_json::from_str(rest).ok();
    }
    shell_words(rest).filter(|words| !words.is_empty())?;
    Some(vec!["/bin/sh".to_owned(), "-c".to_owned(), rest.to_owned()])
}
