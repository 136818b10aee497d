"""Where what was deployed is reached: the addresses of APIs on this server.

A template's outputs often spell out an address in amazonaws.com, where nothing of this server answers.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from alonzo.deployment.stacks import StackResource

_REST_API, _HTTP_API = "AWS::ApiGateway::RestApi", "AWS::ApiGatewayV2::Api"
_DEFAULT_STAGE = "$default"
_PATH = "_aws/execute-api"
"""Reached by any client, without names to resolve; the server knows APIs by their host names, too."""


def iter_api_addresses(resources: Iterable[StackResource], create_client: Callable[[str], Any]) -> Iterator[tuple[str, str]]:
    """Logical id and address of each stage of each API among the resources."""
    for resource in resources:
        if resource.type == _REST_API:
            client = create_client("apigateway")
            stages = [stage["stageName"] for stage in client.get_stages(restApiId=resource.physical_id)["item"]]
            addresses = _addresses(client.meta.endpoint_url, resource.physical_id, stages)
        elif resource.type == _HTTP_API:
            client = create_client("apigatewayv2")
            api = client.get_api(ApiId=resource.physical_id)
            stages = [stage["StageName"] for stage in client.get_stages(ApiId=resource.physical_id)["Items"]]
            if api["ProtocolType"] == "WEBSOCKET":
                addresses = [f"{api['ApiEndpoint']}/{stage}" for stage in stages]
            else:
                addresses = _addresses(client.meta.endpoint_url, resource.physical_id, stages)
        else:
            continue
        yield from ((resource.logical_id, address) for address in addresses)


def _addresses(endpoint_url: str, api_id: str, stages: list[str]) -> list[str]:
    base = f"{endpoint_url.rstrip('/')}/{_PATH}/{api_id}/"
    return [base if stage == _DEFAULT_STAGE else f"{base}{stage}/" for stage in stages]
