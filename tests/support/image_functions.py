"""Functions of container images on a server."""

import json
import urllib.request
from typing import Any
from urllib.parse import urlencode

from tests.support.server import ROLE, Server


def load_image(server: Server, archive: bytes, name: str | None = None) -> Any:
    """What `alonzo image load` does with an archive, without its start. urllib's HTTPError if it is refused."""
    query = "" if name is None else f"?{urlencode({'name': name})}"
    with urllib.request.urlopen(f"{server.endpoint_url}/_alonzo/images{query}", data=archive, timeout=120) as answer:
        return json.load(answer)["images"]


def create_image_function(server: Server, name: str, image: str, **parameters: Any) -> str:
    """A function of an image, Active; its name."""
    client = server.own_client("lambda")
    client.create_function(FunctionName=name, Role=ROLE, PackageType="Image", Code={"ImageUri": image}, Timeout=30, **parameters)
    server.wait_until_settled(name)
    return name
