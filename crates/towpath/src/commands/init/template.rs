//! The files of a new project.

/// What the user said.
#[derive(Debug)]
pub(super) struct Answers {
    pub(super) name: String,
    pub(super) service: String,
    /// What starts the service; without it a page is served by python3.
    pub(super) command: Option<String>,
}

/// Returns path and text of each file to write.
pub(super) fn files(answers: &Answers) -> Vec<(String, String)> {
    let Answers { name, service, command } = answers;
    let page = command.is_none();
    let (command, artifacts) = match command {
        // JSON's strings are YAML's double-quoted ones.
        Some(command) => (serde_json::Value::from(command.as_str()).to_string(), String::new()),
        None => (
            r#"["python3", "-m", "http.server", "${PORT}", "--bind", "127.0.0.1"]"#.to_owned(),
            format!(
                "# What a release takes along: the files of a folder, by name. A service runs in the artifact of its name.\nartifacts:\n  {service}: site\n\n"
            ),
        ),
    };
    let project = format!(
        "\
project: {name}

# Who takes part. `towpath --as NAME …` acts as one of them.
# people:
#   ana: {{roles: [developer]}}
#   ben: {{roles: [tech-lead]}}

{artifacts}services:
  {service}:
    # `${{PORT}}` is the port that the instance has to listen on.
    command: {command}

# The order in which a release travels. A new release enters the first environment by itself.
pipeline: [development, staging, production]
"
    );
    let mut files = vec![
        ("towpath.yaml".to_owned(), project),
        ("environments/base.yaml".to_owned(), base(service)),
        ("environments/development.yaml".to_owned(), "description: where people try things\n".to_owned()),
        ("environments/staging.yaml".to_owned(), "description: where a release is rehearsed\n".to_owned()),
        ("environments/production.yaml".to_owned(), production(service)),
    ];
    if page {
        files.push((
            "site/index.html".to_owned(),
            format!("<!doctype html>\n<title>{name}</title>\n<h1>{name}</h1>\n<p>It works.</p>\n"),
        ));
    }
    files
}

fn base(service: &str) -> String {
    format!(
        "\
# Holds in every environment unless one of the files beside this says otherwise.
services:
  {service}:
    replicas: 1
    probes:
      readiness: {{http: /, period: 1s}}
deployment:
  strategy: rolling
  progress_deadline: 1m
verification:
  - {{name: answers, http: {{service: {service}, path: /}}}}
"
    )
}

fn production(service: &str) -> String {
    format!(
        "\
description: where users are
services:
  {service}:
    replicas: 2
    # Where users find it. Without it the proxy takes a free port; `towpath status` says which.
    # listen: 127.0.0.1:8080
deployment:
  # Each step sends more of the traffic to the new release and goes on only if it does well.
  strategy:
    canary:
      steps:
        - weight: 10%
        - pause: 10s
        - weight: 50%
        - pause: 10s
# gates:
#   approvals: {{required: 1, roles: [tech-lead]}}
#   soak: 1h
"
    )
}
