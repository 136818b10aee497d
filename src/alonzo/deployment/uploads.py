"""A bucket of the server for what is too large for a request, and for what CloudFormation takes from S3 only."""

import contextlib
from collections.abc import Callable
from typing import Any


class Uploads:
    """One bucket an account and region, made on first use; objects are named by their content."""

    def __init__(self, *, create_client: Callable[[str], Any], bucket: str | None = None) -> None:
        self._create_client = create_client
        self._bucket = bucket
        self._is_there = bucket is not None
        self._s3: Any = None

    def put(self, content: bytes, key: str) -> tuple[str, str]:
        """Keep it under a key that names this content and no other; the bucket and the key."""
        bucket = self._open()
        if not self._has(bucket, key):
            self._s3.put_object(Bucket=bucket, Key=key, Body=content)
        return bucket, key

    def url_of(self, key: str) -> str:
        """As CloudFormation takes it for a template, whatever this server's own address is."""
        return f"https://{self._open()}.s3.{self._s3.meta.region_name}.amazonaws.com/{key}"

    def _open(self) -> str:
        if self._s3 is None:
            self._s3 = self._create_client("s3")
        if self._bucket is None:
            account = self._create_client("sts").get_caller_identity()["Account"]
            self._bucket = f"alonzo-deployments-{account}-{self._s3.meta.region_name}"
        if not self._is_there:
            self._make(self._bucket)
        return self._bucket

    def _make(self, bucket: str) -> None:
        region = self._s3.meta.region_name
        # us-east-1 is the one region that may not be named: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html.
        where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        with contextlib.suppress(self._s3.exceptions.BucketAlreadyOwnedByYou, self._s3.exceptions.BucketAlreadyExists):
            self._s3.create_bucket(Bucket=bucket, **where)
        self._is_there = True

    def _has(self, bucket: str, key: str) -> bool:
        # By a list: HEAD of an object that is not there is an error, and which one depends on the S3 that answers.
        found = self._s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
        return any(item["Key"] == key for item in found.get("Contents", []))
