//! What holds for any file.

use proptest::prelude::*;

use super::*;
use crate::sops::tree::Setting;

#[derive(Debug, Clone)]
enum Tree {
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    Null,
    List(Vec<Tree>),
    Map(Vec<(String, Tree)>),
}

fn string() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-zA-Z0-9 _.:#,'\"{}\\[\\]&*!|>%@`=-]{0,24}",
        2 => "[ \\t\\na-c]{0,12}",
        1 => proptest::collection::vec(any::<char>(), 0..8).prop_map(|chars| chars.into_iter().collect()),
        1 => proptest::sample::select(vec!["true", "null", "~", "1e3", "0x1F", "2020-01-02", "yes", "08", "", "---", "...", "- a", "? b", "a: b", "ENC[x]", "<<", "\u{feff}", "\r\n", "1_000", "|", "#"]).prop_map(str::to_owned),
    ]
}

fn tree() -> impl Strategy<Value = Vec<(String, Tree)>> {
    let leaf = prop_oneof![
        4 => string().prop_map(Tree::Text),
        1 => any::<i64>().prop_map(Tree::Int),
        1 => any::<f64>().prop_filter("JSON has finite numbers", |number| number.is_finite()).prop_map(Tree::Float),
        1 => any::<bool>().prop_map(Tree::Bool),
        1 => Just(Tree::Null),
    ];
    let inner = leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Tree::List),
            entries(inner).prop_map(Tree::Map),
        ]
    });
    entries(inner)
}

fn entries(inner: impl Strategy<Value = Tree>) -> impl Strategy<Value = Vec<(String, Tree)>> {
    let key = prop_oneof![4 => "[a-z]{1,6}(_unencrypted)?", 1 => string()];
    proptest::collection::vec((key, inner), 0..4).prop_map(|mut entries| {
        let mut known = std::collections::BTreeSet::new();
        entries.retain(|(key, _)| key != "sops" && known.insert(key.clone()));
        entries
    })
}

fn scalar(tree: &Tree) -> Value {
    match tree {
        Tree::Text(text) => Value::text(text),
        Tree::Int(number) => Value::Int(*number),
        Tree::Float(number) => Value::Float(*number),
        Tree::Bool(value) => Value::Bool(*value),
        Tree::Null | Tree::List(_) | Tree::Map(_) => Value::Null,
    }
}

fn written(format: Format, value: &Value, column: usize) -> String {
    let setting = Setting { flow: format == Format::Json, column, last: true };
    String::from_utf8(layout::of(format).render(value, setting).unwrap().to_vec()).unwrap()
}

fn quoted(text: &str) -> String {
    String::from_utf8(json::quoted(text).to_vec()).unwrap()
}

fn yaml(entries: &[(String, Tree)], column: usize, out: &mut String) {
    for (key, value) in entries {
        out.push_str(&format!("{}# note {key:?}\n{}{}:", " ".repeat(column), " ".repeat(column), quoted(key)));
        yaml_value(value, column, out);
    }
}

fn yaml_value(value: &Tree, column: usize, out: &mut String) {
    match value {
        Tree::Map(entries) if !entries.is_empty() => {
            out.push('\n');
            yaml(entries, column + 2, out);
        }
        Tree::List(items) if !items.is_empty() => {
            out.push('\n');
            for item in items {
                out.push_str(&format!("{}-", " ".repeat(column + 1)));
                yaml_value(item, column + 1, out);
            }
        }
        Tree::Map(_) => out.push_str(" {}\n"),
        Tree::List(_) => out.push_str(" []\n"),
        leaf => out.push_str(&format!(" {}\n", written(Format::Yaml, &scalar(leaf), column))),
    }
}

fn json_text(tree: &Tree) -> String {
    match tree {
        Tree::Map(entries) => json_map(entries),
        Tree::List(items) => format!("[{}]", items.iter().map(json_text).collect::<Vec<_>>().join(" , ")),
        leaf => written(Format::Json, &scalar(leaf), 0),
    }
}

fn json_map(entries: &[(String, Tree)]) -> String {
    let entries: Vec<_> = entries.iter().map(|(key, value)| format!("{}:{}", quoted(key), json_text(value))).collect();
    format!("{{{}}}", entries.join(","))
}

fn leaves(entries: &[(String, Tree)]) -> Vec<Value> {
    fn add(tree: &Tree, out: &mut Vec<Value>) {
        match tree {
            Tree::Map(entries) => entries.iter().for_each(|(_, value)| add(value, out)),
            Tree::List(items) => items.iter().for_each(|item| add(item, out)),
            leaf => out.push(scalar(leaf)),
        }
    }
    let mut out = Vec::new();
    entries.iter().for_each(|(_, value)| add(value, &mut out));
    out
}

fn text_of(format: Format, entries: &[(String, Tree)]) -> String {
    if format == Format::Json {
        return json_map(entries);
    }
    let mut out = String::new();
    yaml(entries, 0, &mut out);
    out
}

/// Encrypting for a recipient costs more than all else here.
fn people() -> &'static (Identities, String) {
    static PEOPLE: std::sync::OnceLock<(Identities, String)> = std::sync::OnceLock::new();
    PEOPLE.get_or_init(identity)
}

fn same(format: Format, entries: &[(String, Tree)], later: &[(String, Tree)]) {
    let (keys, recipient) = people();
    let plain = text_of(format, entries);
    let sealed = encrypted(&plain, format, &creation(recipient));
    let (file, key, decrypted) = opened(&sealed, format, keys);
    let values: Vec<Value> = decrypted.values().map(|(_, value)| value.clone()).collect();
    assert!(values == leaves(entries), "{plain}\n{sealed}\n{}", text(&decrypted));
    // What is shown to be edited is read as the same values, and unchanged gives the same file.
    let shown = text(&decrypted);
    assert_eq!(file.edit(&key, shown.as_bytes(), NOW, &SystemEntropy).unwrap(), sealed.as_bytes());
    let again = encrypted(&shown, format, &creation(recipient));
    let (_, _, reread) = opened(&again, format, keys);
    assert!(reread.values().map(|(_, value)| value).eq(values.iter()), "{shown}");
    assert_eq!(text(&reread), shown);
    // Any other text can take its place.
    let other = text_of(format, later);
    let edited = file.edit(&key, other.as_bytes(), NOW, &SystemEntropy).unwrap();
    let (_, _, edited) = opened(std::str::from_utf8(&edited).unwrap(), format, keys);
    assert!(edited.values().map(|(_, value)| value.clone()).eq(leaves(later)), "{other}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 192 } else { 4096 }))]

    #[test]
    fn any_yaml_goes_round(entries in tree(), later in tree()) {
        same(Format::Yaml, &entries, &later);
    }

    #[test]
    fn any_json_goes_round(entries in tree(), later in tree()) {
        same(Format::Json, &entries, &later);
    }

    #[test]
    fn any_bytes_go_round(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let (keys, recipient) = people();
        let sealed = encrypt(&bytes, Format::Binary, &creation(recipient), &AgeOnly, NOW, &SystemEntropy).unwrap();
        let (_, _, plain) = opened(std::str::from_utf8(&sealed).unwrap(), Format::Binary, keys);
        prop_assert_eq!(plain.text().unwrap(), &bytes);
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in "[a-c:\\-\\[\\]{}#&*!|> \\n\"'=;,0-9ENCsop]{0,80}", format in 0..5_usize) {
        let format = [Format::Yaml, Format::Json, Format::Dotenv, Format::Ini, Format::Binary][format];
        let _: Result<File, SopsError> = File::parse(text.as_bytes(), format);
        let sealed = encrypt(text.as_bytes(), format, &creation(&people().1), &AgeOnly, NOW, &SystemEntropy);
        if let Ok(sealed) = sealed {
            let file = File::parse(&sealed, format).unwrap();
            let key = file.unwrap_key(&people().0).unwrap();
            // Whatever was encrypted opens again, to what encrypts to the same values.
            let plain = file.decrypt(&key).unwrap();
            let edited = file.edit(&key, plain.text().unwrap(), NOW, &SystemEntropy).unwrap();
            prop_assert_eq!(edited, sealed);
        }
    }
}

#[test]
fn whatever_byte_is_changed_is_noticed_or_means_nothing() {
    let (keys, recipient) = people();
    for (plain, format) in [
        ("a: one\nb:\n  - 2\nc_unencrypted: clear\n", Format::Yaml),
        ("A=one\nB_unencrypted=x\n", Format::Dotenv),
        ("{\"a\": \"one\", \"b\": [1]}", Format::Json),
    ] {
        let sealed = encrypted(plain, format, &creation(recipient));
        let (file, key, decrypted) = opened(&sealed, format, keys);
        let values: Vec<Value> = decrypted.values().map(|(_, value)| value.clone()).collect();
        let metadata = file.metadata();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[at] ^= 1;
            let Ok(file) = File::parse(&changed, format) else { continue };
            let Ok(decrypted) = file.decrypt(&key) else { continue };
            // What is taken all the same changes white space, the recipients, which the MAC is not over, or the names
            // and the nesting of what is not encrypted: never a value.
            let same = decrypted.values().map(|(_, value)| value.clone()).eq(values.iter().cloned());
            assert!(same, "{at}: {}", String::from_utf8_lossy(&changed));
            assert_eq!(file.metadata().last_modified, metadata.last_modified);
        }
    }
}
