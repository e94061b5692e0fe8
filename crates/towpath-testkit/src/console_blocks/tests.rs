//! Tests of reading pages.

use super::*;

fn command(line: usize, text: &str) -> Command {
    Command { line, text: text.into(), exit: 0, not_run: None }
}

#[test]
fn commands_are_told_from_what_they_print() {
    let page = "# Page\n\n```console\n$ towpath init\nwrote towpath.yaml\n$ ls\n```\n";
    let commands = vec![command(4, "towpath init"), command(6, "ls")];
    assert_eq!(blocks(page), Ok(vec![Block { line: 3, commands }]));
}

#[test]
fn blocks_in_other_languages_are_passed_over_with_what_is_in_them() {
    let page = "````md\n```console\n$ no\n```\n````\n```sh\n$ no\n```\n```console\n$ yes\n```\n";
    assert_eq!(blocks(page), Ok(vec![Block { line: 9, commands: vec![command(10, "yes")] }]));
}

#[test]
fn a_block_in_a_list_is_read_without_its_indent() {
    let page = "- so:\n  ```console\n  $ yes\n  ```\n";
    assert_eq!(blocks(page), Ok(vec![Block { line: 2, commands: vec![command(3, "yes")] }]));
}

#[test]
fn a_command_can_go_on_over_lines() {
    let page = "```console\n$ a \\\n>   b\nprinted\n$ c\n```\n";
    assert_eq!(blocks(page), Ok(vec![Block { line: 1, commands: vec![command(2, "a \\\n  b"), command(5, "c")] }]));
}

#[test]
fn a_comment_promises_another_exit_status_or_says_why_the_command_is_not_run() {
    let page =
        "```console\n$ towpath promote x  # exit 3\n$ sudo y # not run: needs root\n$ z '#1' # said by people\n```\n";
    let commands = vec![
        Command { exit: 3, ..command(2, "towpath promote x") },
        Command { not_run: Some("needs root".into()), ..command(3, "sudo y") },
        command(4, "z '#1'"),
    ];
    assert_eq!(blocks(page), Ok(vec![Block { line: 1, commands }]));
}

#[test]
fn a_comment_that_is_nearly_one_of_ours_is_refused() {
    for comment in ["exit three", "not run", "not run:", "not run because"] {
        let page = format!("```console\n$ a # {comment}\n```\n");
        assert_eq!(blocks(&page), Err(PageError::Comment { line: 2, comment: comment.into() }), "{comment}");
    }
}

#[test]
fn an_open_block_and_a_block_without_commands_are_refused() {
    assert_eq!(blocks("\n```console\n$ a\n"), Err(PageError::Open { line: 2 }));
    assert_eq!(blocks("```console\ntowpath init\n```\n"), Err(PageError::Empty { line: 1 }));
}

#[test]
fn another_exit_status_than_promised_is_told_with_the_place_in_the_page() {
    let promised = Command { exit: 3, ..command(7, "towpath promote x") };
    assert_eq!(judge("a.md", &promised, Some(3), ""), Ok(()));
    assert_eq!(
        judge("a.md", &promised, Some(0), "said"),
        Err("a.md:7: `towpath promote x` exited with 0, the page promises 3:\nsaid".into())
    );
    assert!(judge("a.md", &promised, None, "").unwrap_err().contains("ended by a signal"));
}

#[test]
fn a_here_document_belongs_to_its_command() {
    let page = "```console\n$ cat > a <<'EOF'\n# exit 3\n$ b\nEOF\n$ c\n```\n";
    let commands = vec![command(2, "cat > a <<'EOF'\n# exit 3\n$ b\nEOF"), command(6, "c")];
    assert_eq!(blocks(page), Ok(vec![Block { line: 1, commands }]));
    let open = "```console\n$ cat <<'EOF'\nx\n```\n";
    assert_eq!(blocks(open), Err(PageError::Document { line: 2, end: "EOF".into() }));
}
