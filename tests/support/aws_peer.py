"""Other AWS services beside the server under test: moto's, in a process of its own."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Self

import boto3
from botocore.config import Config
from tests.support.waiting import eventually

ACCOUNT = "123456789012"
"""moto's own account, whatever the credentials."""

_RUNNING = re.compile(r"Running on (http://127\.0\.0\.1:\d+)")
_START_SECONDS = 60.0
_STOP_SECONDS = 10.0


class AwsPeer:
    """Started by `start`; ended by `stop` or leaving `with`. What it holds is gone with it."""

    def __init__(self, *, process: subprocess.Popen[bytes], endpoint_url: str) -> None:
        self.process = process
        self.endpoint_url = endpoint_url

    @classmethod
    def start(cls, *, port: int = 0) -> Self:
        """Start it on a port, any free one by default, and wait until it listens."""
        with tempfile.NamedTemporaryFile() as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
            try:
                said = Path(log.name)
                running = eventually(lambda: _RUNNING.search(said.read_text()), what="moto running", within_seconds=_START_SECONDS)
            except AssertionError:
                process.kill()
                process.wait()
                raise
        return cls(process=process, endpoint_url=running[1])

    @property
    def port(self) -> int:
        return int(self.endpoint_url.rpartition(":")[2])

    def client(self, service: str, *, region: str = "us-east-1") -> Any:
        """An unmodified boto3 client of it."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint_url,
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="test",
            region_name=region,
            config=Config(s3={"addressing_style": "path"}),
        )

    def create_queue(self, name: str) -> tuple[str, str]:
        """Its URL and ARN."""
        url: str = self.client("sqs").create_queue(QueueName=name)["QueueUrl"]
        return url, f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"

    def receive(self, queue_url: str) -> list[dict[str, Any]]:
        """All messages that are there, with all their attributes; they are taken out of the queue."""
        sqs, received = self.client("sqs"), []
        while messages := sqs.receive_message(
            QueueUrl=queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"]
        ).get("Messages"):
            for message in messages:
                sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
            received += messages
        return received

    def stop(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait(_STOP_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
