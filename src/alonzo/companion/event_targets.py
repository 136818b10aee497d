"""EventBridge rules whose targets are functions, which moto does not have; all other targets stay its own.

Source of what a function gets: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html, and of `Input`,
`InputPath` and `InputTransformer`: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Target.html. As on AWS, an event that
cannot be delivered does not fail `PutEvents`.
"""

import copy
import json
import logging
from datetime import UTC, datetime
from typing import Any

import botocore.exceptions
import moto.events.models
from jsonpath_ng.ext.parser import parse as parse_path
from moto.core.exceptions import ServiceException
from moto.events.utils import EventTemplateParser

from alonzo.companion.functions import Functions

_MEMBERS = ("version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail")

_log = logging.getLogger(__name__)


def send_events_to(functions: Functions) -> None:
    """Have the rules of all buses invoke functions of the node."""
    rule_class: Any = moto.events.models.Rule
    send_as_moto_does = rule_class.send_to_targets

    def send_to_targets(rule: Any, original_event: Any, transform_input: bool = True) -> None:
        if rule.state != "ENABLED" or not rule.event_pattern.matches_event(original_event):
            return
        for target in list(rule.targets):
            arn = target["Arn"]
            try:
                if _is_function(arn):
                    functions.send_event(arn, json.dumps(_input_of(target, original_event)))
                else:
                    alone = copy.copy(rule)
                    alone.targets = [target]
                    send_as_moto_does(alone, original_event, transform_input)
            except NotImplementedError:
                _log.warning("rule %s: the target %s is of a kind that gets no events here", rule.name, arn)
            except (ServiceException, botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError, ValueError) as error:
                _log.warning("rule %s: no event to %s: %s", rule.name, arn, error)

    rule_class.send_to_targets = send_to_targets


def _is_function(arn: str) -> bool:
    return arn.split(":")[2:3] == ["lambda"]


def _input_of(target: dict[str, Any], original_event: Any) -> Any:
    whole: Any = dict(original_event)
    if not isinstance(whole["time"], str):
        whole["time"] = datetime.fromtimestamp(whole["time"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    event = {name: whole[name] for name in _MEMBERS}
    if target.get("Input"):
        return json.loads(target["Input"])
    if target.get("InputPath"):
        found = parse_path(target["InputPath"]).find(event)
        return found[0].value if found else None
    transformer = target.get("InputTransformer")
    if transformer:
        return EventTemplateParser.parse(
            input_template=transformer.get("InputTemplate"), input_paths_map=transformer.get("InputPathsMap", {}), event=whole
        )
    return event
