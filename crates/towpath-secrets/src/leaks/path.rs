//! Files in which guessing only makes noise.

/// Names of files that other tools write, full of digests.
const LOCKS: &[&str] = &[
    "Cargo.lock",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "bun.lock",
    "bun.lockb",
    "deno.lock",
    "go.sum",
    "go.work.sum",
    "poetry.lock",
    "uv.lock",
    "pdm.lock",
    "Pipfile.lock",
    "Gemfile.lock",
    "composer.lock",
    "mix.lock",
    "pubspec.lock",
    "Podfile.lock",
    "flake.lock",
    "packages.lock.json",
    "gradle.lockfile",
    "verification-metadata.xml",
    ".terraform.lock.hcl",
    "Package.resolved",
    "Cartfile.resolved",
    "paket.lock",
    "conan.lock",
    "stack.yaml.lock",
];

const ENDINGS: &[&str] = &[
    ".min.js", ".min.css", ".js.map", ".css.map", ".svg", ".snap", ".ipynb", ".wasm", ".woff", ".woff2", ".ttf",
    ".eot", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".ico", ".pdf", ".zip", ".gz", ".xz", ".zst", ".bz2", ".tar",
    ".jar", ".class", ".pyc", ".so", ".dylib", ".dll", ".exe", ".o", ".a", ".mp3", ".mp4", ".lock",
];

/// A line of more bytes was made by a program.
const LONGEST_WRITTEN_LINE: usize = 2_000;

/// Says whether a file is one in which values are not guessed by name and entropy: lock files, minified and binary ones.
pub(super) fn is_noise(path: &str, bytes: &[u8]) -> bool {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    LOCKS.contains(&name)
        || ENDINGS.iter().any(|ending| name.ends_with(ending))
        || is_binary(bytes)
        || is_minified(name, bytes)
}

/// Says whether bytes are no text, as git does: by a NUL among the first 8000.
pub(super) fn is_binary(bytes: &[u8]) -> bool {
    bytes.iter().take(8_000).any(|byte| *byte == 0)
}

fn is_minified(name: &str, bytes: &[u8]) -> bool {
    let code = [".js", ".mjs", ".cjs", ".css", ".html"].iter().any(|ending| name.ends_with(ending));
    code && bytes.len() > LONGEST_WRITTEN_LINE
        && bytes.split(|byte| *byte == b'\n').take(50).any(|line| line.len() > LONGEST_WRITTEN_LINE)
}
