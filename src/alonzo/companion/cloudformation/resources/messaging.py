"""Queues, topics and subscriptions.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_SQS.html, and AWS_SNS.html beside it.
"""

import json
from collections.abc import Mapping
from typing import Any

from alonzo.companion.cloudformation.resources.policies import AttachedPolicy
from alonzo.companion.cloudformation.resources.provider import Existing, Made, Provider, Wanted, changed, is_missing

_QUEUE_DEFAULTS = {
    "DelaySeconds": "0",
    "MaximumMessageSize": "262144",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "RedrivePolicy": "",
    "VisibilityTimeout": "30",
}
"""What an attribute becomes that is in the template no more."""

_NAME_MAX = 80


class QueueProvider:
    """A `Provider`."""

    def create(self, wanted: Wanted) -> Made:
        """With its attributes."""
        client, properties = wanted.client("sqs"), wanted.properties
        ending = ".fifo" if str(properties.get("FifoQueue", "")).lower() == "true" else ""
        name = properties.get("QueueName") or wanted.new_name(longest=_NAME_MAX - len(ending)) + ending
        tags = {tag["Key"]: str(tag["Value"]) for tag in properties.get("Tags", ())}
        url = client.create_queue(QueueName=name, Attributes=_attributes(properties, "QueueName", "Tags"), tags=tags)["QueueUrl"]
        return _made_of_queue(client, url)

    def replaces(self, wanted: Wanted, existing: Existing) -> bool:
        """Its name and kind stay."""
        return changed(wanted, existing, "QueueName", "FifoQueue")

    def update(self, wanted: Wanted, existing: Existing) -> Made:
        """Its attributes."""
        client, url = wanted.client("sqs"), existing.physical_id
        gone = {name: _QUEUE_DEFAULTS[name] for name in existing.properties if name in _QUEUE_DEFAULTS and name not in wanted.properties}
        attributes = {**gone, **_attributes(wanted.properties, "QueueName", "Tags", "FifoQueue")}
        if attributes:
            client.set_queue_attributes(QueueUrl=url, Attributes=attributes)
        return _made_of_queue(client, url)

    def delete(self, wanted: Wanted, existing: Existing) -> None:
        """With its messages."""
        client = wanted.client("sqs")
        try:
            client.delete_queue(QueueUrl=existing.physical_id)
        except client.exceptions.ClientError as error:
            if not is_missing(error):
                raise


class TopicProvider:
    """A `Provider`."""

    def create(self, wanted: Wanted) -> Made:
        """With the subscriptions that it names itself."""
        client, properties = wanted.client("sns"), wanted.properties
        ending = ".fifo" if str(properties.get("FifoTopic", "")).lower() == "true" else ""
        name = properties.get("TopicName") or wanted.new_name(longest=200) + ending
        attributes = _attributes(properties, "TopicName", "Tags", "Subscription")
        arn = client.create_topic(Name=name, Attributes=attributes, Tags=_tags(properties))["TopicArn"]
        _subscribe_all(client, arn, properties.get("Subscription", ()))
        return _made_of_topic(arn)

    def replaces(self, wanted: Wanted, existing: Existing) -> bool:
        """Its name and kind stay."""
        return changed(wanted, existing, "TopicName", "FifoTopic")

    def update(self, wanted: Wanted, existing: Existing) -> Made:
        """Its attributes, and its own subscriptions."""
        client, arn = wanted.client("sns"), existing.physical_id
        new, old = (_attributes(each.properties, "TopicName", "Tags", "Subscription", "FifoTopic") for each in (wanted, existing))
        for name in {*new, *old}:
            if new.get(name) != old.get(name):
                client.set_topic_attributes(TopicArn=arn, AttributeName=name, AttributeValue=new.get(name, ""))
        if changed(wanted, existing, "Subscription"):
            kept = [(each["Protocol"], each["Endpoint"]) for each in wanted.properties.get("Subscription", ())]
            before = [(each["Protocol"], each["Endpoint"]) for each in existing.properties.get("Subscription", ())]
            for page in client.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=arn):
                for each in page["Subscriptions"]:
                    pair = (each["Protocol"], each["Endpoint"])
                    if pair in before and pair not in kept:
                        client.unsubscribe(SubscriptionArn=each["SubscriptionArn"])
            _subscribe_all(client, arn, [each for each in wanted.properties.get("Subscription", ()) if each not in before])
        return _made_of_topic(arn)

    def delete(self, wanted: Wanted, existing: Existing) -> None:
        """With its subscriptions."""
        client = wanted.client("sns")
        for page in client.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=existing.physical_id):
            for each in page["Subscriptions"]:
                client.unsubscribe(SubscriptionArn=each["SubscriptionArn"])
        client.delete_topic(TopicArn=existing.physical_id)


class SubscriptionProvider:
    """A `Provider`."""

    def create(self, wanted: Wanted) -> Made:
        """With its filter and the like."""
        properties = wanted.properties
        client = wanted.clients.client("sns", account_id=wanted.account_id, region=properties.get("Region", wanted.region))
        arn = client.subscribe(
            TopicArn=properties["TopicArn"],
            Protocol=properties["Protocol"],
            Endpoint=properties.get("Endpoint", ""),
            Attributes=_attributes(properties, "TopicArn", "Protocol", "Endpoint", "Region"),
            ReturnSubscriptionArn=True,
        )["SubscriptionArn"]
        return Made(physical_id=arn, attributes={"Arn": arn})

    def replaces(self, wanted: Wanted, existing: Existing) -> bool:
        """Who is told of what stays."""
        return changed(wanted, existing, "TopicArn", "Protocol", "Endpoint", "Region")

    def update(self, wanted: Wanted, existing: Existing) -> Made:
        """Its attributes."""
        client = wanted.client("sns")
        new, old = (_attributes(each.properties, "TopicArn", "Protocol", "Endpoint", "Region") for each in (wanted, existing))
        for name in {*new, *old}:
            if new.get(name) != old.get(name):
                value = new.get(name, "{}" if name.endswith("Policy") else "")
                client.set_subscription_attributes(SubscriptionArn=existing.physical_id, AttributeName=name, AttributeValue=value)
        return Made(physical_id=existing.physical_id, attributes=existing.attributes)

    def delete(self, wanted: Wanted, existing: Existing) -> None:
        """Of a topic that may be gone."""
        client = wanted.client("sns")
        try:
            client.unsubscribe(SubscriptionArn=existing.physical_id)
        except client.exceptions.NotFoundException:
            return


def messaging_providers() -> dict[str, Provider]:
    """By type."""

    def set_queue_policy(client: Any, queue: str, policy: str) -> None:
        client.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})

    def set_topic_policy(client: Any, topic: str, policy: str) -> None:
        if policy:  # a topic has always one
            client.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)

    return {
        "AWS::SNS::Subscription": SubscriptionProvider(),
        "AWS::SNS::Topic": TopicProvider(),
        "AWS::SNS::TopicPolicy": AttachedPolicy(service="sns", holders="Topics", put=set_topic_policy),
        "AWS::SQS::Queue": QueueProvider(),
        "AWS::SQS::QueuePolicy": AttachedPolicy(service="sqs", holders="Queues", put=set_queue_policy),
    }


def _attributes(properties: Mapping[str, Any], *but: str) -> dict[str, str]:
    return {name: _text(value) for name, value in properties.items() if name not in but}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def _tags(properties: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"Key": tag["Key"], "Value": str(tag["Value"])} for tag in properties.get("Tags", ())]


def _made_of_queue(client: Any, url: str) -> Made:
    arn = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return Made(physical_id=url, attributes={"Arn": arn, "QueueName": arn.rpartition(":")[2], "QueueUrl": url})


def _made_of_topic(arn: str) -> Made:
    return Made(physical_id=arn, attributes={"TopicArn": arn, "TopicName": arn.rpartition(":")[2]})


def _subscribe_all(client: Any, arn: str, subscriptions: Any) -> None:
    for each in subscriptions:
        client.subscribe(TopicArn=arn, Protocol=each["Protocol"], Endpoint=each["Endpoint"])
