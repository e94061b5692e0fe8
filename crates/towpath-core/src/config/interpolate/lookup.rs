//! What a path in a reference means: a leaf of the environment, or what is computed from it.
//!
//! What is known only when an instance starts has no path.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Name;
use crate::config::{
    nearest::{nearest, suggestion},
    source::Label,
    value::{Data, Path, Segment, Value},
    yaml::ScalarKind,
};

/// What an environment says of itself beside its tree.
#[derive(Debug, Default)]
pub(crate) struct Outputs<'a> {
    pub(crate) environment: &'a str,
    pub(crate) tier: Option<&'a str>,
    pub(crate) project: Option<&'a str>,
}

/// What a path leads to.
#[derive(Debug)]
pub(super) enum Found<'a> {
    /// A text as it is, with its place.
    Text(String, Option<Label>),
    /// A value that may refer to others.
    Name(Name<'a>),
    /// Where the proxy listens for a service: a value that may refer to others, and what of it is meant.
    Listen(Name<'a>, Part),
    /// Nothing, with what to do about it.
    Unset(String),
    /// Nothing that could be meant: why, and what to do about it.
    Wrong(String, Option<String>),
}

/// What is meant of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Address,
    Port,
    Url,
}

/// For what help is worth finding: a reference that says itself what else to take needs none, and of many mistakes only
/// the first are told. Finding the nearest key looks at every key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Helped {
    pub(super) unset: bool,
    pub(super) wrong: bool,
}

/// Computed values, for suggestions.
const OUTPUTS: [&str; 4] = ["environment.name", "environment.tier", "environment.url", "project.name"];

impl<'a> Outputs<'a> {
    pub(super) fn find(&self, tree: &'a Value, text: &str, helped: Helped) -> Found<'a> {
        let Ok(path) = text.parse::<Path>() else {
            return Found::Wrong(format!("`{text}` is not a path such as `services.web.port`"), None);
        };
        let keys: Vec<&str> = path
            .segments()
            .iter()
            .map(|segment| match segment {
                Segment::Key(key) => key.as_str(),
                Segment::Index(_) => "[]",
            })
            .collect();
        let word = |word: Option<&str>| match word {
            Some(word) => Found::Text(word.to_owned(), None),
            None => Found::Unset(format!("`{text}` is not known here")),
        };
        match keys.as_slice() {
            ["environment", "name"] => word(Some(self.environment)),
            ["environment", "tier"] => word(self.tier),
            ["environment", "url"] => leaf(tree, text, &Path::of_keys(["url"]), helped),
            ["project", "name"] => word(self.project),
            ["services", service, "address"] => listen(tree, text, (service, Part::Address), helped),
            ["services", service, "port"] => listen(tree, text, (service, Part::Port), helped),
            ["services", service, "url"] => listen(tree, text, (service, Part::Url), helped),
            _ => leaf(tree, text, &path, helped),
        }
    }
}

fn listen<'a>(tree: &'a Value, text: &str, (service, part): (&str, Part), helped: Helped) -> Found<'a> {
    let known = tree.get("services").and_then(Value::as_map);
    if tree.get("services").and_then(|services| services.get(service)).is_none() {
        let names = known.into_iter().flat_map(|map| map.keys().map(AsRef::as_ref));
        return Found::Wrong(
            format!("there is no service `{service}`"),
            Some(suggestion(service, names.collect::<Vec<_>>())),
        );
    }
    match leaf(tree, text, &Path::of_keys(["services", service, "listen"]), Helped { unset: false, ..helped }) {
        Found::Text(address, place) => match part.of(&address) {
            Some(text) => Found::Text(text, place),
            None => Found::Wrong(format!("`services.{service}.listen` is no address"), None),
        },
        Found::Name(name) => Found::Listen(name, part),
        Found::Unset(_) => {
            Found::Unset(format!("give the service an address of its own: `services.{service}.listen: 8080`"))
        }
        other @ (Found::Listen(..) | Found::Wrong(..)) => other,
    }
}

fn leaf<'a>(tree: &'a Value, text: &str, path: &Path, helped: Helped) -> Found<'a> {
    let in_command = path.segments().iter().any(|segment| *segment == Segment::Key("command".to_owned()));
    match path.segments() {
        [Segment::Key(section), Segment::Key(name)] if section == "variables" => {
            let found = tree.get("variables").and_then(Value::as_map).and_then(|map| map.get_key_value(name));
            return match found.filter(|(_, member)| !member.value.is_removed()) {
                Some((name, _)) => Found::Name(Name::Variable(name)),
                None => Found::Unset(format!("set `{name}` for this environment or write `${{{text}:-default}}`")),
            };
        }
        [Segment::Key(section), Segment::Key(service), Segment::Key(env), Segment::Key(name)]
            if section == "services" && env == "env" =>
        {
            let services = tree.get("services").and_then(Value::as_map);
            let found = services.and_then(|map| map.get_key_value(service)).and_then(|(service, member)| {
                let (name, _) = member.value.get("env")?.as_map()?.get_key_value(name)?;
                Some(Name::Env(service, name))
            });
            if let Some(name) = found {
                return Found::Name(name);
            }
        }
        _ => {}
    }
    match tree.at(path).map(|value| (value, &value.data)) {
        Some((_, Data::Scalar(scalar))) if scalar.text().contains('$') && scalar.kind == ScalarKind::Text => {
            if in_command {
                let why = format!("`{text}` is a command, which is completed only when an instance starts");
                return Found::Wrong(why, None);
            }
            Found::Name(Name::Leaf(path.clone()))
        }
        Some((value, Data::Scalar(scalar))) if scalar.kind != ScalarKind::Null => {
            Found::Text(scalar.text().to_owned(), Some(value.origin))
        }
        Some((value, Data::List(_) | Data::Map(_))) => {
            let what = if value.as_map().is_some() { "a map" } else { "a list" };
            let first = first_leaf(value);
            let help = Some(first).filter(|first| !first.segments().is_empty()).map(|first| {
                let first = first.to_string();
                let dot = if first.starts_with('[') { "" } else { "." };
                format!("refer to one of its values, such as `${{{text}{dot}{first}}}`")
            });
            Found::Wrong(format!("`{text}` is {what}, not one value"), help)
        }
        Some((_, Data::Removed | Data::Scalar(_))) | None => absent(tree, text, path, helped),
    }
}

/// Returns the way to the first leaf under a list or map.
fn first_leaf(value: &Value) -> Path {
    let (mut path, mut at) = (Path::default(), value);
    loop {
        let next = match &at.data {
            Data::Map(map) => map.iter().next().map(|(key, member)| (Segment::Key(key.to_string()), &member.value)),
            Data::List(items) => items.first().map(|item| (Segment::Index(0), item)),
            Data::Removed | Data::Scalar(_) => None,
        };
        let Some((segment, value)) = next else { return path };
        path.push(segment);
        at = value;
    }
}

/// Nothing is there. An unknown first key is a mistake whatever the reference says instead.
fn absent<'a>(tree: &'a Value, text: &str, path: &Path, helped: Helped) -> Found<'a> {
    let known = match path.segments().first() {
        Some(Segment::Key(first)) => super::SECTIONS.contains(&first.as_str()) || tree.get(first).is_some(),
        Some(Segment::Index(_)) | None => false,
    };
    let help = || {
        let mut keys: Vec<String> = OUTPUTS.map(str::to_owned).to_vec();
        tree.leaves(&mut |path, _| keys.push(path.to_string()));
        match nearest(text, keys.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `${{{near}}}`?"),
            None => format!("set `{text}` or write `${{{text}:-default}}`"),
        }
    };
    if known {
        Found::Unset(if helped.unset { help() } else { String::new() })
    } else {
        Found::Wrong(format!("an environment has nothing at `{text}`"), helped.wrong.then(help))
    }
}

impl Part {
    /// Returns this part of an address as `listen` writes it; `None` if it is none.
    pub(super) fn of(self, listen: &str) -> Option<String> {
        let port = listen.parse::<u16>().ok().map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let address = port.or_else(|| listen.parse().ok())?;
        Some(match self {
            Self::Port => address.port().to_string(),
            Self::Address => reachable(address).to_string(),
            Self::Url => format!("http://{}", reachable(address)),
        })
    }
}

/// What listens everywhere is reached at the loopback address.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        IpAddr::V4(_) | IpAddr::V6(_) => address.ip(),
    };
    SocketAddr::new(ip, address.port())
}
