//! Programs that read the formats: each prints what it read as one JSON object, or pairs that end in NUL.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use super::Values;

/// A program that reads a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader {
    pub(super) name: &'static str,
    read: fn(file: &str, names: &[&str]) -> Option<Values>,
}

impl Reader {
    /// Returns what it reads, or `None` where it is not installed.
    pub(super) fn read(&self, file: &str, names: &[&str]) -> Option<Values> {
        (self.read)(file, names)
    }
}

pub(super) const SHELLS: [Reader; 4] = [
    Reader { name: "bash", read: |file, names| shell("bash", &["--norc"], "C.UTF-8", file, names) },
    Reader { name: "bash in the C locale", read: |file, names| shell("bash", &["--norc"], "C", file, names) },
    Reader { name: "dash", read: |file, names| shell("dash", &[], "C.UTF-8", file, names) },
    Reader { name: "zsh", read: |file, names| shell("zsh", &["-f"], "C.UTF-8", file, names) },
];

pub(super) const DOTENV_PYTHON: [Reader; 1] = [Reader {
    name: "python-dotenv",
    read: |file, _| {
        python("dotenv", "import dotenv, json, sys; json.dump(dotenv.dotenv_values(sys.argv[1]), sys.stdout)", file)
    },
}];

pub(super) const DOTENV_NODE: [Reader; 2] = [
    Reader { name: "npm's dotenv", read: |file, _| node("{}", file) },
    Reader { name: "npm's dotenv, fast", read: |file, _| node("{fast: true}", file) },
];

pub(super) const DOCKER: [Reader; 1] = [Reader { name: "docker", read: |file, _| docker(file) }];

pub(super) const SYSTEMD: [Reader; 1] = [Reader { name: "systemd", read: |file, _| systemd(file) }];

pub(super) const JSON: [Reader; 2] = [
    Reader {
        name: "jq",
        read: |file, _| installed("jq").then(|| json(&run(Command::new("jq").args(["-c", ".", file])))),
    },
    Reader {
        name: "Python's json",
        read: |file, _| python("json", "import json, sys; json.dump(json.load(open(sys.argv[1])), sys.stdout)", file),
    },
];

pub(super) const YAML: [Reader; 2] = [
    Reader {
        name: "PyYAML",
        read: |file, _| {
            python(
                "yaml",
                "import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1], encoding='utf-8')), sys.stdout)",
                file,
            )
        },
    },
    Reader {
        name: "ruamel.yaml",
        read: |file, _| {
            let program = "import json, sys\nfrom ruamel.yaml import YAML\n\
                json.dump(YAML(typ='safe', pure=True).load(open(sys.argv[1], encoding='utf-8')), sys.stdout)";
            python("ruamel.yaml", program, file)
        },
    },
];

pub(super) const MANIFEST: [Reader; 2] = [
    Reader {
        name: "PyYAML, as a manifest",
        read: |file, _| {
            let program = format!("{DATA}import yaml\nshow(yaml.safe_load(open(sys.argv[1], encoding='utf-8')))");
            python("yaml", &program, file)
        },
    },
    Reader { name: "kubectl", read: |file, _| kubectl(file) },
];

pub(super) const TERRAFORM: [Reader; 1] =
    [Reader { name: "terraform", read: |file, names| terraform(file, names, "tfvars") }];

pub(super) const TERRAFORM_JSON: [Reader; 1] =
    [Reader { name: "terraform, from JSON", read: |file, names| terraform(file, names, "tfvars.json") }];

pub(super) const HCL: [Reader; 1] = [Reader {
    name: "python-hcl2",
    read: |file, _| {
        // It returns strings as they are written.
        let program = "import hcl2, json, sys\n\
            text = lambda raw: json.loads(raw.replace('$${', '${').replace('%%{', '%{'), strict=False)\n\
            read = hcl2.load(open(sys.argv[1], encoding='utf-8'))\n\
            json.dump({name: text(raw) for name, raw in read.items()}, sys.stdout)";
        python("hcl2", program, file)
    },
}];

/// Shows the data of a manifest; those of a Secret are base64.
const DATA: &str = "import base64, json, sys
def show(document):
    decode = lambda text: base64.b64decode(text, validate=True).decode()
    data = document['data']
    secret = document['kind'] == 'Secret'
    json.dump({name: decode(text) if secret else text for name, text in data.items()}, sys.stdout)
";

fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Where `cargo xtask test` puts the libraries.
fn libraries() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("readers")
}

#[track_caller]
fn run(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

#[track_caller]
fn json(output: &Output) -> Values {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn python(module: &str, program: &str, file: &str) -> Option<Values> {
    let command = || {
        let mut command = Command::new("python3");
        command.env("PYTHONPATH", libraries().join("python")).env("PYTHONUTF8", "1").stdin(Stdio::null());
        command
    };
    let there = command().args(["-c", &format!("import {module}")]).stderr(Stdio::null()).status();
    there.is_ok_and(|status| status.success()).then(|| json(&run(command().args(["-c", program, file]))))
}

fn node(options: &str, file: &str) -> Option<Values> {
    let module = libraries().join("node/node_modules/dotenv");
    if !installed("node") || !module.is_dir() {
        return None;
    }
    let program = format!(
        "const read = require({:?}).parse(require('fs').readFileSync({file:?}), {options});\
         process.stdout.write(JSON.stringify(read))",
        module.display().to_string()
    );
    Some(json(&run(Command::new("node").args(["-e", &program]))))
}

/// Sources the file with everything exported, and prints without starting another program.
fn shell(program: &str, options: &[&str], locale: &str, file: &str, names: &[&str]) -> Option<Values> {
    if !installed(program) {
        return None;
    }
    let mut script = tempfile::NamedTempFile::new().unwrap();
    let mut text = format!("set -a\n. {file}\n");
    for name in names {
        writeln!(text, "printf '%s\\0%s\\0' {name} \"${{{name}}}\"").unwrap();
    }
    script.write_all(text.as_bytes()).unwrap();
    let mut command = Command::new(program);
    let output =
        run(command.args(options).arg(script.path()).env_clear().env("LC_ALL", locale).env("PATH", "/usr/bin:/bin"));
    assert!(output.stderr.is_empty(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    let mut parts = output.stdout.split(|byte| *byte == 0).map(|part| String::from_utf8(part.to_vec()).unwrap());
    let mut read = BTreeMap::new();
    while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
        read.insert(name, value);
    }
    Some(read)
}

/// Lets the real parser, which is in a library of systemd, load the file, and keeps what a service would be given.
fn systemd(file: &str) -> Option<Values> {
    let program = "import ctypes, glob, json, sys
found = glob.glob('/usr/lib/*/systemd/libsystemd-shared-*.so') + glob.glob('/usr/lib/systemd/libsystemd-shared-*.so')
if not found: sys.exit(9)
library = ctypes.CDLL(found[0])
pairs = ctypes.POINTER(ctypes.c_char_p)()
library.env_assignment_is_valid.restype = ctypes.c_bool
result = library.load_env_file(None, sys.argv[1].encode(), ctypes.byref(pairs))
assert result == 0, result
read, place = {}, 0
while pairs and pairs[place]:
    if library.env_assignment_is_valid(pairs[place]):
        name, _, value = pairs[place].decode().partition('=')
        read[name] = value
    place += 1
json.dump(read, sys.stdout)";
    let output = Command::new("python3").args(["-c", program, file]).output().unwrap();
    if output.status.code() == Some(9) {
        return None;
    }
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(json(&output))
}

/// Lets the real client ask a daemon that is none to create a container, and prints the environment it asked for.
fn docker(file: &str) -> Option<Values> {
    if !installed("docker") {
        return None;
    }
    let program = "import http.server, json, subprocess, sys, threading
asked = []
class Daemon(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def answer(self):
        body = self.rfile.read(int(self.headers.get('content-length') or 0))
        create = '/containers/create' in self.path
        if create: asked.append(json.loads(body)['Env'])
        out = b'{\"Id\":\"x\",\"Warnings\":[]}' if create else b'' if self.command == 'HEAD' else b'{}'
        self.send_response(201 if create else 200)
        self.send_header('Api-Version', '1.44')
        self.send_header('content-length', str(len(out)))
        self.end_headers()
        self.wfile.write(out)
    do_GET = do_POST = do_HEAD = answer
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Daemon)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f'tcp://127.0.0.1:{server.server_port}'
subprocess.run(['docker', '-H', address, 'create', '--env-file', sys.argv[1], 'image'], check=True, stdout=subprocess.DEVNULL)
json.dump(dict(line.split('=', 1) for line in asked[0]), sys.stdout)";
    Some(json(&run(Command::new("python3").args(["-c", program, file]))))
}

/// Lets the real client read a manifest without a cluster.
fn kubectl(file: &str) -> Option<Values> {
    if !installed("kubectl") {
        return None;
    }
    let mut command = Command::new("kubectl");
    command.args(["annotate", "--local", "-f", file, "read=yes", "-o", "json"]).env("KUBECONFIG", "/dev/null");
    let mut shown = tempfile::NamedTempFile::new().unwrap();
    shown.write_all(&run(&mut command).stdout).unwrap();
    let program = format!("{DATA}show(json.load(open(sys.argv[1])))");
    python("json", &program, shown.path().to_str().unwrap())
}

fn terraform(file: &str, names: &[&str], ending: &str) -> Option<Values> {
    if !installed("terraform") {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let declared: String = names.iter().map(|name| format!("variable \"{name}\" {{}}\n")).collect();
    std::fs::write(folder.path().join("variables.tf"), declared).unwrap();
    std::fs::copy(file, folder.path().join(format!("values.{ending}"))).unwrap();
    let mut command = Command::new("terraform");
    command.current_dir(folder.path()).env("TF_CLI_CONFIG_FILE", "/dev/null").env("CHECKPOINT_DISABLE", "1");
    command.args(["console", &format!("-var-file=values.{ending}")]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    // Not `jsonencode`: the text of its JSON is put into normal form as a whole, escapes and all.
    let values: Vec<String> = names.iter().map(|name| format!("base64encode(var.{name})")).collect();
    let asked = format!("join(\",\", [{}])\n", values.join(", "));
    child.stdin.take().unwrap().write_all(asked.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut shown = tempfile::NamedTempFile::new().unwrap();
    shown.write_all(&output.stdout).unwrap();
    let program = "import base64, json, sys\n\
        parts = open(sys.argv[1]).read().strip().strip('\"').split(',')\n\
        json.dump([base64.b64decode(part).decode() for part in parts], sys.stdout)";
    let output = run(Command::new("python3").arg("-c").arg(program).arg(shown.path()));
    let values: Vec<String> = serde_json::from_slice(&output.stdout).unwrap();
    Some(names.iter().map(|name| (*name).to_owned()).zip(values).collect())
}
