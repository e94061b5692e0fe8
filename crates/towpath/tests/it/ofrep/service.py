"""A service that evaluates flags with the real provider: a line with JSON in, a line with JSON out."""
import json
import sys

from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext

url, key = sys.argv[1:3]
api.set_provider(OFREPProvider(url, headers_factory=lambda: {"Authorization": f"Bearer {key}"}))
client = api.get_client()
kinds = {"bool": client.get_boolean_details, "text": client.get_string_details, "int": client.get_integer_details,
         "float": client.get_float_details, "object": client.get_object_details}

for line in sys.stdin:
    asked = json.loads(line)
    context = dict(asked.get("context") or {})
    context = EvaluationContext(context.pop("targetingKey", None), context)
    found = kinds[asked["kind"]](asked["flag"], asked["default"], context)
    print(json.dumps({"value": found.value, "variant": found.variant, "reason": found.reason and str(found.reason.value),
                      "error": found.error_code and str(found.error_code.value), "metadata": dict(found.flag_metadata)}))
    sys.stdout.flush()
