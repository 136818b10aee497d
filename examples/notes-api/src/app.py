"""PUT and GET of /notes/{id}."""

import base64
import json
import os

import boto3

table = boto3.resource("dynamodb").Table(os.environ["NOTES"])


def handler(event, context):
    note_id = event["pathParameters"]["id"]
    if event["requestContext"]["http"]["method"] == "PUT":
        text = base64.b64decode(event["body"]).decode() if event["isBase64Encoded"] else event["body"]
        table.put_item(Item={"id": note_id, "text": text})
        return {"statusCode": 204}
    item = table.get_item(Key={"id": note_id}).get("Item")
    if item is None:
        return {"statusCode": 404, "body": json.dumps({"message": f"there is no note {note_id}"})}
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(item)}
