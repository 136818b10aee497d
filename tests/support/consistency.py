"""Whether what a server says of its functions goes together: every one of them is complete."""

import base64
import hashlib
import urllib.request
from typing import Any

from tests.support.server import Server


def assert_functions_complete(server: Server) -> dict[str, dict[str, str]]:
    """Every listed function can be looked at in every way, and its aliases lead to versions that are there.

    Returns the CodeSha256 of each version of each function.
    """
    client = server.client("lambda")
    names = [function["FunctionName"] for function in _list(client, "list_functions", "Functions")]
    assert len(names) == len(set(names))
    everywhere = _list(client, "list_functions", "Functions", FunctionVersion="ALL")
    assert {version["FunctionName"] for version in everywhere} == set(names), "versions without a function"
    downloaded: dict[str, str] = {}
    return {name: _assert_complete(client, name, downloaded) for name in names}


def _assert_complete(client: Any, name: str, downloaded: dict[str, str]) -> dict[str, str]:
    versions = {version["Version"]: version for version in _list(client, "list_versions_by_function", "Versions", FunctionName=name)}
    assert "$LATEST" in versions
    for qualifier, listed in versions.items():
        found = client.get_function(FunctionName=name, Qualifier=qualifier)
        shown = found["Configuration"]
        assert (shown["Version"], shown["CodeSha256"]) == (qualifier, listed["CodeSha256"])
        assert shown["State"] in {"Active", "Pending"}
        assert shown["FunctionArn"].endswith(f":{name}:{qualifier}")
        sha256 = shown["CodeSha256"]
        if sha256 not in downloaded:
            downloaded[sha256] = _sha256_of(found["Code"]["Location"])
        assert downloaded[sha256] == sha256
    for alias in _list(client, "list_aliases", "Aliases", FunctionName=name):
        shares = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
        assert {alias["FunctionVersion"], *shares} <= versions.keys(), f"{alias} leads nowhere"
        shown = client.get_function_configuration(FunctionName=name, Qualifier=alias["Name"])
        assert shown["Version"] == alias["FunctionVersion"]
    return {qualifier: version["CodeSha256"] for qualifier, version in versions.items()}


def _list(client: Any, operation: str, member: str, **parameters: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.get_paginator(operation).paginate(**parameters).build_full_result()[member]
    return items


def _sha256_of(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as response:
        return base64.b64encode(hashlib.sha256(response.read()).digest()).decode()
