"""Answers for flags and contexts, one JSON object per line, by flagd's own evaluator for Python."""

import json
import logging
import sys

from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import OpenFeatureError

logging.disable(logging.CRITICAL)
for line in sys.stdin:
    case = json.loads(line)
    core = FlagdCore()
    try:
        core.set_flags(case["document"])
        context = dict(case["context"])
        key = context.pop("targetingKey", None)
        found = core._resolve("flag", None, EvaluationContext(key, context), None)
        answer = [found.variant, str(found.reason.value), None, dict(found.flag_metadata)]
    except OpenFeatureError as error:
        answer = [None, "ERROR", error.error_code.value, None]
    except Exception as error:  # An accident of Python, not an answer.
        answer = [None, "ACCIDENT", repr(error), None]
    print(json.dumps(answer))
