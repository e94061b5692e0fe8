//! Who resolves: Towpath, `figment`, `config`. Each from the texts to a tree per environment, as its own guide does it.

use std::collections::BTreeMap;

use config::{Config, File, FileFormat};
use figment::{
    Figment,
    providers::{Format as _, Json, Yaml},
};
use towpath_core::config::{Inputs, Loaded, ResolvedEnvironment, SourceKind, SourceSet, Value, load};

use crate::files::Shape;

/// One program that resolves.
pub struct Contender {
    pub name: &'static str,
    pub resolve: fn(&Shape) -> Vec<Tree>,
}

/// What comes out for one environment.
pub enum Tree {
    Towpath(Box<ResolvedEnvironment>),
    Merged(Value),
    Figment(figment::value::Value),
    Config(Box<Config>),
}

/// Towpath first as a whole, then only what the others do as well.
pub const CONTENDERS: &[Contender] = &[
    Contender { name: "towpath", resolve: towpath },
    Contender { name: "towpath_merge", resolve: towpath_merge },
    Contender { name: "figment", resolve: figment },
    Contender { name: "config_rs", resolve: config_rs },
];

fn towpath_load(shape: &Shape) -> Loaded {
    let ending = if shape.json { "json" } else { "yaml" };
    let mut sources = SourceSet::new();
    let names: Vec<&str> = shape.files.iter().skip(1).map(|(name, _)| name.as_str()).collect();
    sources.insert("towpath.yaml", format!("project: shop\npipeline: [{}]\n", names.join(", ")));
    for (name, text) in &shape.files {
        sources.insert(format!("environments/{name}.{ending}"), text.as_str());
    }
    let loaded = load(&sources);
    assert!(loaded.diagnostics().is_empty(), "{:?}", loaded.diagnostics());
    loaded
}

fn towpath_merge(shape: &Shape) -> Vec<Tree> {
    let loaded = towpath_load(shape);
    let merge = |(name, _): &(String, String)| Tree::Merged(loaded.merged(name).expect("the files are sound"));
    shape.files.iter().skip(1).map(merge).collect()
}

fn towpath(shape: &Shape) -> Vec<Tree> {
    let loaded = towpath_load(shape);
    let resolve = |(name, _): &(String, String)| {
        let resolution = loaded.resolve(name, &Inputs::default());
        let environment = resolution.environment.unwrap_or_else(|| panic!("{:?}", resolution.diagnostics));
        Tree::Towpath(Box::new(environment))
    };
    shape.files.iter().skip(1).map(resolve).collect()
}

fn figment(shape: &Shape) -> Vec<Tree> {
    let lay = |under: Figment, text: &str| {
        if shape.json { under.merge(Json::string(text)) } else { under.merge(Yaml::string(text)) }
    };
    let (base, over) = shape.files.split_first().expect("a base");
    let base = lay(Figment::new(), &base.1);
    let one = |(_, text): &(String, String)| {
        let merged = lay(base.clone(), text);
        Tree::Figment(merged.extract().expect("the files are sound"))
    };
    over.iter().map(one).collect()
}

fn config_rs(shape: &Shape) -> Vec<Tree> {
    let format = if shape.json { FileFormat::Json } else { FileFormat::Yaml };
    let (base, over) = shape.files.split_first().expect("a base");
    let base = Config::builder().add_source(File::from_str(&base.1, format)).build().expect("a sound base");
    let one = |(_, text): &(String, String)| {
        let merged = Config::builder().add_source(base.clone()).add_source(File::from_str(text, format)).build();
        Tree::Config(Box::new(merged.expect("the files are sound")))
    };
    over.iter().map(one).collect()
}

/// Returns every key with its text, per environment; what only Towpath's defaults set is left out.
pub fn leaves(trees: &[Tree]) -> Vec<BTreeMap<String, String>> {
    trees.iter().map(leaves_of).collect()
}

fn leaves_of(tree: &Tree) -> BTreeMap<String, String> {
    let mut leaves = BTreeMap::new();
    match tree {
        Tree::Towpath(environment) => environment.values.leaves(&mut |path, leaf| {
            let source = environment.sources.get(leaf.origin.source);
            if source.is_none_or(|source| *source.kind() != SourceKind::Default) {
                let json = leaf.to_json();
                leaves.insert(path.to_string(), json.as_str().map_or_else(|| json.to_string(), str::to_owned));
            }
        }),
        Tree::Merged(value) => value.leaves(&mut |path, leaf| {
            let json = leaf.to_json();
            leaves.insert(path.to_string(), json.as_str().map_or_else(|| json.to_string(), str::to_owned));
        }),
        Tree::Figment(value) => walk(&serde_json::to_value(value).expect("a tree"), "", &mut leaves),
        Tree::Config(config) => {
            let value: serde_json::Value = (**config).clone().try_deserialize().expect("a tree");
            walk(&value, "", &mut leaves);
        }
    }
    leaves
}

fn walk(value: &serde_json::Value, path: &str, leaves: &mut BTreeMap<String, String>) {
    match value {
        serde_json::Value::Object(map) => {
            for (key, value) in map {
                walk(value, &if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, leaves);
            }
        }
        serde_json::Value::String(text) => drop(leaves.insert(path.to_owned(), text.clone())),
        other => drop(leaves.insert(path.to_owned(), other.to_string())),
    }
}
