"""Requests checked before the integration is asked: parameters that must be there, bodies against models.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html
"""

import importlib
import json
import logging
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from alonzo.edge.api_gateway.rest_api.gateway_responses import Refused, ResponseType
from alonzo.edge.api_gateway.rest_api.requests import RestRequest

_PATTERN_SECONDS = 0.2
_log = logging.getLogger(__name__)


def validate(rest: RestRequest) -> None:
    """`Refused`. Nothing is checked without a validator."""
    validator = rest.stage.deployed.validators.get(rest.method.validator_id)
    if validator is None:
        return
    if validator.validates_parameters:
        missing = [name for name, required in rest.method.parameters.items() if required and not _is_given(rest, name)]
        if missing:
            names = ", ".join(name.rpartition(".")[2] for name in missing)
            raise Refused(ResponseType.BAD_REQUEST_PARAMETERS, f"Missing required request parameters: [{names}]")
    if validator.validates_body:
        _validate_body(rest)


def _is_given(rest: RestRequest, parameter: str) -> bool:
    _, _, where, name = parameter.split(".", 3)
    match where:
        case "header":
            return bool(rest.request.find_header(name.lower().encode("latin-1", "replace")))
        case "querystring":
            return name in dict(rest.request.parameters())
        case _:
            return bool(rest.variables.get(name))


def _validate_body(rest: RestRequest) -> None:
    media_type = (rest.request.find_header(b"content-type") or "application/json").partition(";")[0].strip()
    model = rest.method.models.get(media_type) or rest.method.models.get("$default")
    schema = rest.stage.deployed.models.get(model or "")
    if not schema:
        return
    try:
        content = json.loads(rest.request.body)
        is_valid = _validator(schema, tuple(rest.stage.deployed.models.items())).is_valid(content)
    except (ValueError, RecursionError, TimeoutError) as error:
        raise Refused(ResponseType.BAD_REQUEST_BODY) from error
    except Exception as error:  # of the schema's making: a reference to nothing, an expression that is none
        _log.warning("the model %s of the API %s: %s", model, rest.api.api_id, error)
        raise Refused(ResponseType.API_CONFIGURATION_ERROR) from error
    if not is_valid:
        raise Refused(ResponseType.BAD_REQUEST_BODY)


@lru_cache(maxsize=200)
def _validator(schema: str, models: tuple[tuple[str, str], ...]) -> Any:
    """Of draft 4, as API Gateway says. jsonschema is imported with the first body: it takes a tenth of a second."""
    jsonschema: Any = importlib.import_module("jsonschema")
    referencing: Any = importlib.import_module("referencing")
    draft: Any = importlib.import_module("referencing.jsonschema").DRAFT4
    by_name = dict(models)

    def retrieve(uri: str) -> Any:
        """Other models are referred to as `https://apigateway.amazonaws.com/restapis/ID/models/NAME`."""
        return referencing.Resource.from_contents(json.loads(by_name[uri.rpartition("/")[2]]), default_specification=draft)

    kind: Any = jsonschema.validators.extend(jsonschema.Draft4Validator, {"pattern": _pattern, "patternProperties": _pattern_properties})
    return kind(json.loads(schema), registry=referencing.Registry(retrieve=retrieve))


def _pattern(validator: Any, pattern: str, instance: Any, _: Any) -> Iterator[Any]:
    """With a time limit, which `re` has none of."""
    if validator.is_type(instance, "string") and not _search(pattern, instance):
        yield importlib.import_module("jsonschema").ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, properties: Mapping[str, Any], instance: Any, _: Any) -> Iterator[Any]:
    if not validator.is_type(instance, "object"):
        return
    for pattern, schema in properties.items():
        for name, value in instance.items():
            if _search(pattern, name):
                yield from validator.descend(value, schema, path=name, schema_path=pattern)


def _search(pattern: str, text: str) -> bool:
    regex: Any = importlib.import_module("regex")
    return regex.search(pattern, text, timeout=_PATTERN_SECONDS) is not None
