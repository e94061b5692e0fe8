//! Whatever the files say, the project made of them validates and holds no secret.

use proptest::{collection::vec, prelude::*, sample::select};

use super::super::{Choices, File, Kind, read};

const SECRET: &str = "hunter2-never-written";

/// Lines that mean something to one of the readers, and some that mean something only together.
const LINES: &[&str] = &[
    "A=1",
    "B=${A}",
    "A=${B}",
    "C=$A ${MISSING} ${X:-${B}}",
    "PORT=1",
    "HERE=${PORT}",
    "D='a",
    "E=\"x",
    "'",
    "\"",
    "F=${A",
    "G=${A:+x}",
    "H=$$",
    "I=true",
    "J=01",
    "K=1.5",
    "L={\"a\":1}",
    "M=${DB_PASSWORD}",
    "N=x hunter2-never-written y",
    "# hunter2-never-written",
    "TOWPATH_X=1",
    "é=1",
    "a.b=1",
    "export O",
    "P=\t#",
    "Q=yes",
    "R=~",
    "S=0x10",
    "T=1e5",
    "U=-",
    "services:",
    "  web:",
    "  api:",
    "    build: .",
    "    build: ./api",
    "    image: x:1",
    "    command: run 80 ${A:-b} $$C",
    "    command: [a, '${B}', hunter2-never-written]",
    "    ports: ['8080:80', '9:9/udp', x]",
    "    environment:",
    "      A: ${A:-${B}}",
    "      A: ${A}",
    "      B: 2",
    "      DB_PASSWORD: hunter2-never-written",
    "      Q:",
    "    environment: [A=3, B, 'C=${A}', 'M=$DB_PASSWORD']",
    "    deploy: {replicas: 0}",
    "    deploy: {replicas: -1}",
    "    healthcheck: {test: [CMD, curl, 'http://localhost:80/x y'], interval: 0s, retries: 0}",
    "    healthcheck: {test: 'true', interval: 3s}",
    "    stop_grace_period: 1x",
    "    mem_limit: 1g",
    "    profiles: [x]",
    "kind: Deployment",
    "metadata: {name: web}",
    "metadata: {name: API_1}",
    "---",
    "kind: ConfigMap",
    "data: {A: '${x}', B: ''}",
    "spec: {replicas: 2, template: {spec: {containers: [{name: a, image: i, command: ['$(A)', '$(PORT)'], env: [{name: A, value: '$(B)'}], envFrom: [{configMapRef: {name: web}}]}]}}}",
    "spec: {template: {spec: {containers: [{name: a, livenessProbe: {httpGet: {path: x y}}, resources: {limits: {cpu: 1u, memory: 1Gi}}}]}}}",
    "kind: Ingress",
    "spec: {rules: [{host: 'a b'}]}",
    "spec: {rules: [{host: a.example}]}",
    "kind: Secret",
    "stringData: {A: hunter2-never-written, Z: z}",
    "resources: [web.yaml, ../base]",
    "configMapGenerator: [{name: web, literals: [A=1, X]}]",
    "patches: [{patch: 'spec: null', target: {kind: Deployment}}]",
    "spring: {profiles: prod}",
    "a: {b-c: [1, '${d.e:f}'], g: }",
    "replicaCount: 2",
    "image: {repository: r, tag: ''}",
    "env: {A: 5, B: '$x'}",
    "ingress: {enabled: true, hosts: [x y]}",
    "web: python3 $PORT",
    "web:",
    "bad line",
    "worker: go",
];

const PATHS: &[&str] = &[
    ".env",
    ".env.production",
    ".env.local",
    ".env.example",
    "compose.yaml",
    "compose.prod.yaml",
    "compose.override.yml",
    "k8s/web.yaml",
    "k8s/staging/web.yaml",
    "base/kustomization.yaml",
    "base/web.yaml",
    "overlays/x/kustomization.yaml",
    "overlays/prod/kustomization.yaml",
    "application.yml",
    "application-prod.properties",
    "chart/values.yaml",
    "chart/values-dev.yaml",
    "Procfile",
    "package.json",
];

fn files() -> impl Strategy<Value = Vec<(&'static str, Vec<String>)>> {
    let line = prop_oneof![9 => select(LINES).prop_map(str::to_owned), 1 => "\\PC{0,12}"];
    vec((select(PATHS), vec(line, 0..14)), 1..5)
}

proptest! {
    #[test]
    fn whatever_files_say_the_project_validates_and_holds_no_secret(files in files()) {
        let mut all = vec![File { path: ".env.development".into(), text: format!("DB_PASSWORD={SECRET}\n") }];
        for (path, lines) in files {
            if all.iter().all(|file| file.path != path) {
                all.push(File { path: path.to_owned(), text: lines.join("\n") });
            }
        }
        let chosen = all.iter().map(|file| file.path.clone()).collect();
        let imported = read(&all, &chosen);
        let prefer = Kind::ALL.into_iter().map(|(_, kind)| kind).collect();
        let choices = Choices { name: "shop".to_owned(), prefer, ..Choices::default() };
        let settled = imported.settle(&choices).expect("every tool is preferred to the next");
        prop_assert!(settled.mistakes.is_empty(), "{:#?}\n{}", settled.mistakes, settled.all());
        prop_assert!(!settled.all().contains(SECRET), "{}", settled.all());
        let told = format!("{:?}", settled.notes);
        prop_assert!(!told.contains(SECRET), "{}", told);
    }
}
