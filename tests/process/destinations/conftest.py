"""Other AWS services for the tests of a module."""

from collections.abc import Iterator

import pytest
from tests.support.aws_peer import AwsPeer


@pytest.fixture(scope="module")
def peer() -> Iterator[AwsPeer]:
    """They share it, and use queues, topics and buckets of their own."""
    with AwsPeer.start() as running:
        yield running
