"""Roles and policies.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_IAM.html.
"""

import json
from collections.abc import Mapping
from typing import Any

import botocore.exceptions

from alonzo.companion.cloudformation.resources.provider import Existing, Made, PartlyMade, Provider, Wanted, changed, is_missing

_ROLE_AT_CREATION = ("Description", "MaxSessionDuration", "Path", "PermissionsBoundary", "Tags")


class RoleProvider:
    """A `Provider`: a role with its own policies, and those of others that it has."""

    def create(self, wanted: Wanted) -> Made:
        """With all its policies."""
        client, properties = wanted.client("iam"), wanted.properties
        name = str(properties.get("RoleName") or wanted.new_name())
        parameters = {key: properties[key] for key in _ROLE_AT_CREATION if key in properties}
        if "MaxSessionDuration" in parameters:
            parameters["MaxSessionDuration"] = int(parameters["MaxSessionDuration"])
        document = _document(properties["AssumeRolePolicyDocument"])
        role = client.create_role(RoleName=name, AssumeRolePolicyDocument=document, **parameters)["Role"]
        made = _made(role)
        try:
            _set_policies(client, name, properties, {})
        except botocore.exceptions.ClientError as error:
            raise PartlyMade(str(error), made) from error
        return made

    def replaces(self, wanted: Wanted, existing: Existing) -> bool:
        """Name and path stay."""
        return changed(wanted, existing, "RoleName", "Path")

    def update(self, wanted: Wanted, existing: Existing) -> Made:
        """What can be changed of it."""
        client, name = wanted.client("iam"), existing.physical_id
        if changed(wanted, existing, "AssumeRolePolicyDocument"):
            client.update_assume_role_policy(RoleName=name, PolicyDocument=_document(wanted.properties["AssumeRolePolicyDocument"]))
        if changed(wanted, existing, "Description", "MaxSessionDuration"):
            duration = int(wanted.properties.get("MaxSessionDuration", 3600))
            client.update_role(RoleName=name, Description=wanted.properties.get("Description", ""), MaxSessionDuration=duration)
        _set_policies(client, name, wanted.properties, existing.properties)
        return _made(client.get_role(RoleName=name)["Role"])

    def delete(self, wanted: Wanted, existing: Existing) -> None:
        """A role with policies cannot be deleted; those that others have given it go with it."""
        client, name = wanted.client("iam"), existing.physical_id
        try:
            for policy in client.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
                client.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
            for policy_name in client.list_role_policies(RoleName=name)["PolicyNames"]:
                client.delete_role_policy(RoleName=name, PolicyName=policy_name)
            client.delete_role(RoleName=name)
        except client.exceptions.NoSuchEntityException:
            return


class InlinePolicyProvider:
    """A `Provider` of policies that are put into roles, users and groups."""

    def create(self, wanted: Wanted) -> Made:
        """Into all that are named."""
        self._put(wanted)
        return Made(physical_id=wanted.new_name(), attributes={"Id": wanted.properties["PolicyName"]})

    def replaces(self, wanted: Wanted, existing: Existing) -> bool:
        """Of another name it is another one."""
        return changed(wanted, existing, "PolicyName")

    def update(self, wanted: Wanted, existing: Existing) -> Made:
        """Into all that are named, and out of the others."""
        for kind in ("Roles", "Users", "Groups"):
            kept = wanted.properties.get(kind, [])
            _remove(wanted, kind, [name for name in existing.properties.get(kind, []) if name not in kept])
        self._put(wanted)
        return Made(physical_id=existing.physical_id, attributes=existing.attributes)

    def delete(self, wanted: Wanted, existing: Existing) -> None:
        """Out of all that are still there."""
        for kind in ("Roles", "Users", "Groups"):
            _remove(wanted, kind, existing.properties.get(kind, []))

    def _put(self, wanted: Wanted) -> None:
        client, properties = wanted.client("iam"), wanted.properties
        common = {"PolicyName": properties["PolicyName"], "PolicyDocument": _document(properties["PolicyDocument"])}
        for kind in ("Role", "User", "Group"):
            for name in properties.get(f"{kind}s", []):
                getattr(client, f"put_{kind.lower()}_policy")(**{f"{kind}Name": name}, **common)


class ManagedPolicyProvider:
    """A `Provider`."""

    def create(self, wanted: Wanted) -> Made:
        """And on all that are named."""
        client, properties = wanted.client("iam"), wanted.properties
        name = str(properties.get("ManagedPolicyName") or wanted.new_name(longest=128))
        more = {key: properties[key] for key in ("Description", "Path") if key in properties}
        arn = client.create_policy(PolicyName=name, PolicyDocument=_document(properties["PolicyDocument"]), **more)["Policy"]["Arn"]
        self._attach(client, arn, properties, {})
        return Made(physical_id=arn, attributes={"PolicyArn": arn})

    def replaces(self, wanted: Wanted, existing: Existing) -> bool:
        """Name, path and description stay."""
        return changed(wanted, existing, "ManagedPolicyName", "Path", "Description")

    def update(self, wanted: Wanted, existing: Existing) -> Made:
        """By another version, which is the default from now on."""
        client, arn = wanted.client("iam"), existing.physical_id
        if changed(wanted, existing, "PolicyDocument"):
            for version in client.list_policy_versions(PolicyArn=arn)["Versions"]:
                if not version["IsDefaultVersion"]:
                    client.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
            document = _document(wanted.properties["PolicyDocument"])
            client.create_policy_version(PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)
        self._attach(client, arn, wanted.properties, existing.properties)
        return Made(physical_id=arn, attributes={"PolicyArn": arn})

    def delete(self, wanted: Wanted, existing: Existing) -> None:
        """Off all that have it."""
        client, arn = wanted.client("iam"), existing.physical_id
        try:
            self._attach(client, arn, {}, existing.properties)
            for version in client.list_policy_versions(PolicyArn=arn)["Versions"]:
                if not version["IsDefaultVersion"]:
                    client.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
            client.delete_policy(PolicyArn=arn)
        except client.exceptions.NoSuchEntityException:
            return

    def _attach(self, client: Any, arn: str, new: Mapping[str, Any], old: Mapping[str, Any]) -> None:
        for kind in ("Role", "User", "Group"):
            after, before = new.get(f"{kind}s", []), old.get(f"{kind}s", [])
            for name in [each for each in after if each not in before]:
                getattr(client, f"attach_{kind.lower()}_policy")(**{f"{kind}Name": name}, PolicyArn=arn)
            for name in [each for each in before if each not in after]:
                try:
                    getattr(client, f"detach_{kind.lower()}_policy")(**{f"{kind}Name": name}, PolicyArn=arn)
                except client.exceptions.NoSuchEntityException:
                    continue


def iam_providers() -> dict[str, Provider]:
    """By type."""
    return {
        "AWS::IAM::ManagedPolicy": ManagedPolicyProvider(),
        "AWS::IAM::Policy": InlinePolicyProvider(),
        "AWS::IAM::Role": RoleProvider(),
    }


def _made(role: Mapping[str, Any]) -> Made:
    return Made(physical_id=role["RoleName"], attributes={"Arn": role["Arn"], "RoleId": role["RoleId"]})


def _document(value: Any) -> str:
    """Documents may do without a version, but not for moto."""
    return value if isinstance(value, str) else json.dumps({"Version": "2012-10-17", **value}, default=str)


def _set_policies(client: Any, role: str, new: Mapping[str, Any], old: Mapping[str, Any]) -> None:
    after, before = new.get("ManagedPolicyArns", []), old.get("ManagedPolicyArns", [])
    for arn in [each for each in after if each not in before]:
        client.attach_role_policy(RoleName=role, PolicyArn=arn)
    for arn in [each for each in before if each not in after]:
        client.detach_role_policy(RoleName=role, PolicyArn=arn)
    own = {policy["PolicyName"]: policy for policy in new.get("Policies", [])}
    for name, policy in own.items():
        client.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=_document(policy["PolicyDocument"]))
    for policy in old.get("Policies", []):
        if policy["PolicyName"] not in own:
            client.delete_role_policy(RoleName=role, PolicyName=policy["PolicyName"])


def _remove(wanted: Wanted, kind: str, names: list[str]) -> None:
    client, one = wanted.client("iam"), kind.removesuffix("s")
    for name in names:
        try:
            policy = wanted.properties["PolicyName"]
            getattr(client, f"delete_{one.lower()}_policy")(**{f"{one}Name": name}, PolicyName=policy)
        except botocore.exceptions.ClientError as error:
            if not is_missing(error):
                raise
