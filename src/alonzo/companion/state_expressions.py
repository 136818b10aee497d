"""JSONata in state machines, for which moto has no interpreter.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html.
"""

import importlib
import json
from collections.abc import Callable
from typing import Any

_ASL = "moto.stepfunctions.parser.asl"


def interpret_jsonata() -> None:
    """For executions that begin from here on."""
    jsonata: Any = importlib.import_module(f"{_ASL}.jsonata.jsonata")
    jsonata._eval_jsonata = _evaluator(jsonata.JSONataException)
    texts: Any = importlib.import_module(f"{_ASL}.component.common.string.string_expression")
    evaluate_as_moto_does = texts.StringJSONata._eval_body

    def evaluate(self: Any, env: Any) -> None:
        try:
            evaluate_as_moto_does(self, env)
        except jsonata.JSONataException as error:
            raise _failure(env, f"The JSONata expression '{self.expression}' failed: {error.details}") from error

    texts.StringJSONata._eval_body = evaluate


def _evaluator(failure: Any) -> Callable[[str], Any]:
    library: Any = importlib.import_module("jsonata")

    def evaluate(expression: str) -> Any:
        try:
            return json.loads(json.dumps(library.Jsonata(expression).evaluate(None)))  # lists of its own kind become lists
        except (library.JException, TypeError, ValueError, RecursionError) as error:
            raise failure(getattr(error, "error", None) or "UNKNOWN", str(error)) from error

    return evaluate


def _failure(env: Any, cause: str) -> Exception:
    checks: Any = importlib.import_module(f"{_ASL}.jsonata.validations")
    name = checks.StatesErrorName(typ=checks.StatesErrorNameType.StatesQueryEvaluationError)
    details = checks.EvaluationFailedEventDetails(cause=cause, error=name.error_name)
    event_details = checks.EventDetails(evaluationFailedEventDetails=details)
    kind = checks.HistoryEventType.EvaluationFailed
    env.event_manager.add_event(context=env.event_history_context, event_type=kind, event_details=event_details)
    failure: Exception = checks.FailureEventException(
        failure_event=checks.FailureEvent(env=env, error_name=name, event_type=kind, event_details=event_details)
    )
    return failure
