"""Deletes what has been in the bucket for longer than KEEP_SECONDS."""

import os
from datetime import UTC, datetime, timedelta

import boto3

bucket = boto3.resource("s3").Bucket(os.environ["BUCKET"])


def handler(event, context):
    oldest = datetime.now(UTC) - timedelta(seconds=int(os.environ["KEEP_SECONDS"]))
    deleted = [stored.key for stored in bucket.objects.all() if stored.last_modified <= oldest and stored.delete()]
    print(f"deleted {deleted}")
    return deleted
