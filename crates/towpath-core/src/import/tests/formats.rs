//! Tests of each format that is read.

use super::{Outcome, project};
use crate::import::{
    convert::{Dialect, duration, memory, plain, references, shell_words, with_empty_default, with_port},
    dotenv::parse,
    kind_of, references as named_files,
    sources::{File, joined_path},
    spring,
};

#[test]
fn dotenv_lines_mean_what_the_common_readers_say() {
    let cases = [
        ("A=1", "1"),
        ("A = 1 ", "1"),
        ("export A=1", "1"),
        ("A=", ""),
        ("A=a b", "a b"),
        ("A=a # c", "a"),
        ("A=a#c", "a#c"),
        ("A='a # b' # c", "a # b"),
        ("A='it\\'s'", "it's"),
        ("A=\"a\\nb\\t\\\"c\\\"\"", "a\nb\t\"c\""),
        ("A='a\\nb'", "a\\nb"),
        ("A=a\\nb", "a\\nb"),
        ("A=\"one\ntwo\"", "one\ntwo"),
        ("A=\"one\r\ntwo\"\r\n", "one\ntwo"),
        ("\u{feff}A=1\r\n", "1"),
        ("A=`a \"b\" 'c'`", "a \"b\" 'c'"),
        ("A=$5", "$5"),
        ("A='${B}'", "${B}"),
        ("A=\"\\${B}\"", "${B}"),
        ("A=ünï", "ünï"),
        ("A=a=b==", "a=b=="),
        ("A=[1, \"x\"]", "[1, \"x\"]"),
    ];
    for (line, wanted) in cases {
        let (entries, problems) = parse(line);
        assert_eq!(problems, [], "{line:?}");
        assert_eq!(entries.len(), 1, "{line:?}");
        assert_eq!(plain(entries[0].value.as_deref().unwrap()).as_deref(), Some(wanted), "{line:?}");
    }
}

#[test]
fn dotenv_lines_that_are_broken_are_named_and_the_rest_goes_on() {
    let (entries, problems) = parse("A='open\nB=2\n!!\n1 x=\nC=\"x\" y\nD=4");
    let names: Vec<(&str, u32)> = entries.iter().map(|entry| (entry.name.as_str(), entry.line)).collect();
    assert_eq!(names, [("B", 2), ("D", 6)]);
    assert_eq!(problems.iter().map(|problem| problem.line).collect::<Vec<_>>(), [1, 3, 4, 5]);
}

#[test]
fn the_last_of_two_lines_holds_and_the_first_is_named() {
    let settled = project("=== .env\nA=1\nA=2\n");
    assert_eq!(settled.value("production", "A"), "2");
    assert_eq!(settled.why("`A`"), [(Outcome::Left, ".env:1 line 2 says it again, and the last one holds".to_owned())]);
}

#[test]
fn more_special_env_files_win() {
    let settled = project(
        "
        === .env
        A=1
        B=1
        C=1
        D=1
        === .env.development.local
        D=4
        === .env.local
        C=3
        D=3
        === .env.dev
        B=2
        C=2
        D=2
        === .env.docker
        A=9
        ",
    );
    let values: Vec<String> = ["A", "B", "C", "D"].iter().map(|name| settled.value("development", name)).collect();
    assert_eq!(values, ["1", "2", "3", "4"]);
    assert_eq!(settled.value("production", "D"), "1");
    assert!(settled.why("the file")[0].1.starts_with(".env.docker "));
}

#[test]
fn references_of_each_tool_become_ours() {
    let cases = [
        (Dialect::Dotenv, "a${B}c", Ok("a${B}c")),
        (Dialect::Dotenv, "$B", Ok("$$B")),
        (Dialect::Dotenv, "${B-x}", Ok("${B:-x}")),
        (Dialect::Dotenv, "${B:-${C:-d}}", Ok("${B:-${C:-d}}")),
        (Dialect::Dotenv, "${B:+x}", Err(())),
        (Dialect::Dotenv, "${B", Ok("$${B")),
        (Dialect::Compose, "$B-${C:?why}", Ok("${B}-${C}")),
        (Dialect::Compose, "$$B $", Ok("$$B $$")),
        (Dialect::Kubernetes, "$(B) $$(C) $D $(e f)", Ok("${B} $$(C) $$D $$(e f)")),
        (Dialect::Spring, "${db.host:local}/${X}", Ok("${DB_HOST:-local}/${X}")),
        (Dialect::Literal, "${B}", Ok("$${B}")),
    ];
    for (dialect, text, wanted) in cases {
        assert_eq!(references(text, dialect).map_err(|_| ()), wanted.map(str::to_owned), "{dialect:?} {text}");
    }
    assert_eq!(with_empty_default("$${A}${A}${AB}", "A"), "$${A}${A:-}${AB}");
}

#[test]
fn small_notations_are_read() {
    assert_eq!(
        shell_words("a 'b c' \"d \\\" e\" f\\ g"),
        Some(vec!["a".into(), "b c".into(), "d \" e".into(), "f g".into()])
    );
    assert_eq!(shell_words("a 'b"), None);
    assert_eq!(with_port("-p 8000 18000 8000.5 :8000/x", &[8000]), "-p ${PORT} 18000 8000.5 :${PORT}/x");
    assert_eq!(duration("1m30s").as_deref(), Some("1m30s"));
    assert_eq!(duration("1.5s").as_deref(), Some("1s500ms"));
    assert_eq!(memory("256m", true), Some("256Mi".into()));
    assert_eq!(memory("256M", false), Some("250000Ki".into()));
    assert_eq!(spring::variable("my.main-project.items[0].firstName"), "MY_MAINPROJECT_ITEMS_0_FIRSTNAME");
    assert_eq!(joined_path("a/b", "../c/./d"), Some("a/c/d".to_owned()));
    assert_eq!(joined_path("a", "../../b"), None);
}

#[test]
fn files_are_known_by_their_path() {
    let known = [
        ".env",
        ".env.prod.local",
        "compose.yaml",
        "docker-compose.override.yml",
        "package.json",
        "Procfile",
        "k8s/web.yaml",
        "deploy/base/kustomization.yaml",
        "src/main/resources/application-prod.yml",
        "chart/values-prod.yaml",
        "chart/Chart.yaml",
    ];
    for path in known {
        assert!(kind_of(path).is_some(), "{path}");
    }
    for path in [".envrc", "src/compose.yaml", "towpath.yaml", "environments/production.yaml", "README.md", "x/.env"] {
        assert_eq!(kind_of(path), None, "{path}");
    }
}

#[test]
fn compose_files_name_the_files_they_need() {
    let text = "services: {web: {build: {context: ./api}, env_file: [a.env, {path: b.env}, ../c.env]}}\n";
    let files = [File { path: "compose.yaml".into(), text: text.into() }];
    let named: Vec<String> = named_files(&files).into_iter().collect();
    assert_eq!(named, ["a.env", "api/Dockerfile", "b.env"]);
}

#[test]
fn compose_services_are_taken_as_compose_runs_them() {
    let settled = project(
        "
        === compose.yaml
        services:
          web:
            build: .
            command: python3 -m http.server 8000
            ports: ['8080:8000']
            environment: [LOG_LEVEL=info, 'MONEY=$$5', HOST_NAME]
            env_file: web.env
            healthcheck: {test: curl -f http://localhost:8000/health, interval: 5s, retries: 4}
            deploy: {replicas: 2, resources: {limits: {cpus: '0.5', memory: 64M}}}
            stop_grace_period: 20s
            networks: [front]
          db: {image: postgres}
        === compose.override.yaml
        services: {web: {environment: {LOG_LEVEL: debug}}}
        === compose.prod.yml
        services: {web: {deploy: {replicas: 5}, environment: {LOG_LEVEL: warn}}}
        === web.env
        LOG_LEVEL=trace
        GREETING=hi
        ",
    );
    let levels: Vec<String> =
        ["development", "production"].iter().map(|name| settled.value(name, "LOG_LEVEL")).collect();
    assert_eq!(levels, ["debug", "warn"]);
    assert_eq!(settled.value("production", "MONEY"), "$5");
    assert_eq!(settled.value("production", "GREETING"), "hi");
    insta::assert_snapshot!(settled.file("environments/base.yaml"));
    for what in ["services.db", "services.web.networks"] {
        assert_eq!(settled.why(what)[0].0, Outcome::Left, "{what}");
    }
}

#[test]
fn overlays_become_environments_and_the_base_is_development() {
    let settled = project(
        "
        === k8s/base/kustomization.yaml
        resources: [web.yaml]
        configMapGenerator: [{name: web, literals: [LOG_LEVEL=info, GONE=1]}]
        === k8s/base/web.yaml
        kind: Deployment
        metadata: {name: web}
        spec:
          template:
            spec:
              containers:
                - {name: web, image: 'shop/web:1', command: [serve, '80'], ports: [{containerPort: 80}], envFrom: [{configMapRef: {name: web}}], env: [{name: MORE, value: x}, {name: LESS, value: y}]}
        === k8s/overlays/production/kustomization.yaml
        resources: [../../base]
        images: [{name: shop/web, newTag: '2'}]
        replicas: [{name: web, count: 3}]
        configMapGenerator: [{name: web, behavior: replace, literals: [LOG_LEVEL=warn]}]
        patches:
          - target: {kind: Deployment}
            patch: |-
              spec: {template: {spec: {containers: [{name: web, env: [{name: LESS, $patch: delete}]}]}}}
          - patch: '[{\"op\": \"remove\", \"path\": \"/x\"}]'
            target: {kind: Deployment, name: web}
        ",
    );
    assert_eq!(settled.environments, ["development", "production"]);
    let values = |name: &str| [settled.value("development", name), settled.value("production", name)];
    assert_eq!(values("LOG_LEVEL"), ["info", "warn"]);
    assert_eq!(values("GONE"), ["1", "(unset)"]);
    assert_eq!(values("LESS"), ["y", "(unset)"]);
    assert_eq!(values("MORE"), ["x", "x"]);
    let web = settled.environment("production").services.into_values().next().unwrap();
    assert_eq!((web.replicas, web.image.as_deref()), (3, Some("shop/web:2")));
    assert_eq!(web.command, ["serve", "${PORT}"]);
    assert_eq!(settled.why("a JSON patch").len(), 1);
}

#[test]
fn spring_profiles_become_environments() {
    let settled = project(
        "
        === application.properties
        shop.page-size = 20
        shop.name=The \\
            Shop
        === application.yml
        shop: {page-size: 10, url: 'http://${HOST_NAME:here}/'}
        ---
        spring.config.activate.on-profile: prod
        shop: {url: https://shop.example.org}
        === application-staging.yml
        shop: {url: https://test.example.org}
        ",
    );
    assert_eq!(settled.value("development", "SHOP_PAGESIZE"), "20");
    assert_eq!(settled.value("development", "SHOP_URL"), "http://here/");
    assert_eq!(settled.value("staging", "SHOP_URL"), "https://test.example.org");
    assert_eq!(settled.value("production", "SHOP_URL"), "https://shop.example.org");
    assert_eq!(settled.value("production", "SHOP_NAME"), "The Shop");
}

#[test]
fn helm_values_are_taken_where_their_names_are_the_usual_ones() {
    let settled = project(
        "
        === chart/Chart.yaml
        name: shop
        appVersion: '1.4'
        === chart/values.yaml
        replicaCount: 1
        image: {repository: shop/web}
        env: {LOG_LEVEL: info}
        odd: {thing: 1}
        autoscaling: {enabled: true, minReplicas: 2}
        === chart/values-prod.yaml
        env: {LOG_LEVEL: warn}
        ingress: {hosts: [{host: shop.example.org}], tls: [{}]}
        ",
    );
    let production = settled.environment("production");
    assert_eq!(production.url.as_deref(), Some("https://shop.example.org"));
    let service = production.services.values().next().unwrap();
    assert_eq!((service.image.as_deref(), service.replicas), (Some("shop/web:1.4"), 2));
    assert_eq!(settled.value("development", "LOG_LEVEL"), "info");
    assert_eq!(settled.value("production", "LOG_LEVEL"), "warn");
    assert!(settled.why("odd")[0].1.contains("helm template"));
}

#[test]
fn hostile_yaml_is_broken_and_nothing_worse() {
    let bomb = format!(
        "a: &a [{0}]\nb: &b [{1}]\nc: &c [{2}]\nd: [{3}]\n",
        "x,".repeat(90),
        "*a,".repeat(90),
        "*b,".repeat(90),
        "*c,".repeat(90)
    );
    for text in [bomb.as_str(), "services: [", "{", "a: 1\n---\n- [\n", "\u{0}"] {
        for path in ["compose.yaml", "k8s/a.yaml", "application.yml", "chart/values.yaml", "package.json"] {
            let files = [File { path: path.into(), text: text.into() }];
            let chosen = [path.to_owned()].into();
            let imported = crate::import::read(&files, &chosen);
            assert!(!imported.broken.is_empty(), "{path} {text:.20}");
        }
    }
}
