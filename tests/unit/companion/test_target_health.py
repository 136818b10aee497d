"""Health checks of functions behind load balancers, with time that stands still and a function that answers as told."""

import json
from collections.abc import Callable, Iterator

import pytest

from alonzo.companion.target_health import (
    FAILED,
    HEALTHY,
    INITIAL,
    TIMED_OUT,
    HealthCheck,
    TargetHealth,
    TargetHealthChecks,
    event_of,
    matches,
    read_result,
)

CHECK = HealthCheck(
    group_arn="arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/g/1",
    function_arn="arn:aws:lambda:us-east-1:000000000000:function:f",
    path="/health?deep=1",
    interval=35.0,
    timeout=30.0,
    healthy_count=3,
    unhealthy_count=2,
    matcher="200,300-302",
    has_multi_value_headers=False,
)


class World:
    """One group with one function. `answers`: what its checks find, one after the other; None: nothing, for ever."""

    def __init__(self) -> None:
        self.now = 0.0
        self.answers: list[TargetHealth | None] = []
        self.is_there = True
        self.left: list[Callable[[], None]] = []
        self.checks = TargetHealthChecks(
            ask=lambda _: self.answers.pop(0) or FAILED, find_checks=self._find, begin=self._begin, monotonic=lambda: self.now
        )

    def _find(self) -> Iterator[HealthCheck]:
        if self.is_there:
            yield CHECK

    def _begin(self, work: Callable[[], None]) -> None:
        if self.answers[0] is None:
            self.left.append(work)
        else:
            work()

    def after(self, seconds: float) -> TargetHealth:
        self.now += seconds
        self.checks.tick()
        return self.checks.health_of(CHECK.group_arn, CHECK.function_arn)


def test_one_check_that_is_passed_makes_a_new_target_healthy() -> None:
    world = World()
    assert world.checks.health_of(CHECK.group_arn, CHECK.function_arn) == INITIAL
    world.answers = [HEALTHY]
    assert world.after(0) == HEALTHY
    assert world.after(34) == HEALTHY  # without another check, for which there is no answer


def test_thresholds_are_obeyed_both_ways() -> None:
    world = World()
    world.answers = [FAILED, FAILED, HEALTHY, HEALTHY, HEALTHY, FAILED, HEALTHY, FAILED, FAILED]
    states = [world.after(35).state for _ in range(9)]
    assert states == ["initial", "unhealthy", "unhealthy", "unhealthy", *["healthy"] * 4, "unhealthy"]


def test_late_answers_do_not_count() -> None:
    world = World()
    world.answers = [None, None]
    world.after(0)
    assert world.after(30) == INITIAL
    world.after(5)
    assert world.after(30) == TIMED_OUT
    for work in world.left:
        world.answers[:1] = [HEALTHY]
        work()
    assert world.checks.health_of(CHECK.group_arn, CHECK.function_arn) == TIMED_OUT


def test_targets_that_are_gone_are_forgotten() -> None:
    world = World()
    world.answers = [HEALTHY, HEALTHY]
    world.after(0)
    world.is_there = False
    assert world.after(35) == INITIAL
    world.is_there = True
    assert world.after(0) == HEALTHY


@pytest.mark.parametrize(
    ("status", "reason"),
    [(200, None), ("200", None), (301, None), (303, "Target.ResponseCodeMismatch"), (502, "Target.ResponseCodeMismatch")],
)
def test_the_status_decides(status: object, reason: str | None) -> None:
    result = read_result(CHECK, json.dumps({"statusCode": status}).encode())
    assert result.reason == reason
    if reason is not None:
        assert result.description == f"Health checks failed with these codes: [{status}]"


@pytest.mark.parametrize("content", [b"null", b"[]", b"{}", b'{"statusCode": true}', b'{"statusCode": null}', b"{", b"[" * 100_000])
def test_answers_that_are_none_have_failed(content: bytes) -> None:
    assert read_result(CHECK, content) == FAILED


def test_matchers() -> None:
    assert matches("200-499", 404)
    assert not matches("200-599", 500)  # 499 is the highest that counts
    assert not matches("x,-,200-", 201)


def test_the_event_is_aws_s() -> None:
    assert event_of(CHECK) == {
        "requestContext": {"elb": {"targetGroupArn": CHECK.group_arn}},
        "httpMethod": "GET",
        "path": "/health",
        "queryStringParameters": {"deep": "1"},
        "headers": {"user-agent": "ELB-HealthChecker/2.0"},
        "body": "",
        "isBase64Encoded": False,
    }
    event = event_of(CHECK._replace(has_multi_value_headers=True))
    assert event["multiValueHeaders"] == {"user-agent": ["ELB-HealthChecker/2.0"]}
    assert event["multiValueQueryStringParameters"] == {"deep": ["1"]}
