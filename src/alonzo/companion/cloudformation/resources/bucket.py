"""`AWS::S3::Bucket` and its policy.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html.
"""

from collections.abc import Callable, Mapping
from typing import Any

import botocore.exceptions

from alonzo.companion.cloudformation.errors import ResourceFailed
from alonzo.companion.cloudformation.resources.policies import AttachedPolicy
from alonzo.companion.cloudformation.resources.provider import Existing, Made, PartlyMade, Provider, Wanted, changed, is_missing

Put = Callable[[Any, str, Any], None]

_NAME_MAX = 63
_AT_CREATION = frozenset({"AccessControl", "BucketName", "ObjectLockEnabled"})


class BucketProvider:
    """A `Provider`. Each property but those of creation has an operation of its own."""

    def create(self, wanted: Wanted) -> Made:
        """With its settings."""
        client, properties = wanted.client("s3"), wanted.properties
        _check(properties)
        name = str(properties.get("BucketName") or wanted.new_name(longest=_NAME_MAX, lower=True))
        parameters: dict[str, Any] = {"Bucket": name}
        if wanted.region != "us-east-1":
            parameters["CreateBucketConfiguration"] = {"LocationConstraint": wanted.region}
        if "AccessControl" in properties:
            parameters["ACL"] = _canned(str(properties["AccessControl"]))
        if str(properties.get("ObjectLockEnabled", "")).lower() == "true":
            parameters["ObjectLockEnabledForBucket"] = True
        _refuse_taken(client, name)
        client.create_bucket(**parameters)
        made = _made(name, wanted.region)
        try:
            for property_name, put in _SETTINGS.items():
                if property_name in properties:
                    put(client, name, properties[property_name])
        except (botocore.exceptions.ClientError, botocore.exceptions.ParamValidationError, KeyError, TypeError) as error:
            raise PartlyMade(f"{property_name}: {error}", made) from error
        return made

    def replaces(self, wanted: Wanted, existing: Existing) -> bool:
        """A bucket keeps its name."""
        return changed(wanted, existing, "BucketName", "ObjectLockEnabled")

    def update(self, wanted: Wanted, existing: Existing) -> Made:
        """Those settings that are others."""
        client, name = wanted.client("s3"), existing.physical_id
        _check(wanted.properties)
        for property_name, put in _SETTINGS.items():
            if changed(wanted, existing, property_name):
                put(client, name, wanted.properties.get(property_name))
        return _made(name, wanted.region)

    def delete(self, wanted: Wanted, existing: Existing) -> None:
        """Refused by S3 as long as there are objects in it."""
        client = wanted.client("s3")
        try:
            client.delete_bucket(Bucket=existing.physical_id)
        except client.exceptions.ClientError as error:
            if not is_missing(error):
                raise


def bucket_providers() -> dict[str, Provider]:
    """By type."""

    def put_policy(client: Any, bucket: str, policy: str) -> None:
        if policy:
            client.put_bucket_policy(Bucket=bucket, Policy=policy)
        else:
            client.delete_bucket_policy(Bucket=bucket)

    return {
        "AWS::S3::Bucket": BucketProvider(),
        "AWS::S3::BucketPolicy": AttachedPolicy(service="s3", holders="Bucket", put=put_policy),
    }


def _refuse_taken(client: Any, name: str) -> None:
    """S3 itself does not mind, in us-east-1, that a bucket is its owner's already."""
    try:
        client.head_bucket(Bucket=name)
    except botocore.exceptions.ClientError as error:
        if is_missing(error):
            return
    raise ResourceFailed(f"{name} already exists")


def _check(properties: Mapping[str, Any]) -> None:
    for name in properties:
        if name not in _SETTINGS and name not in _AT_CREATION:
            raise ResourceFailed(f"Encountered unsupported property {name}")


def _canned(access: str) -> str:
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in access).lstrip("-")


def _put_notifications(client: Any, bucket: str, value: Any) -> None:
    value = value or {}
    made: dict[str, Any] = {}
    for ours, target, theirs in (
        ("LambdaConfigurations", "Function", "LambdaFunction"),
        ("QueueConfigurations", "Queue", "Queue"),
        ("TopicConfigurations", "Topic", "Topic"),
    ):
        made[f"{theirs}Configurations"] = [_notification(each, target, theirs) for each in value.get(ours, [])]
    if str(value.get("EventBridgeConfiguration", {}).get("EventBridgeEnabled", "")).lower() == "true":
        made["EventBridgeConfiguration"] = {}
    client.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=made)


def _notification(each: Mapping[str, Any], target: str, theirs: str) -> dict[str, Any]:
    made: dict[str, Any] = {f"{theirs}Arn": each[target], "Events": [each["Event"]]}
    rules = each.get("Filter", {}).get("S3Key", {}).get("Rules", [])
    if rules:
        made["Filter"] = {"Key": {"FilterRules": [{"Name": rule["Name"], "Value": rule["Value"]} for rule in rules]}}
    return made


def _put_versioning(client: Any, bucket: str, value: Any) -> None:
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=value or {"Status": "Suspended"})


def _put_tags(client: Any, bucket: str, value: Any) -> None:
    if value:
        client.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": tag["Key"], "Value": str(tag["Value"])} for tag in value]})
    else:
        client.delete_bucket_tagging(Bucket=bucket)


def _put_cors(client: Any, bucket: str, value: Any) -> None:
    if not value:
        client.delete_bucket_cors(Bucket=bucket)
        return
    names = {"ExposedHeaders": "ExposeHeaders", "Id": "ID", "MaxAge": "MaxAgeSeconds"}
    rules = [{names.get(name, name): int(part) if name == "MaxAge" else part for name, part in rule.items()} for rule in value["CorsRules"]]
    client.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})


def _put_encryption(client: Any, bucket: str, value: Any) -> None:
    if not value:
        client.delete_bucket_encryption(Bucket=bucket)
        return
    rules = [
        {name.replace("ServerSideEncryptionByDefault", "ApplyServerSideEncryptionByDefault"): part for name, part in rule.items()}
        for rule in value["ServerSideEncryptionConfiguration"]
    ]
    client.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": rules})


def _put_lifecycle(client: Any, bucket: str, value: Any) -> None:
    if not value:
        client.delete_bucket_lifecycle(Bucket=bucket)
        return
    rules = [_lifecycle_rule(rule) for rule in value["Rules"]]
    client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})


def _lifecycle_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"Status": rule["Status"], "Filter": {"Prefix": rule.get("Prefix", "")}}
    if "Id" in rule:
        made["ID"] = rule["Id"]
    if "ExpirationInDays" in rule:
        made["Expiration"] = {"Days": int(rule["ExpirationInDays"])}
    noncurrent = rule.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays", rule.get("NoncurrentVersionExpirationInDays"))
    if noncurrent is not None:
        made["NoncurrentVersionExpiration"] = {"NoncurrentDays": int(noncurrent)}
    if "AbortIncompleteMultipartUpload" in rule:
        days = int(rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"])
        made["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": days}
    if "Transitions" in rule:
        made["Transitions"] = [
            {"StorageClass": each["StorageClass"], "Days": int(each.get("TransitionInDays", 0))} for each in rule["Transitions"]
        ]
    return made


def _put_public_access_block(client: Any, bucket: str, value: Any) -> None:
    if value:
        blocks = {name: str(each).lower() == "true" for name, each in value.items()}
        client.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=blocks)
    else:
        client.delete_public_access_block(Bucket=bucket)


def _put_ownership(client: Any, bucket: str, value: Any) -> None:
    if value:
        client.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=value)
    else:
        client.delete_bucket_ownership_controls(Bucket=bucket)


def _put_website(client: Any, bucket: str, value: Any) -> None:
    if not value:
        client.delete_bucket_website(Bucket=bucket)
        return
    made: dict[str, Any] = {}
    if "IndexDocument" in value:
        made["IndexDocument"] = {"Suffix": value["IndexDocument"]}
    if "ErrorDocument" in value:
        made["ErrorDocument"] = {"Key": value["ErrorDocument"]}
    if "RedirectAllRequestsTo" in value:
        made["RedirectAllRequestsTo"] = value["RedirectAllRequestsTo"]
    client.put_bucket_website(Bucket=bucket, WebsiteConfiguration=made)


_SETTINGS: Mapping[str, Put] = {
    "BucketEncryption": _put_encryption,
    "CorsConfiguration": _put_cors,
    "LifecycleConfiguration": _put_lifecycle,
    "NotificationConfiguration": _put_notifications,
    "OwnershipControls": _put_ownership,
    "PublicAccessBlockConfiguration": _put_public_access_block,
    "Tags": _put_tags,
    "VersioningConfiguration": _put_versioning,
    "WebsiteConfiguration": _put_website,
}


def _made(name: str, region: str) -> Made:
    attributes = {
        "Arn": f"arn:aws:s3:::{name}",
        "DomainName": f"{name}.s3.amazonaws.com",
        "DualStackDomainName": f"{name}.s3.dualstack.{region}.amazonaws.com",
        "RegionalDomainName": f"{name}.s3.{region}.amazonaws.com",
        "WebsiteURL": f"http://{name}.s3-website-{region}.amazonaws.com",
    }
    return Made(physical_id=name, attributes=attributes)
