//! The proxies that are compared: how each is configured and started, and the processor time it used.
//!
//! Each runs as one process with one worker and an even split over the same upstreams, with keep-alive on both sides.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::{Cores, OURS, Running, start_and_read_line};

/// A running proxy.
pub(super) struct Contender {
    pub(super) name: &'static str,
    pub(super) port: u16,
    process: Running,
}

/// A proxy by others.
pub(super) struct Peer {
    pub(super) program: &'static str,
    pub(super) package: &'static str,
    configuration: fn(folder: &Path, port: u16, upstreams: &[u16]) -> String,
    arguments: &'static [&'static str],
}

pub(super) const PEERS: &[Peer] = &[
    Peer { program: "nginx", package: "nginx-light", configuration: nginx, arguments: &["-c"] },
    Peer { program: "haproxy", package: "haproxy", configuration: haproxy, arguments: &["-db", "-q", "-f"] },
];

impl Peer {
    pub(super) fn start(
        &self,
        program: &Path,
        folder: &Path,
        upstreams: &[u16],
        port: u16,
        cores: &Cores,
    ) -> Result<Contender> {
        let file = folder.join(format!("{}.conf", self.program));
        let text = (self.configuration)(folder, port, upstreams);
        fs::write(&file, text).with_context(|| format!("cannot write `{}`", file.display()))?;
        let mut command = cores.command(Cores::PROXY, &program.to_string_lossy());
        command.args(self.arguments).arg(&file).stdin(Stdio::null()).stdout(Stdio::null());
        let process = Running(command.spawn().with_context(|| format!("cannot start `{}`", self.program))?);
        wait_for(port).with_context(|| format!("`{}` does not listen", self.program))?;
        Ok(Contender { name: self.program, port, process })
    }
}

/// Starts our proxy.
pub(super) fn ours(program: &str, upstreams: &[u16], cores: &Cores) -> Result<Contender> {
    let mut command = cores.command(Cores::PROXY, program);
    for port in upstreams {
        command.arg("--upstream").arg(format!("127.0.0.1:{port}"));
    }
    let (process, line) = start_and_read_line(&mut command)?;
    let said: serde_json::Value =
        serde_json::from_str(&line).with_context(|| format!("`bench_proxy` printed `{line}`"))?;
    let listen = said.get("listen").and_then(serde_json::Value::as_str);
    let port = listen.and_then(|address| address.rsplit(':').next()?.parse().ok());
    let port = port.with_context(|| format!("`bench_proxy` named no port to connect to: `{line}`"))?;
    wait_for(port)?;
    Ok(Contender { name: OURS, port, process })
}

impl Contender {
    /// Returns the processor time used so far, in user and system mode (proc(5), fields 14 and 15, in ticks of 10 ms).
    pub(super) fn cpu_seconds(&self) -> Result<f64> {
        let path = format!("/proc/{}/stat", self.process.0.id());
        let text = fs::read_to_string(&path).with_context(|| format!("`{}` has ended", self.name))?;
        ticks(&text).map(|ticks| ticks / 100.0).with_context(|| format!("cannot understand `{path}`"))
    }
}

/// Reads user plus system ticks; the name in brackets may itself hold blanks and brackets.
pub(in crate::bench) fn ticks(stat: &str) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn wait_for(port: u16) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if Instant::now() > deadline {
            bail!("nothing answers on port {port} after 10 s");
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn nginx(folder: &Path, port: u16, upstreams: &[u16]) -> String {
    let servers: String = upstreams.iter().map(|port| format!("    server 127.0.0.1:{port};\n")).collect();
    let folder = folder.display();
    format!(
        "daemon off;\nmaster_process off;\nworker_processes 1;\npid {folder}/nginx.pid;\nerror_log stderr crit;\n\
         events {{ worker_connections 4096; }}\nhttp {{\n  access_log off;\n  keepalive_requests 1000000000;\n  \
         client_body_temp_path {folder}/body;\n  proxy_temp_path {folder}/proxy;\n  \
         fastcgi_temp_path {folder}/fastcgi;\n  uwsgi_temp_path {folder}/uwsgi;\n  scgi_temp_path {folder}/scgi;\n  \
         upstream app {{\n{servers}    keepalive 256;\n    keepalive_requests 1000000000;\n  }}\n  \
         server {{\n    listen 127.0.0.1:{port};\n    location / {{\n      proxy_pass http://app;\n      \
         proxy_http_version 1.1;\n      proxy_set_header Connection \"\";\n    }}\n  }}\n}}\n"
    )
}

fn haproxy(_folder: &Path, port: u16, upstreams: &[u16]) -> String {
    let servers: String =
        upstreams.iter().map(|port| format!("  server s{port} 127.0.0.1:{port} weight 1\n")).collect();
    format!(
        "global\n  nbthread 1\n  maxconn 4096\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 30s\n  \
         timeout server 30s\n  http-reuse always\nfrontend in\n  bind 127.0.0.1:{port}\n  default_backend app\n\
         backend app\n  balance roundrobin\n{servers}"
    )
}
