//! The words of a command in a variable, as a shell would split them; nothing else a shell does is done.

/// Splits at blanks outside quotes; `None` where a quote is not closed.
pub(super) fn split(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (Some('"') | None, '\\') => word.get_or_insert_default().push(letters.next()?),
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, _) if letter.is_whitespace() => words.extend(word.take()),
            (Some(_) | None, _) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn words_are_split_as_a_shell_would() {
        let words = |line| split(line).map(|words| words.join("|"));
        assert_eq!(words("  vi -n  '-i NONE' \"a \\\" b\" c\\ d ''"), Some("vi|-n|-i NONE|a \" b|c d|".to_owned()));
        assert_eq!((words("vi 'x"), words("vi \\"), words(" ")), (None, None, Some(String::new())));
    }
}
