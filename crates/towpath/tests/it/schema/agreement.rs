//! `towpath env validate` and an independent validator say the same of the same files.

use std::{
    fs,
    io::Write as _,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use super::{repository_file, tools};
use crate::project::Project;

/// What both say of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    Valid,
    Invalid,
    /// Wrong, but JSON Schema cannot say so, for this reason.
    Beyond(&'static str),
}
use Verdict::{Beyond, Invalid, Valid};

const PROJECT: &str = "project: shop
people: {ana: {roles: [tech-lead]}}
services: {web: {command: ./serve}}
variables:
  LEVEL: {type: enum, values: [low, high, '1']}
  COUNT: {type: int, min: 1, max: 9}
  RATIO: float
  ON: bool
  SITE: url
  MAIL: email
  WAIT: duration
  SIZE: bytes
  PORT_OF_DB: port
  CODE: {pattern: '[a-z]{3}'}
  SHORT: {min: 2, max: 4}
  ANY: json
  TEXT: string
pipeline: [production]
";

/// Files of an environment, laid over the project above.
const ENVIRONMENTS: &[(Verdict, &str)] = &[
    (Valid, ""),
    (Valid, "tier: production"),
    (Invalid, "tier: prod"),
    (Invalid, "tier: 1"),
    (Invalid, "teir: production"),
    (Valid, "extends: base"),
    (Invalid, "extends: stagin"),
    (Beyond("a cycle is seen only by following it"), "extends: production"),
    (Valid, "aliases: [live, prod-eu]"),
    (Invalid, "aliases: [Live]"),
    (Invalid, "aliases: live"),
    (Valid, "description: ~"),
    (Valid, "secrets: {from: [files, store, environment]}"),
    (Valid, "secrets: {from: [{vault: {path: a/b}}, {environment: {prefix: A_}}, {command: {run: [x]}}]}"),
    (Invalid, "secrets: {from: store}"),
    (Invalid, "secrets: {from: [file]}"),
    (Invalid, "secrets: {from: [{vault: {}, environment: {prefix: A_}}]}"),
    (Valid, "secrets: {key: {age: {}}, data_key: {rotate_every: 30d}}"),
    (Invalid, "secrets: {key: {age: {}, passphrase: {variable: P}}}"),
    (Invalid, "secrets: {key: {passphrase: {variable: 9}}}"),
    (Valid, "secrets: {sync: [{github: {repository: a/b}}, {kubernetes: {secret: s}}]}"),
    (Invalid, "secrets: {sync: [{vercel: {project: p, targets: [prod]}}]}"),
    (Invalid, "description: 5"),
    (Valid, "url: https://example.org"),
    (Invalid, "url: example.org"),
    (Invalid, "apiUrl: https://example.org"),
    (Valid, "namespace: shop-1"),
    (Invalid, "namespace: Shop"),
    (Invalid, "namespace: -shop"),
    (
        Beyond("two keys of different sections"),
        "namespace: a\ninfrastructure: {provider: aws, kubernetes: {cluster_name: c, namespace: b}}",
    ),
    // Services.
    (Valid, "services: {web: {replicas: 3, listen: 8080}}"),
    (Valid, "services: {web: {listen: '127.0.0.1:80'}}"),
    (Valid, "services: {web: {listen: '[::1]:80'}}"),
    (Invalid, "services: {web: {listen: localhost}}"),
    (Invalid, "services: {web: {listen: 70000}}"),
    (Invalid, "services: {web: {replicas: -1}}"),
    (Invalid, "services: {web: {replicas: 1.5}}"),
    (Invalid, "services: {web: {replicas: many}}"),
    (Invalid, "services: {web: {replcias: 1}}"),
    (Invalid, "services: [web]"),
    (Invalid, "services: {Web: {command: x}}"),
    (Beyond("only all layers together know that nothing starts it"), "services: {api: {replicas: 1}}"),
    (Valid, "services: {api: {image: 'a:1'}}"),
    (Invalid, "services: {web: {command: []}}"),
    (Invalid, "services: {web: {command: ''}}"),
    (Valid, "services: {web: {command: [./serve, 1, true]}}"),
    (Valid, "services: {web: {command: !append [--verbose]}}"),
    (Valid, "services: {web: {env: {A: 1, B: true, C: text, D: ~}}}"),
    (Invalid, "services: {web: {env: {A: [1]}}}"),
    (Valid, "services: {web: {resources: {cpu: 500m, memory: 256Mi}}}"),
    (Valid, "services: {web: {resources: {cpu: 0.5, memory: 1000}}}"),
    (Invalid, "services: {web: {resources: {cpu: lots}}}"),
    (Invalid, "services: {web: {resources: {memory: 5Q}}}"),
    (Valid, "services: {web: {stop_grace: 1h30m, drain: 0}}"),
    (Invalid, "services: {web: {stop_grace: 10}}"),
    (Invalid, "services: {web: {stop_grace: soon}}"),
    (Valid, "services: {web: {probes: {readiness: {http: /health, period: 1s}}}}"),
    (Valid, "services: {web: {probes: {readiness: {http: {path: /health, headers: {A: b}}}}}}"),
    (Invalid, "services: {web: {probes: {readiness: {http: health}}}}"),
    (Invalid, "services: {web: {probes: {readiness: {http: /a, tcp: true}}}}"),
    (Invalid, "services: {web: {probes: {readiness: {tcp: true, command: x}}}}"),
    (Beyond("a lower layer may say which way"), "services: {web: {probes: {readiness: {period: 1s}}}}"),
    (
        Beyond("a duration of no length has many spellings"),
        "services: {web: {probes: {readiness: {http: /, period: 0s}}}}",
    ),
    (Invalid, "services: {web: {probes: {start: {tcp: true}}}}"),
    (Invalid, "services: {web: {probes: {liveness: {http: /, failure_threshold: 0}}}}"),
    (Valid, "services: {web: {autoscaling: {max: 3}}}"),
    (Beyond("two numbers are compared"), "services: {web: {autoscaling: {min: 4, max: 3}}}"),
    (Invalid, "services: {web: {autoscaling: {max: 0}}}"),
    (Invalid, "services: {web: {autoscaling: {max: 3, target_cpu: 101}}}"),
    // References.
    (Valid, "services: {web: {replicas: '${COUNT}', listen: '${PORT_OF_DB}'}}\nvariables: {COUNT: 3, PORT_OF_DB: 80}"),
    (Valid, "url: https://${TEXT:-example.org}\naccess: ${TEXT:-open}\nfeatures: {a: '${ON:-true}'}"),
    (Valid, "resources: {db: {storage: '${SIZE:-1Gi}'}}\nsecurity: {ip_allow_list: ['${CODE:-10.0.0.1}']}"),
    (Beyond("only resolving knows what a reference becomes"), "url: ${TEXT:-example.org}"),
    (Beyond("only resolving knows what a reference becomes"), "services: {web: {replicas: '${TEXT:-many}'}}"),
    (Invalid, "tier: ${TEXT:-production}"),
    // Variables.
    (Valid, "variables: {LEVEL: low, COUNT: 3, RATIO: 0.5, ON: true, SITE: 'https://a.b', MAIL: a@b.c}"),
    (Valid, "variables: {LEVEL: 1, COUNT: '3', ON: 'false', WAIT: 1h, SIZE: 5Mi, PORT_OF_DB: 80, CODE: abc}"),
    (Valid, "variables: {SITE: 'https://${TEXT}', COUNT: '${TEXT}', TEXT: 5, ANY: [1, {a: b}]}"),
    (Valid, "variables: {LEVEL: ~}"),
    (Invalid, "variables: {LEVEL: middle}"),
    (Invalid, "variables: {COUNT: 10}"),
    (Invalid, "variables: {COUNT: many}"),
    (Beyond("the range of a number that is written as a text"), "variables: {COUNT: '10'}"),
    (Invalid, "variables: {ON: maybe}"),
    (Invalid, "variables: {SITE: example.org}"),
    (Invalid, "variables: {MAIL: nobody}"),
    (Invalid, "variables: {WAIT: 5}"),
    (Invalid, "variables: {SIZE: big}"),
    (Invalid, "variables: {PORT_OF_DB: 0}"),
    (Invalid, "variables: {PORT_OF_DB: 70000}"),
    (Invalid, "variables: {CODE: abcd}"),
    (Invalid, "variables: {SHORT: a}"),
    (Invalid, "variables: {SHORT: abcde}"),
    (Invalid, "variables: {TEXT: [a]}"),
    (Invalid, "variables: {LEVLE: low}"),
    (Invalid, "variables: [LEVEL]"),
    // Deployment.
    (Valid, "deployment: {strategy: canary}"),
    (Invalid, "deployment: {strategy: bluegreen}"),
    (Valid, "deployment: {strategy: {blue-green: {keep_old: 5m, analysis: {max_error_rate: 1%}}}}"),
    (Invalid, "deployment: {strategy: {rolling: {}, canary: {}}}"),
    (Beyond("two numbers together"), "deployment: {strategy: {rolling: {max_surge: 0}}}"),
    (Valid, "deployment: {strategy: {canary: {steps: [{weight: 10}, {pause: manual}, {weight: 50%}, {analysis: ~}]}}}"),
    (Invalid, "deployment: {strategy: {canary: {steps: [{weight: 10, pause: 5s}]}}}"),
    (Invalid, "deployment: {strategy: {canary: {steps: [{weight: 101}]}}}"),
    (
        Beyond("numbers of several items are compared"),
        "deployment: {strategy: {canary: {steps: [{weight: 50}, {weight: 10}]}}}",
    ),
    (Invalid, "deployment: {strategy: {canary: {steps: [{pause: soon}]}}}"),
    (Invalid, "deployment: {strategy: {canary: {steps: [{analysis: {max_error_rate: 1}}]}}}"),
    (Valid, "deployment: {health_check: {path: /health, interval: 30s, timeout: 5s}}"),
    (Invalid, "deployment: {healthCheckPath: /health}"),
    (Valid, "deployment: {rollback: {enabled: true, automatic: false, timeout: 5m}}"),
    (Invalid, "deployment: {rollback: {timeout: 5}}"),
    (Beyond("two keys together"), "deployment: {rollback: {enabled: false, automatic: true}}"),
    // Gates and verification.
    (Valid, "gates: {approvals: {required: 2, roles: [tech-lead]}, checklist: [a], soak: 1h}"),
    (Valid, "gates: {approvals: ~}"),
    (Invalid, "gates: {approvals: {required: 0}}"),
    (Invalid, "gates: {checklist: [1]}"),
    (Valid, "gates: {windows: {freeze: [{cron: '0 16 * * FRI', duration: 2d, timezone: Europe/Berlin}]}}"),
    (Valid, "gates: {windows: {freeze: [{from: 2026-12-24T00:00:00Z, to: 2026-12-27T00:00:00+01:00}]}}"),
    (Invalid, "gates: {windows: {freeze: [{from: tomorrow, to: 2026-12-27T00:00:00Z}]}}"),
    (Invalid, "gates: {windows: {freeze: [{cron: '0 16 * * FRI', duration: 2d, from: 2026-12-24T00:00:00Z}]}}"),
    (
        Beyond("the list of time zones is the machine's"),
        "gates: {windows: {freeze: [{cron: '0 16 * * FRI', duration: 2d, timezone: Mars/Base}]}}",
    ),
    (Beyond("a crontab has a grammar of its own"), "gates: {windows: {freeze: [{cron: '* * *', duration: 2d}]}}"),
    (Valid, "verification: [{name: a, http: {service: web}}, {name: b, command: x, retries: 2}]"),
    (Valid, "verification: !merge-by:name [{name: a, http: {service: web, status: 204}}]"),
    (Invalid, "verification: [{name: a, http: {service: wbe}}]"),
    (Invalid, "verification: [{name: a, http: {service: web}, command: x}]"),
    (Invalid, "verification: [{name: a, http: {service: web, status: ok}}]"),
    // Surroundings.
    (Valid, "infrastructure: {provider: on-premise, region: eu, vpc_id: v, subnet_ids: [a]}"),
    (Invalid, "infrastructure: {provider: gpc}"),
    (
        Valid,
        "resources: {workers: {min_replicas: 1, max_replicas: 2, cpu: '1', storage: 1Gi}, database: {backup_retention: 30d}}",
    ),
    (Invalid, "resources: {database: {backup_retention: 30}}"),
    (Invalid, "resources: {database: {size: 30}}"),
    (Beyond("two numbers are compared"), "resources: {workers: {min_replicas: 3, max_replicas: 2}}"),
    (Valid, "data: mock"),
    (Valid, "data: {class: anonymised, copied_from: production}"),
    (Invalid, "data: fake"),
    (Invalid, "data: {class: anonymised, copied_from: moon}"),
    (Valid, "access: open"),
    (Invalid, "access: closed"),
    (Invalid, "access: roles"),
    (Valid, "access: {mode: roles, roles: [tech-lead]}"),
    (Beyond("one key needs another, which a lower layer may have"), "access: {mode: roles}"),
    (Valid, "access: {mode: basic-auth, credentials: TEXT}"),
    (Invalid, "access: {mode: basic-auth, credentials: not-a-name}"),
    (Valid, "sla: {uptime: 99.95%, p95: 300ms, error_rate: 0.1%}"),
    (Invalid, "sla: {uptime: 101%}"),
    (Invalid, "sla: {uptime: 99.9}"),
    (Invalid, "sla: {error_rate: 0.001%}"),
    (Valid, "alerts: {channels: [slack, email], cpu: 80, memory: 85%, restarts_per_hour: 3}"),
    (Invalid, "alerts: {channels: [pigeon]}"),
    (Invalid, "alerts: {cpu: 120%}"),
    (Valid, "backups: {strategy: full, every: 1d, retention: {daily: 3}}"),
    (Invalid, "backups: {strategy: some}"),
    (Invalid, "backups: {retention: {daily: -1}}"),
    (Beyond("four numbers together"), "backups: {retention: {daily: 0, weekly: 0, monthly: 0, yearly: 0}}"),
    (Valid, "budget: {monthly: 99.50, currency: USD, alert_at: [50, 100%]}"),
    (Invalid, "budget: {monthly: -1}"),
    (Invalid, "budget: {monthly: 1, currency: euro}"),
    (Beyond("a lower layer may say how much"), "budget: {currency: EUR}"),
    (Valid, "autoscaling: {min: 2, max: 10, scale_up_threshold: 80, scale_down_threshold: 40}"),
    (Beyond("two numbers are compared"), "autoscaling: {max: 10, scale_up_threshold: 40, scale_down_threshold: 80}"),
    (Valid, "security: {network_policy: private, mfa: required, sessions: {idle_timeout: 30m}}"),
    (Invalid, "security: {network_policy: closed}"),
    (Invalid, "security: {mfa: 'yes'}"),
    (Invalid, "security: {sessions: {idle_timeout: 30}}"),
    (Beyond("two durations are compared"), "security: {sessions: {idle_timeout: 30m, max_age: 10m}}"),
    (Valid, "security: {ip_allow_list: [10.0.0.0/8, '::1', 192.0.2.7]}"),
    (Invalid, "security: {ip_allow_list: [10.0.0.0/33]}"),
    (Invalid, "security: {ip_allow_list: [office]}"),
    (Beyond("bits behind the prefix"), "security: {ip_allow_list: [10.0.0.1/8]}"),
    (Valid, "security: {geo_blocking: {allow: [DE, NO]}}"),
    (Invalid, "security: {geo_blocking: {allow: [XX]}}"),
    (Invalid, "security: {geo_blocking: {allow: [de]}}"),
    (Invalid, "security: {geo_blocking: {allow: [DE], block: [US]}}"),
    (Invalid, "security: {geo_blocking: {allow: []}}"),
    (Valid, "security: {rate_limits: [{requests: 10, per: 1s, by: user}]}"),
    (Invalid, "security: {rate_limits: [{requests: 0}]}"),
    (Valid, "security: {encryption: {at_rest: true}, compliance: {standards: [GDPR], data_retention: 1d}}"),
    (Invalid, "security: {encryption: {at_rest: 1}}"),
    (Invalid, "security: {authentication: {method: password}}"),
    (Valid, "observability: {logging: {level: debug, format: pretty}, tracing: {sample_rate: 1}}"),
    (Invalid, "observability: {logging: {level: trace}}"),
    (Invalid, "observability: {tracing: {sample_rate: 1.5}}"),
    (Invalid, "observability: {metrics: {interval: 15}}"),
    (Valid, "features: {a: true, B_c: false}"),
    (Invalid, "features: {a: 'on'}"),
    (Invalid, "- a\n- b"),
];

/// Project files, with an environment that says nothing.
const PROJECTS: &[(Verdict, &str)] = &[
    (Valid, "project: shop\npipeline: [production]\n"),
    (Valid, "project: shop\npipeline: {production: {deploy: automatic}}\nservices: ~\n"),
    (Invalid, "pipeline: [production]\n"),
    (Invalid, "project: shop\n"),
    (Invalid, "project: Shop\npipeline: [production]\n"),
    (Invalid, "project: shop\npipeline: [prodution]\n"),
    (Invalid, "project: shop\npipeline: production\n"),
    (Invalid, "project: shop\npipeline: {production: {deploy: sometimes}}\n"),
    (Invalid, "project: shop\npipeline: {production: {before: a}}\n"),
    (Invalid, "project: shop\npipeline: [production]\nservcies: {}\n"),
    (Invalid, "project: shop\npipeline: [production]\npeople: {ana: {roles: dev}}\n"),
    (Invalid, "project: shop\npipeline: [production]\npeople: {Ana: {roles: [dev]}}\n"),
    (Valid, "project: shop\npipeline: [production]\npeople: {ana: }\nartifacts: {web: ./dist}\n"),
    (Invalid, "project: shop\npipeline: [production]\nartifacts: {web: ../dist}\n"),
    (Invalid, "project: shop\npipeline: [production]\nartifacts: {web: /dist}\n"),
    (Valid, "project: shop\npipeline: [production]\nvariables: {A: int, B: {type: enum, values: [x]}, C: }\n"),
    (Invalid, "project: shop\npipeline: [production]\nvariables: {A: sting}\n"),
    (Invalid, "project: shop\npipeline: [production]\nvariables: {A: enum}\n"),
    (Invalid, "project: shop\npipeline: [production]\nvariables: {PORT: int}\n"),
    (Invalid, "project: shop\npipeline: [production]\nvariables: {a-b: int}\n"),
    (Invalid, "project: shop\npipeline: [production]\nvariables: {A: {secret: 1}}\n"),
    (Invalid, "project: shop\npipeline: [production]\nvariables: {A: {required_in: [prodution]}}\n"),
    (Beyond("one key needs another"), "project: shop\npipeline: [production]\nvariables: {A: {type: enum}}\n"),
    (
        Beyond("regular expressions have a grammar"),
        "project: shop\npipeline: [production]\nvariables: {A: {pattern: '('}}\n",
    ),
    (Invalid, "project: shop\npipeline: [production]\nservices: {web: {command: x, replicas: no}}\n"),
];

/// Runs the validator over schemas with texts; returns the mistakes of each.
fn judge(jobs: &[(Value, String)]) -> Option<Vec<Vec<String>>> {
    let packages = tools::python()?;
    let jobs: Vec<Value> = jobs.iter().map(|(schema, text)| json!({ "schema": schema, "text": text })).collect();
    let mut python = Command::new("python3")
        .args(["-c", include_str!("validate.py")])
        .env("PYTHONPATH", packages)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(&serde_json::to_vec(&jobs).unwrap()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

fn schema(project: &Project, kind: &str) -> Value {
    serde_json::from_str(&project.ok(&format!("schema {kind}"))).unwrap()
}

/// Checks each file of the table against what Towpath and the validator say of it.
fn agree(table: &[(Verdict, &str)], kind: &str, files: impl Fn(&str) -> [(&'static str, String); 2]) {
    let project = Project::empty();
    let mut jobs = Vec::new();
    let mut ours = Vec::new();
    for (_, text) in table {
        for (path, text) in files(text) {
            project.write(path, &text);
        }
        ours.push(project.run("env validate"));
        // A file that is wrong must not keep the schema from being made.
        jobs.push((schema(&project, kind), (*text).to_owned()));
    }
    let Some(theirs) = judge(&jobs) else { return };
    let mut disagreements = Vec::new();
    for (((verdict, text), ours), theirs) in table.iter().zip(&ours).zip(&theirs) {
        let expected = match verdict {
            Valid => (true, true),
            Invalid => (false, false),
            Beyond(_) => (false, true),
        };
        if (ours.exit == 0, theirs.is_empty()) != expected {
            disagreements.push(format!("{verdict:?}: {text}\n{}{theirs:#?}", ours.err));
        }
    }
    assert!(disagreements.is_empty(), "{}", disagreements.join("\n\n"));
}

#[test]
fn environments_are_judged_alike() {
    assert!(ENVIRONMENTS.len() > 150);
    agree(ENVIRONMENTS, "environment", |text| {
        [("towpath.yaml", PROJECT.to_owned()), ("environments/production.yaml", text.to_owned())]
    });
}

#[test]
fn projects_are_judged_alike() {
    agree(PROJECTS, "project", |text| {
        [("towpath.yaml", text.to_owned()), ("environments/production.yaml", String::new())]
    });
}

#[test]
fn what_we_write_and_show_is_valid_under_its_own_schemas_and_under_those_of_every_project() {
    let written = Project::empty();
    written.ok("init --name shop --command './serve ${PORT}'");
    let page = Project::empty();
    page.ok("init --name shop");
    let mut jobs = Vec::new();
    for project in [written, page, Project::example(), Project::small(), guide()] {
        project.ok("env validate");
        for general in ["", " --general"] {
            let schema = |kind: &str| schema(&project, &format!("{kind}{general}"));
            let (of_project, of_environment) = (schema("project"), schema("environment"));
            jobs.push((of_project, project.read("towpath.yaml")));
            for file in fs::read_dir(project.file("environments")).unwrap() {
                jobs.push((of_environment.clone(), fs::read_to_string(file.unwrap().path()).unwrap()));
            }
        }
    }
    let Some(mistakes) = judge(&jobs) else { return };
    for ((_, text), mistakes) in jobs.iter().zip(mistakes) {
        assert_eq!(mistakes, Vec::<String>::new(), "{text}");
    }
}

/// The project of the guide's chapter on configuration, with the whole example of the reference beside it.
fn guide() -> Project {
    let project = Project::empty();
    let chapter = repository_file("docs/src/configuration.md");
    let blocks = chapter.split("```yaml\n").skip(1).filter_map(|block| block.split_once("```"));
    for (block, _) in blocks {
        let Some(path) = block.lines().next().and_then(|line| line.strip_prefix("# ")) else { continue };
        project.write(path, block);
    }
    project.write("environments/development.yaml", "");
    let example = repository_file("crates/towpath-core/src/config/schema/example.yaml");
    let example = example.replace("aliases: [live]", "aliases: [whole]");
    project.write("environments/whole.yaml", &(example + "variables: {API_URL: 'https://a.b'}\n"));
    project
}
