"""Rotation of secrets by functions: the four steps as Secrets Manager takes them.

moto takes the steps, gives functions the secret's name instead of its ARN, and makes the new version the current one whatever the function
says. Source: https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html.
"""

import json
import logging
from typing import Any

import moto.secretsmanager.models

_log = logging.getLogger(__name__)


class RotationStepFailed(Exception):
    """The function has failed, and the secret stays as it is."""


def end_rotations_that_fail() -> None:
    """A rotation that fails is over, and RotateSecret, which on AWS does not wait for it, knows nothing of that."""
    backend: Any = moto.secretsmanager.models.SecretsManagerBackend
    rotate_as_moto_does = backend.rotate_secret

    def rotate_secret(self: Any, secret_id: str, *others: Any, **named: Any) -> Any:
        try:
            return rotate_as_moto_does(self, secret_id, *others, **named)
        except RotationStepFailed as error:
            _log.warning("secret %s is not rotated: %s", secret_id, error)
            return self.secrets[secret_id].to_short_dict()

    backend.rotate_secret = rotate_secret


def step_of(body: Any, *, account_id: str, region: str) -> bytes:
    """The event of a step, with the secret's ARN; what else moto may have to say stays as it is."""
    event = json.loads(body)
    secrets: Any = moto.secretsmanager.models.secretsmanager_backends[account_id][region].secrets
    secret = secrets.get(event["SecretId"]) if isinstance(event, dict) and "Step" in event and "SecretId" in event else None
    return json.dumps(event if secret is None else event | {"SecretId": secret.arn}).encode()
