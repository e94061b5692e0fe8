//! Tests of the link check over made-up pages.

use super::*;

fn check(pages: &[(&str, &str)]) -> Vec<String> {
    let pages: BTreeMap<String, String> = pages.iter().map(|(path, text)| ((*path).into(), (*text).into())).collect();
    broken(&pages, &|path| pages.contains_key(path))
}

#[test]
fn links_to_pages_headings_and_the_web_are_fine() {
    let text = "# Top\n[b](b.md) [c](../../README.md#two-words) [web](https://example.com/x) [here](#top)";
    let found = check(&[
        ("README.md", "# It\n## Two words\n[g](docs/src/a.md)"),
        ("docs/src/SUMMARY.md", "- [A](a.md)\n- [B](./b.md)"),
        ("docs/src/a.md", text),
        ("docs/src/b.md", ""),
    ]);
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn a_link_to_a_missing_page_or_heading_is_named_with_its_line() {
    let found = check(&[("README.md", "# It\n\n[a](no.md)\n[b](#nothing)\n[c](../out.md)")]);
    assert_eq!(
        found,
        [
            "README.md:3: `no.md` leads nowhere: there is no `no.md`",
            "README.md:4: `#nothing` leads nowhere: `README.md` has no such heading",
            "README.md:5: `../out.md` leads out of the repository",
        ]
    );
}

#[test]
fn a_missing_picture_is_named() {
    assert_eq!(check(&[("README.md", "<img src=\"docs/a.svg\" alt=\"\">")]).len(), 1);
}

#[test]
fn what_stands_in_code_is_not_a_link() {
    assert!(check(&[("README.md", "```\n[a](no.md)\n```\n`[b](no.md)`")]).is_empty());
}

#[test]
fn a_page_missing_from_the_table_of_contents_is_named() {
    let found = check(&[("docs/src/SUMMARY.md", ""), ("docs/src/lost.md", "")]);
    assert_eq!(found, ["docs/src/lost.md:1: nobody can reach this page: add it to `docs/src/SUMMARY.md`"]);
}
