"""Elastic Load Balancing: names of load balancers lead to the node, and the node can ask whose one is."""

import importlib
import sys
from typing import Any

from alonzo.companion.on_import import after_import


def complete_load_balancers() -> None:
    """Give load balancers names of hosts that lead to this machine."""
    after_import("moto.elbv2.models", _name_hosts)


def place_of_load_balancer(label: str) -> dict[str, str] | None:
    """Whose a load balancer is, where, and its ARN: by its name, or by the first label of its DNS name."""
    module: Any = sys.modules.get("moto.elbv2.models")  # else nobody has made one yet
    backends: Any = {} if module is None else module.elbv2_backends
    for account_id, regions in list(backends.items()):
        for region, backend in list(regions.items()):
            for each in list(backend.load_balancers.values()):
                if label in {each.name, each.dns_name.partition(".")[0]}:
                    return {"account_id": account_id, "region": region, "arn": each.arn}
    return None


def _name_hosts() -> None:
    backend_class: Any = importlib.import_module("moto.elbv2.models").ELBv2Backend
    create = backend_class.create_load_balancer

    def create_load_balancer(backend: Any, *arguments: Any, **named: Any) -> Any:
        load_balancer = create(backend, *arguments, **named)
        label = f"{load_balancer.name}-{load_balancer.arn.rpartition('/')[2][:10]}"
        load_balancer.dns_name = f"{label}.{backend.region_name}.elb.localhost"
        return load_balancer

    backend_class.create_load_balancer = create_load_balancer
