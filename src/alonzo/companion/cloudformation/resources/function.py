"""`AWS::Lambda::Function`, made by the node.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-function.html.
"""

import io
import zipfile
from collections.abc import Mapping
from typing import Any

import botocore.exceptions

from alonzo.companion.cloudformation.errors import ResourceFailed
from alonzo.companion.cloudformation.resources.provider import Existing, Made, PartlyMade, Wanted, changed
from alonzo.companion.cloudformation.resources.response_modules import MODULES
from alonzo.companion.cloudformation.shapes import parameters_of
from alonzo.companion.node import NodeRefused

_SETTINGS_BESIDE = frozenset({"RecursiveLoop", "ReservedConcurrentExecutions", "RuntimeManagementConfig"})
"""Properties that have operations of their own."""

_CODE = frozenset({"Architectures", "Code"})
_NOT_CONFIGURATION = frozenset(
    {*_SETTINGS_BESIDE, *_CODE, "CodeSigningConfigArn", "FunctionName", "PackageType", "PublishToLatestPublished", "Tags", "TenancyConfig"}
)
_DEFAULTS: Mapping[str, Any] = {
    "DeadLetterConfig": {"TargetArn": ""},
    "Description": "",
    "Environment": {"Variables": {}},
    "EphemeralStorage": {"Size": 512},
    "FileSystemConfigs": [],
    "KMSKeyArn": "",
    "Layers": [],
    "MemorySize": 128,
    "SnapStart": {"ApplyOn": "None"},
    "Timeout": 3,
    "TracingConfig": {"Mode": "PassThrough"},
    "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []},
}
"""What a property becomes that is in the template no more."""

_WAIT = {"Delay": 0.1, "MaxAttempts": 3_000}
_RIGHTS = 0o644 << 16


class FunctionProvider:
    """A `Provider`."""

    def create(self, wanted: Wanted) -> Made:
        """With its code, and until it is Active."""
        client = wanted.client("lambda")
        properties = dict(wanted.properties)
        properties.setdefault("FunctionName", wanted.new_name())
        properties["Code"] = _code_of(properties)
        properties["Tags"] = {**wanted.stack_tags, **{tag["Key"]: tag["Value"] for tag in properties.get("Tags", ())}}
        created = client.create_function(**parameters_of(client, "create_function", properties, ignore=_SETTINGS_BESIDE))
        name = created["FunctionName"]
        made = _made(created)
        try:
            _label(wanted, made)
            client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig=_WAIT)
            _set_beside(client, name, wanted.properties, {})
        except (botocore.exceptions.WaiterError, botocore.exceptions.ClientError) as error:
            raise PartlyMade(_why_not_active(client, name, error), made) from error
        except NodeRefused as error:
            raise PartlyMade(str(error), made) from error
        return made

    def replaces(self, wanted: Wanted, existing: Existing) -> bool:
        """The name stays that of the function, and so does what a package is."""
        return changed(wanted, existing, "FunctionName", "PackageType", "TenancyConfig")

    def update(self, wanted: Wanted, existing: Existing) -> Made:
        """Its configuration first, then its code, as far as they are others."""
        client, name = wanted.client("lambda"), existing.physical_id
        new, old = wanted.properties, existing.properties
        settings = {key: new.get(key, _DEFAULTS.get(key)) for key in {*new, *old} - _NOT_CONFIGURATION if new.get(key) != old.get(key)}
        settings = {key: value for key, value in settings.items() if value is not None}
        if settings:
            client.update_function_configuration(FunctionName=name, **parameters_of(client, "update_function_configuration", settings))
            _wait_until_updated(client, name)
        if changed(wanted, existing, *_CODE):
            code = {"Architectures": new.get("Architectures", ["x86_64"]), **_code_of(new)}
            client.update_function_code(FunctionName=name, **parameters_of(client, "update_function_code", code))
            _wait_until_updated(client, name)
        _set_beside(client, name, new, old)
        configuration = client.get_function_configuration(FunctionName=name)
        _set_tags(client, configuration["FunctionArn"], new, old)
        return _made(configuration)

    def delete(self, wanted: Wanted, existing: Existing) -> None:
        """With its versions and aliases."""
        client = wanted.client("lambda")
        try:
            client.delete_function(FunctionName=existing.physical_id)
        except client.exceptions.ResourceNotFoundException:
            return


def _code_of(properties: Mapping[str, Any]) -> dict[str, Any]:
    code = dict(properties.get("Code", {}))
    inline = code.pop("ZipFile", None)
    if inline is not None:
        code["ZipFile"] = _inline_package(str(inline), str(properties.get("Runtime", "")))
    return code


def _inline_package(source: str, runtime: str) -> bytes:
    """Source text becomes a file `index`, with a module for the answers of custom resources beside it."""
    extension = "py" if runtime.startswith("python") else "js"
    if not runtime.startswith(("python", "nodejs")):
        raise ResourceFailed("ZipFile can only be used when Runtime is set to either of nodejs, python.")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (
            (f"index.{extension}", source),
            *((name, text) for name, text in MODULES.items() if name.endswith(extension)),
        ):
            entry = zipfile.ZipInfo(name)
            entry.external_attr = _RIGHTS
            archive.writestr(entry, content)
    return buffer.getvalue()


def _set_beside(client: Any, name: str, new: Mapping[str, Any], old: Mapping[str, Any]) -> None:
    if new.get("ReservedConcurrentExecutions") != old.get("ReservedConcurrentExecutions"):
        if "ReservedConcurrentExecutions" in new:
            client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=int(new["ReservedConcurrentExecutions"]))
        else:
            client.delete_function_concurrency(FunctionName=name)
    if new.get("RecursiveLoop") != old.get("RecursiveLoop"):
        client.put_function_recursion_config(FunctionName=name, RecursiveLoop=new.get("RecursiveLoop", "Terminate"))
    if new.get("RuntimeManagementConfig") != old.get("RuntimeManagementConfig"):
        management = new.get("RuntimeManagementConfig", {"UpdateRuntimeOn": "Auto"})
        parameters = parameters_of(client, "put_runtime_management_config", management)
        client.put_runtime_management_config(FunctionName=name, **parameters)
    if old and new.get("CodeSigningConfigArn") != old.get("CodeSigningConfigArn"):
        if "CodeSigningConfigArn" in new:
            client.put_function_code_signing_config(FunctionName=name, CodeSigningConfigArn=new["CodeSigningConfigArn"])
        else:
            client.delete_function_code_signing_config(FunctionName=name)


def _set_tags(client: Any, arn: str, new: Mapping[str, Any], old: Mapping[str, Any]) -> None:
    after, before = ({tag["Key"]: str(tag["Value"]) for tag in properties.get("Tags", ())} for properties in (new, old))
    gone = [key for key in before if key not in after]
    if gone:
        client.untag_resource(Resource=arn, TagKeys=gone)
    if after != before and after:
        client.tag_resource(Resource=arn, Tags=after)


def _label(wanted: Wanted, made: Made) -> None:
    """Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-resource-tags.html."""
    about = {"logical-id": wanted.logical_id, "stack-id": wanted.stack_id, "stack-name": wanted.stack_name}
    labels = {f"aws:cloudformation:{name}": value for name, value in about.items()}
    wanted.clients.node.ask("labels", {"arn": made.attributes["Arn"], "labels": labels}, method="PUT")


def _wait_until_updated(client: Any, name: str) -> None:
    try:
        client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig=_WAIT)
    except botocore.exceptions.WaiterError as error:
        raise ResourceFailed(_why_not_active(client, name, error)) from error


def _why_not_active(client: Any, name: str, error: Exception) -> str:
    if isinstance(error, botocore.exceptions.ClientError):
        return str(error.response["Error"]["Message"])
    configuration = client.get_function_configuration(FunctionName=name)
    return f"Function {name} is {configuration['State']}: {configuration.get('StateReason') or configuration.get('LastUpdateStatusReason')}"


def _made(configuration: Mapping[str, Any]) -> Made:
    attributes = {"Arn": configuration["FunctionArn"], "SnapStartResponse": configuration.get("SnapStart", {})}
    return Made(physical_id=configuration["FunctionName"], attributes=attributes)
