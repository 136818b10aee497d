"""Elastic Load Balancing: names of load balancers lead to the node, the node can ask whose one is, and functions have a health."""

import importlib
import inspect
import sys
import threading
from functools import partial
from typing import Any

from alonzo.companion.functions import Functions
from alonzo.companion.on_import import after_import
from alonzo.companion.target_health import (
    DISABLED,
    NOT_IN_USE,
    TargetHealthChecks,
    ask_function,
    begin_in_thread,
    find_checks,
    is_checked,
    is_in_use,
)


def complete_load_balancers(functions: Functions) -> None:
    """Give load balancers names of hosts that lead to this machine, and have functions behind them checked."""

    def complete() -> None:
        _name_hosts()
        checks = TargetHealthChecks(ask=partial(ask_function, functions), find_checks=find_checks, begin=begin_in_thread)
        _tell_health(checks)
        threading.Thread(target=checks.run, daemon=True).start()

    after_import("moto.elbv2.models", complete)


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


def _tell_health(checks: TargetHealthChecks) -> None:
    """moto calls every target healthy. A matcher that is changed is forgotten by it where there is no protocol, as with functions."""
    models: Any = importlib.import_module("moto.elbv2.models")
    group_class, backend_class = models.FakeTargetGroup, models.ELBv2Backend
    health_as_moto_has_it, modify = group_class.health_for, backend_class.modify_target_group

    def health_for(group: Any, target: dict[str, Any], *others: Any) -> Any:
        status = health_as_moto_has_it(group, target, *others)
        if group.target_type != "lambda" or target["Id"] not in group.targets:
            return status
        if not is_checked(group):
            health = DISABLED
        elif not is_in_use(group, models.elbv2_backends[group.account_id][group.region_name]):
            health = NOT_IN_USE
        else:
            health = checks.health_of(group.arn, str(target["Id"]))
        status.status, status.reason, status.description = health
        return status

    def modify_target_group(backend: Any, *arguments: Any, **named: Any) -> Any:
        group = modify(backend, *arguments, **named)
        codes = inspect.signature(modify).bind(backend, *arguments, **named).arguments.get("http_codes")
        if codes and group.target_type == "lambda":
            group.matcher = {"HttpCode": codes}
        return group

    group_class.health_for = health_for
    backend_class.modify_target_group = modify_target_group
