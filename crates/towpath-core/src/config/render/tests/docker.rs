//! The reader of `docker run --env-file`, as docker/cli `pkg/kvfile/kvfile.go` documents and does it.

use std::collections::BTreeMap;

/// Reads a file. Some versions of the client take quotes away that enclose a whole value.
pub(super) fn read(text: &str, unquotes: bool) -> Result<BTreeMap<String, String>, String> {
    let mut variables = BTreeMap::new();
    // bufio.ScanLines: a line ends with `\n`, and one `\r` before it is dropped; the last one may have no end.
    for line in text.split_terminator('\n') {
        if line.len() >= 64 * 1024 {
            return Err("bufio.Scanner: token too long".to_owned());
        }
        let line = line.strip_suffix('\r').unwrap_or(line).trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, mut value)) = line.split_once('=') else { continue };
        if name.is_empty() || name.contains([' ', '\t']) {
            return Err(format!("variable `{name}`"));
        }
        if unquotes && value.len() > 1 {
            let inner = |quote| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
            value = inner('\'').or_else(|| inner('"')).unwrap_or(value);
        }
        variables.insert(name.to_owned(), value.to_owned());
    }
    Ok(variables)
}

#[test]
fn it_reads_as_the_client_does() {
    // What docker 28.2.2 sent to a daemon for this file.
    let read = read("A=\"x\"\nB=a\"b\" \nC= lead\nD=#x\nE=a\rb\nF=\n#G=1\n", false).unwrap();
    let meant = [("A", "\"x\""), ("B", "a\"b\" "), ("C", " lead"), ("D", "#x"), ("E", "a\rb"), ("F", "")];
    assert_eq!(read, meant.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
}
