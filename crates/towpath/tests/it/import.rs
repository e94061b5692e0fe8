//! `init` in folders of other tools: what it writes validates, says the same, and runs.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::project::{Project, ran, until};

/// Writes files given as `=== PATH` lines with the text below each.
fn folder(files: &str) -> Project {
    let project = Project::empty();
    for part in files.split("=== ").skip(1) {
        let (path, text) = part.split_once('\n').unwrap();
        project.write(path, text);
    }
    project
}

fn variables(project: &Project, environment: &str) -> serde_json::Map<String, Value> {
    let text = project.ok(&format!("env render {environment} --format json"));
    serde_json::from_str::<Value>(&text).unwrap().as_object().unwrap().clone()
}

/// What a command of the machine prints, or `None` where there is no such program.
fn printed(project: &Project, program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).current_dir(project.path()).output();
    match output {
        Ok(output) if output.status.success() => Some(String::from_utf8(output.stdout).unwrap()),
        _ => {
            eprintln!("not compared: `{program}` does not work here");
            None
        }
    }
}

const DOTENV: &str = "=== .env
# The port of the database.
DB_PORT=5432
export GREETING=\"one\\ntwo\"   # two lines
SINGLE='a # b'
EMPTY=
SPACED = padded
URL=http://${HOST_NAME}:${DB_PORT}/x
HOST_NAME=localhost
MULTI=\"first
second\"
UNICODE=grün
JSON={\"a\": [1, 2]}
DOUBLE=1
DOUBLE=2
=== .env.production
HOST_NAME=db.example.org
FLAG=true
";

#[test]
fn env_files_say_the_same_as_python_dotenv() {
    // python-dotenv replaces while it reads, so the references of one file are compared.
    let project = folder(&DOTENV.replace(
        "URL=http://${HOST_NAME}:${DB_PORT}/x\nHOST_NAME=localhost",
        "HOST_NAME=localhost\nURL=http://${HOST_NAME}:${DB_PORT}/x",
    ));
    let script = "import json, dotenv; print(json.dumps({**dotenv.dotenv_values('.env')}))";
    let wanted = printed(&project, "python3", &["-c", script]);
    project.ok("init --yes --name shop");
    assert!(project.ok("env validate").contains("no mistakes"));
    let found = variables(&project, "development");
    assert_eq!(found["URL"], "http://localhost:5432/x");
    if let Some(wanted) = wanted {
        assert_eq!(Value::Object(found), serde_json::from_str::<Value>(&wanted).unwrap());
    }
    let production = variables(&project, "production");
    assert_eq!((&production["HOST_NAME"], &production["FLAG"]), (&"db.example.org".into(), &"true".into()));
    assert_eq!(production["URL"], "http://db.example.org:5432/x");
}

#[test]
fn overlays_say_the_same_as_kubectl_kustomize() {
    let project = folder(
        "=== k8s/base/kustomization.yaml
resources: [web.yaml]
configMapGenerator: [{name: web, literals: [LOG_LEVEL=info, REGION=eu, \"QUOTED='x y'\"]}]
=== k8s/base/web.yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: shop/web:1.0
          command: [serve, \"8000\"]
          ports: [{containerPort: 8000}]
          envFrom: [{configMapRef: {name: web}}]
=== k8s/overlays/production/kustomization.yaml
resources: [../../base]
configMapGenerator: [{name: web, behavior: merge, envs: [more.env]}]
replicas: [{name: web, count: 5}]
=== k8s/overlays/production/more.env
# louder
LOG_LEVEL=warn
ADDED=a=b
",
    );
    let built = printed(&project, "kubectl", &["kustomize", "k8s/overlays/production"]);
    project.ok("init --yes --name shop");
    project.ok("env validate");
    let found = variables(&project, "production");
    let wanted = [("LOG_LEVEL", "warn"), ("REGION", "eu"), ("ADDED", "a=b"), ("QUOTED", "x y")];
    assert_eq!(found.len(), wanted.len(), "{found:?}");
    for (name, value) in wanted {
        assert_eq!(found[name], value);
        if let Some(built) = &built {
            assert!(built.contains(&format!("  {name}: {value}\n")), "{name} in\n{built}");
        }
    }
    assert_eq!(project.json("env show production")["services"]["web"]["replicas"], 5);
    assert!(built.is_none_or(|built| built.contains("replicas: 5")));
}

#[test]
fn a_compose_project_runs_after_its_import() {
    let mut project = folder(
        "=== compose.yaml
name: board
services:
  web:
    build: .
    command: python3 -m http.server 8000 --directory ${PAGES:-pages}
    ports: [\"8000\"]
    environment: {GREETING: hello}
    healthcheck: {test: [CMD, curl, -f, \"http://localhost:8000/\"], interval: 1s}
  db: {image: \"postgres:17\"}
=== pages/index.html
<h1>imported</h1>
",
    );
    let said = project.ok("init --yes");
    assert!(said.contains("services.db") && said.contains("compose.yaml:9"), "{said}");
    project.ok("env validate");
    project.up();
    let release = project.release("1.0");
    project.arrives("development", release);
    let address = project.address("development");
    until("the page answers", || {
        let mut stream = TcpStream::connect(address).ok()?;
        stream.write_all(b"GET / HTTP/1.0\r\nHost: board\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.contains("<h1>imported</h1>").then_some(())
    });
}

#[test]
fn secrets_stay_where_they_are_and_the_report_says_why() {
    let project = folder(
        "=== .env
# was hunter22 once
DB_PASSWORD=hunter22
DATABASE_URL=postgres://app:hunter22@db/app
STRIPE=sk_live_0123456789abcdef
NAME=shop
",
    );
    let ran = project.run("init --yes --name shop -o json");
    assert_eq!(ran.exit, 0, "{}", ran.err);
    assert!(ran.err.contains("`.env` holds secrets and git does not ignore it"), "{}", ran.err);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["secrets"], serde_json::json!(["DATABASE_URL", "DB_PASSWORD", "STRIPE"]));
    for text in [ran.out.clone(), ran.err, project.read("towpath.yaml"), project.read("environments/base.yaml")] {
        assert!(!text.contains("hunter22") && !text.contains("sk_live"), "{text}");
    }
    let places: Vec<&Value> = report["notes"].as_array().unwrap().iter().filter(|n| n["outcome"] == "secret").collect();
    assert!(places.iter().any(|note| note["path"] == ".env" && note["line"] == 3), "{places:?}");
}

#[test]
fn a_dry_run_shows_the_files_and_writes_none() {
    let project = folder("=== .env\nLEVEL=info\n");
    let shown = project.ok("init --dry-run --name shop");
    assert!(shown.contains("LEVEL: info") && shown.contains("=== environments/base.yaml"), "{shown}");
    let texts = project.json("init --dry-run --name shop")["texts"].clone();
    assert!(texts.as_array().unwrap().iter().any(|file| file["path"] == "towpath.yaml"), "{texts}");
    assert_eq!(std::fs::read_dir(project.path()).unwrap().count(), 1);
}

#[test]
fn contradictions_are_refused_until_somebody_says_whose_word_holds() {
    let project = folder(
        "=== .env\nDB_HOST=localhost\n=== compose.yaml\nservices: {web: {build: ., command: serve, environment: {DB_HOST: db}}}\n",
    );
    let said = project.fails("init --yes --name shop", 2);
    for part in [".env:1", "compose.yaml:1", "--prefer dotenv", "nothing was written"] {
        assert!(said.contains(part), "no `{part}` in\n{said}");
    }
    assert!(!project.file("towpath.yaml").exists());
    project.ok("init --yes --name shop --prefer compose");
    assert_eq!(variables(&project, "production")["DB_HOST"], "db");
}

#[test]
fn what_cannot_be_read_stops_the_import_unless_it_is_left_out() {
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n";
    let bomb = format!(
        "{bomb}c: &c [{0}]\nd: &d [{1}]\ne: [{2}]\n",
        ["*b"; 40].join(","),
        ["*c"; 40].join(","),
        ["*d"; 40].join(",")
    );
    let cases = [
        ("compose.yaml", "services:\n  web: {command: [a\n".to_owned(), "compose.yaml:"),
        ("compose.yaml", bomb, "compose.yaml:"),
        (".env", "A=1\nB='open\n".to_owned(), ".env:2"),
        (".env", format!("A={}\n", "x".repeat(5 << 20)), "at most"),
    ];
    for (path, text, place) in cases {
        let project = folder("=== .env.production\nLEVEL=warn\n");
        project.write(path, &text);
        let said = project.fails("init --yes --name shop", 1);
        assert!(said.contains(place) && said.contains("--skip-broken"), "{said}");
        assert!(said.len() < 20_000 && !project.file("towpath.yaml").exists());
        project.ok("init --yes --name shop --skip-broken");
        project.ok("env validate");
        assert_eq!(variables(&project, "production")["LEVEL"], "warn");
    }
}

#[test]
fn a_file_of_four_megabytes_is_read_whole() {
    let project = folder("=== .env\nA=1\n");
    let lines: Vec<String> = (0..3_000).map(|number| format!("NAME_{number}={}\n", "word ".repeat(250))).collect();
    project.write(".env", &lines.concat());
    project.ok("init --yes --name shop");
    assert_eq!(variables(&project, "production").len(), 3_000);
}

#[test]
fn nothing_is_half_written() {
    let project = folder("=== .env\nLEVEL=info\n=== environments\nnot a folder\n");
    let said = project.fails("init --yes --name shop", 1);
    assert!(said.contains("nothing was written"), "{said}");
    assert!(!project.file("towpath.yaml").exists());
}

#[test]
fn only_what_is_named_is_imported_from_elsewhere() {
    let project = folder(
        "=== .env\nLEVEL=info\n=== other/manifests.yaml\nkind: Deployment\nmetadata: {name: api}\nspec: {template: {spec: {containers: [{name: api, image: 'api:1', env: [{name: MODE, value: fast}]}]}}}\n",
    );
    project.ok("init --yes --name shop --from other/manifests.yaml");
    let found = variables(&project, "production");
    assert_eq!((found.len(), &found["MODE"]), (1, &"fast".into()));
    let project = folder("=== .env\nLEVEL=info\n");
    project.ok("init --yes --name shop --no-import");
    assert!(variables(&project, "production").is_empty());
    let project = folder("=== .env\nLEVEL=info\n");
    assert!(project.fails("init --yes --from nowhere", 2).contains("nowhere"));
}

#[test]
fn links_out_of_the_folder_are_not_followed() {
    let outside = folder("=== secret/kustomization.yaml\nresources: []\n=== more.env\nOUTSIDE=1\n");
    let project = folder("=== compose.yaml\nservices: {web: {build: ., command: serve, env_file: [more.env]}}\n");
    std::os::unix::fs::symlink(outside.file("more.env"), project.file("more.env")).unwrap();
    std::os::unix::fs::symlink(outside.file("secret"), project.file("k8s")).unwrap();
    let said = project.ok("init --yes --name shop");
    assert!(said.contains("there is no such file"), "{said}");
    assert!(variables(&project, "production").is_empty());
}

/// Runs `towpath init` on a terminal and types these lines.
fn typed(project: &Project, lines: &str) -> Option<String> {
    let mut command = project.shell("exec script -qec 'towpath init --color never' /dev/null");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().ok()?;
    let mut input = child.stdin.take()?;
    input.write_all(lines.as_bytes()).ok()?;
    input.flush().ok()?;
    let ended = ran({
        // The terminal stays open until the questions are answered.
        let mut output = String::new();
        child.stdout.take()?.read_to_string(&mut output).ok()?;
        drop(input);
        let status = child.wait().ok()?;
        std::process::Output { status, stdout: output.into_bytes(), stderr: Vec::new() }
    });
    assert_eq!(ended.exit, 0, "{}", ended.out);
    Some(ended.out)
}

#[test]
fn on_a_terminal_it_asks_what_it_cannot_know() {
    let project = folder(
        "=== .env\nDB_HOST=localhost\n=== compose.yaml\nservices: {web: {build: ., command: serve, environment: {DB_HOST: db}}}\n",
    );
    let Some(said) = typed(&project, "yes\nboard\n7\n2\n") else {
        eprintln!("not typed: there is no `script` here");
        return;
    };
    for part in
        ["Import what", "What is the project called?", "Which holds?", "`7` is none of them", "wrote project board"]
    {
        assert!(said.contains(part), "no `{part}` in\n{said}");
    }
    assert_eq!(variables(&project, "production")["DB_HOST"], "db");
}

#[test]
fn on_a_terminal_no_means_a_project_from_nothing() {
    let project = folder("=== .env\nDB_HOST=localhost\n");
    let Some(said) = typed(&project, "no\nboard\nweb\n./serve\n") else { return };
    assert!(said.contains("What starts it?"), "{said}");
    assert!(variables(&project, "production").is_empty());
    assert!(project.read("towpath.yaml").contains("./serve"));
}
