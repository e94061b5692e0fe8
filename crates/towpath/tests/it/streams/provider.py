"""A service with flagd's provider for Python: says what it gets, and when it hears of a change.

    provider.py MODE < settings and replies
"""

import json
import sys
import threading
import time

import grpc
from openfeature import api
from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.contrib.provider.flagd.config import ResolverType
from openfeature.evaluation_context import EvaluationContext
from openfeature.event import ProviderEvent

settings = json.loads(sys.stdin.readline())
more = {}
if settings["how"] == "metadata":
    more["channel_credentials"] = grpc.composite_channel_credentials(
        grpc.local_channel_credentials(), grpc.access_token_call_credentials(settings["key"])
    )
elif settings["how"] == "selector":
    more["selector"] = f"flagSetId={settings['environment']},key={settings['key']}"
elif settings["how"] == "authority":
    more["default_authority"] = f"{settings['key']}.flags"
provider = FlagdProvider(
    host="127.0.0.1",
    port=settings["port"],
    resolver_type=ResolverType(sys.argv[1]),
    deadline_ms=10000,
    stream_deadline_ms=0,
    retry_backoff_ms=200,
    retry_backoff_max_ms=200,
    **more,
)
changed = threading.Event()
client = api.get_client()
client.add_handler(ProviderEvent.PROVIDER_CONFIGURATION_CHANGED, lambda _: changed.set())
api.set_provider_and_wait(provider)


def greeting(plan):
    details = client.get_string_details("greeting", "default", EvaluationContext("u", {"plan": plan}))
    return [details.value, details.variant, str(getattr(details.reason, "value", details.reason))]


def ask(what):
    print(f"ask {what}", flush=True)
    assert sys.stdin.readline().strip() == "ok"


first = [greeting("free"), greeting("paid"), client.get_integer_value("limit", 0), client.get_object_value("look", {})]
time.sleep(0.2)
changed.clear()
ask("change")
began = time.monotonic()
assert changed.wait(20), "no change was heard of"
heard_ms = (time.monotonic() - began) * 1000
then = greeting("free")
ask("restart")
deadline = time.monotonic() + 30
while greeting("free")[0] != "servus" and time.monotonic() < deadline:
    time.sleep(0.05)
print(json.dumps({"first": first, "heardMs": heard_ms, "then": then, "again": greeting("free")}), flush=True)
api.shutdown()
