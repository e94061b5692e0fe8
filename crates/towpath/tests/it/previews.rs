//! Environments that come and go: made, copied, served, out of time, destroyed; and that nothing else is touched.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::Value;

use crate::project::{Project, until};

/// A small project whose release r1 runs in development.
fn running() -> Project {
    let mut project = Project::small();
    project.up();
    let release = project.release("1.0");
    project.arrives("development", release);
    project
}

fn page(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Sends a request and waits for its answer, or for its end, beside.
fn answered_slowly(address: SocketAddr) -> std::thread::JoinHandle<()> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    std::thread::spawn(move || {
        let _ = stream.read_to_string(&mut String::new());
    })
}

/// The processes of an environment.
fn pids(project: &Project, environment: &str) -> Vec<u64> {
    let status = project.json(&format!("status {environment}"));
    let instances = status["instanceList"].as_array().unwrap();
    instances.iter().filter_map(|one| one["pid"].as_u64()).collect()
}

fn is_alive(pid: u64) -> bool {
    // A process that has ended and was not waited for yet does nothing any more.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.trim().is_empty() && !rest.trim().starts_with('Z'))
}

/// Every file under a folder with its bytes.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else if let Ok(bytes) = fs::read(entry.path()) {
                all.insert(entry.path(), bytes);
            }
        }
    }
    all
}

/// What names an environment under the data folder.
fn traces(project: &Project, environment: &str) -> Vec<PathBuf> {
    let all = files(&project.file(".towpath")).into_keys();
    all.filter(|path| path.to_string_lossy().contains(environment)).collect()
}

fn blobs(listing: &Value) -> Vec<String> {
    let blobs = listing["server"]["blobs"].as_array().unwrap();
    blobs.iter().map(|blob| blob["digest"].as_str().unwrap().trim_start_matches("sha256:").to_owned()).collect()
}

fn has_blob(project: &Project, hex: &str) -> bool {
    project.file(&format!(".towpath/blobs/{}/{hex}", &hex[..2])).exists()
}

fn life(project: &Project, environment: &str) -> String {
    let events = project.json(&format!("audit log --env {environment} --limit 1"));
    events["items"][0]["kind"].as_str().unwrap_or_default().to_owned()
}

fn is_destroyed(project: &Project, environment: &str) -> Option<()> {
    (life(project, environment) == "environment_destroyed").then_some(())
}

#[test]
fn a_preview_serves_and_ends_by_itself_and_others_never_notice() {
    let project = running();
    let load = project.load("development");
    let made =
        project.json("env create pr-42 --preview --extends staging --ttl 15s --set SCHOOL=Hill --release r1 --wait");
    assert_eq!(made["status"], "completed", "{made:#}");
    let address = project.address("pr-42");
    assert!(page(address).contains("Hill"), "{}", page(address));
    assert!(project.ok("env list").contains("preview on staging"));
    assert!(project.ok("status").contains("pr-42 is a preview on staging"));
    assert!(project.ok("env explain pr-42 SCHOOL").contains("environments/pr-42.yaml"));
    let pids = pids(&project, "pr-42");
    assert_eq!(pids.len(), 1);
    let blobs = blobs(&project.json("env destroy pr-42 --dry-run"));
    assert_eq!(blobs.len(), 1, "the variables are its own");
    until("the preview ends", || is_destroyed(&project, "pr-42"));
    assert!(!pids.iter().any(|pid| is_alive(*pid)), "{pids:?} live");
    assert!(TcpStream::connect(address).is_err(), "the port is open");
    assert!(!has_blob(&project, &blobs[0]));
    until("the address is forgotten", || (!project.read(".towpath/addresses.json").contains("pr-42")).then_some(()));
    assert_eq!(traces(&project, "pr-42"), Vec::<PathBuf>::new());
    assert!(project.fails("env show pr-42", 2).contains("no environment"));
    assert_eq!(project.json("history pr-42")["items"].as_array().unwrap().len(), 1);
    let tally = load.stop();
    assert_eq!(tally.failed, 0, "{tally:?}");
    project.ok("env create pr-42 --preview --extends staging --ttl 1h");
    project.ok("audit verify");
}

#[test]
fn what_was_listed_goes_and_nothing_else_is_touched() {
    let project = running();
    project.ok("env create pr-1 --preview --extends staging --ttl 1h --set SCHOOL=Hill --release r1 --wait");
    project.ok("env create pr-2 --preview --extends staging --ttl 1h --set SCHOOL=Dale --release r1 --wait");
    let listing = project.json("env destroy pr-1 --dry-run");
    assert_eq!(listing["server"]["instances"].as_array().unwrap().len(), 1, "{listing:#}");
    assert_eq!(listing["server"]["routes"].as_array().unwrap().len(), 1, "{listing:#}");
    let stays = listing["server"]["stays"].to_string();
    assert!(stays.contains("release r1 names it") && stays.contains("other environments run from it"), "{stays}");
    // What the server itself writes all the time is not looked at.
    let still = |path: &Path| {
        let path = path.to_string_lossy();
        !["ledger.db", "samples.db", "addresses.json", "server.log"].iter().any(|name| path.contains(name))
    };
    let all = || files(project.path()).into_iter().filter(|(path, _)| still(path)).collect::<BTreeMap<_, _>>();
    let (before, running_before) = (all(), pids(&project, "pr-2"));
    let digest = listing["server"]["listing"].as_str().unwrap();
    project.ok(&format!("env destroy pr-1 --yes --listing {digest}"));
    let after = all();
    let mut expected = before.clone();
    for file in listing["server"]["files"].as_array().unwrap() {
        let path = project.file(".towpath").join(file["path"].as_str().unwrap());
        assert!(expected.remove(&path).is_some(), "{path:?} was listed and not there");
    }
    for hex in blobs(&listing) {
        let path = project.file(&format!(".towpath/blobs/{}/{hex}", &hex[..2]));
        assert!(expected.remove(&path).is_some(), "{path:?} was listed and not there");
    }
    let (gone, left): (Vec<_>, Vec<_>) = (
        before.keys().filter(|path| !after.contains_key(*path)).collect(),
        after.keys().filter(|path| !expected.contains_key(*path)).collect(),
    );
    assert!(left.is_empty(), "left: {left:?}");
    assert_eq!(gone.len(), before.len() - expected.len(), "{gone:?}");
    let changed: Vec<_> = expected.iter().filter(|(path, bytes)| after.get(*path) != Some(*bytes)).collect();
    assert!(changed.is_empty(), "changed: {:?}", changed.iter().map(|(path, _)| path).collect::<Vec<_>>());
    assert_eq!(pids(&project, "pr-2"), running_before);
    assert!(page(project.address("pr-2")).contains("Dale"));
}

#[test]
fn destroying_needs_a_yes_and_what_was_seen() {
    let project = running();
    project.ok("env create pr-1 --preview --extends staging --ttl 1h");
    let seen = project.json("env destroy pr-1 --dry-run")["server"]["listing"].as_str().unwrap().to_owned();
    assert!(project.fails("env destroy pr-1", 3).contains("add --yes"));
    project.ok("promote r1 pr-1 --wait");
    let said = project.fails(&format!("env destroy pr-1 --yes --listing {seen}"), 3);
    assert!(said.contains("not what was listed"), "{said}");
    assert_eq!(pids(&project, "pr-1").len(), 1);
    let said = project.fails("env destroy staging --yes", 3);
    assert!(said.contains("in the pipeline") && said.contains("towpath.yaml"), "{said}");
    assert!(project.fails("env destroy moon --yes", 2).contains("no environment"));
    let said = project.fails("env create pr-9 --preview --extends production --ttl 1h", 2);
    assert!(said.contains("--tier testing"), "{said}");
    assert!(project.fails("env create pr-1 --preview --extends staging --ttl 1h", 3).contains("already"));
    assert!(project.fails("env create pr-9 --preview --extends stagng --ttl 1h", 2).contains("staging"));
    assert!(project.fails("env create pr-9 --preview --extends staging --ttl 90d", 2).contains("30d"));
    project.ok("env extend pr-1 --ttl 2h");
    assert!(project.fails("env extend pr-1 --ttl 1h", 2).contains("already"));
}

#[test]
fn a_server_that_is_killed_while_it_destroys_finishes_when_it_is_back() {
    let mut project = running();
    let load_address = project.address("development");
    for (number, delay) in [0_u64, 300, 1450, 1550, 1700].into_iter().enumerate() {
        let name = format!("pr-{number}");
        project.ok(&format!(
            "env create {name} --preview --extends staging --ttl 1h --set RESPONSE_DELAY_MS=1500 --set services.web.replicas=2 --release r1 --wait"
        ));
        let (pids, blobs) = (pids(&project, &name), blobs(&project.json(&format!("env destroy {name} --dry-run"))));
        // As long as it is answered, the environment is not gone.
        let slow = answered_slowly(project.address(&name));
        let mut destroying = project.command(["env", "destroy", &name, "--yes", "-q"]).spawn().unwrap();
        until("destroying begins", || {
            let kind = life(&project, &name);
            kind.starts_with("environment_destroy").then_some(())
        });
        // tidy: allow(sleep) the moment of the blow is what the test varies
        std::thread::sleep(Duration::from_millis(delay));
        project.kill();
        let _ = destroying.wait();
        let _ = slow.join();
        project.up();
        until("it is destroyed", || is_destroyed(&project, &name));
        assert!(!pids.iter().any(|pid| is_alive(*pid)), "{name}: {pids:?} live");
        assert!(blobs.iter().all(|hex| !has_blob(&project, hex)), "{name}: {blobs:?}");
        until("the addresses are forgotten", || traces(&project, &format!("{name}_")).is_empty().then_some(()));
        assert!(!project.file(&format!(".towpath/logs/{name}")).exists());
    }
    assert!(page(load_address).contains("Riverside"));
    project.ok("audit verify");
}

#[test]
fn environments_are_files_that_are_written_when_the_project_is_right_with_them() {
    let project = Project::small();
    project.write(
        "environments/staging.yaml",
        "# Rehearsal.\nurl: https://s.example.org\nservices: {web: {listen: '127.0.0.1:1'}}\n",
    );
    let before = files(project.path());
    let shown = project.ok("env create qa --extends staging --alias q --tier testing --dry-run");
    assert!(shown.contains("would write environments/qa.yaml") && shown.contains("extends: staging"), "{shown}");
    assert_eq!(files(project.path()), before);
    project.ok("env create qa --extends staging --alias q --tier testing --set SCHOOL=Hill");
    let qa = project.json("env show q");
    assert_eq!((&qa["variables"]["SCHOOL"]["value"], &qa["services"]["web"]["listen"]), (&"Hill".into(), &Value::Null));
    let again = project.fails("env create qa", 3);
    assert!(again.contains("`qa-2` is free") && again.contains("nothing was written"), "{again}");
    assert!(project.fails("env create q", 3).contains("means `qa`"));
    assert!(project.fails("env create base", 2).contains("every one"));
    assert!(project.fails("env create x --set SCHOL=1", 2).contains("did you mean `SCHOOL`"));
    assert!(project.fails("env create x --set services.web.replicas=many", 1).contains("nothing was written"));
    let copied = project.ok("env clone staging stage2");
    assert!(copied.contains("cleared url") && copied.contains("cleared services.web.listen"), "{copied}");
    assert!(project.read("environments/stage2.yaml").starts_with("# Rehearsal.\nurl: null\n"));
    project.ok("env clone qa qa3 --flat");
    assert!(!project.read("environments/qa3.yaml").contains("extends"));
    project.ok("env validate");
    let said = project.fails("env destroy staging --yes", 3);
    assert!(said.contains("pipeline"), "{said}");
    project.ok("env create above --extends qa3");
    let said = project.fails("env destroy qa3 --yes", 3);
    assert!(said.contains("above") && said.contains("nothing was removed"), "{said}");
    project.ok("env destroy above --yes --keep-file");
    assert!(project.file("environments/above.yaml").exists());
    project.ok("env destroy above --yes");
    project.ok("env destroy qa3 --yes");
    assert!(!project.file("environments/qa3.yaml").exists());
    project.write("environments/live.yaml", "tier: production\n");
    assert!(project.fails("env destroy live --yes", 2).contains("needs a reason"));
    assert!(project.fails("env destroy live --yes --reason old", 3).contains("--confirm live"));
    project.ok("env destroy live --reason old --confirm live");
    assert!(!project.file("environments/live.yaml").exists());
}

#[test]
fn an_environment_that_left_the_pipeline_goes_with_its_file() {
    let mut project = running();
    let pid = pids(&project, "development")[0];
    project.stop();
    let text = project.read("towpath.yaml").replace("pipeline: [development, staging", "pipeline: [staging");
    project.write("towpath.yaml", &text);
    project.up();
    let shown = project.ok("env destroy development --dry-run");
    assert!(shown.contains(&format!("process {pid}")) && shown.contains("development.yaml"), "{shown}");
    project.ok("env destroy development --yes");
    assert!(!is_alive(pid) && !project.file("environments/development.yaml").exists());
    assert_eq!(project.json("history development")["items"].as_array().unwrap().len(), 1);
}

#[test]
fn what_nobody_needs_is_collected_and_what_can_be_gone_back_to_is_not() {
    let mut project = Project::small();
    let text = project.read("towpath.yaml") + "retention: {revisions: 2, grace: 1ms}\n";
    project.write("towpath.yaml", &text);
    project.up();
    let release = project.release("1.0");
    project.arrives("development", release);
    for school in ["Hill", "Dale", "Moor"] {
        project.ok(&format!("env set development SCHOOL={school} --wait"));
    }
    // As a `PUT` of other bytes than it names leaves it.
    let stray = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    project.write(&format!(".towpath/blobs/{}/{stray}", &stray[..2]), "hello");
    until("the replaced revisions are stopped", || {
        let environment = project.json("status development");
        environment["retiring"].as_array().unwrap().is_empty().then_some(())
    });
    let listed = project.json("gc --dry-run");
    let digests = listed["blobs"].to_string();
    assert!(digests.contains(stray) && !listed["files"].as_array().unwrap().is_empty(), "{listed:#}");
    assert!(has_blob(&project, stray));
    let removed = project.json("gc");
    assert_eq!((&removed["removed"], &removed["listing"]), (&Value::Bool(true), &listed["listing"]));
    assert!(!has_blob(&project, stray));
    assert!(!project.file(".towpath/logs/development/web/d1-0.log").exists());
    assert!(project.ok("gc").contains("nothing that nobody needs"));
    let said = project.fails("rollback development --to d1", 3);
    assert!(said.contains("collected"), "{said}");
    project.ok("rollback development --to d3 --wait");
    assert!(page(project.address("development")).contains("Dale"));
    project.ok("audit verify");
}
