//! The hooks that the guide shows, as they are written there, in the real SDKs.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use towpath_testkit::tools;

use super::{Application, EXPERIMENTS, FLAGS, results, units};
use crate::project::Project;

const UNDER: &str = env!("CARGO_TARGET_TMPDIR");
const PYTHON: [&str; 1] = ["openfeature-sdk==0.10.0"];
const NODE: [&str; 1] = ["@openfeature/server-sdk@1.23.0"];

const PYTHON_APP: &str = r#"
import sys
from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.provider.in_memory_provider import InMemoryFlag, InMemoryProvider
from towpath_hook import Towpath

def flag(_, context):
    from openfeature.flag_evaluation import FlagResolutionDetails
    on = int(context.targeting_key.split("-")[1]) % 2 == 0
    return FlagResolutionDetails(on, variant="on" if on else "off")

towpath = Towpath(sys.argv[1], "development", sys.argv[2], every=0.05)
api.set_provider(InMemoryProvider({"new-checkout": InMemoryFlag("off", {"on": True, "off": False}, context_evaluator=flag)}))
api.add_hooks([towpath])
client = api.get_client()
for unit in range(300):
    context = EvaluationContext(f"u-{unit}")
    for _ in range(2):
        client.get_boolean_value("new-checkout", False, context)
    if unit % 3 == 0:
        towpath.track("purchase", f"u-{unit}", 2.5)
towpath.close()
assert towpath.dropped == 0, towpath.dropped
"#;

const NODE_APP: &str = r"
import { createRequire } from 'node:module';
import { Towpath } from './towpath_hook.mjs';
const { OpenFeature, InMemoryProvider } = createRequire(process.argv[2] + '/')('@openfeature/server-sdk');
const towpath = new Towpath({ url: process.argv[3], environment: 'development', key: process.argv[4], every: 50 });
await OpenFeature.setProviderAndWait(new InMemoryProvider({ 'new-checkout': {
  variants: { on: true, off: false }, defaultVariant: 'off', disabled: false,
  contextEvaluator: (context) => (Number(context.targetingKey.split('-')[1]) % 2 === 0 ? 'on' : 'off'),
} }));
OpenFeature.addHooks(towpath);
const client = OpenFeature.getClient();
for (let unit = 0; unit < 300; unit += 1) {
  for (let again = 0; again < 2; again += 1) await client.getBooleanValue('new-checkout', false, { targetingKey: `u-${unit}` });
  if (unit % 3 === 0) towpath.track('purchase', `u-${unit}`, 2.5);
}
await towpath.close();
if (towpath.dropped > 0) throw new Error(`${towpath.dropped} dropped`);
";

/// Returns the code of the page in a language.
fn of_page(language: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/flags/experiments.md");
    let page = fs::read_to_string(page).unwrap();
    let code = page.split(&format!("```{language}\n")).nth(1).unwrap();
    code.split("```").next().unwrap().to_owned()
}

fn tracked() -> (Project, Application) {
    let mut project = Project::small();
    project.write("flags/shop.json", FLAGS);
    let only_reported = EXPERIMENTS.replace("flag: new-checkout", "flag: new-checkout\n    exposure: tracked");
    project.write("flags/experiments/shop.yaml", &only_reported);
    project.up();
    project.ok("experiments start development checkout");
    let application = Application::new(&project, "shop");
    (project, application)
}

fn run(project: &Project, command: &mut Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{}", project.server_log());
    let found = results(project, "checkout");
    assert_eq!(units(&found).into_values().collect::<Vec<_>>(), [150, 150], "{found:#}");
    let purchases = found["observations"]["metrics"][1]["sums"].as_object().unwrap().values();
    let sum: f64 = purchases.map(|sums| sums["sum"].as_f64().unwrap()).sum();
    assert!((sum - 250.0).abs() < 1e-9, "{found:#}");
}

#[test]
fn the_hook_for_python_reports_everybody_once_as_the_page_shows_it() {
    let Some(packages) = tools::python(Path::new(UNDER), "experiments-python-1", &PYTHON) else { return };
    let (project, application) = tracked();
    project.write("towpath_hook.py", &of_page("python"));
    project.write("app.py", PYTHON_APP);
    let mut command = Command::new("python3");
    command.env("PYTHONPATH", packages).arg(project.file("app.py")).args([application.url(), application.key()]);
    run(&project, &mut command);
}

#[test]
fn the_hook_for_javascript_reports_everybody_once_as_the_page_shows_it() {
    let folder: Option<PathBuf> = tools::provide(Path::new(UNDER), "experiments-node-1", |folder| {
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent", "--prefix"]).arg(folder);
        npm.args(NODE);
        npm
    });
    let Some(folder) = folder else { return };
    let (project, application) = tracked();
    project.write("towpath_hook.mjs", &of_page("js"));
    project.write("app.mjs", NODE_APP);
    let mut command = Command::new("node");
    command.arg(project.file("app.mjs")).arg(folder).args([application.url(), application.key()]);
    run(&project, &mut command);
}
