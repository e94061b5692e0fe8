//! Storage that fails: full at the start and while running, read-only, and a second server on the same folder.

use std::{
    fs::{self, Permissions},
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{is_error, says, sound};
use crate::project::{Project, until};

/// A small file system in memory with a project on it. The project goes first, so that nothing holds the mount.
struct Disk {
    project: Project,
    mount: Mount,
}

struct Mount(tempfile::TempDir);

impl Disk {
    /// Returns one of this size, or says why it is not to be had.
    fn of(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(folder.path());
        if !command.stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
            println!("skipped: this user may not mount a file system");
            return None;
        }
        let mount = Mount(folder);
        Some(Self { project: Project::small_within(mount.0.path()), mount })
    }

    /// Takes every byte that is free.
    fn fill(&self) -> PathBuf {
        let path = self.mount.0.path().join("filler");
        let mut file = fs::File::create(&path).unwrap();
        for size in [65536, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
        path
    }

    fn remount(&self, how: &str) {
        let mut command = Command::new("mount");
        command.args(["-o", &format!("remount,{how}")]).arg(self.mount.0.path());
        assert!(command.status().unwrap().success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: an instance that is still ending may have its folder here.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_keeps_the_server_from_starting_and_says_so() {
    let Some(disk) = Disk::of("1m") else { return };
    let filler = disk.fill();
    let ran = disk.project.run("up --listen 127.0.0.1:0");
    is_error(&ran, 1);
    says(&ran.err, &["space", ".towpath"]);
    assert!(disk.project.read("towpath.yaml").starts_with("project: board"));
    fs::remove_file(filler).unwrap();
    // What the failed start left behind is in nobody's way.
    let mut disk = disk;
    disk.remount("size=16m");
    disk.project.up();
    disk.project.ok("status");
}

#[test]
fn a_disk_that_fills_up_loses_nothing_that_was_acknowledged_and_the_server_recovers() {
    let Some(mut disk) = Disk::of("24m") else { return };
    disk.project.up();
    disk.project.release("1.0");
    disk.project.arrives("development", 1);
    let filler = disk.fill();
    let mut acknowledged = 1;
    let mut refused = 0;
    for number in 2..12 {
        disk.project.write_if_possible("app/notices.txt", &format!("notice {number}\n"));
        let ran = disk.project.run(&format!("release create --version {number}.0"));
        sound(&ran.err);
        if ran.exit == 0 {
            acknowledged += 1;
        } else {
            refused += 1;
            is_error(&ran, ran.exit);
            says(&ran.err, &["space"]);
        }
    }
    assert!(refused > 0, "the disk was not full");
    disk.project.ok("status");
    let made = || disk.project.json("release list")["items"].as_array().unwrap().len();
    assert!(made() >= acknowledged, "{} of {acknowledged}", made());
    fs::remove_file(filler).unwrap();
    until("the server works again", || (disk.project.run("release create --version 99.0").exit == 0).then_some(()));
    let newest = u64::try_from(made()).unwrap();
    disk.project.arrives("development", newest);
    disk.project.kill();
    disk.project.ok("audit verify");
    disk.project.up();
    let made = disk.project.json("release list")["items"].as_array().unwrap().len();
    assert_eq!(u64::try_from(made).unwrap(), newest);
    sound(&disk.project.server_log());
}

#[test]
fn a_read_only_folder_is_an_error_that_says_what_to_do() {
    let Some(disk) = Disk::of("4m") else { return };
    disk.remount("ro");
    for line in ["up --listen 127.0.0.1:0", "init --name other"] {
        let ran = disk.project.run(line);
        assert!(ran.exit == 1 || line.starts_with("init"), "{ran:?}");
        sound(&ran.err);
    }
    let ran = disk.project.run("up --listen 127.0.0.1:0");
    says(&ran.err, &["cannot write", ".towpath", "next"]);
    // Reading goes on.
    disk.project.ok("env validate");
    disk.remount("rw");
}

#[test]
fn private_data_that_may_not_be_written_is_an_error() {
    let project = Project::small();
    let data = project.file(".towpath");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, Permissions::from_mode(0o555)).unwrap();
    if fs::write(data.join("probe"), "").is_ok() {
        println!("skipped: this user may write everywhere");
        return;
    }
    // It is our own folder, so its mode is put right instead.
    let ran = project.run("up --listen nowhere");
    assert_eq!(ran.exit, 2);
}

#[test]
fn a_stale_lock_is_no_lock_and_a_held_one_is_respected() {
    let mut project = Project::small();
    project.up();
    let ran = project.run("up --listen 127.0.0.1:0");
    is_error(&ran, 1);
    says(&ran.err, &["runs for this project already", "towpath down", "left alone"]);
    project.ok("status");
    project.kill();
    assert!(project.file(".towpath/lock").exists());
    project.up();
    project.ok("status");
    // A lock file with nonsense in it is as good as an empty one.
    project.kill();
    project.write(".towpath/lock", "4294967295999\n");
    project.write(".towpath/server.json", "{nonsense");
    let ran = project.run("status");
    is_error(&ran, 5);
    says(&ran.err, &["no server runs", "towpath up"]);
    project.up();
    project.ok("status");
}

#[test]
fn temporary_files_of_a_killed_server_are_in_nobodys_way() {
    let mut project = Project::small();
    project.up();
    project.kill();
    project.write(".towpath/.token.1", "half\n");
    project.write(".towpath/.server.json.1", "{");
    project.up();
    project.ok("status");
    assert!(Path::new(&project.file(".towpath/token")).exists());
}
