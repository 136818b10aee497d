"""Puts our CloudFormation in the place of moto's, when the first request for it comes: it takes a second to import."""

import importlib
from collections.abc import Callable
from typing import Any

from alonzo.companion.cloudformation.responses import Responses
from alonzo.companion.node import Node

MakeApp = Callable[[Any], Any]


def replacing_cloudformation(make_app: MakeApp, *, node: Node, responses: Responses) -> MakeApp:
    """What makes moto's application of a service, with CloudFormation's made ours before."""

    def make(service: Any) -> Any:
        if service == "cloudformation":
            _replace(node, responses)
        return make_app(service)

    return make


def _replace(node: Node, responses: Responses) -> None:
    models: Any = importlib.import_module("moto.cloudformation.models")
    urls: Any = importlib.import_module("moto.cloudformation.urls")
    stacks: Any = importlib.import_module("alonzo.companion.cloudformation.stacks")
    api: Any = importlib.import_module("alonzo.companion.cloudformation.api")
    clients: Any = importlib.import_module("alonzo.companion.cloudformation.clients")
    stacks.Stacks.clients, stacks.Stacks.threads = clients.Clients(node=node, responses=responses), stacks.Threads()
    models.cloudformation_backends.backend = stacks.Stacks
    for of_account in models.cloudformation_backends.values():  # those that are there were restored, or made for others who only look
        of_account.backend = stacks.Stacks
        for region in [region for region, backend in of_account.items() if not isinstance(backend, stacks.Stacks)]:
            del of_account[region]
    urls.url_paths.clear()
    urls.url_paths["{0}/$"] = api.StacksApi.dispatch
