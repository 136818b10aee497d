"""`AWS::DynamoDB::Table`.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html.
"""

from typing import Any

from alonzo.companion.cloudformation.resources.provider import Existing, Made, PartlyMade, Wanted, changed
from alonzo.companion.cloudformation.shapes import parameters_of

_BESIDE = frozenset({"PointInTimeRecoverySpecification", "TimeToLiveSpecification"})
_WAIT = {"Delay": 0.1, "MaxAttempts": 600}


class TableProvider:
    """A `Provider`."""

    def create(self, wanted: Wanted) -> Made:
        """And wait until it is active."""
        client = wanted.client("dynamodb")
        properties = dict(wanted.properties)
        properties.setdefault("TableName", wanted.new_name(longest=255))
        if "StreamSpecification" in properties:
            properties["StreamSpecification"] = {
                "StreamEnabled": True,
                "StreamViewType": properties["StreamSpecification"]["StreamViewType"],
            }
        if "SSESpecification" in properties:
            encryption = dict(properties["SSESpecification"])
            properties["SSESpecification"] = {"Enabled": encryption.pop("SSEEnabled", True), **encryption}
        table = client.create_table(**parameters_of(client, "create_table", properties, ignore=_BESIDE))["TableDescription"]
        made = _made(table)
        client.get_waiter("table_exists").wait(TableName=made.physical_id, WaiterConfig=_WAIT)
        try:
            _set_beside(client, made.physical_id, wanted, None)
        except client.exceptions.ClientError as error:
            raise PartlyMade(str(error), made) from error
        return made

    def replaces(self, wanted: Wanted, existing: Existing) -> bool:
        """Its keys stay."""
        return changed(wanted, existing, "TableName", "KeySchema", "LocalSecondaryIndexes")

    def update(self, wanted: Wanted, existing: Existing) -> Made:
        """One thing after the other, as DynamoDB has it."""
        client, name = wanted.client("dynamodb"), existing.physical_id
        properties = wanted.properties
        if changed(wanted, existing, "BillingMode", "ProvisionedThroughput", "DeletionProtectionEnabled"):
            some = {
                key: properties[key] for key in ("BillingMode", "ProvisionedThroughput", "DeletionProtectionEnabled") if key in properties
            }
            client.update_table(**parameters_of(client, "update_table", {"TableName": name, **some}))
        if changed(wanted, existing, "StreamSpecification"):
            kind = properties.get("StreamSpecification", {}).get("StreamViewType")
            if "StreamSpecification" in existing.properties:
                client.update_table(TableName=name, StreamSpecification={"StreamEnabled": False})
            if kind is not None:
                client.update_table(TableName=name, StreamSpecification={"StreamEnabled": True, "StreamViewType": kind})
        if changed(wanted, existing, "GlobalSecondaryIndexes"):
            _change_indexes(client, name, wanted, existing)
        _set_beside(client, name, wanted, existing)
        return _made(client.describe_table(TableName=name)["Table"])

    def delete(self, wanted: Wanted, existing: Existing) -> None:
        """With its items."""
        client = wanted.client("dynamodb")
        try:
            client.delete_table(TableName=existing.physical_id)
        except client.exceptions.ResourceNotFoundException:
            return


def _change_indexes(client: Any, name: str, wanted: Wanted, existing: Existing) -> None:
    after, before = (
        {index["IndexName"]: index for index in each.properties.get("GlobalSecondaryIndexes", [])} for each in (wanted, existing)
    )
    for index_name in before:
        if after.get(index_name) != before[index_name]:
            client.update_table(TableName=name, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": index_name}}])
    for index_name, index in after.items():
        if before.get(index_name) != index:
            update = {
                "TableName": name,
                "AttributeDefinitions": wanted.properties["AttributeDefinitions"],
                "GlobalSecondaryIndexUpdates": [{"Create": index}],
            }
            client.update_table(**parameters_of(client, "update_table", update))


def _set_beside(client: Any, name: str, wanted: Wanted, existing: Existing | None) -> None:
    before = {} if existing is None else existing.properties
    expiry = wanted.properties.get("TimeToLiveSpecification")
    if expiry != before.get("TimeToLiveSpecification"):
        old = before.get("TimeToLiveSpecification", {})
        made = expiry or {"AttributeName": old.get("AttributeName"), "Enabled": False}
        client.update_time_to_live(**parameters_of(client, "update_time_to_live", {"TableName": name, "TimeToLiveSpecification": made}))
    recovery = wanted.properties.get("PointInTimeRecoverySpecification")
    if recovery != before.get("PointInTimeRecoverySpecification"):
        some = {"TableName": name, "PointInTimeRecoverySpecification": recovery or {"PointInTimeRecoveryEnabled": False}}
        client.update_continuous_backups(**parameters_of(client, "update_continuous_backups", some))


def _made(table: dict[str, Any]) -> Made:
    attributes = {"Arn": table["TableArn"], "TableId": table.get("TableId")}
    if table.get("LatestStreamArn"):
        attributes["StreamArn"] = table["LatestStreamArn"]
    return Made(physical_id=table["TableName"], attributes=attributes)
