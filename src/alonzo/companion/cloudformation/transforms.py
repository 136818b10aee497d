"""Transforms: `AWS::Serverless` by AWS's own translator (aws-sam-translator).

What `AWS::LanguageExtensions` adds to functions is here without it; its loops are not.

The translator takes a second to import: it is when a template first asks for it.
"""

import copy
import importlib
import json
import logging
import threading
from typing import Any

import boto3

from alonzo.companion.cloudformation.errors import ValidationError

SERVERLESS = "AWS::Serverless-2016-10-31"
_LANGUAGE_EXTENSIONS = "AWS::LanguageExtensions"
_ONE_AT_A_TIME = threading.Lock()

logging.getLogger("samtranslator").setLevel(logging.ERROR)  # it warns that nobody reads its metrics


def transforms_of(template: dict[str, Any]) -> list[str]:
    """Their names, in order."""
    named = template.get("Transform", [])
    return [str(name.get("Name")) if isinstance(name, dict) else str(name) for name in (named if isinstance(named, list) else [named])]


def transform(template: dict[str, Any], *, parameters: dict[str, Any], region: str) -> dict[str, Any]:
    """The template with resources of CloudFormation alone. Raises ValidationError."""
    made = template
    for name in transforms_of(template):
        if name == SERVERLESS:
            made = _translate(made, parameters, region)
        elif name != _LANGUAGE_EXTENSIONS:
            raise ValidationError(f"No transform named {name} found.")
    return {section: content for section, content in made.items() if section not in {"Transform", "Globals"}}


def _translate(template: dict[str, Any], parameters: dict[str, Any], region: str) -> dict[str, Any]:
    translator: Any = importlib.import_module("samtranslator.translator.translator")
    parser: Any = importlib.import_module("samtranslator.parser.parser")
    texts: Any = importlib.import_module("samtranslator.utils.py27hash_fix")
    refused: Any = importlib.import_module("samtranslator.model.exceptions").InvalidDocumentException
    document = copy.deepcopy(template)
    document.pop("Transform", None)
    with _ONE_AT_A_TIME:  # it keeps the region in a class
        try:
            texts.to_py27_compatible_template(document, parameters)
            made = translator.Translator(None, parser.Parser(), boto_session=boto3.Session(region_name=region)).translate(
                document, parameter_values=parameters, get_managed_policy_map=_managed_policies
            )
        except refused as error:
            causes = ". ".join(cause.message for cause in error.causes)
            raise ValidationError(f"Transform {SERVERLESS} failed with: {error.message} {causes}") from error
    result: dict[str, Any] = texts.undo_mark_unicode_str_in_template(made)
    return result


def _managed_policies() -> dict[str, str]:
    policies: Any = importlib.import_module("moto.iam.aws_managed_policies")
    return {name: policy["Arn"] for name, policy in json.loads(policies.aws_managed_policies_data).items()}
