//! Arbitrary text as the files of other tools: whatever they say, the project made of them validates and holds no secret.
//!
//! The text is cut at lines of `=== PATH`; what comes before the first is `.env`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use towpath_core::import::{Choices, File, Kind, read, references};

/// A value that must never be written, whatever is around it.
const SECRET: &str = "hunter2-never-written-0";

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let mut files = vec![File { path: ".env".to_owned(), text: format!("DB_PASSWORD={SECRET}\n") }];
    for line in text.lines() {
        match (line.strip_prefix("=== "), files.last_mut()) {
            (Some(path), _) => files.push(File { path: path.to_owned(), text: String::new() }),
            (None, Some(file)) => {
                file.text += line;
                file.text += "\n";
            }
            (None, None) => {}
        }
    }
    let _ = references(&files);
    let chosen = files.iter().map(|file| file.path.clone()).collect();
    let imported = read(&files, &chosen);
    let prefer = Kind::ALL.into_iter().map(|(_, kind)| kind).collect();
    let choices = Choices { name: "shop".to_owned(), prefer, ..Choices::default() };
    let settled = imported.settle(&choices).expect("every tool is preferred to the next");
    // More than Towpath can hold is told, not written: depth of references, size of files.
    let told = ["config::cycle", "yaml::limit"];
    let mistakes: Vec<_> = settled.mistakes.iter().filter(|mistake| !told.contains(&mistake.code)).collect();
    assert!(mistakes.is_empty(), "{mistakes:#?}\n{:#?}", settled.files);
    // The line before may have been joined to another by a quote that the text closes.
    if settled.secrets.iter().any(|name| name == "DB_PASSWORD") {
        assert!(settled.files.iter().all(|(_, text)| !text.contains(SECRET)), "{:#?}", settled.files);
    }
});
