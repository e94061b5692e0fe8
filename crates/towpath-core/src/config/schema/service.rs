//! How one service runs.

use std::{collections::BTreeMap, net::SocketAddr, num::NonZeroU32};

use serde_json::json;

use super::{access::positive, scaling::AutoscalingFile, values::HttpPath};
use crate::{
    config::{
        describe::{Book, Shape},
        nearest::nearest,
        read::{Key, Placed, Read, Reader, section},
        value::{Data, Members, Value},
        yaml::ScalarKind,
    },
    deployment::{Probe, ProbeAction, Probes, Resources},
    ids::ArtifactName,
    units::{Bytes, MilliCpu, Millis},
};

section! {
    /// One service.
    pub struct ServiceFile {
        /// Program and arguments, or one line for `/bin/sh -c`. `${NAME}` is replaced from the environment.
        command: Option<CommandLine>,
        /// The artifact of the release the service runs in; its own name if there is one.
        artifact: Option<ArtifactName>,
        /// The container image, for Kubernetes.
        image: Option<String>,
        /// The address or port the proxy listens on; a free one if absent.
        listen: Option<SocketAddr>,
        /// The address or port that shows the new revision before promotion (blue-green).
        preview: Option<SocketAddr>,
        /// Environment variables of this service only; `${NAME}` and `${NAME:-default}` are replaced.
        env: EnvFile,
        /// How many instances.
        replicas: u32 = 1,
        /// When an instance is up, may get traffic, must be restarted.
        probes: ProbesFile = ProbesFile::default(),
        /// Limits of one instance.
        resources: ResourcesFile = ResourcesFile::default(),
        /// How long an instance may take from SIGTERM until SIGKILL.
        stop_grace: Millis = Millis::from_secs(10),
        /// How long requests in flight may take after an instance left the routing.
        drain: Millis = Millis::from_secs(10),
        /// How many instances run when the load decides; in place of what the environment says for all.
        autoscaling: Option<AutoscalingFile>,
    }
    choice("command", "image"; least_one) "a service needs `command` or `image`" help how_to_run
}

/// Says what a service that has nothing to run needs: often it is another one, mistyped in an environment's file.
fn how_to_run(reader: &Reader) -> String {
    let path = reader.path().to_string();
    let name = path.rsplit('.').next().unwrap_or_default();
    let others = reader.services.iter().flatten().map(String::as_str).filter(|other| *other != name);
    match nearest(name, others) {
        Some(near) => format!("did you mean `{near}`? if not, say under `command:` what starts it"),
        None => "say under `command:` what starts it".to_owned(),
    }
}

/// The name of an entry in `env`: more than a variable's, since programs read names such as `spring.profiles.active`,
/// but no name that a process cannot be given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EnvName(pub(crate) String);

fn is_env_name(text: &str) -> bool {
    let odd = |c: char| c == '=' || c.is_ascii_whitespace() || c.is_ascii_control();
    !text.is_empty() && !text.contains(odd)
}

impl Key for EnvName {
    fn key(text: &str) -> Result<Self, (String, String)> {
        if !is_env_name(text) {
            let said = text.escape_debug();
            let help = "give it a name without blanks, `=` and control characters".to_owned();
            return Err((format!("`{said}` cannot be the name of an environment variable"), help));
        }
        Ok(Self(text.to_owned()))
    }

    fn pattern() -> Option<&'static str> {
        Some(r"^[^=\x00-\x20\x7f]+$")
    }
}

section! {
    /// Limits of one instance.
    #[derive(Default)]
    pub struct ResourcesFile {
        /// CPU, such as `500m` or `2`.
        cpu: Option<MilliCpu>,
        /// Memory, such as `512Mi`.
        memory: Option<Bytes>,
    }
}

section! {
    /// The three probes.
    #[derive(Default)]
    pub struct ProbesFile {
        /// Holds the other two back until it has succeeded once.
        startup: Option<ProbeFile>,
        /// While it fails the instance gets no traffic.
        readiness: Option<ProbeFile>,
        /// When it fails the instance is restarted.
        liveness: Option<ProbeFile>,
    }
}

section! {
    /// One probe.
    pub struct ProbeFile {
        /// GET on the instance's port; 200 to 399 is success. A path alone will do.
        http: Option<HttpFile>,
        /// `true`: a connection to the instance's port.
        tcp: Option<bool>,
        /// A command whose status 0 is success.
        command: Option<CommandLine>,
        /// Time before the first attempt.
        initial_delay: Millis = Millis(0),
        /// Time between attempts.
        period: Millis = Millis::from_secs(5),
        /// Time after which an attempt has failed.
        timeout: Millis = Millis::from_secs(2),
        /// Failures in a row that make it failing.
        failure_threshold: NonZeroU32 = NonZeroU32::MIN.saturating_add(2),
        /// Successes in a row that make it succeeding.
        success_threshold: NonZeroU32 = NonZeroU32::MIN,
    }
    choice("http", "tcp", "command"; one) "a probe needs exactly one of `http`, `tcp: true` and `command`"
    check(value, reader; period) {
        let sound = period.0 > 0;
        if !sound {
            positive(value, "period", reader);
        }
        sound
    }
    check(value, reader; timeout) {
        let sound = timeout.0 > 0;
        if !sound {
            positive(value, "timeout", reader);
        }
        sound
    }
}

/// An HTTP probe: a map, or only the path.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpFile(HttpMap);

section! {
    /// What an HTTP probe asks for.
    pub struct HttpMap {
        /// The path, beginning with `/`.
        path: HttpPath,
        /// Extra request headers.
        headers: BTreeMap<String, String>,
    }
}

/// A command as a list, or one line for the shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine(pub(crate) Vec<String>);

/// Any scalar as the text it was written as.
#[derive(Debug, Clone, PartialEq)]
pub struct EnvValue(pub(crate) Placed<String>);

/// Environment variables that were looked at; their texts come from where references are replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvFile;

impl Read for HttpFile {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        if let Data::Scalar(_) = &value.data {
            let path = HttpPath::read(value, reader)?;
            return Some(Self(HttpMap { path, headers: BTreeMap::new() }));
        }
        HttpMap::read(value, reader).map(Self)
    }

    fn shape(book: &mut Book) -> Shape {
        Book::either(&HttpPath::shape(book), &HttpMap::shape(book))
    }
}

impl Read for CommandLine {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let words = match &value.data {
            Data::List(_) => {
                let words: Vec<EnvValue> = Vec::read(value, reader)?;
                words.into_iter().map(|word| word.0.value).collect()
            }
            Data::Scalar(_) => {
                let line = super::super::read::text_of(value, reader, "a command: a list or one line for the shell")?;
                if line.trim().is_empty() { Vec::new() } else { vec!["/bin/sh".into(), "-c".into(), line.to_owned()] }
            }
            Data::Removed | Data::Map(_) => {
                reader.expected(value, "a command: a list or one line for the shell");
                return None;
            }
        };
        if words.first().is_none_or(String::is_empty) {
            reader.wrong(
                value,
                "a command needs a program",
                "write `[\"./serve\", \"--port\", \"${PORT}\"]` or one line for the shell",
            );
            return None;
        }
        Some(Self(words))
    }

    fn shape(book: &mut Book) -> Shape {
        let word = EnvValue::shape(book).json;
        let about = "A program with its arguments as a list, or one line for `/bin/sh -c`.";
        let json = json!({ "anyOf": [{ "type": "string", "minLength": 1 }, { "type": "array", "items": word, "minItems": 1 }] });
        book.simple("command line", about, json)
    }
}

impl Read for EnvValue {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let scalar = super::super::read::scalar_of(value, reader, "a text, a number or a truth value")?;
        Some(Self(Placed { value: scalar.text().to_owned(), label: value.origin }))
    }

    fn shape(_: &mut Book) -> Shape {
        Shape {
            words: "text, number or truth value".to_owned(),
            json: json!({ "type": ["string", "number", "boolean"] }),
        }
    }
}

impl Read for EnvFile {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let is_text = |value: &Value| matches!(&value.data, Data::Scalar(scalar) if scalar.kind != ScalarKind::Null);
        // There may be very many, and nearly always all are right.
        let sound = |map: &Members| {
            map.iter().all(|(name, member)| member.value.is_removed() || is_env_name(name) && is_text(&member.value))
        };
        if value.as_map().is_some_and(sound) {
            return Some(Self);
        }
        BTreeMap::<EnvName, EnvValue>::read(value, reader).map(|_| Self)
    }

    fn absent() -> Option<Self> {
        Some(Self)
    }

    fn shape(book: &mut Book) -> Shape {
        BTreeMap::<EnvName, EnvValue>::shape(book)
    }
}

impl ProbesFile {
    /// Returns the probes as the runtime wants them.
    pub fn probes(&self) -> Probes {
        let probe = |file: &Option<ProbeFile>| file.as_ref().map(ProbeFile::probe);
        Probes { startup: probe(&self.startup), readiness: probe(&self.readiness), liveness: probe(&self.liveness) }
    }
}

impl ProbeFile {
    fn probe(&self) -> Probe {
        let action = match (&self.http, &self.command) {
            (Some(HttpFile(http)), _) => ProbeAction::Http { path: http.path.0.clone(), headers: http.headers.clone() },
            (None, Some(command)) => ProbeAction::Command { command: command.0.clone() },
            (None, None) => ProbeAction::Tcp,
        };
        Probe {
            action,
            initial_delay: self.initial_delay,
            period: self.period,
            timeout: self.timeout,
            failure_threshold: self.failure_threshold.get(),
            success_threshold: self.success_threshold.get(),
        }
    }
}

impl ResourcesFile {
    /// Returns the limits as the runtime wants them.
    pub fn resources(&self) -> Resources {
        Resources { cpu: self.cpu, memory: self.memory }
    }
}
