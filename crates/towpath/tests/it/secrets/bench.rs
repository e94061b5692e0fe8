//! A folder with keys, in which encrypted files are made, edited and merged.

use std::{fs, io::Write as _, os::unix::fs::PermissionsExt as _, path::PathBuf, process::Stdio};

use age::secrecy::ExposeSecret as _;

use crate::project::{Project, Ran, ran};

/// A pair of keys.
pub(super) struct Keys {
    pub(super) private: String,
    pub(super) public: String,
}

impl Keys {
    pub(super) fn new() -> Self {
        let identity = age::x25519::Identity::generate();
        Self { private: identity.to_string().expose_secret().to_owned(), public: identity.to_public().to_string() }
    }
}

/// A folder that is no project, with two people's keys.
pub(super) struct Bench {
    pub(super) project: Project,
    pub(super) ana: Keys,
    pub(super) ben: Keys,
}

impl Bench {
    pub(super) fn new() -> Self {
        let bench = Self { project: Project::empty(), ana: Keys::new(), ben: Keys::new() };
        fs::create_dir(bench.run_folder()).unwrap();
        bench
    }

    /// Returns one whose `.sops.yaml` names Ana.
    pub(super) fn with_rules() -> Self {
        let bench = Self::new();
        bench.rules(&[&bench.ana]);
        bench
    }

    pub(super) fn rules(&self, people: &[&Keys]) {
        let names: Vec<&str> = people.iter().map(|keys| keys.public.as_str()).collect();
        self.project.write(".sops.yaml", &format!("creation_rules:\n- age: [{}]\n", names.join(", ")));
    }

    /// Where private copies of texts are made.
    pub(super) fn run_folder(&self) -> PathBuf {
        self.project.file("run")
    }

    pub(super) fn command(&self, line: &str) -> std::process::Command {
        let mut command = self.project.command(line.split_whitespace());
        command.env("SOPS_AGE_KEY", &self.ana.private).env("XDG_RUNTIME_DIR", self.run_folder());
        command
    }

    /// Runs `towpath secrets …` as Ana.
    pub(super) fn run(&self, line: &str) -> Ran {
        ran(self.command(&format!("secrets {line}")).output().unwrap())
    }

    #[track_caller]
    pub(super) fn ok(&self, line: &str) -> String {
        let ran = self.run(line);
        assert_eq!(ran.exit, 0, "{line}\n{}{}", ran.out, ran.err);
        ran.out
    }

    #[track_caller]
    pub(super) fn fails(&self, line: &str, exit: i32) -> String {
        let ran = self.run(line);
        assert_eq!(ran.exit, exit, "{line}\n{}{}", ran.out, ran.err);
        ran.err
    }

    /// Runs it with this on standard input.
    pub(super) fn given(&self, line: &str, input: &str) -> Ran {
        let mut command = self.command(&format!("secrets {line}"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        ran(child.wait_with_output().unwrap())
    }

    /// Writes a text and encrypts it in place.
    #[track_caller]
    pub(super) fn encrypted(&self, path: &str, text: &str) {
        self.project.write(path, text);
        self.ok(&format!("encrypt -i {path}"));
    }

    #[track_caller]
    pub(super) fn decrypted(&self, path: &str) -> String {
        self.ok(&format!("decrypt {path}"))
    }

    /// Makes a program of a shell script, which gets the file as `$1`.
    pub(super) fn script(&self, name: &str, text: &str) -> String {
        self.project.write(name, &format!("#!/bin/sh\n{text}\n"));
        let path = self.project.file(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.display().to_string()
    }

    /// Opens a file in an editor that is this script.
    pub(super) fn edit(&self, what: &str, script: &str) -> Ran {
        let editor = self.script("editor.sh", script);
        ran(self.command(&format!("secrets {what}")).env("EDITOR", editor).output().unwrap())
    }

    /// Says that nothing private was left anywhere a copy could be.
    #[track_caller]
    pub(super) fn left_nothing(&self) {
        let left: Vec<_> = fs::read_dir(self.run_folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(left.is_empty(), "{left:?}");
        let here = fs::read_dir(self.project.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let strange: Vec<_> = here.filter(|name| name.to_string_lossy().contains(".tmp")).collect();
        assert!(strange.is_empty(), "{strange:?}");
    }
}
