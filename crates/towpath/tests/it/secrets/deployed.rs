//! Secrets of encrypted files on their way into running processes, and nowhere else.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::sealed::Key;
use crate::project::{Project, until};

/// In every value, so that it can be looked for.
const MARK: &str = "SEKRET";

/// Answers with digests of its secrets; never with one.
const APP: &str = r#"
import hashlib, http.server, os, sys
def seen():
    return " ".join(hashlib.sha256(os.environ.get(name, "").encode()).hexdigest() for name in ("DB_PASSWORD", "DB_URL"))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(seen().encode())
    def log_message(self, *_): pass
if os.environ.get("CRASH"):
    print("cannot use", os.environ["DB_PASSWORD"], "of", os.environ["DB_URL"], flush=True); sys.exit(3)
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

const DECLARED: &str = "project: shop
people:
  ana: {roles: [developer]}
artifacts: {web: app}
services:
  web:
    command: [python3, -u, app.py]
    probes: {readiness: {http: /, period: 100ms}}
    stop_grace: 2s
variables:
  DB_PASSWORD: {secret: true, required: true, min: 8}
  DB_URL: {secret: true, type: url, default: 'postgres://app:${secret:DB_PASSWORD}@db/shop'}
  CRASH: {default: ''}
pipeline: [development, production]
";

struct Bed {
    project: Project,
    development: Key,
    production: Key,
}

fn bed() -> Bed {
    let project = Project::empty();
    project.write("towpath.yaml", DECLARED);
    project.write("app/app.py", APP);
    project.write("environments/base.yaml", "deployment: {progress_deadline: 30s}\n");
    project.write("environments/development.yaml", "");
    project.write("environments/production.yaml", "services: {web: {replicas: 2}}\n");
    let (development, production) = (Key::new(), Key::new());
    development.seal(&project, "secrets/development.json", "{\"DB_PASSWORD\": \"SEKRET-of-dev\"}");
    production.seal(&project, "secrets/production.yaml", "# the database\nDB_PASSWORD: SEKRET-of-prod\n");
    Bed { project, development, production }
}

impl Bed {
    fn up(&mut self) {
        self.development.give(&self.project, "development");
        self.production.give(&self.project, "production");
        self.project.up();
    }

    /// Makes a release and brings it into production.
    #[track_caller]
    fn released(&self, version: &str) -> u64 {
        let number = self.project.release(version);
        self.project.arrives("development", number);
        self.project.ok(&format!("promote r{number} production --confirm production --wait"));
        number
    }

    /// Waits until an environment runs with this password.
    #[track_caller]
    fn runs_with(&self, environment: &str, password: &str) {
        let digest = |text: &str| hex::encode(Sha256::digest(text));
        let wanted = format!("{} {}", digest(password), digest(&format!("postgres://app:{password}@db/shop")));
        let mut last = String::new();
        let address = self.project.address(environment);
        until("it runs with the value", || {
            let mut stream = TcpStream::connect(address).ok()?;
            stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").ok()?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).ok()?;
            last.clone_from(&answer);
            answer.contains(&wanted).then_some(())
        });
    }
}

/// Every file under a folder that holds a value, as it is or encoded.
fn holding(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(holding(&path));
            continue;
        }
        let Ok(bytes) = fs::read(&path) else { continue };
        // `SEKRET` as it is, and what is left of it in base64 wherever it stands, and in hexadecimal.
        for form in [MARK, "U0VLUkVU", "NFS1JFV", "TRUtSRV", "53454b524554"] {
            if bytes.windows(form.len()).any(|part| part == form.as_bytes()) {
                found.push(format!("{} has {form}", path.display()));
            }
        }
    }
    found
}

#[test]
fn a_process_has_the_secrets_of_its_environment_and_nothing_else_of_the_server_has_them() {
    let mut bed = bed();
    bed.up();
    bed.released("1.0");
    bed.runs_with("development", "SEKRET-of-dev");
    bed.runs_with("production", "SEKRET-of-prod");
    let project = &bed.project;
    let lines = [
        "env show production",
        "env explain production",
        "env explain production DB_URL -o json",
        "env render production",
        "env render production -f json",
        "env compare",
        "env validate",
        "status production -o json",
        "history production -o json",
        "rollout status production -o json",
        "audit log -o json",
        "release list -o json",
        "logs production",
    ];
    for line in lines {
        let ran = project.run(line);
        let told = ran.out + &ran.err;
        assert!(!told.contains(MARK) && !told.contains('\0') && !told.contains("\\u0000"), "{line}\n{told}");
    }
    let explained = project.ok("env explain production DB_PASSWORD");
    assert!(explained.contains("secret file") && explained.contains("secrets/production.yaml:2:14"), "{explained}");
    assert_eq!(holding(&project.file(".towpath")), Vec::<String>::new());
    assert!(!project.server_log().contains(MARK));
}

#[test]
fn a_changed_file_is_a_rollout_and_going_back_brings_the_old_value_also_after_kills() {
    let mut bed = bed();
    bed.up();
    bed.released("1.0");
    bed.production.seal(&bed.project, "secrets/production.yaml", "DB_PASSWORD: SEKRET-changed\n");
    let two = bed.project.release("1.1");
    bed.project.arrives("development", two);
    let plan = bed.project.json(&format!("promote r{two} production --dry-run"));
    assert!(plan.to_string().contains("secrets.DB_PASSWORD"), "{plan:#}");
    bed.project.ok(&format!("promote r{two} production --confirm production --wait"));
    bed.runs_with("production", "SEKRET-changed");
    bed.project.ok("rollback production --confirm production --wait");
    bed.runs_with("production", "SEKRET-of-prod");
    bed.project.kill();
    // An instance that ends while no server runs is started again by the next with what it was pinned to.
    let status = |project: &Project| project.json("status production");
    bed.project.up();
    let pids = |status: &Value| -> Vec<u64> {
        let text = status.to_string();
        text.split("\"pid\":")
            .skip(1)
            .filter_map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok())
            .collect()
    };
    let before = pids(&status(&bed.project));
    for pid in &before {
        let pid = rustix::process::Pid::from_raw(i32::try_from(*pid).unwrap()).unwrap();
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
    bed.runs_with("production", "SEKRET-of-prod");
    assert_eq!(holding(&bed.project.file(".towpath")), Vec::<String>::new());
}

#[test]
fn without_the_right_key_nothing_is_started_and_what_to_do_is_said() {
    let mut bed = bed();
    bed.up();
    bed.released("1.0");
    let stranger = Key::new();
    stranger.seal(&bed.project, "secrets/production.yaml", "DB_PASSWORD: SEKRET-of-a-stranger\n");
    let two = bed.project.release("1.1");
    bed.project.arrives("development", two);
    let told = bed.project.fails(&format!("promote r{two} production --confirm production --wait"), 3);
    for word in [stranger.public().as_str(), "secrets/production.yaml", "SOPS_AGE_KEY", "production.agekey"] {
        assert!(told.contains(word), "{word}\n{told}");
    }
    assert!(!told.contains("AGE-SECRET-KEY") && !told.contains(MARK), "{told}");
    bed.runs_with("production", "SEKRET-of-prod");
    let history = bed.project.ok("history production");
    assert!(!history.contains("1.1"), "nothing of it was ever deployed\n{history}");
}

#[test]
fn a_value_that_does_not_fit_its_declaration_enters_nowhere() {
    let mut bed = bed();
    bed.up();
    bed.released("1.0");
    bed.production.seal(&bed.project, "secrets/production.yaml", "DB_PASSWORD: SEKRET\n");
    let two = bed.project.release("1.1");
    bed.project.arrives("development", two);
    let told = bed.project.fails(&format!("promote r{two} production --confirm production --wait"), 3);
    assert!(told.contains("secrets/production.yaml:1:14") && told.contains("shorter than 8 characters"), "{told}");
    assert!(!told.contains(MARK));
    bed.runs_with("production", "SEKRET-of-prod");
}

#[test]
fn what_a_process_prints_of_its_secrets_is_told_by_their_names() {
    let mut bed = bed();
    bed.project.write("environments/development.yaml", "variables: {CRASH: '1'}\n");
    bed.up();
    bed.project.release("1.0");
    let rollout = bed.project.settled("development").to_string();
    assert!(
        rollout.contains("${DB_PASSWORD}") && rollout.contains("${DB_URL}") && !rollout.contains(MARK),
        "{rollout}"
    );
}

#[test]
fn a_command_gets_secrets_by_its_users_own_key_and_development_reads_nothing_of_production() {
    let bed = bed();
    let run = |key: &Key, line: &str| {
        let words = ["run"].into_iter().chain(line.split(' ')).chain([
            "--",
            "sh",
            "-c",
            "printf '%s|%s' \"$DB_PASSWORD\" \"$DB_URL\"",
        ]);
        crate::project::ran(bed.project.command(words).env("SOPS_AGE_KEY", key.private()).output().unwrap())
    };
    let ran = run(&bed.production, "production");
    assert_eq!(ran.out, "SEKRET-of-prod|postgres://app:SEKRET-of-prod@db/shop", "{}", ran.err);
    assert!(ran.err.is_empty(), "{}", ran.err);
    let refused = run(&bed.development, "production");
    assert_eq!((refused.exit, refused.out.as_str()), (1, ""));
    for word in ["secrets/production.yaml", "DB_PASSWORD", "--no-secrets", bed.production.public().as_str()] {
        assert!(refused.err.contains(word), "{word}\n{}", refused.err);
    }
    assert_eq!(run(&bed.development, "production --no-secrets").out, "|");
    assert_eq!(run(&bed.production, "production --only DB_URL").out, "|postgres://app:SEKRET-of-prod@db/shop");
    assert_eq!(run(&bed.production, "production --mask").out, "${DB_PASSWORD}|${DB_URL}");
    assert_eq!(run(&bed.development, "development").out, "SEKRET-of-dev|postgres://app:SEKRET-of-dev@db/shop");
}

#[test]
fn masking_leaves_signals_streams_and_exit_status_as_they_are() {
    let bed = bed();
    let masked = |program: &str| {
        let words = ["secrets", "run", "production", "--mask", "--", "python3", "-u", "-c", program];
        let mut command = bed.project.command(words);
        command.env("SOPS_AGE_KEY", bed.production.private());
        command
    };
    let program = "import os,sys,base64,time\np=os.environ['DB_PASSWORD']\nfor c in 'is '+p+'!\\n': sys.stdout.write(c)\nsys.stderr.write(base64.b64encode(b'u:'+p.encode()).decode()+'\\n')\nsys.exit(7)";
    let ran = crate::project::ran(masked(program).output().unwrap());
    assert_eq!((ran.exit, ran.out.as_str()), (7, "is ${DB_PASSWORD}!\n"));
    assert!(ran.err.contains("${DB_PASSWORD}") && !ran.err.contains("U0VLUkVU"), "{}", ran.err);
    let program =
        "import signal,sys\nsignal.signal(signal.SIGTERM,lambda *_:sys.exit(9))\nprint('ready')\nsignal.pause()";
    let mut child = masked(program).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut ready = [0; 6];
    child.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(9));
    let ended = masked("import os,signal\nos.kill(os.getpid(), signal.SIGKILL)").status().unwrap();
    assert_eq!(ended.code(), Some(137));
    assert_eq!(masked("").env("PATH", "/nowhere").output().unwrap().status.code(), Some(127));
}

#[test]
fn rendering_writes_secrets_only_when_told_to() {
    let bed = bed();
    let run = |line: &str| {
        let mut command = bed.project.command(line.split(' '));
        crate::project::ran(command.env("SOPS_AGE_KEY", bed.production.private()).output().unwrap())
    };
    let without = run("env render production");
    assert!(!without.out.contains(MARK) && without.err.contains("--with-secrets"), "{}{}", without.out, without.err);
    let with = run("env render production --with-secrets");
    assert!(with.out.contains("DB_URL=postgres://app:SEKRET-of-prod@db/shop"), "{}{}", with.out, with.err);
}

#[test]
fn mistakes_in_secret_files_keep_a_release_from_being_made() {
    let mut bed = bed();
    bed.up();
    bed.project.write("secrets/production.yaml", "DB_PASSWORD: SEKRET-in-plain-text\n");
    let told = bed.project.fails("release create --version 1.0", 1);
    assert!(told.contains("is not encrypted") && told.contains("towpath secrets encrypt"), "{told}");
    assert!(!told.contains(MARK), "{told}");
    assert_eq!(holding(&bed.project.file(".towpath")), Vec::<String>::new());
}
