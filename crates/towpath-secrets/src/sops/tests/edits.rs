//! Changing files in place.

use super::*;

fn set(plain: &str, format: Format, path: &str, value: &Value) -> Result<String, SopsError> {
    let (keys, recipient) = identity();
    let sealed = encrypted(plain, format, &creation(&recipient));
    let (file, key, _) = opened(&sealed, format, &keys);
    let changed = file.set(&key, &Path::parse(path).unwrap(), value, NOW, &SystemEntropy)?;
    let (_, _, plain) = opened(std::str::from_utf8(&changed).unwrap(), format, &keys);
    let path = Path::parse(path).unwrap();
    assert!(plain.get(&path) == Some(value), "{path} in {}", text(&plain));
    Ok(text(&plain))
}

fn unset(plain: &str, format: Format, path: &str) -> Result<String, SopsError> {
    let (keys, recipient) = identity();
    let sealed = encrypted(plain, format, &creation(&recipient));
    let (file, key, _) = opened(&sealed, format, &keys);
    let changed = file.unset(&key, &Path::parse(path).unwrap(), NOW, &SystemEntropy)?;
    Ok(text(&opened(std::str::from_utf8(&changed).unwrap(), format, &keys).2))
}

const YAML: &str = "# top\na: 1\nb:\n  c: x # why\n  l:\n  - one\n  - k: v\n    m: w\nd: [1, {e: f}]\nz:\n# end\n";

#[test]
fn a_value_of_yaml_is_set_where_it_stands() {
    let changed = |from: &str, to: &str| YAML.replacen(from, to, 1);
    let text = |path: &str, value: &str| set(YAML, Format::Yaml, path, &Value::text(value)).unwrap();
    assert_eq!(text("b.c", "v"), changed("c: x", "c: v"));
    assert_eq!(text("b.l[0]", "two words"), changed("- one", "- two words"));
    assert_eq!(text("b.l[1].m", "a\nb\n"), changed("m: w", "m: |\n        a\n        b"));
    assert_eq!(text("d[1].e", "x: y"), changed("e: f", "e: \"x: y\""));
    assert_eq!(text("z", "now"), changed("z:", "z: now"));
    assert_eq!(set(YAML, Format::Yaml, "a", &Value::Int(2)).unwrap(), changed("a: 1", "a: 2"));
    assert_eq!(text("new", "x"), changed("z:\n", "z:\nnew: x\n"));
    assert_eq!(text("b.new.deep", "x"), changed("    m: w\n", "    m: w\n  new:\n      deep: x\n"));
    assert_eq!(text("b.l[2]", "x"), changed("    m: w\n", "    m: w\n  - x\n"));
    assert_eq!(text("d[2]", "x"), changed("{e: f}]", "{e: f}, x]"));
    assert_eq!(text("d[1].g.h", "x"), changed("{e: f}", "{e: f, \"g\": {\"h\": x}}"));
    assert_eq!(text("a.b.c", "x"), changed("a: 1", "a: {b: {c: x}}"));
    assert_eq!(text("z[0]", "x"), changed("z:", "z: [x]"));
    assert_eq!(set("l:\n-\n- 2\n", Format::Yaml, "l[0]", &Value::Int(1)).unwrap(), "l:\n- 1\n- 2\n");
    assert_eq!(set("{a: , b: 1}\n", Format::Yaml, "a", &Value::Int(1)).unwrap(), "{a: 1 , b: 1}\n");
    for path in ["b", "b.l[5]", "b.l.x", "sops.x", "a[1]"] {
        let refused = set(YAML, Format::Yaml, path, &Value::text("x")).unwrap_err().to_string();
        assert!(refused.starts_with(&format!("`{path}` cannot be set")), "{refused}");
    }
}

#[test]
fn a_value_of_yaml_is_taken_out_and_nothing_else() {
    let changed = |from: &str, to: &str| YAML.replacen(from, to, 1);
    let without = |path: &str| unset(YAML, Format::Yaml, path).unwrap();
    assert_eq!(without("a"), changed("a: 1\n", ""));
    assert_eq!(without("b.c"), changed("  c: x # why\n", ""));
    assert_eq!(without("b.l[0]"), changed("  - one\n", ""));
    assert_eq!(without("b.l[1].k"), changed("- k: v\n    m: w", "- m: w"));
    assert_eq!(without("b.l[1].m"), changed("    m: w\n", ""));
    assert_eq!(without("b.l[1]"), changed("  - k: v\n    m: w\n", ""));
    assert_eq!(without("b"), YAML.replacen("b:\n  c: x # why\n  l:\n  - one\n  - k: v\n    m: w\n", "", 1));
    assert_eq!(without("d[0]"), changed("[1, {e: f}]", "[{e: f}]"));
    assert_eq!(without("d[1].e"), changed("{e: f}", "{}"));
    assert_eq!(without("z"), changed("z:\n", ""));
    assert_eq!(unset("a:\n  b: 1\n", Format::Yaml, "a.b").unwrap(), "a:\n   {}\n");
    assert_eq!(unset("a:\n- 1\n", Format::Yaml, "a[0]").unwrap(), "a:\n []\n");
    assert_eq!(unset("a: 1\n", Format::Yaml, "a").unwrap(), "");
    for path in ["x", "b.x", "b.l[2]", "a.b", "b.c.d"] {
        let refused = unset(YAML, Format::Yaml, path).unwrap_err().to_string();
        assert_eq!(refused, format!("there is no `{path}` in the file"));
    }
}

#[test]
fn values_of_other_formats_are_set_and_taken_out() {
    let json = "{\n\t\"a\": 1,\n\t\"b\": {\n\t\t\"c\": []\n\t}\n}\n";
    let value = Value::text("x\"y");
    assert_eq!(set(json, Format::Json, "a", &value).unwrap(), json.replacen('1', r#""x\"y""#, 1));
    assert_eq!(set(json, Format::Json, "b.d", &value).unwrap(), json.replacen("[]", "[],\n\t\t\"d\": \"x\\\"y\"", 1));
    assert_eq!(set(json, Format::Json, "b.c[0]", &value).unwrap(), json.replacen("[]", r#"["x\"y"]"#, 1));
    assert_eq!(unset(json, Format::Json, "a").unwrap(), json.replacen("\"a\": 1,\n\t", "", 1));
    assert_eq!(unset(json, Format::Json, "b").unwrap(), "{\n\t\"a\": 1\n}\n");
    let dotenv = "# c\nA=1\nB=2\n";
    assert_eq!(set(dotenv, Format::Dotenv, "A", &Value::text("x\ny")).unwrap(), "# c\nA=x\\ny\nB=2\n");
    assert_eq!(set(dotenv, Format::Dotenv, "C", &Value::text("3 #")).unwrap(), "# c\nA=1\nB=2\nC=3 #\n");
    assert_eq!(unset(dotenv, Format::Dotenv, "A").unwrap(), "# c\nB=2\n");
    for (path, value) in [("A.b", "x"), ("sops_x", "x"), ("A", "a\\nb"), ("a=b", "x")] {
        set(dotenv, Format::Dotenv, path, &Value::text(value)).unwrap_err();
    }
    let ini = "; c\n[one]\na = 1\n\n[two]\nb = 2\n";
    assert_eq!(set(ini, Format::Ini, "one.a", &Value::text("x")).unwrap(), ini.replacen("a = 1", "a = x", 1));
    assert_eq!(
        set(ini, Format::Ini, "one.n", &Value::text(" x ; y")).unwrap(),
        ini.replacen("1\n", "1\nn = ` x ; y`\n", 1)
    );
    assert_eq!(
        set(ini, Format::Ini, "new.n", &Value::text("a\nb")).unwrap(),
        format!("{ini}\n[new]\nn = \"\"\"a\nb\"\"\"\n")
    );
    assert_eq!(unset(ini, Format::Ini, "one.a").unwrap(), ini.replacen("a = 1\n", "", 1));
}

#[test]
fn an_unchanged_value_keeps_its_ciphertext_wherever_the_text_around_it_goes() {
    let (keys, recipient) = identity();
    let plain = "a: same\nlist:\n- one\n- two\n- two\n";
    let sealed = encrypted(plain, Format::Yaml, &creation(&recipient));
    let (file, key, _) = opened(&sealed, Format::Yaml, &keys);
    let changed = "# now with a comment\nlist: # here\n  - zero\n  - two\n  - one\n  - two\n  - two\nb: new\na: same\n";
    let edited = file.edit(&key, changed.as_bytes(), NOW, &SystemEntropy).unwrap();
    let edited = String::from_utf8(edited).unwrap();
    let ciphertexts = |text: &str| -> Vec<String> {
        text.lines()
            .filter(|line| !line.contains("mac:"))
            .filter_map(|line| Some(line[line.find("ENC[")?..].to_owned()))
            .collect()
    };
    let (old, new) = (ciphertexts(&sealed), ciphertexts(&edited));
    assert!(old.iter().all(|one| new.contains(one)), "{sealed}\n{edited}");
    // A third of what was there twice is a new one: the same ciphertext again would say that they are the same.
    let distinct: std::collections::BTreeSet<_> = new.iter().collect();
    assert_eq!(distinct.len(), new.len());
    assert_eq!(text(&opened(&edited, Format::Yaml, &keys).2), changed);
}

#[test]
fn what_is_told_about_recipients_nobody_here_knows_is_kept() {
    let (keys, recipient) = identity();
    let sealed = encrypted("a: 1\n", Format::Yaml, &creation(&recipient));
    let foreign = "    kms:\n        - arn: arn:aws:kms:us-east-1:1:key/x\n          context:\n              app: one\n          created_at: \"2020-01-02T03:04:05Z\"\n          enc: CiC=\n          aws_profile: \"\"\n    gcp_kms: []\n    pgp:\n        - fp: ABC\n          created_at: \"2020-01-02T03:04:05Z\"\n          enc: |-\n            -----BEGIN PGP MESSAGE-----\n    future:\n        - key: [1, two]\n";
    let sealed = sealed.replacen("    lastmodified:", &format!("{foreign}    lastmodified:"), 1);
    let (file, key, _) = opened(&sealed, Format::Yaml, &keys);
    assert_eq!(file.metadata().keys().count(), 3);
    let edited = file.edit(&key, b"a: 2\n", NOW, &SystemEntropy).unwrap();
    assert!(String::from_utf8(edited).unwrap().contains(foreign));
    let group = file.metadata().groups[0].clone();
    let with = KeyGroup { keys: [group.keys, vec![MasterKey::age(&recipient)]].concat() };
    let updated = file.update_keys(&key, &[with], None, &AgeOnly, NOW, &SystemEntropy).unwrap();
    let updated = File::parse(&updated, Format::Yaml).unwrap();
    let kms = updated.metadata().keys().find(|key| key.kind == KeyKind::Kms).unwrap();
    assert_eq!((kms.enc.as_str(), kms.created_at()), ("CiC=", Some("2020-01-02T03:04:05Z")));
    let refused = file.rotate(&key, &AgeOnly, NOW, &SystemEntropy).unwrap_err().to_string();
    assert!(refused.contains("cannot encrypt the data key for `arn:aws:kms"), "{refused}");
}
