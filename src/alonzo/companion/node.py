"""What the companion asks of the node beside Lambda: things that are decided there (`edge/companion_endpoint.py`)."""

import json
from typing import Any

import urllib3

_CONNECTIONS = 16
_TIMEOUT = urllib3.Timeout(connect=5.0, read=600.0)
_OK = 200


class NodeRefused(Exception):
    """The node could not do what it was asked for, or did not answer."""


class Node:
    """For any number of threads."""

    def __init__(self, *, endpoint_url: str, token: str) -> None:
        self.endpoint_url = endpoint_url
        self._url = f"{endpoint_url}/_alonzo/companion/"
        self._headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        self._pool = urllib3.PoolManager(maxsize=_CONNECTIONS, retries=False, timeout=_TIMEOUT)

    def ask(self, path: str, content: Any, *, method: str = "POST") -> Any:
        """What the node answers. Raises NodeRefused."""
        try:
            answer = self._pool.request(method, self._url + path, body=json.dumps(content).encode(), headers=self._headers)
            said = json.loads(answer.data)
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise NodeRefused(f"{path}: {error}") from error
        if answer.status != _OK:
            raise NodeRefused(f"{path}: {said.get('message')}")
        return said
