//! `run`: a command with the variables of an environment; terminal, signals, streams and exit status are its own.

use std::{
    fs,
    io::{BufReader, Read as _, Write as _},
    os::unix::{fs::PermissionsExt as _, process::ExitStatusExt as _},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::project::{Project, until};

fn small() -> Project {
    let project = Project::small();
    let file = project.read("towpath.yaml");
    let file =
        file.replace("  SCHOOL:", "  API_KEY: {secret: true}\n  GREETING: {default: \"it's ${SCHOOL}\"}\n  SCHOOL:");
    let file = file.replace("    stop_grace: 5s\n", "    stop_grace: 5s\n    env: {OWN: \"web of ${SCHOOL}\"}\n");
    project.write("towpath.yaml", &file);
    project
}

fn python(project: &Project, before: &[&str], program: &str) -> Command {
    project.command(["run"].iter().chain(before).chain(&["--", "python3", "-u", "-c", program]))
}

#[test]
fn the_command_gets_the_variables_of_the_environment_over_the_inherited_ones() {
    let project = small();
    let mut command = project.command(["run", "prod", "--", "env"]);
    let output = command.env("SCHOOL", "Hill").env("OTHER", "kept").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let has = |line: &str| text.lines().any(|found| found == line);
    assert!(has("SCHOOL=Hill") && has("GREETING=it's Hill") && has("MAIL_URL=log:"), "{text}");
    assert!(has("OTHER=kept") && has("TOWPATH_ENV=production"), "{text}");
    assert!(!text.contains("OWN=") && output.stderr.is_empty(), "{text}");
}

#[test]
fn the_environment_may_be_detected_or_an_option() {
    let project = small();
    let named = |line: &str| project.ok(&format!("run {line} -- sh -c 'echo $TOWPATH_ENV'"));
    assert_eq!(named(""), "development\n");
    assert_eq!(named("--env stage"), "staging\n");
    assert_eq!(named("staging"), "staging\n");
    let mut command = project.command(["run", "--", "sh", "-c", "echo $TOWPATH_ENV"]);
    assert_eq!(command.env("TOWPATH_ENV", "production").output().unwrap().stdout, b"production\n");
    assert!(project.fails("run stagin -- true", 2).contains("did you mean `staging`"));
    assert!(project.fails("run staging", 2).contains("COMMAND"));
    project.fails("run staging true", 2);
}

#[test]
fn a_service_brings_its_own_variables_and_set_wins() {
    let project = small();
    assert_eq!(project.ok("run --service web -- sh -c 'echo $OWN'"), "web of Riverside\n");
    assert_eq!(project.ok("run --service web --set SCHOOL=Hill -- sh -c 'echo $OWN'"), "web of Hill\n");
    assert!(project.fails("run --service wab -- true", 2).contains("one of: web"));
}

#[test]
fn clean_leaves_what_every_program_needs_and_what_is_declared() {
    let project = small();
    let mut command = project.command(["run", "--clean", "--", "env"]);
    command
        .env("OTHER", "x")
        .env("LC_TIME", "C")
        .env("TERM", "dumb")
        .env("API_KEY", "s3cret")
        .env("TOWPATH_URL", "http://x");
    let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let mut names: Vec<&str> = text.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    names.retain(|name| !["TMPDIR"].contains(name));
    names.sort_unstable();
    let meant = [
        "API_KEY",
        "GREETING",
        "HOME",
        "LC_TIME",
        "MAIL_URL",
        "PATH",
        "RESPONSE_DELAY_MS",
        "SCHOOL",
        "TERM",
        "TOWPATH_ENV",
    ];
    assert_eq!(names, meant);
}

#[test]
fn what_is_inherited_and_is_no_text_stays_as_it_is() {
    use std::os::unix::ffi::OsStrExt as _;
    let project = small();
    let odd = std::ffi::OsStr::from_bytes(b"a\xff\xfe");
    let program = "import os, sys; sys.stdout.buffer.write(os.environb[b'ODD'])";
    assert_eq!(python(&project, &[], program).env("ODD", odd).output().unwrap().stdout, b"a\xff\xfe");
}

#[test]
fn the_exit_status_is_that_of_the_command() {
    let project = small();
    for status in [0, 1, 2, 3, 42, 126, 255] {
        let ran = project.run(&format!("run -- sh -c 'exit {status}'"));
        assert_eq!((ran.exit, ran.out.as_str(), ran.err.as_str()), (status, "", ""));
    }
    let mut command = project.command(["run", "--", "sh", "-c", "kill -KILL $$"]);
    assert_eq!(command.status().unwrap().signal(), Some(Signal::KILL.as_raw()));
}

#[test]
fn nothing_is_started_where_the_configuration_is_wrong() {
    let project = small();
    project.write("environments/staging.yaml", "variables: {RESPONSE_DELAY_MS: soon, NO: 1}\n");
    let said = project.fails("run staging -- touch hit", 1);
    assert!(said.contains("2 mistakes") && said.contains("soon") && said.contains("staging.yaml:1"), "{said}");
    assert!(!project.file("hit").exists());
    project.fails("run development --set RESPONSE_DELAY_MS=soon -- touch hit", 1);
    assert!(!project.file("hit").exists());
}

#[test]
fn what_cannot_be_started_ends_as_in_a_shell() {
    let project = small();
    let said = project.fails("run -- no-such-command --option", 127);
    assert!(said.contains("there is no command `no-such-command` in any folder of PATH"), "{said}");
    assert!(project.fails("run -- ./no-such-file", 127).contains("there is no `./no-such-file`"));
    project.write("plain.txt", "text\n");
    assert!(project.fails("run -- ./plain.txt", 126).contains("cannot be executed"));
    assert!(project.fails("run -- ./app", 126).contains("cannot be executed"));
    project.write("script", "#!/no/such/interpreter\n");
    fs::set_permissions(project.file("script"), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(project.fails("run -- ./script", 126).contains("interpreter"));
    // A file with neither a first line that names an interpreter nor machine code is one of /bin/sh.
    project.write("plain", "exit 7\n");
    fs::set_permissions(project.file("plain"), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(project.run("run -- ./plain").exit, 7);
}

#[test]
fn the_command_is_looked_for_in_the_path_of_the_environment() {
    let project = small();
    project.write("bin/hello", "#!/bin/sh\necho hello $SCHOOL\n");
    fs::set_permissions(project.file("bin/hello"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", project.file("bin").display());
    let line = format!("run --set services.web.env.PATH={path} --service web -- hello");
    assert_eq!(project.ok(&line), "hello Riverside\n");
}

#[test]
fn streams_are_the_commands_own_and_take_any_bytes() {
    let project = small();
    let sent: Vec<u8> = (0..1_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut command = project.command(["run", "--", "cat"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn({
        let sent = sent.clone();
        move || input.write_all(&sent).unwrap()
    });
    let mut read = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut read).unwrap();
    writer.join().unwrap();
    assert!(child.wait().unwrap().success() && read == sent);
}

#[test]
fn the_command_is_the_very_process_and_starts_with_no_signal_blocked_or_ignored() {
    let project = small();
    let shell = "grep -e SigBlk -e SigIgn /proc/self/status; ls /proc/self/fd";
    let through = project.ok(&format!("run -- sh -c '{shell}'"));
    let plain = Command::new("sh").args(["-c", shell]).stdin(Stdio::null()).output().unwrap();
    assert_eq!(through, String::from_utf8(plain.stdout).unwrap());
    let mut command = python(&project, &[], "import os; print(os.getpid(), os.getppid())");
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    let pid = child.id();
    assert!(child.wait().unwrap().success());
    assert_eq!(text, format!("{pid} {}\n", std::process::id()));
}

/// Starts a program that says which signals arrive, and ends with status 9 at a second SIGTERM.
fn listening(project: &Project) -> (Child, BufReader<std::process::ChildStdout>) {
    let program = "import os, signal, sys\n\
        seen = []\n\
        def said(number, frame):\n\
        \x20   seen.append(number); os.write(1, (signal.Signals(number).name + '\\n').encode())\n\
        \x20   if seen.count(signal.SIGTERM) == 2: os._exit(9)\n\
        for name in ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGWINCH', 'SIGUSR1', 'SIGCONT', 'SIGQUIT']:\n\
        \x20   signal.signal(getattr(signal, name), said)\n\
        print('ready')\n\
        while True: signal.pause()";
    let mut child = python(project, &[], program).stdout(Stdio::piped()).spawn().unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    assert_eq!(line(&mut reader), "ready");
    (child, reader)
}

fn line(reader: &mut impl std::io::BufRead) -> String {
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

#[test]
fn signals_reach_the_command() {
    let project = small();
    let (mut child, mut reader) = listening(&project);
    let pid = Pid::from_child(&child);
    let signals = [
        (Signal::INT, "SIGINT"),
        (Signal::TERM, "SIGTERM"),
        (Signal::HUP, "SIGHUP"),
        (Signal::WINCH, "SIGWINCH"),
        (Signal::USR1, "SIGUSR1"),
        (Signal::QUIT, "SIGQUIT"),
    ];
    for (signal, name) in signals {
        kill_process(pid, signal).unwrap();
        assert_eq!(line(&mut reader), name);
    }
    kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(9));
}

#[test]
fn an_interrupted_command_is_seen_as_interrupted() {
    let project = small();
    let mut child = project.command(["run", "--", "sleep", "600"]).spawn().unwrap();
    let pid = Pid::from_child(&child);
    let name = format!("/proc/{}/comm", child.id());
    until("the command took the place", || (fs::read_to_string(&name).unwrap() == "sleep\n").then_some(()));
    kill_process(pid, Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(Signal::INT.as_raw()));
}

#[test]
fn a_shell_stops_and_continues_the_command_as_its_own_job() {
    let project = small();
    let (mut child, mut reader) = listening(&project);
    let pid = Pid::from_child(&child);
    let state = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
        stat.rsplit(") ").next().unwrap().chars().next().unwrap()
    };
    kill_process(pid, Signal::TSTP).unwrap();
    until("the command is stopped", || (state() == 'T').then_some(()));
    kill_process(pid, Signal::CONT).unwrap();
    assert_eq!(line(&mut reader), "SIGCONT");
    child.kill().unwrap();
    child.wait().unwrap();
    // And as a job of an interactive shell on a terminal, if there is a program that makes one.
    let script = "set -m; towpath run -- sh -c 'kill -STOP $$; echo went on; exit 5' & \
        wait $! ; fg %1 >/dev/null; echo status $?";
    let output = project
        .shell(&format!("script -qec \"{}\" /dev/null", script.replace('$', "\\$").replace('"', "\\\"")))
        .output();
    let said = String::from_utf8(output.unwrap().stdout).unwrap();
    if said.is_empty() {
        println!("skipped: `script` is not installed");
    } else {
        assert!(said.contains("went on") && said.contains("status 5"), "{said}");
    }
}

#[test]
fn a_value_that_linux_cannot_pass_is_named_before_anything_starts() {
    let project = small();
    let limit = rustix::param::page_size() * 32;
    let set = |length: usize| {
        project.write(
            "environments/staging.yaml",
            &format!("variables: {{SCHOOL: {}, GREETING: x}}\n", "x".repeat(length)),
        );
        project.run("run staging -- sh -c 'echo ${#SCHOOL}; touch hit'")
    };
    // The name, `=` and the NUL at the end count.
    let most = limit - "SCHOOL=".len() - 1;
    assert_eq!(set(most).out, format!("{most}\n"));
    fs::remove_file(project.file("hit")).unwrap();
    for length in [most + 1, 1_000_000] {
        let ran = set(length);
        assert_eq!(ran.exit, 126, "{ran:?}");
        assert!(ran.err.contains("`SCHOOL` has") && ran.err.contains("128.0 KiB in one variable"), "{}", ran.err);
        assert!(ran.err.contains("in a file") && !ran.err.contains("xxxx") && !project.file("hit").exists());
    }
    let argument = "y".repeat(limit);
    let output = project.command(["run", "--", "echo", &argument]).output();
    // The kernel would not even start Towpath with it.
    assert!(output.is_err());
}

#[test]
fn too_much_together_says_how_much() {
    let project = small();
    let file = project.read("towpath.yaml");
    let many: String = (0..30).map(|n| format!("  MANY_{n}: {{default: {}}}\n", "x".repeat(120_000))).collect();
    project.write("towpath.yaml", &file.replace("variables:\n", &format!("variables:\n{many}")));
    let ran = project.run("run -- touch hit");
    assert_eq!(ran.exit, 126, "{}", ran.err);
    assert!(ran.err.contains("3.4 MiB") && ran.err.contains("more than Linux gives a process"), "{}", ran.err);
    assert!(!project.file("hit").exists());
}

#[test]
fn secrets_reach_the_command_and_nothing_else() {
    let project = small();
    let mut command = project.command(["run", "-vv", "--", "sh", "-c", "test \"$API_KEY\" = s3cret-value"]);
    let output = command.env("API_KEY", "s3cret-value").output().unwrap();
    assert!(output.status.success() && output.stdout.is_empty());
    assert!(!String::from_utf8_lossy(&output.stderr).contains("s3cret-value"));
    let long = "s3cret-value".repeat(10);
    let mut command = project.command(["run", "--set", "RESPONSE_DELAY_MS=soon", "--", "true"]);
    let said = String::from_utf8(command.env("API_KEY", &long).output().unwrap().stderr).unwrap();
    assert!(!said.contains("s3cret-value"), "{said}");
}

#[test]
fn no_server_is_needed_and_the_working_folder_stays() {
    let project = small();
    let mut command = project.command(["run", "-C", &project.path().display().to_string(), "--", "pwd"]);
    let output = command.current_dir("/").env("TOWPATH_URL", "http://127.0.0.1:1").output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "/\n");
}
