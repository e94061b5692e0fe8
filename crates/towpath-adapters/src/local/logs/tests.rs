//! Tests of `logs`.

use std::io::Write as _;

use super::*;

fn query(from: Option<u64>, tail_lines: usize, max_bytes: usize) -> LogQuery {
    LogQuery { from, tail_lines, max_bytes }
}

fn log(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    fs::write(&path, text).unwrap();
    (folder, path)
}

#[test]
fn a_line_without_an_end_waits_for_it_while_somebody_may_write_it() {
    let (_folder, path) = log("one\ntwo");
    let running = read(&path, query(Some(0), 0, 100), false).unwrap();
    assert_eq!(running, LogChunk { text: "one\n".to_owned(), next: 4 });
    assert_eq!(read(&path, query(Some(4), 0, 100), false).unwrap().text, "");
    assert_eq!(read(&path, query(Some(4), 0, 100), true).unwrap(), LogChunk { text: "two".to_owned(), next: 7 });
    fs::File::options().append(true).open(&path).unwrap().write_all(b"!\n").unwrap();
    assert_eq!(read(&path, query(Some(4), 0, 100), false).unwrap().text, "two!\n");
}

#[test]
fn the_tail_is_counted_in_lines() {
    let (_folder, path) = log("one\ntwo\nthree\n");
    let tail = |lines| read(&path, query(None, lines, 100), true).unwrap().text;
    assert_eq!((tail(0).as_str(), tail(1).as_str(), tail(2).as_str()), ("", "three\n", "two\nthree\n"));
    assert_eq!(tail(100), "one\ntwo\nthree\n");
    let (_folder, path) = log("one\ntwo");
    assert_eq!(read(&path, query(None, 1, 100), true).unwrap().text, "two");
    let (_folder, path) = log("");
    assert_eq!(read(&path, query(None, 1, 100), true).unwrap(), LogChunk::default());
}

#[test]
fn a_line_longer_than_what_is_asked_for_comes_in_pieces_between_characters() {
    let (_folder, path) = log("ääääää\nb\n");
    let (mut text, mut from) = (String::new(), 0);
    while from < fs::metadata(&path).unwrap().len() {
        let chunk = read(&path, query(Some(from), 0, 5), false).unwrap();
        assert!(chunk.next > from);
        text += &chunk.text;
        from = chunk.next;
    }
    assert_eq!(text, "ääääää\nb\n");
}

#[test]
fn positions_beyond_the_end_are_the_end() {
    let (_folder, path) = log("one\n");
    assert_eq!(read(&path, query(Some(99), 0, 100), false).unwrap(), LogChunk { text: String::new(), next: 4 });
}

#[test]
fn what_is_cut_is_gone_and_positions_stay() {
    let text = (0..20_000).fold(String::new(), |text, number| text + &format!("line {number:05}\n"));
    let (_folder, path) = log(&text);
    trim(&path, 100_000).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), text.len() as u64);
    let chunk = read(&path, query(Some(0), 0, 1_000_000), false).unwrap();
    assert!(chunk.text.starts_with("line ") && text.ends_with(&chunk.text));
    assert!((100_000..200_000).contains(&chunk.text.len()), "{}", chunk.text.len());
    // A position that is kept means the same byte as before.
    let position = text.len() as u64 - 22;
    assert_eq!(read(&path, query(Some(position), 0, 100), false).unwrap().text, "line 19998\nline 19999\n");
    // Nothing more to do.
    trim(&path, 100_000).unwrap();
    assert_eq!(read(&path, query(Some(0), 0, 1_000_000), false).unwrap(), chunk);
}

#[test]
fn a_message_gets_the_last_lines_and_not_too_much() {
    let (_folder, path) = log(&"ä".repeat(2000));
    let told = last_lines(&path);
    assert!(told.len() <= 1000 && told.len() > 990 && told.chars().all(|c| c == 'ä'));
    let (_folder, path) = log("1\n2\n3\n4\n5\n6\n\n");
    assert_eq!(last_lines(&path), "3\n4\n5\n6");
    assert_eq!(last_lines(Path::new("/nowhere")), "");
}
