//! What a text means, and what is refused.

use std::fmt::Write as _;

use super::{properties::people, *};

fn round(plain: &str, creation: &Creation, keys: &Identities) -> (String, String) {
    let sealed = encrypted(plain, Format::Yaml, creation);
    let shown = text(&opened(&sealed, Format::Yaml, keys).2);
    (sealed, shown)
}

/// Says which lines of a text are encrypted.
fn hidden(sealed: &str) -> Vec<usize> {
    let body = sealed.split("\nsops:").next().unwrap();
    body.lines().enumerate().filter(|(_, line)| line.contains("ENC[")).map(|(at, _)| at + 1).collect()
}

#[test]
fn each_rule_chooses_what_sops_chooses() {
    let (keys, recipient) = identity();
    let plain = "\
a: 1
a_secret:
  b: 2
  list:
  - x: 3
c_unencrypted:
  d: 4
# sops:enc
e: 5
f:
  # sops:enc
  g:
    h: 6
  i: 7 # plain
";
    let all: [(Selection, &[usize]); 7] = [
        (Selection::default(), &[1, 3, 5, 8, 9, 11, 13, 14]),
        (Selection::EncryptedSuffix("_secret".into()), &[3, 5]),
        (Selection::UnencryptedSuffix("_secret".into()), &[1, 7, 8, 9, 11, 13, 14]),
        (Selection::EncryptedRegex("^[eh]$|list".into()), &[5, 9, 13]),
        (Selection::UnencryptedRegex("^[aef]".into()), &[7, 8]),
        (Selection::EncryptedCommentRegex("sops:enc".into()), &[9, 13]),
        (Selection::UnencryptedCommentRegex("plain".into()), &[1, 3, 5, 7, 8, 9, 11, 13]),
    ];
    for (selection, lines) in all {
        for mac_only_encrypted in [false, true] {
            let creation = Creation { selection: selection.clone(), mac_only_encrypted, ..creation(&recipient) };
            let (sealed, shown) = round(plain, &creation, &keys);
            assert_eq!(hidden(&sealed), lines, "{selection:?}\n{sealed}");
            assert_eq!(shown, plain);
            let file = File::parse(sealed.as_bytes(), Format::Yaml).unwrap();
            assert_eq!(
                (file.metadata().selection.clone(), file.metadata().mac_only_encrypted),
                (selection.clone(), mac_only_encrypted)
            );
            // The MAC is over what is clear too, but where it says otherwise.
            let changed = sealed.replacen("a: 1\n", "a: 2\n", 1);
            if changed != sealed {
                let file = File::parse(changed.as_bytes(), Format::Yaml).unwrap();
                let key = file.unwrap_key(&keys).unwrap();
                assert_eq!(file.decrypt(&key).is_ok(), mac_only_encrypted);
            }
        }
    }
}

#[test]
fn a_comment_is_bound_to_the_block_it_belongs_to() {
    let (keys, recipient) = identity();
    let plain = "\
# head of a
a: # line of a
  # head of b
  b: 1 # line of b
  # foot of b
c:
- 1
# between

- 2
# head of d
d:
  - x: 1
    # in the item
    y: [1, 2] # line of y
  # in the list
# end of the file
";
    let (sealed, shown) = round(plain, &creation(&recipient), &keys);
    assert_eq!(shown, plain);
    let key = opened(&sealed, Format::Yaml, &keys).1;
    let cipher = cipher::Cipher::new(key.bytes());
    let bound: Vec<(String, String)> = sealed
        .lines()
        .filter_map(|line| line.split_once("#ENC[").map(|(_, rest)| format!("ENC[{rest}")))
        .map(|sealed| {
            let ways = [vec![], vec!["a"], vec!["c"], vec!["d"], vec!["d", "y"], vec!["a", "b"]];
            let open = |way: &Vec<&str>| Some((cipher.open(&sealed, &cipher::bound(way)).ok()?.1, way.join(".")));
            let (text, way) = ways.iter().find_map(open).unwrap();
            (String::from_utf8(text.to_vec()).unwrap().trim().to_owned(), way)
        })
        .collect();
    let expected = [
        ("head of a", ""),
        ("line of a", "a"),
        ("head of b", "a"),
        ("line of b", "a"),
        ("foot of b", "a"),
        ("between", "c"),
        ("head of d", ""),
        ("in the item", "d"),
        ("line of y", "d.y"),
        ("in the list", "d"),
        ("end of the file", ""),
    ];
    assert_eq!(bound, expected.map(|(text, way)| (text.to_owned(), way.to_owned())));
}

#[test]
fn a_scalar_is_what_it_is_to_go() {
    use super::super::{layout::Layout as _, tree::Node, yaml::Yaml};
    for (written, kind, plain) in [
        ("12", "int", "12"),
        ("0x1F", "int", "31"),
        ("0o17", "int", "15"),
        ("017", "int", "15"),
        ("08", "float", "8"),
        ("-0b11", "int", "-3"),
        ("1_000", "int", "1000"),
        ("+5", "int", "5"),
        ("1.0", "float", "1"),
        ("1e3", "float", "1000"),
        ("1e21", "float", "1000000000000000000000"),
        (".5", "float", "0.5"),
        ("99999999999999999999", "float", "100000000000000000000"),
        (".inf", "float", "+Inf"),
        ("-.INF", "float", "-Inf"),
        (".nan", "float", "NaN"),
        ("yes", "str", "yes"),
        ("True", "bool", "True"),
        ("false", "bool", "False"),
        ("2020-01-02", "time", "2020-01-02T00:00:00Z"),
        ("\"2020-01-02\"", "str", "2020-01-02"),
        ("'12'", "str", "12"),
        ("!!str 12", "str", "12"),
        ("!!int \"12\"", "int", "12"),
        ("!!float 3", "float", "3"),
        ("!!binary aGk=", "str", "hi"),
        ("!custom 12", "str", "12"),
        ("0x", "str", "0x"),
        ("1.2.3", "str", "1.2.3"),
        ("12:30", "str", "12:30"),
        ("ENC[x]", "str", "ENC[x]"),
    ] {
        let tree = Yaml.read(format!("k: {written}\n").as_bytes()).unwrap();
        let Some(Node::Leaf(leaf)) = tree.documents[0].root.get("k") else { panic!("{written}") };
        assert_eq!((leaf.value.kind().word(), leaf.value.plain().as_ref()), (kind, plain.as_bytes()), "{written}");
    }
    for wrong in ["18446744073709551615", "!!int x", "!!bool yes", "!!binary *", "!!null x"] {
        assert!(Yaml.read(format!("k: {wrong}\n").as_bytes()).is_err(), "{wrong}");
    }
}

#[test]
fn aliases_are_written_out() {
    let (keys, recipient) = identity();
    let plain =
        "base: &base {x: 1, v: [a, \"b, c\"]}\ncopy: *base\nmerged:\n  <<: *base\n  z: 2\nname: &n text\nother: *n\n";
    let (_, shown) = round(plain, &creation(&recipient), &keys);
    assert_eq!(
        shown,
        "base: &base {x: 1, v: [a, \"b, c\"]}\ncopy: {x: 1, v: [a, \"b, c\"]}\nmerged:\n  <<: {x: 1, v: [a, \"b, c\"]}\n  z: 2\nname: &n text\nother: text\n"
    );
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for at in 1..10 {
        let aliases = vec![format!("*a{}", at - 1); 10].join(", ");
        writeln!(bomb, "a{at}: &a{at} [{aliases}]").unwrap();
    }
    for hostile in [bomb, "a: &a [*a]\n".to_owned()] {
        let refused = encrypt(hostile.as_bytes(), Format::Yaml, &creation(&recipient), &AgeOnly, NOW, &SystemEntropy);
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("alias"), "{refused}");
    }
}

#[test]
fn all_documents_have_the_metadata_and_the_first_is_believed() {
    let (keys, recipient) = identity();
    let plain = "# one\na: 1\n---\nb: 2\n# two\n---\n# nothing\n---\n{c: 3}\n";
    let (sealed, shown) = round(plain, &creation(&recipient), &keys);
    assert_eq!(shown, plain);
    assert_eq!((sealed.matches("\nsops:").count(), sealed.matches("\"sops\": ").count()), (3, 1), "{sealed}");
    let (file, key, _) = opened(&sealed, Format::Yaml, &keys);
    let edited = file.edit(&key, plain.replace("b: 2", "b: 3").as_bytes(), NOW, &SystemEntropy).unwrap();
    let changed = String::from_utf8(edited).unwrap();
    assert_eq!(sealed.lines().zip(changed.lines()).filter(|(a, b)| a != b).count(), 1 + 4, "{changed}");
}

#[test]
fn names_are_known_without_a_key() {
    let (_, recipient) = identity();
    let sealed = encrypted("a:\n  b: 1\n  c_unencrypted: x\nl:\n- y\n", Format::Yaml, &creation(&recipient));
    let file = File::parse(sealed.as_bytes(), Format::Yaml).unwrap();
    let names: Vec<String> = file
        .names()
        .iter()
        .map(|name| {
            format!("{} {} {} {}", name.path, name.position, name.encrypted, &sealed[name.span.start..=name.span.start])
        })
        .collect();
    assert_eq!(names, ["a.b 2:3 true b", "a.c_unencrypted 3:3 false c", "l[0] 5:3 true E"]);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let (keys, recipient) = identity();
    let sealed = encrypted("a: 12\nb: x\n", Format::Yaml, &creation(&recipient));
    let said = |text: &str| {
        let file = File::parse(text.as_bytes(), Format::Yaml)?;
        let key = file.unwrap_key(&keys).map_err(|error| panic!("{error}")).unwrap();
        file.decrypt(&key).map(drop)
    };
    let line = |at: usize| sealed.lines().nth(at).unwrap().to_owned();
    for (text, message) in [
        ("a: 1\n".to_owned(), "has no `sops` metadata"),
        (sealed.replacen(&line(0), "a: plain", 1), "1:4: `a` should be encrypted and is not"),
        (sealed.replacen(&line(0), "a: 3", 1), "1:4: `a` should be encrypted and is not"),
        (sealed.replacen(&line(0), &line(0).replacen("a:", "c:", 1), 1), "1:4: `c` does not open"),
        (sealed.replacen(&line(1), "", 1), "does not fit"),
        (sealed.replacen("type:int", "type:bool", 1), "1:4: `a` opens, but is not of the type"),
        (sealed.replacen("lastmodified: \"2027", "lastmodified: \"2028", 1), "MAC does not open"),
        (sealed.replacen("    mac:", "    mic:", 1), "MAC is missing"),
        (
            sealed.replacen("unencrypted_suffix: _unencrypted", "encrypted_regex: (", 1),
            "`encrypted_regex` cannot be used",
        ),
        (sealed.replacen("    version", "    encrypted_suffix: x\n    version", 1), "only one of"),
        (sealed.replacen("a:", "b: 1\na:", 1), "`b` is there twice"),
        ("a: [\n".to_owned(), "not valid YAML"),
        ("- a\n".to_owned(), "takes a map at the top"),
        ("1: a\n".to_owned(), "1:1: sops takes texts as keys only"),
        ("sops: 1\n".to_owned(), "`sops` should be a map"),
        ("sops:\n  mac: x\n".to_owned(), "1:1: the `sops` metadata are damaged: `lastmodified` is missing"),
        ("sops:\n  lastmodified: \"2020-01-02T03:04:05Z\"\n".to_owned(), "they name nobody"),
    ] {
        let error = said(&text).err().map(|error| error.to_string()).unwrap_or_default();
        let wanted = if message == "does not fit" { "do not fit" } else { message };
        assert!(error.contains(wanted), "{message}: {error}\n{text}");
    }
}

#[test]
fn hostile_texts_meet_limits() {
    let deep = |open: &str, count: usize| open.repeat(count);
    for (text, format) in [
        (deep("[", 100_000), Format::Yaml),
        (format!("a: {}", deep("[", 100_000)), Format::Yaml),
        (format!("{{\"a\":{}", deep("[", 100_000)), Format::Json),
        (deep("{\"a\":", 100_000), Format::Json),
        (deep("a:\n ", 10_000), Format::Yaml),
        ("sops_a__map_".to_owned() + &deep("__map_a", 50_000) + "=1\n", Format::Dotenv),
        ("sops_a__list_9999999999999999999999=1\n".to_owned(), Format::Dotenv),
        ("[sops]\na__list_4000000000 = 1\n".to_owned(), Format::Ini),
        (" ".repeat(20 << 20), Format::Json),
        ("\u{0}".to_owned(), Format::Yaml),
        ("a: \u{7}\n".to_owned(), Format::Json),
    ] {
        let refused = File::parse(text.as_bytes(), format).unwrap_err().to_string();
        assert!(refused.len() < 400 || refused.contains("metadata"), "{}", refused.len());
    }
}

/// What would take for ever if any step looked at all before it again.
#[test]
fn large_texts_are_read_in_time() {
    let (keys, recipient) = people();
    let values = |count: usize, value: &str| vec![value; count].join(", ");
    let keyed = |count: usize| (0..count).map(|at| format!("k{at}: 1")).collect::<Vec<_>>();
    for (plain, format) in [
        (format!("a: [{}]\n", values(8_000, "{b: 1}")), Format::Yaml),
        (format!("{{{}}}\n", keyed(5_000).join(", ")), Format::Yaml),
        (keyed(3_000).join("\n"), Format::Yaml),
        ("# c\n".repeat(10_000) + "a: 1\n", Format::Yaml),
        ("a: 1\n".to_owned() + &"# c\n".repeat(10_000), Format::Yaml),
        (format!("{{\"a\": [{}]}}", values(10_000, "{\"b\": 1}")), Format::Json),
    ] {
        let selection = Selection::EncryptedCommentRegex("^never$".into());
        let creation = Creation { selection, ..creation(recipient) };
        let sealed = encrypted(&plain, format, &creation);
        let (file, _, _) = opened(&sealed, format, keys);
        assert!(!file.names().is_empty());
    }
}

#[test]
fn a_plain_text_that_is_encrypted_already_or_has_reserved_names_is_refused() {
    let (_, recipient) = identity();
    for (plain, format) in [
        ("sops:\n  a: 1\n", Format::Yaml),
        ("{\"sops\": {}}", Format::Json),
        ("sops_x=1\n", Format::Dotenv),
        ("[sops]\na = 1\n", Format::Ini),
    ] {
        let refused = encrypt(plain.as_bytes(), format, &creation(&recipient), &AgeOnly, NOW, &SystemEntropy);
        assert!(matches!(refused, Err(SopsError::Encrypted { .. })), "{format}");
    }
    let nobody = encrypt(b"a: 1\n", Format::Yaml, &Creation::default(), &AgeOnly, NOW, &SystemEntropy);
    assert!(matches!(nobody, Err(SopsError::NoRecipients)));
}

#[test]
fn nothing_that_can_be_printed_shows_a_value() {
    let (keys, recipient) = identity();
    let sealed = encrypted("a: hunter2\n", Format::Yaml, &creation(&recipient));
    let (file, key, plain) = opened(&sealed, Format::Yaml, &keys);
    let shown = format!(
        "{file:?} {key:?} {plain:?} {:?} {:?}",
        plain.values().collect::<Vec<_>>(),
        plain.get(&Path::of_key("a"))
    );
    assert!(!shown.contains("hunter2") && !shown.contains("104, 117"), "{shown}");
}

/// Texts that are written in ways few people write, each with how its plain text is shown after a round.
#[test]
fn odd_yaml_goes_round() {
    let (keys, recipient) = people();
    let same: [&str; 24] = [
        "",
        "# nothing but this\n",
        "---\na: 1\n...\n",
        "%YAML 1.2\n---\na: 1\n",
        "--- # here\na: 1\n",
        "a: 1\r\n# c\r\nb: x\r\n",
        "  a: 1\n  b:\n    c: 2\n",
        "? a\n: 1\n? b\n: - 2\n",
        "\"a b\": 1\n'c': 2\n",
        "a:\n- - 1\n  - 2\n- - 3\n",
        "a:\n  -\n    b: 1\n  -\n    - 2\n",
        "a: {b: 1, # why\n  c: [1,\n  2]} # end\nd: 3\n",
        "a: &x\n  b: 1\nc: &y [1]\n",
        "a: [\n  1, # one\n  # two\n  2\n]\n",
        "{}\n",
        "a:\n  # alone\nb: 1\n",
        "a:\n  b:\n    c: 1\n    # c\n  # b\n# top\n",
        "é: ü # ß\n日本: [語]\n",
        "a: null\nb: ~\nc:\nd: ''\n",
        "a: x#y\nb: x # y\n",
        "a:   12   # gap\n",
        "a: 1\n\n\n\nb: 2\n\n# end\n\n",
        "a: {}\nb: []\nc: {d: {}}\n",
        "a: |-\n    x\n    y\nb: |\n    z\n",
    ];
    let other = [
        ("a: >-\n  folded\n  text\nb: 1\n", "a: folded text\nb: 1\n"),
        ("a: plain\n  over lines\nb: 1\n", "a: plain over lines\nb: 1\n"),
        ("a: |+\n  keep\n\n\nb: 1\n", "a: \"keep\\n\\n\\n\"\n\n\nb: 1\n"),
        ("a: 'it''s'\nb: \"q\\\"q\"\n", "a: it's\nb: q\"q\n"),
        ("a: | # why\n  x\n  y\n", "a: |\n    x\n    y\n"),
        ("a: 0x10\nb: !!str 5\nc: !!float 1\n", "a: 16\nb: \"5\"\nc: 1.0\n"),
        ("a: last", "a: last\n"),
        ("{\"a\": 1, \"b\": [true, null, \"x\"]}\n", "{\"a\": 1, \"b\": [true, null, x]}\n"),
        ("a: !custom 12\n", "a: !custom \"12\"\n"),
        ("\u{feff}a: 1\n", "\u{feff}a: 1\n"),
    ];
    for (plain, wanted) in same.iter().map(|text| (*text, *text)).chain(other) {
        let sealed = encrypted(plain, Format::Yaml, &creation(recipient));
        let (file, key, shown) = opened(&sealed, Format::Yaml, keys);
        assert_eq!(text(&shown), wanted, "{plain:?}");
        let edited = file.edit(&key, (wanted.to_owned() + "\n").as_bytes(), NOW, &SystemEntropy).unwrap();
        let (_, _, again) = opened(std::str::from_utf8(&edited).unwrap(), Format::Yaml, keys);
        assert!(shown.values().eq(again.values()), "{wanted}");
    }
}
