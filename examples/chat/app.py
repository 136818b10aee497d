"""A chat: messages come and go over a WebSocket API, and what was said before is at an HTTP API."""

import json
import os
import time

import boto3

TABLE = os.environ["TABLE"]
HISTORY = 50

table = boto3.resource("dynamodb").Table(TABLE)


def handler(event, context):
    request = event["requestContext"]
    if "connectionId" not in request:
        return history()
    match request["routeKey"]:
        case "$connect":
            name = (event.get("queryStringParameters") or {}).get("name", "somebody")
            table.put_item(Item={"kind": "connection", "id": request["connectionId"], "name": name})
        case "$disconnect":
            table.delete_item(Key={"kind": "connection", "id": request["connectionId"]})
        case "say":
            say(request, json.loads(event["body"])["text"])
    return {"statusCode": 200}


def history():
    found = table.query(
        KeyConditionExpression="kind = :kind", ExpressionAttributeValues={":kind": "message"}, ScanIndexForward=False, Limit=HISTORY
    )
    messages = [{"name": item["name"], "text": item["text"]} for item in reversed(found["Items"])]
    return {"statusCode": 200, "body": json.dumps(messages)}


def say(request, text):
    speaker = table.get_item(Key={"kind": "connection", "id": request["connectionId"]})["Item"]["name"]
    table.put_item(Item={"kind": "message", "id": f"{time.time_ns():020d}", "name": speaker, "text": text})
    client = connections(request)
    listeners = table.query(KeyConditionExpression="kind = :kind", ExpressionAttributeValues={":kind": "connection"})["Items"]
    for listener in listeners:
        try:
            client.post_to_connection(ConnectionId=listener["id"], Data=json.dumps({"name": speaker, "text": text}))
        except client.exceptions.GoneException:
            table.delete_item(Key={"kind": "connection", "id": listener["id"]})


def connections(request):
    """Where AWS_ENDPOINT_URL leads, there the connections are, too; at AWS they are at the API's own address."""
    if "AWS_ENDPOINT_URL" in os.environ:
        return boto3.client("apigatewaymanagementapi")
    return boto3.client("apigatewaymanagementapi", endpoint_url=f"https://{request['domainName']}/{request['stage']}")
