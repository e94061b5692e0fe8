"""Validates files against schemas: reads a list of {schema, text} and writes the mistakes of each."""

import json
import sys

from jsonschema import Draft202012Validator
from ruamel.yaml import YAML
from ruamel.yaml.resolver import VersionedResolver


class Core(VersionedResolver):
    """YAML 1.2 without what its core schema does not have: times stay texts."""

    def add_version_implicit_resolver(self, version, tag, regexp, first):
        if tag != "tag:yaml.org,2002:timestamp":
            super().add_version_implicit_resolver(version, tag, regexp, first)


yaml = YAML(typ="safe", pure=True)
yaml.Resolver = Core


def untagged(constructor, tag, node):
    """Merge tags are not seen by a schema: the value is judged as it stands."""
    if node.id == "mapping":
        return constructor.construct_mapping(node, deep=True)
    if node.id == "sequence":
        return constructor.construct_sequence(node, deep=True)
    return None if tag == "unset" else constructor.construct_scalar(node)


yaml.Constructor.add_multi_constructor("!", untagged)

# Checking a schema takes longer than checking a file by it, and most are the same.
validators = {}


def validator(schema):
    text = json.dumps(schema, sort_keys=True)
    if text not in validators:
        Draft202012Validator.check_schema(schema)
        validators[text] = Draft202012Validator(schema)
    return validators[text]


answers = []
for job in json.load(sys.stdin):
    document = yaml.load(job["text"])
    errors = validator(job["schema"]).iter_errors(document if document is not None else {})
    answers.append(["/".join(map(str, error.absolute_path)) + ": " + error.message[:160] for error in errors])
json.dump(answers, sys.stdout)
