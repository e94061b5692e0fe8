//! `towpath secrets set|get|list|history|restore|unset|destroy` on a real server: values are where they belong and nowhere else.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::{Value, json};

use crate::project::{Project, Ran, ran, until};

/// In every value, so that it can be looked for.
const MARK: &str = "SEKRET";

const DECLARED: &str = "variables:\n  API_KEY: {secret: true, owner: payments}\n  DB_PASSWORD: {secret: true}\n";

/// A small project with two secrets, and gates before production.
fn project() -> Project {
    let project = Project::small();
    let text = project.read("towpath.yaml").replace("variables:\n", DECLARED);
    project.write("towpath.yaml", &text);
    let gates = "gates:\n  approvals: {required: 1, roles: [tech-lead]}\n";
    project.write("environments/production.yaml", &(project.read("environments/production.yaml") + gates));
    project
}

/// Runs a command with this on its standard input.
fn piped(project: &Project, line: &str, input: &str) -> Ran {
    let mut child = project
        .command(line.split_whitespace())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Who refuses at once reads nothing.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    ran(child.wait_with_output().unwrap())
}

#[track_caller]
fn set(project: &Project, line: &str, value: &str) -> Value {
    let ran = piped(project, &format!("secrets set {line} -o json"), value);
    assert_eq!(ran.exit, 0, "{line}\n{}{}{}", ran.out, ran.err, project.server_log());
    assert!(!(ran.out.clone() + &ran.err).contains(MARK), "{}{}", ran.out, ran.err);
    serde_json::from_str(&ran.out).unwrap()
}

/// Every file under a folder that holds these bytes.
fn holding(folder: &Path, bytes: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            found.extend(holding(&entry.path(), bytes));
        } else if fs::read(entry.path()).is_ok_and(|text| text.windows(bytes.len()).any(|part| part == bytes)) {
            found.push(entry.path());
        }
    }
    found
}

fn everywhere(project: &Project) -> Vec<PathBuf> {
    holding(project.path(), MARK.as_bytes())
}

#[test]
fn a_secret_lives_from_being_set_to_being_destroyed() {
    let mut project = project();
    project.up();
    let made = set(&project, "development DB_PASSWORD", "SEKRET-one\n");
    assert_eq!((&made["version"], &made["effect"]), (&json!(1), &json!("nothing_runs")));
    // The newline of the pipe is not part of it, and none is added.
    assert_eq!(project.ok("secrets get development DB_PASSWORD"), "SEKRET-one");
    fs::write(project.file("value.txt"), "SEKRET\ntwo\n\n").unwrap();
    project.ok("secrets set development DB_PASSWORD --from-file value.txt --expect 1");
    fs::remove_file(project.file("value.txt")).unwrap();
    assert_eq!(project.ok("secrets get development DB_PASSWORD"), "SEKRET\ntwo\n");
    assert_eq!(project.ok("secrets get development DB_PASSWORD --version 1"), "SEKRET-one");
    let stale = piped(&project, "secrets set development DB_PASSWORD --expect 1", "SEKRET-lost");
    assert_eq!(stale.exit, 3, "{}", stale.err);

    let listed = project.json("secrets list development");
    let names: Vec<_> = listed["items"].as_array().unwrap().iter().map(|it| (&it["name"], &it["version"])).collect();
    assert_eq!(names, [(&json!("API_KEY"), &json!(null)), (&json!("DB_PASSWORD"), &json!("2"))]);
    assert_eq!((&listed["items"][0]["owner"], &listed["items"][1]["source"]), (&json!("payments"), &json!("store")));

    project.ok("secrets restore development DB_PASSWORD --version 1 --reason 'two was wrong'");
    assert_eq!(project.ok("secrets get development DB_PASSWORD"), "SEKRET-one");
    let history = project.json("secrets history development DB_PASSWORD");
    let how: Vec<_> = history["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| format!("{} {} {} {}", it["version"], it["origin"], it["of"], it["by"]))
        .collect();
    assert_eq!(how, ["3 \"restored\" 1 \"owner\"", "2 \"given\" null \"owner\"", "1 \"given\" null \"owner\""]);

    project.ok("secrets destroy development DB_PASSWORD --older-than 3");
    let gone = project.fails("secrets get development DB_PASSWORD --version 2", 3);
    assert!(gone.contains("was destroyed by owner"), "{gone}");
    project.fails("secrets restore development DB_PASSWORD --version 2", 3);
    assert_eq!(project.ok("secrets get development DB_PASSWORD"), "SEKRET-one");
    project.ok("secrets unset development DB_PASSWORD");
    assert!(project.fails("secrets get development DB_PASSWORD", 2).contains("has no value"));
    project.ok("secrets restore development DB_PASSWORD --version 3");
    assert_eq!(project.ok("secrets get development DB_PASSWORD"), "SEKRET-one");
    assert_eq!(everywhere(&project), Vec::<PathBuf>::new());
    assert!(!project.server_log().contains(MARK));
    project.ok("audit verify");
}

#[test]
fn what_is_destroyed_is_gone_from_the_disk() {
    let mut project = project();
    project.up();
    set(&project, "development API_KEY", "SEKRET-one");
    let blobs = || holding(&project.file(".towpath/blobs"), b"TPS1");
    let one = blobs();
    assert_eq!(one.len(), 1);
    let ciphertext = fs::read(&one[0]).unwrap();
    set(&project, "development API_KEY", "SEKRET-two");
    project.ok("secrets destroy development API_KEY --version 1");
    assert!(!one[0].exists());
    assert_eq!(blobs().len(), 1);
    // Not in the ledger, its log or anything else either: neither the ciphertext nor the part after its header.
    assert_eq!(holding(&project.file(".towpath"), &ciphertext[12..]), Vec::<PathBuf>::new());
    let fact = project.json("audit log --kind secret_destroyed");
    assert_eq!(fact["items"][0]["body"]["versions"], json!([1]), "{fact:#}");
    assert_eq!(project.ok("secrets get development API_KEY"), "SEKRET-two");
}

#[test]
fn where_users_are_reading_takes_a_role_and_a_reason_and_is_written_down() {
    let mut project = project();
    project.up();
    let refused = piped(&project, "secrets set production API_KEY", "SEKRET-one");
    assert_eq!(refused.exit, 2, "{}", refused.err);
    assert!(refused.err.contains("needs a reason"), "{}", refused.err);
    let ran = piped(&project, "secrets set production API_KEY --as ana --reason start", "SEKRET-one");
    assert_eq!(ran.exit, 0, "{}", ran.err);
    // Ana may write what she may not read.
    let refused = project.fails("secrets get production API_KEY --as ana --reason curious", 3);
    assert!(refused.contains("tech-lead"), "{refused}");
    assert!(!refused.contains(MARK));
    project.fails("secrets get production API_KEY --reason curious", 3);
    assert!(project.fails("secrets get production API_KEY --as ben", 2).contains("--reason"));
    assert_eq!(project.ok("secrets get production API_KEY --as ben --reason 'INC-7'"), "SEKRET-one");
    let log = project.json("audit log --kind secrets_read");
    let items = log["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{log:#}");
    assert_eq!(items[0]["principal"], "ben");
    assert_eq!(
        items[0]["body"],
        json!({ "secrets": [{ "name": "API_KEY", "from": "store", "version": "1" }], "reason": "INC-7" })
    );
    let refused =
        project.fails("secrets destroy production API_KEY --version 1 --as ana --reason x --confirm production", 3);
    assert!(refused.contains("may not destroy"), "{refused}");
    let refused = project.fails("secrets destroy production API_KEY --version 1 --as ben --reason x", 3);
    assert!(refused.contains("--confirm production"), "{refused}");
    project.ok("secrets destroy production API_KEY --version 1 --as ben --reason x --confirm production");
}

#[test]
fn a_value_on_the_command_line_is_refused_and_not_repeated() {
    let mut project = project();
    project.up();
    for line in [
        "secrets set development API_KEY SEKRET",
        "secrets set development API_KEY=SEKRET",
        "secrets set development API_KEY --value SEKRET",
        "secrets set development API_KEY --value=SEKRET",
        "secrets set development SEKRET!",
        "secrets get development API_KEY=SEKRET",
        "secrets unset development API_KEY SEKRET",
    ] {
        let ran = project.run(line);
        assert_eq!(ran.exit, 2, "{line}\n{}", ran.err);
        assert!(!(ran.out + &ran.err).contains(MARK), "{line}");
        let ran = project.run(&format!("{line} -o json"));
        assert!(!(ran.out + &ran.err).contains(MARK), "{line}");
    }
    for (input, why) in [("", "is empty"), ("a\0b", "NUL"), (&"x".repeat(70_000), "65536")] {
        let ran = piped(&project, "secrets set development API_KEY", input);
        assert_eq!(ran.exit, 2, "{}", ran.err);
        assert!(ran.err.contains(why), "{}", ran.err);
    }
}

#[test]
fn a_value_is_in_no_list_of_processes() {
    let mut project = project();
    project.up();
    // It waits for its standard input, so that it can be looked at.
    let mut child = project
        .command(["secrets", "set", "development", "API_KEY"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"SEKRET-piped").unwrap();
    for pid in [child.id(), project.pid()] {
        for what in ["cmdline", "environ"] {
            let text = until("the process is there", || fs::read(format!("/proc/{pid}/{what}")).ok());
            assert!(!text.windows(MARK.len()).any(|part| part == MARK.as_bytes()), "{what}");
        }
    }
    drop(input);
    assert!(child.wait().unwrap().success());
    assert_eq!(project.ok("secrets get development API_KEY"), "SEKRET-piped");
}

#[test]
fn a_ciphertext_that_was_swapped_is_refused() {
    let mut project = project();
    project.up();
    set(&project, "development API_KEY", "SEKRET-dev");
    let first = holding(&project.file(".towpath/blobs"), b"TPS1");
    set(&project, "staging API_KEY", "SEKRET-stage");
    let second = holding(&project.file(".towpath/blobs"), b"TPS1");
    let second: Vec<_> = second.into_iter().filter(|path| !first.contains(path)).collect();
    let (dev, stage) = (fs::read(&first[0]).unwrap(), fs::read(&second[0]).unwrap());
    fs::write(&first[0], &stage).unwrap();
    let refused = project.run("secrets get development API_KEY");
    assert_ne!(refused.exit, 0);
    assert!(refused.err.contains("cannot be decrypted"), "{}", refused.err);
    assert!(!(refused.out + &refused.err).contains(MARK));
    fs::write(&first[0], &dev).unwrap();
    assert_eq!(project.ok("secrets get development API_KEY"), "SEKRET-dev");
    // Neither does another environment's key help.
    project.stop();
    let keys = project.file(".towpath/keys");
    fs::copy(keys.join("staging.agekey"), keys.join("development.agekey")).unwrap();
    project.up();
    let refused = project.run("secrets get development API_KEY");
    assert_ne!(refused.exit, 0);
    assert!(refused.err.contains("was encrypted by"), "{}", refused.err);
    assert_eq!(project.ok("secrets get staging API_KEY"), "SEKRET-stage");
}

#[test]
fn a_lost_key_is_not_made_anew_where_it_has_to_be_put_back() {
    let mut project = project();
    project.up();
    set(&project, "development API_KEY", "SEKRET-dev");
    project.stop();
    let key = project.file(".towpath/keys/development.agekey");
    let safe = fs::read(&key).unwrap();
    fs::remove_file(&key).unwrap();
    project.up();
    for refused in [
        project.run("secrets get development API_KEY"),
        piped(&project, "secrets set development API_KEY", "SEKRET-more"),
        project.run("secrets rotate development --data-key"),
    ] {
        assert_ne!(refused.exit, 0);
        assert!(refused.err.contains("development.agekey") && refused.err.contains("bring it back"), "{}", refused.err);
        assert!(!key.exists(), "a new key stands where the lost one belongs");
    }
    // Elsewhere nothing is lost.
    set(&project, "staging API_KEY", "SEKRET-stage");
    fs::write(&key, safe).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(project.ok("secrets get development API_KEY"), "SEKRET-dev");
}

#[test]
fn a_server_that_is_killed_while_values_are_set_keeps_every_one_it_acknowledged() {
    let mut project = project();
    let mut last = String::new();
    for round in 0..3 {
        project.up();
        if round > 0 {
            let now = project.ok("secrets get development API_KEY");
            assert!(now == last || now == format!("SEKRET-{round}-killed"), "{now} after {last}");
        }
        for number in 0..3 {
            last = format!("SEKRET-{round}-{number}");
            set(&project, "development API_KEY", &last);
        }
        let mut child = project
            .command(["secrets", "set", "development", "API_KEY"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let _ = child.stdin.take().unwrap().write_all(format!("SEKRET-{}-killed", round + 1).as_bytes());
        project.kill();
        child.wait().unwrap();
    }
    project.up();
    for version in 1..=9 {
        project.ok(&format!("secrets get development API_KEY --version {version}"));
    }
    project.ok("audit verify");
    assert_eq!(everywhere(&project), Vec::<PathBuf>::new());
}

#[test]
fn an_environment_goes_back_to_a_point_in_time() {
    let mut project = project();
    project.up();
    set(&project, "development API_KEY", "SEKRET-a1");
    set(&project, "development DB_PASSWORD", "SEKRET-d1");
    let listed = project.json("secrets list development");
    let times = listed["items"].as_array().unwrap().iter().map(|it| it["changedAt"].as_str().unwrap().to_owned());
    let moment = times.max().unwrap();
    set(&project, "development API_KEY", "SEKRET-a2");
    set(&project, "development LATER", "SEKRET-l1");
    let shown = project.json(&format!("secrets restore development --at {moment} --dry-run"));
    assert_eq!(shown["restored"], json!({ "API_KEY": { "of": 1, "version": 3 } }));
    assert_eq!(shown["kept"], json!({ "DB_PASSWORD": "same", "LATER": "not_there" }));
    assert_eq!(project.ok("secrets get development API_KEY"), "SEKRET-a2");
    project.ok(&format!("secrets restore development --at {moment}"));
    assert_eq!(project.ok("secrets get development API_KEY"), "SEKRET-a1");
    assert_eq!(project.ok("secrets get development LATER"), "SEKRET-l1");
    let again = project.json(&format!("secrets restore development --at {moment}"));
    assert_eq!(again["restored"], json!({}), "going back twice is going back once");
}

#[test]
fn a_changed_value_goes_into_what_runs_the_way_of_a_release() {
    let mut project = project();
    let text = project.read("towpath.yaml").replace(DECLARED, &format!("{DECLARED}  GREETING: {{secret: true}}\n"));
    let text = text.replace("SCHOOL: {default: Riverside}", "SCHOOL: {secret: true, default: '${secret:GREETING}'}");
    project.write("towpath.yaml", &text);
    project.up();
    for name in ["API_KEY", "DB_PASSWORD"] {
        set(&project, &format!("development {name}"), "SEKRET-x");
    }
    set(&project, "development GREETING", "SEKRET-morning");
    let release = project.release("1.0");
    project.arrives("development", release);
    let page = |project: &Project| {
        let address = project.address("development");
        let response = ran(project.shell(&format!("curl -sf http://{address}/")).output().unwrap());
        response.out
    };
    assert!(page(&project).contains("SEKRET-morning"));
    let changed = set(&project, "development GREETING", "SEKRET-evening");
    assert_eq!(changed["effect"], "promotion", "{changed:#}");
    until("the new value runs", || page(&project).contains("SEKRET-evening").then_some(()));
    project.settled("development");
    let refused = project.fails("secrets destroy development GREETING --version 2", 3);
    assert!(refused.contains("runs with"), "{refused}");
    project.ok("secrets destroy development GREETING --version 1");
    let listed = project.json("secrets list development");
    let greeting = listed["items"].as_array().unwrap().iter().find(|it| it["name"] == "GREETING").unwrap().clone();
    assert_eq!(greeting["running"], 2, "{listed:#}");
    let found = everywhere(&project);
    assert_eq!(found, Vec::<PathBuf>::new());
}
