"""Makes a thumbnail of each image that S3 says has been uploaded."""

import io
import os
from urllib.parse import unquote_plus

import boto3
from PIL import Image, ImageOps

SIZE = int(os.environ["SIZE"])
s3 = boto3.client("s3")


def handler(event, context):
    for record in event["Records"]:
        bucket, key = record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])
        image = Image.open(io.BytesIO(s3.get_object(Bucket=bucket, Key=key)["Body"].read()))
        thumbnail = ImageOps.exif_transpose(image)
        thumbnail.thumbnail((SIZE, SIZE))
        content = io.BytesIO()
        thumbnail.save(content, "JPEG")
        s3.put_object(Bucket=os.environ["THUMBNAILS"], Key=key, Body=content.getvalue(), ContentType="image/jpeg")
        print(f"{key}: {image.size} -> {thumbnail.size}")
