"""SNS's deliveries to functions, and what becomes of a message that a subscriber cannot be given.

moto sends functions a sample. Sources: https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html (the event),
https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html (the signature),
https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html.
"""

import json
import logging
from datetime import UTC, datetime
from typing import Any

import moto.sns.models
import moto.sns.utils
import moto.sqs.models
from moto.sns.exceptions import InvalidParameterValue

from alonzo.companion.functions import Functions
from alonzo.companion.message_filters import matches_attributes, matches_body
from alonzo.companion.message_signatures import MessageSignatures

_log = logging.getLogger(__name__)


def deliver_messages_to(functions: Functions) -> None:
    """Have topics invoke functions of the node, and use their subscriptions' dead-letter queues."""
    subscription_class: Any = moto.sns.models.Subscription
    publish_as_moto_does = subscription_class.publish
    signatures = MessageSignatures()

    def publish(self: Any, message: str, message_id: str, **parameters: Any) -> None:
        if parameters.get("message_structure") == "json":
            message = self._parse_message_structure(message, self.protocol)
            parameters["message_structure"] = None
        try:
            if self.protocol != "lambda":
                publish_as_moto_does(self, message, message_id, **parameters)
            elif _is_wanted(self, message, parameters):
                notification = _notification(self, message, message_id, parameters, signatures)
                functions.send_event(self.endpoint, json.dumps(_event(self, notification)))
        except InvalidParameterValue:
            raise
        except Exception as error:  # one subscriber's, and no concern of the others' nor of who publishes
            _give_up(self, _notification(self, message, message_id, parameters, signatures), error)

    subscription_class.publish = publish
    matcher_class: Any = moto.sns.utils.FilterPolicyMatcher
    matcher_class.matches = _matches


def _is_wanted(subscription: Any, message: str, parameters: dict[str, Any]) -> bool:
    matcher = subscription._filter_policy_matcher
    return matcher is None or bool(matcher.matches(parameters.get("message_attributes"), message))


def _matches(matcher: Any, attributes: dict[str, Any] | None, message: str) -> bool:
    """In the place of moto's, which lacks operators."""
    if matcher.filter_policy_scope == "MessageBody":
        return matches_body(matcher.filter_policy, message)
    return matches_attributes(matcher.filter_policy, attributes)


def _notification(
    subscription: Any, message: str, message_id: str, parameters: dict[str, Any], signatures: MessageSignatures
) -> dict[str, Any]:
    """In the words of HTTP and SQS deliveries: functions get other names for two of the links."""
    topic_arn = subscription.topic.arn
    region = topic_arn.split(":")[3]
    subject = parameters.get("subject")
    timestamp = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    signed = {"Message": message, "MessageId": message_id, "Subject": subject, "Timestamp": timestamp, "TopicArn": topic_arn}
    return {
        "Type": "Notification",
        "MessageId": message_id,
        "TopicArn": topic_arn,
        "Subject": subject,
        "Message": message,
        "Timestamp": timestamp,
        "SignatureVersion": "1",
        "Signature": signatures.sign({**signed, "Type": "Notification"}),
        "SigningCertURL": signatures.certificate_url(region),
        "UnsubscribeURL": f"https://sns.{region}.amazonaws.com/?Action=Unsubscribe&SubscriptionArn={subscription.arn}",
        "MessageAttributes": parameters.get("message_attributes") or {},
    }


def _event(subscription: Any, notification: dict[str, Any]) -> dict[str, Any]:
    names = {"SigningCertURL": "SigningCertUrl", "UnsubscribeURL": "UnsubscribeUrl"}
    record = {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription.arn,
        "Sns": {names.get(name, name): value for name, value in notification.items()},
    }
    return {"Records": [record]}


def _give_up(subscription: Any, notification: dict[str, Any], error: Exception) -> None:
    """AWS tries throttled functions for weeks; here what the durable queue does not take at once is given up."""
    policy = subscription.attributes.get("RedrivePolicy")
    target = (json.loads(policy) if isinstance(policy, str) else policy or {}).get("deadLetterTargetArn")
    _log.warning("topic %s: no message to %s: %s", subscription.topic.arn, subscription.endpoint, error)
    if target is None:
        return
    body = {name: value for name, value in notification.items() if value}
    _, _, _, region, account_id, name = target.split(":")
    queues: Any = moto.sqs.models.sqs_backends[account_id][region]
    try:
        queues.send_message(queue_name=name, message_body=json.dumps(body))
    except Exception as failure:  # moto's errors have no common ancestor
        _log.error("topic %s: the dead-letter queue %s does not take a message: %s", subscription.topic.arn, target, failure)
