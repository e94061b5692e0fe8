//! Files made to hang, exhaust or crash whoever reads them: each meets a limit or is read, in bounded time and little stack.
#![expect(clippy::disallowed_methods, reason = "the processor time a thread took is in a file of its own")]

use super::*;

/// Processor time in milliseconds that any of these may take, without optimisation.
const PATIENCE_MS: u64 = 10_000;

/// Reads, checks, resolves, draws and explains a project in a thread of 2 MiB of stack; returns what was wrong.
fn survive(name: &str, files: Vec<(String, String)>) -> Vec<String> {
    let work = move || {
        let before = processor_ms();
        let sources: SourceSet = files.into_iter().collect();
        let loaded = load(&sources);
        let (mut diagnostics, _) = loaded.validate_with(&Inputs::default());
        diagnostics.extend(loaded.project().1);
        let drawn = render_diagnostics(&sources, &diagnostics, false);
        assert!(drawn.len() < 4 << 20, "what is drawn stays readable");
        if let Some(environment) = resolve(&sources, "production", &Inputs::default()).environment {
            environment.explain_all();
        }
        let messages = diagnostics.into_iter().map(|one| format!("{}: {}", sources.place_of(&one), one.message));
        (messages.collect(), processor_ms() - before)
    };
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(work).expect("a thread");
    let (messages, took): (Vec<String>, u64) = thread.join().expect("no panic");
    eprintln!("{name}: {took} ms, {} mistakes, first {:?}", messages.len(), messages.first());
    assert!(took < PATIENCE_MS, "{name} took {took} ms");
    messages
}

impl SourceSet {
    fn place_of(&self, diagnostic: &Diagnostic) -> String {
        diagnostic.primary.map_or_else(String::new, |label| self.place(label))
    }
}

/// Processor time of this thread in milliseconds; 0 where the system does not tell.
fn processor_ms() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|nanos| nanos.parse::<u64>().ok()).unwrap_or(0) / 1_000_000
}

const PROJECT: &str = "project: shop\npipeline: [production]\nservices: {web: {command: ./serve}}\n";

/// A project whose production file is this.
fn production(text: impl Into<String>) -> Vec<(String, String)> {
    vec![("towpath.yaml".into(), PROJECT.into()), ("environments/production.yaml".into(), text.into())]
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect()
}

fn first(messages: &[String]) -> &str {
    messages.first().map_or("", String::as_str)
}

#[test]
fn laughter_by_aliases_and_by_merge_keys_ends_at_a_limit() {
    let lists = lines(9, |n| {
        let aliases = vec![format!("*a{n}"); 9].join(", ");
        format!("a{}: &a{} [{aliases}]\n", n + 1, n + 1)
    });
    let said = survive("alias bomb", production(format!("a0: &a0 [x, x, x]\n{lists}")));
    assert!(first(&said).contains("aliases repeat more than"), "{said:?}");
    let maps = lines(12, |n| {
        let keys = lines(6, |key| format!("k{n}_{key}: *m{n}, "));
        format!("m{}: &m{} {{<<: *m{n}, {keys}}}\n", n + 1, n + 1)
    });
    let said = survive("merge key bomb", production(format!("m0: &m0 {{a: 1, b: 2}}\n{maps}")));
    assert!(first(&said).contains("aliases repeat more than"), "{said:?}");
    let wide = lines(1000, |n| format!("k{n}: 1, "));
    let again = vec!["*m"; 10_000].join(", ");
    let said = survive("merge list", production(format!("m: &m {{{wide}}}\nfeatures: {{<<: [{again}]}}\n")));
    assert!(first(&said).contains("aliases repeat more than"), "{said:?}");
}

#[test]
fn deep_nesting_ends_at_a_limit() {
    let deep = lines(2000, |n| format!("{}a:\n", " ".repeat(n)));
    for (name, text) in [
        ("flow lists", "[".repeat(1 << 18)),
        ("flow maps", "{a: ".repeat(1 << 18)),
        ("flow maps in features", format!("features: {}", "{a: ".repeat(1 << 18))),
        ("closed flow lists", format!("a: {}{}", "[".repeat(20_000), "]".repeat(20_000))),
        ("block maps", deep),
        ("block lists", "- ".repeat(1 << 18)),
        ("keys of keys", "? ".repeat(1 << 18)),
    ] {
        let said = survive(name, production(text));
        assert!(first(&said).contains("nested deeper than 64 levels"), "{name}: {:?}", first(&said));
    }
}

#[test]
fn what_is_long_is_read_or_refused() {
    let half = 1 << 19;
    for (name, text) in [
        ("plain scalar", format!("description: {}", "x".repeat(half))),
        ("quoted scalar", format!("description: \"{}\"", "\\n".repeat(half / 2))),
        ("block scalar", format!("description: |\n{}", "  x\n".repeat(half / 4))),
        ("folded blank lines", format!("description: >\n  a\n{}  b\n", "\n".repeat(half))),
        ("spaces", " ".repeat(half)),
        ("line breaks", "\n".repeat(half)),
        ("comments", "# x\n".repeat(half / 4)),
        ("key", format!("{}: 1\n", "k".repeat(half))),
        ("long keys", lines(500, |n| format!("{}{n}: 1\n", "k".repeat(4000)))),
        ("tabs", "\t".repeat(half)),
        ("tabs after a key", format!("a:{}b", "\t".repeat(half))),
        ("carriage returns", "a: 1\r".repeat(half / 5)),
        ("zeros", "\0".repeat(half)),
        ("UTF-16", "a\0:\0 \0".repeat(half / 6)),
        ("byte order marks", "\u{feff}".repeat(half / 3)),
        ("colons", ":".repeat(half)),
        ("quotes", "'".repeat(half)),
        ("commas", format!("[{}", ",".repeat(half))),
        ("percent signs", "%A b\n".repeat(half / 5)),
        ("directives", format!("%YAML 1.2\n{}---\na: 1\n", "%TAG !e! tag:e,1:\n".repeat(half / 18))),
        ("documents", "---\n".repeat(half / 4)),
    ] {
        survive(name, production(text));
    }
}

#[test]
fn more_bytes_than_are_read_are_refused_with_the_file() {
    let said = survive("5 MB", production(format!("description: {}", "x".repeat(5 << 20))));
    assert!(first(&said).starts_with("environments/production.yaml:1:1: the text has 5242893 bytes"), "{said:?}");
    let mut files = production("");
    files.extend((0..5).map(|n| (format!("environments/e{n}.yaml"), "#".repeat(4 << 20))));
    let said = survive("20 MB", files);
    assert!(first(&said).contains("the project has more than 16777216 bytes"), "{said:?}");
}

#[test]
fn many_values_are_read_or_refused() {
    for (name, text) in [
        ("empty items", format!("verification:\n{}", "- \n".repeat(60_000))),
        ("items", format!("verification:\n{}", "- a\n".repeat(20_000))),
        (
            "checks of unknown services",
            format!("verification:\n{}", lines(5_000, |n| format!("- {{name: a, http: {{service: s{n}}}}}\n"))),
        ),
        ("the same key", "a: 1\n".repeat(60_000)),
        ("unknown keys", lines(20_000, |n| format!("key{n}: 1\n"))),
        ("unknown variables", format!("variables:\n{}", lines(20_000, |n| format!("  V{n}: 1\n")))),
        ("wrong features", format!("features:\n{}", lines(20_000, |n| format!("  f{n}: x\n")))),
        ("names that are none", format!("services:\n{}", lines(20_000, |n| format!("  S{n}: {{command: x}}\n")))),
        ("services", format!("services:\n{}", lines(2_000, |n| format!("  s{n}: {{command: x, env: {{A: 1}}}}\n")))),
        ("anchors", format!("features:\n{}", lines(20_000, |n| format!("  f{n}: &a{n} true\n")))),
        ("aliases", format!("x: &x true\nfeatures:\n{}", lines(20_000, |n| format!("  f{n}: *x\n")))),
        ("unknown aliases", lines(20_000, |n| format!("f{n}: *x{n}\n"))),
        ("unknown tags", lines(20_000, |n| format!("f{n}: !x{n} 1\n"))),
        ("keys that are lists", "? [a]\n: 1\n".repeat(20_000)),
        ("merge keys", "<<: {a: 1}\n".repeat(20_000)),
        ("merge lists", format!("<<: [{}]\n", "{a: 1}, ".repeat(10_000))),
        ("merges by a key", format!("verification: [{}]\n", lines(4_000, |n| format!("{{name: c{n}, command: x}}, ")))),
    ] {
        survive(name, production(text));
    }
}

#[test]
fn declarations_without_end_are_read_or_refused() {
    let project = |declarations: String| {
        vec![
            ("towpath.yaml".to_owned(), format!("{PROJECT}variables:\n{declarations}")),
            ("environments/production.yaml".to_owned(), String::new()),
        ]
    };
    for (name, text) in [
        ("declarations", lines(20_000, |n| format!("  V{n}: {{default: x}}\n"))),
        (
            "required in unknown environments",
            format!("  A: {{required_in: [{}]}}\n", lines(10_000, |n| format!("e{n}, "))),
        ),
        (
            "values of an enum",
            format!("  A: {{type: enum, values: [{}], default: x}}\n", lines(10_000, |n| format!("v{n}, "))),
        ),
        ("nested repetition", "  A: {pattern: '((((a{1,99}){1,99}){1,99}){1,99})', default: a}\n".into()),
        ("catastrophe", format!("  A: {{pattern: '(a+)+b', default: {}}}\n", "a".repeat(5000))),
        (
            "doubling",
            format!(
                "  A0: {{default: xxxxxxxx}}\n{}",
                lines(40, |n| format!("  A{}: {{default: '${{A{n}}}${{A{n}}}'}}\n", n + 1))
            ),
        ),
        (
            "a long chain",
            format!("  A0: {{default: x}}\n{}", lines(5_000, |n| format!("  A{}: {{default: '${{A{n}}}'}}\n", n + 1))),
        ),
        ("a long cycle", lines(60, |n| format!("  A{n}: {{default: '${{A{}}}'}}\n", (n + 1) % 60))),
        ("references", format!("  A: {{default: ''}}\n  B: {{default: '{}'}}\n", "${A}".repeat(10_000))),
        ("unknown references", lines(1_000, |n| format!("  A{n}: {{default: '${{B{n}}}'}}\n"))),
        ("open references", format!("  A: {{default: '{}'}}\n", "${".repeat(20_000))),
        ("nested defaults", format!("  A: {{default: '{}'}}\n", "${A:-".repeat(20_000))),
    ] {
        survive(name, project(text));
    }
}

#[test]
fn environments_without_end_are_refused() {
    let files = |text: &dyn Fn(usize) -> String, count: usize| {
        let mut files = vec![("towpath.yaml".to_owned(), PROJECT.to_owned())];
        files.extend((0..count).map(|n| (format!("environments/e{n}.yaml"), text(n))));
        files
    };
    let said = survive("10,000 environments", files(&|_| "tier: bad\n".to_owned(), 10_000));
    assert!(said.iter().any(|one| one.contains("at most 1000 environments")), "{:?}", first(&said));
    let said = survive("a chain", files(&|n| format!("extends: e{}\ntier: testing\n", n + 1), 900));
    assert!(said.iter().any(|one| one.contains("is built on more than 64 environments")), "{:?}", first(&said));
    survive("a cycle of 900", files(&|n| format!("extends: e{}\n", (n + 1) % 900), 900));
    survive("parents that are not there", files(&|n| format!("extends: p{n}\n"), 900));
    let aliases = lines(10_000, |n| format!("a{n}, "));
    survive("aliases of environments", files(&|_| format!("tier: testing\naliases: [{aliases}]\n"), 3));
}

#[test]
fn of_very_many_mistakes_the_last_are_counted() {
    let sources: SourceSet = production(lines(900, |n| format!("key{n}: 1\n"))).into_iter().collect();
    let (diagnostics, _) = load(&sources).validate_with(&Inputs::default());
    assert_eq!(diagnostics.len(), 900);
    let drawn = render_diagnostics(&sources, &diagnostics, false);
    assert!(drawn.ends_with("… and 700 more; `--output json` tells all\n"), "{}", &drawn[drawn.len() - 200..]);
}
