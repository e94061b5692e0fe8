//! Tests of `import`.

use super::is_ignored;

#[test]
fn an_env_file_is_ignored_by_the_usual_lines() {
    for rules in [".env\n", "/.env", ".env*", "*.env", "# all\n**/.env\n", "*\n!.gitignore\n"] {
        assert!(is_ignored(rules, ".env"), "{rules}");
    }
    for rules in ["", "env", ".env.local", ".env\n!.env\n", "# .env"] {
        assert!(!is_ignored(rules, ".env"), "{rules}");
    }
    assert!(is_ignored(".env.*\n!.env.example", ".env.production"));
}
