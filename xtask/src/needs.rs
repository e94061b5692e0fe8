//! The programs the chores call, and how to get them.
//!
//! Installs only as root through Debian's packages or through cargo; anybody else is told the exact command.

use std::process::Command;

use anyhow::{Result, bail};

use crate::process;

/// One program.
pub(crate) struct Need {
    /// The name it is called by.
    pub(crate) program: &'static str,
    /// Where it comes from.
    pub(crate) from: Origin,
    /// What cannot be done without it.
    pub(crate) why: &'static str,
}

/// Where a program comes from.
#[derive(Clone, Copy)]
pub(crate) enum Origin {
    /// A Debian package.
    Debian(&'static str),
    /// A crate with a binary.
    Cargo(&'static str),
    /// A component of the toolchain.
    Rustup(&'static str),
}

/// What `cargo xtask test` cannot do without.
pub(crate) const FOR_TESTS: &[Need] = &[
    Need { program: "git", from: Origin::Debian("git"), why: "releases record the commit; tidy lists the files" },
    Need { program: "cc", from: Origin::Debian("gcc"), why: "SQLite is compiled from its C source" },
    Need { program: "python3", from: Origin::Debian("python3"), why: "end-to-end tests deploy its `http.server`" },
    Need { program: "node", from: Origin::Debian("nodejs"), why: "tests drive the YAML language server as editors do" },
    Need { program: "npm", from: Origin::Debian("npm"), why: "it installs the YAML language server for its test" },
    Need { program: "pip3", from: Origin::Debian("python3-pip"), why: "it installs `jsonschema` for its test" },
    Need { program: "jq", from: Origin::Debian("jq"), why: "it reads what `env render` writes" },
    Need { program: "zsh", from: Origin::Debian("zsh"), why: "it reads what `env render` writes" },
    // Debian keeps the server out of PATH; its wrapper is there.
    Need { program: "pg_ctlcluster", from: Origin::Debian("postgresql"), why: "tests rotate roles of a real server" },
    Need { program: "cargo-fmt", from: Origin::Rustup("rustfmt"), why: "the format check" },
    Need { program: "cargo-clippy", from: Origin::Rustup("clippy"), why: "the lints" },
    Need { program: "cargo-nextest", from: Origin::Cargo("cargo-nextest"), why: "it runs the tests" },
];

/// What checks licences, bans and sources for all of them; the tests do without it.
pub(crate) const DENY: Need =
    Need { program: "cargo-deny", from: Origin::Cargo("cargo-deny"), why: "licences, bans and sources" };

impl Need {
    /// Returns the command that installs it, as one would type it.
    pub(crate) fn command(&self) -> String {
        match self.from {
            Origin::Debian(package) => format!("apt-get update && apt-get install -y {package}"),
            Origin::Cargo(name) => format!("cargo install {name} --locked"),
            Origin::Rustup(component) => format!("rustup component add {component}"),
        }
    }

    fn install(&self) -> Result<()> {
        match self.from {
            Origin::Debian(package) => {
                process::run(Command::new("apt-get").args(["update", "-qq"]))?;
                let mut install = Command::new("apt-get");
                install.env("DEBIAN_FRONTEND", "noninteractive");
                process::run(install.args(["install", "-y", "-qq", "--no-install-recommends", package]))
            }
            Origin::Cargo(name) => {
                // Its build is thrown away: it must not fill the folder the product is built in.
                let mut install = Command::new("cargo");
                process::run(install.env_remove("CARGO_TARGET_DIR").args(["install", name, "--locked", "--quiet"]))
            }
            Origin::Rustup(component) => process::run(Command::new("rustup").args(["component", "add", component])),
        }
    }

    /// Says whether this machine lets us install it: Debian packages only where we are root anyway.
    fn installable(&self) -> bool {
        match self.from {
            Origin::Debian(_) => process::find("apt-get").is_some() && is_root(),
            Origin::Cargo(_) => true,
            Origin::Rustup(_) => process::find("rustup").is_some(),
        }
    }
}

/// Installs what is missing, or fails with the commands that would.
pub(crate) fn provide(needs: &[Need]) -> Result<()> {
    let mut missing = Vec::new();
    for need in needs.iter().filter(|need| process::find(need.program).is_none()) {
        println!("missing: {} ({}); {}", need.program, need.why, need.command());
        let installed = need.installable() && need.install().inspect_err(|error| println!("  {error:#}")).is_ok();
        if !installed || process::find(need.program).is_none() {
            missing.push(format!("  {}: {}", need.program, need.command()));
        }
    }
    if !missing.is_empty() {
        bail!("these programs are missing; install them, then try again:\n{}", missing.join("\n"));
    }
    Ok(())
}

fn is_root() -> bool {
    process::stdout_of(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}
