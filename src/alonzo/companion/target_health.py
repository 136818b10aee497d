"""Health checks of functions behind load balancers: made here, told by DescribeTargetHealth.

A target group of functions has one target, and a group whose targets are all unhealthy gets requests nevertheless: health is told, and
nothing else depends on it. Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html#lambda-health-check-enable
and https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
"""

import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from botocore.exceptions import BotoCoreError, ClientError

from alonzo.companion.functions import Functions
from alonzo.companion.permissions import service_may_invoke

_TICK_SECONDS = 1.0
_AT_ONCE_MAX = 16
_SERVICE = "elasticloadbalancing.amazonaws.com"
_STATUS_MIN, _STATUS_MAX = 200, 499
"""Of what a matcher may name, for load balancers of applications."""

_log = logging.getLogger(__name__)


class TargetHealth(NamedTuple):
    """botocore's shape of this name."""

    state: str
    reason: str | None = None
    description: str | None = None


DISABLED = TargetHealth("unavailable", "Target.HealthCheckDisabled", "Health checks are not enabled for this target")
NOT_IN_USE = TargetHealth("unused", "Target.NotInUse", "Target group is not configured to receive traffic from the load balancer")
INITIAL = TargetHealth("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
HEALTHY = TargetHealth("healthy")
TIMED_OUT = TargetHealth("unhealthy", "Target.Timeout", "Request timed out")
FAILED = TargetHealth("unhealthy", "Target.FailedHealthChecks", "Health checks failed")


class HealthCheck(NamedTuple):
    """How a group has its function checked; times in seconds. `matcher`: `200`, `200,202` or `200-299`."""

    group_arn: str
    function_arn: str
    path: str
    interval: float
    timeout: float
    healthy_count: int
    unhealthy_count: int
    matcher: str
    has_multi_value_headers: bool


@dataclass(slots=True)
class Health:
    """What checks have said of a target so far."""

    now: TargetHealth = INITIAL
    _passed: int = 0
    _failed: int = 0

    def note(self, check: HealthCheck, result: TargetHealth) -> None:
        """One more result. The first check that is passed makes a new target healthy, after that it takes as many as the thresholds say."""
        if result is HEALTHY:
            self._passed, self._failed = self._passed + 1, 0
            if self.now is INITIAL or self._passed >= check.healthy_count:
                self.now = HEALTHY
            return
        self._passed, self._failed = 0, self._failed + 1
        if self.now.state == "unhealthy" or self._failed >= check.unhealthy_count:
            self.now = result


@dataclass(slots=True)
class _Checked:
    check: HealthCheck
    due_at: float
    health: Health = field(default_factory=Health)
    began_at: float | None = None
    """Of the check that is under way."""


class TargetHealthChecks:
    """`find_checks`: those that are to be made now. `begin` runs something in a thread of its own."""

    def __init__(
        self,
        *,
        ask: Callable[[HealthCheck], TargetHealth],
        find_checks: Callable[[], Iterator[HealthCheck]],
        begin: Callable[[Callable[[], None]], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._find_checks = find_checks
        self._begin = begin
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._checked: dict[tuple[str, str], _Checked] = {}
        self._under_way = 0

    def health_of(self, group_arn: str, function_arn: str) -> TargetHealth:
        """Of a target that is checked."""
        with self._lock:
            checked = self._checked.get((group_arn, function_arn))
            return INITIAL if checked is None else checked.health.now

    def run(self) -> None:
        """For ever."""
        while True:
            self.tick()
            time.sleep(_TICK_SECONDS)

    def tick(self) -> None:
        """Begin what is due, give up what is late, forget what is no more."""
        now = self._monotonic()
        wanted = {(check.group_arn, check.function_arn): check for check in self._find_checks()}
        due: list[tuple[_Checked, float]] = []
        with self._lock:
            for key in self._checked.keys() - wanted.keys():
                del self._checked[key]
            for key, check in wanted.items():
                checked = self._checked.setdefault(key, _Checked(check, due_at=now))
                checked.check = check
                if checked.began_at is not None and now - checked.began_at >= check.timeout:
                    checked.began_at = None
                    checked.health.note(check, TIMED_OUT)
                if checked.began_at is None and now >= checked.due_at and self._under_way < _AT_ONCE_MAX:
                    checked.began_at, checked.due_at = now, now + check.interval
                    self._under_way += 1
                    due.append((checked, now))
        for checked, began_at in due:
            self._begin(lambda checked=checked, began_at=began_at: self._make(checked, began_at))  # type: ignore[misc]

    def _make(self, checked: _Checked, began_at: float) -> None:
        check, result = checked.check, FAILED
        try:
            result = self._ask(check)
        except Exception:
            _log.exception("the health check of %s", check.group_arn)
        finally:
            with self._lock:
                self._under_way -= 1
                if checked.began_at == began_at:  # else it came too late
                    checked.began_at = None
                    checked.health.note(check, result)


def begin_in_thread(work: Callable[[], None]) -> None:
    """For `TargetHealthChecks`."""
    threading.Thread(target=work, daemon=True).start()


def find_checks() -> Iterator[HealthCheck]:
    """Those that moto's target groups ask for: enabled, with a function, used by a load balancer."""
    module: Any = sys.modules.get("moto.elbv2.models")  # else nobody has made one yet
    for regions in [] if module is None else list(module.elbv2_backends.values()):
        for backend in list(regions.values()):
            for group in list(backend.target_groups.values()):
                for target in list(group.targets.values()) if is_checked(group) and is_in_use(group, backend) else ():
                    yield _check_of(group, str(target["Id"]))


def is_checked(group: Any) -> bool:
    """Whether moto's target group is one of functions that are to be checked."""
    return group.target_type == "lambda" and str(group.health_check_enabled).lower() == "true"


def is_in_use(group: Any, backend: Any) -> bool:
    """Whether a load balancer that is there sends requests to moto's target group."""
    return any(arn in backend.load_balancers for arn in group.load_balancer_arns)


def _check_of(group: Any, function_arn: str) -> HealthCheck:
    return HealthCheck(
        group_arn=group.arn,
        function_arn=function_arn,
        path=group.health_check_path or "/",
        interval=float(group.health_check_interval_seconds or 35),
        timeout=float(group.health_check_timeout_seconds or 30),
        healthy_count=int(group.healthy_threshold_count or 5),
        unhealthy_count=int(group.unhealthy_threshold_count or 2),
        matcher=str((group.matcher or {}).get("HttpCode") or "200"),
        has_multi_value_headers=group.attributes.get("lambda.multi_value_headers.enabled") == "true",
    )


def ask_function(functions: Functions, check: HealthCheck) -> TargetHealth:
    """Make one check. It counts as an invocation, as on AWS."""
    elements = check.function_arn.split(":")
    try:
        if not service_may_invoke(
            functions, check.function_arn, service=_SERVICE, source_arn=check.group_arn, source_account=check.group_arn.split(":")[4]
        ):
            return FAILED
        client = functions.client(elements[4], elements[3])
        answer = client.invoke(FunctionName=check.function_arn, Payload=json.dumps(event_of(check)).encode())
        content = answer["Payload"].read()
    except (BotoCoreError, ClientError, IndexError) as error:
        _log.info("the health check of %s: %s", check.group_arn, error)
        return FAILED
    return FAILED if "FunctionError" in answer else read_result(check, content)


def event_of(check: HealthCheck) -> dict[str, Any]:
    """Source: the page on functions as targets, as above."""
    path, _, query = check.path.partition("?")
    parameters = parse_qsl(query, keep_blank_values=True)
    event: dict[str, Any] = {
        "requestContext": {"elb": {"targetGroupArn": check.group_arn}},
        "httpMethod": "GET",
        "path": path,
        "body": "",
        "isBase64Encoded": False,
    }
    if check.has_multi_value_headers:
        several: dict[str, list[str]] = {}
        for name, value in parameters:
            several.setdefault(name, []).append(value)
        return event | {"multiValueQueryStringParameters": several, "multiValueHeaders": {"user-agent": ["ELB-HealthChecker/2.0"]}}
    return event | {"queryStringParameters": dict(parameters), "headers": {"user-agent": "ELB-HealthChecker/2.0"}}


def read_result(check: HealthCheck, content: bytes) -> TargetHealth:
    """What a function's answer says of its health."""
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        return FAILED
    status = answer.get("statusCode") if isinstance(answer, dict) else None
    if isinstance(status, str) and status.isdecimal():
        status = int(status)
    if not isinstance(status, int) or isinstance(status, bool):
        return FAILED
    if matches(check.matcher, status):
        return HEALTHY
    return TargetHealth("unhealthy", "Target.ResponseCodeMismatch", f"Health checks failed with these codes: [{status}]")


def matches(matcher: str, status: int) -> bool:
    """Whether a status is among those of a matcher."""
    if not _STATUS_MIN <= status <= _STATUS_MAX:
        return False
    for each in matcher.split(","):
        first, _, last = each.strip().partition("-")
        if first.isdecimal() and (not last or last.isdecimal()) and int(first) <= status <= int(last or first):
            return True
    return False
