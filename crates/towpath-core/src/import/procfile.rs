//! `Procfile`: one service per line.

use serde_json::json;

use super::{
    facts::{Imported, Kind, Layer, Place, Target},
    names::name_of,
};

pub(super) fn import(path: &str, text: &str, imported: &mut Imported) {
    for (line, number) in text.trim_start_matches('\u{feff}').lines().zip(1_u32..) {
        let place = Place::new(path, number);
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, command)) = line.split_once(':') else {
            imported.broken(place, "a line of a Procfile is `name: command`");
            continue;
        };
        if name == "release" {
            imported.left(place, "release", "it runs once per release: make it a check or run it before promoting");
            continue;
        }
        let Some(service) = name_of(name) else {
            imported.left(place, format!("`{name}`"), "not a name that a service can have");
            continue;
        };
        let command = braced(command.trim());
        if command.is_empty() {
            imported.broken(place, format!("`{name}` has no command"));
            continue;
        }
        let target = |key| Target::Service { service: service.clone(), key };
        if command.contains("${PORT}") && service != "web" {
            let probe = json!({"tcp": true, "period": "1s"});
            imported.fact(target("probes.readiness"), &Layer::Common, probe, Kind::Procfile, place.clone());
        } else if service == "web" {
            let probe = json!({"http": "/", "period": "1s"});
            imported.fact(target("probes.readiness"), &Layer::Common, probe, Kind::Procfile, place.clone());
        }
        imported.fact(target("command"), &Layer::Common, command, Kind::Procfile, place);
    }
}

/// The port is replaced before the shell sees the line; everything else is left to the shell.
fn braced(command: &str) -> String {
    let mut out = String::with_capacity(command.len());
    let mut rest = command;
    while let Some((before, after)) = rest.split_once("$PORT") {
        out.push_str(before);
        let whole = !after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        out.push_str(if whole { "${PORT}" } else { "$PORT" });
        rest = after;
    }
    out + rest
}
