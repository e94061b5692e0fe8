//! Comma-separated values as RFC 4180 has them: quoted fields with commas, quotation marks and line ends in them.

/// Returns the records that are not empty, each with the line on which it begins; or the line of a quotation mark that is not
/// closed.
pub(super) fn records(text: &str) -> Result<Vec<(usize, Vec<String>)>, usize> {
    let mut records = Vec::new();
    let mut chars = text.chars().peekable();
    let mut line = 1;
    while chars.peek().is_some() {
        let start = line;
        let mut record = vec![String::new()];
        let mut quoted = None;
        while let Some(c) = chars.next() {
            line += usize::from(c == '\n');
            let Some(field) = record.last_mut() else { break };
            match (c, quoted) {
                ('"', Some(_)) if chars.peek() == Some(&'"') => {
                    chars.next();
                    field.push('"');
                }
                ('"', Some(_)) => quoted = None,
                ('"', None) if field.trim().is_empty() => {
                    field.clear();
                    quoted = Some(line);
                }
                (',', None) => record.push(String::new()),
                ('\n', None) => break,
                ('\r', None) if chars.peek() == Some(&'\n') => {}
                (c, _) => field.push(c),
            }
        }
        if let Some(line) = quoted {
            return Err(line);
        }
        if record.iter().any(|field| !field.trim().is_empty()) {
            records.push((start, record));
        }
    }
    Ok(records)
}
