"""Runs the provider features of OpenFeature's test bed through flagd's Python provider.

    features.py FEATURES MODE EXPRESSION < replies > requests

What only the test can do is asked of it by a line on standard output ("down", "up", "modify"), and waited for by a line on
standard input. The last line says how many rows passed; a row that does not ends the process with its name.
"""

import json
import pathlib
import sys
import threading
import time

from cucumber_tag_expressions import parse as parse_tags
from gherkin.pickles.compiler import Compiler
from gherkin.parser import Parser
from openfeature import api
from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.contrib.provider.flagd.config import CacheType, ResolverType
from openfeature.evaluation_context import EvaluationContext
from openfeature.event import ProviderEvent

EVENTS = {
    "ready": ProviderEvent.PROVIDER_READY,
    "error": ProviderEvent.PROVIDER_ERROR,
    "stale": ProviderEvent.PROVIDER_STALE,
    "change": ProviderEvent.PROVIDER_CONFIGURATION_CHANGED,
}
PATIENCE = 20


def ask(line):
    print(f"ask {line}", flush=True)
    answer = sys.stdin.readline().strip()
    assert answer == "ok", answer


def value(text, kind):
    if kind == "Boolean":
        return text.lower() == "true"
    if kind in ("Integer", "Long"):
        return int(text)
    if kind == "Float":
        return float(text)
    if kind == "Object":
        return json.loads(text)
    if kind == "CacheType":
        return CacheType(text)
    return text


class Scenario:
    def __init__(self, settings, mode, tags):
        self.settings, self.mode, self.tags = settings, mode, tags
        self.options, self.context, self.seen = {}, {}, {}
        self.key = None

    def provider(self, which):
        options = dict(self.options)
        environment = self.settings["selectors"].get(options.pop("selector", which), self.settings["environment"])
        provider = FlagdProvider(
            host="127.0.0.1",
            port=self.settings["port"],
            resolver_type=ResolverType(self.mode),
            selector=f"flagSetId={environment},key={self.settings['key']}",
            deadline_ms=5000,
            stream_deadline_ms=0,
            retry_backoff_ms=200,
            retry_backoff_max_ms=200,
            retry_grace_period=2,
            **options,
        )
        self.client = api.get_client("row")
        api.set_provider_and_wait(provider, "row")

    def handle(self, event):
        seen = self.seen.setdefault(event, [])
        happened = threading.Condition()
        self.seen[event] = (seen, happened)

        def on(details):
            with happened:
                seen.append(details)
                happened.notify_all()

        self.client.add_handler(EVENTS[event], on)

    def await_event(self, event):
        seen, happened = self.seen[event]
        with happened:
            assert happened.wait_for(lambda: seen, timeout=PATIENCE), f"no {event} event"
            self.event = seen.pop(0)

    def lost(self, seconds):
        for event, (seen, _) in self.seen.items():
            seen.clear()
        ask("down")
        time.sleep(seconds)
        ask("up")

    def evaluate(self):
        get = {
            "Boolean": self.client.get_boolean_details,
            "String": self.client.get_string_details,
            "Integer": self.client.get_integer_details,
            "Float": self.client.get_float_details,
            "Object": self.client.get_object_details,
        }[self.kind]
        context = dict(self.context)
        key = context.pop("targetingKey", None)
        if key is not None and not isinstance(key, str):
            context["targetingKey"], key = key, None
        self.details = get(self.key, self.default, EvaluationContext(key, context))

    def step(self, text, table):
        # Only an object has quotes of its own, and comes last.
        head, given, tail = text.partition(' with value "')
        words = [*head.split('"'), tail.removesuffix('"')] if given else text.split('"')
        match [words[0].strip(), *words[1:]]:
            case ["an option", name, _, kind, _, given]:
                self.options[name] = value(given, kind)
            case [sentence] if sentence.endswith("flagd provider"):
                self.provider(sentence.split()[1])
            case [sentence, key, _, default, _] if sentence.endswith("-flag with key"):
                self.kind = sentence.split("-")[0].split()[-1]
                self.key, self.default = key, value(default, self.kind)
            case ["a context containing a key", key, _, kind, _, given]:
                self.context[key] = value(given, kind)
            case ["a context containing a targeting key", given]:
                self.context["targetingKey"] = given
            case ["a context containing a nested property with outer key", outer, _, inner, _, given]:
                self.context.setdefault(outer, {})[inner] = given
            case ["the flag was evaluated with details"]:
                self.evaluate()
            case ["the resolved details value should be", expected, *_]:
                expected = value(text.split('"', 1)[1].rsplit('"', 1)[0], self.kind)
                assert self.details.value == expected, (self.details, expected)
                assert type(self.details.value) is type(expected), (self.details, expected)
            case ["the reason should be", expected, _]:
                assert self.details.reason == expected, self.details
            case ["the error-code should be", expected, _]:
                assert (self.details.error_code.value if self.details.error_code else "") == expected, self.details
            case ["the resolved metadata should contain"]:
                for key, kind, expected in table[1:]:
                    assert self.details.flag_metadata.get(key) == value(expected, kind), self.details
            case ["the resolved metadata is empty"]:
                assert not self.details.flag_metadata, self.details
            case ["the flag was modified"]:
                self.seen["change"][0].clear()
                ask("modify")
            case ["the flag should be part of the event payload"]:
                assert self.key in self.event.flags_changed, self.event
            case [sentence] if sentence.endswith("event handler"):
                self.handle(sentence.split()[1])
            case [sentence] if "event handler should have been executed" in sentence:
                self.await_event(sentence.split()[1])
            case [sentence] if sentence.endswith("event was fired"):
                self.await_event(sentence.split()[1])
            case [sentence] if sentence.startswith("the connection is lost for"):
                self.lost(int(sentence.split()[-1].removesuffix("s")))
            case _:
                raise AssertionError(f"nobody knows how to do: {text}")


def pickles(folder, expression):
    wanted = parse_tags(expression)
    for path in sorted(pathlib.Path(folder).glob("*.feature")):
        document = Parser().parse(path.read_text())
        document["uri"] = path.name
        for pickle in Compiler().compile(document):
            tags = [tag["name"] for tag in pickle["tags"]]
            if wanted.evaluate(tags):
                yield f"{path.name}: {pickle['name']}", tags, pickle["steps"]


def main():
    folder, mode, expression = sys.argv[1:]
    settings = json.loads(sys.stdin.readline())
    failed, passed = [], 0
    for name, tags, steps in pickles(folder, expression):
        scenario = Scenario(settings, mode, tags)
        rows = [step["text"] for step in steps]
        try:
            for step in steps:
                table = step.get("argument", {}).get("dataTable")
                table = table and [[cell["value"] for cell in row["cells"]] for row in table["rows"]]
                scenario.step(step["text"], table)
            passed += 1
        except Exception as error:  # noqa: BLE001 every row is tried
            failed.append(f"{name} {rows}: {type(error).__name__} {error}")
        finally:
            api.shutdown()
            api.clear_providers()
    for failure in failed:
        print(f"failed {failure}", file=sys.stderr)
    print(f"passed {passed} failed {len(failed)}", flush=True)
    sys.exit(1 if failed else 0)


main()
