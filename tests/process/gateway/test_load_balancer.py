"""Load balancers in front of functions, by plain HTTP and boto3."""

from dataclasses import dataclass
from typing import Any

import pytest
from tests.process.gateway.front import Answered, Front
from tests.support.waiting import eventually


@dataclass(frozen=True)
class Balancer:
    front: Front
    arn: str
    host: str
    listener_arn: str

    def send(self, method: str, path: str, **settings: Any) -> Answered:
        return self.front.send(method, path, host=settings.pop("host", self.host), **settings)

    def add_rule(self, priority: int, actions: list[dict[str, Any]], *conditions: dict[str, Any]) -> None:
        self.front.elb.create_rule(ListenerArn=self.listener_arn, Priority=priority, Conditions=list(conditions), Actions=actions)


def group(front: Front, name: str, function: str | None, **attributes: str) -> str:
    arn = str(front.elb.create_target_group(Name=name, TargetType="lambda")["TargetGroups"][0]["TargetGroupArn"])
    if function is not None:
        front.elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": front.arn(function)}])
    if attributes:
        told = [{"Key": key.replace("__", "."), "Value": value} for key, value in attributes.items()]
        front.elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=told)
    return arn


@pytest.fixture(scope="module")
def balancer(front: Front) -> Balancer:
    subnets = [each["SubnetId"] for each in front.server.client("ec2").describe_subnets()["Subnets"][:2]]
    made = front.elb.create_load_balancer(Name="test", Subnets=subnets, Type="application")["LoadBalancers"][0]
    listener = front.elb.create_listener(
        LoadBalancerArn=made["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group(front, "echo", "echo")}],
    )["Listeners"][0]
    return Balancer(front, made["LoadBalancerArn"], made["DNSName"], listener["ListenerArn"])


def test_the_event_is_aws_s(balancer: Balancer) -> None:
    headers = [("X-Twice", "1"), ("X-Twice", "2"), ("X-Forwarded-For", "10.0.0.1")]
    event = balancer.send("GET", "/a%20b?x=1&x=2&sp=a%20b", headers=headers).json()
    assert event.pop("requestContext")["elb"]["targetGroupArn"].startswith(
        "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/"
    )
    assert event["headers"].pop("x-amzn-trace-id").startswith("Root=1-")
    assert event == {
        "httpMethod": "GET",
        "path": "/a%20b",
        "queryStringParameters": {"x": "2", "sp": "a%20b"},
        "headers": {
            "host": balancer.host,
            "x-twice": "2",
            "x-forwarded-for": "10.0.0.1, 127.0.0.1",
            "x-forwarded-port": "80",
            "x-forwarded-proto": "http",
        },
        "body": "",
        "isBase64Encoded": False,
    }
    assert balancer.send("POST", "/", headers={"Content-Type": "image/png"}, body=b"abc").json()["body"] == "YWJj"


def test_multi_value_headers_take_the_place_of_the_single_ones(front: Front, balancer: Balancer) -> None:
    many = group(front, "many", "echo", lambda__multi_value_headers__enabled="true")
    answering = group(front, "answering", "acting", lambda__multi_value_headers__enabled="true")
    balancer.add_rule(10, [{"Type": "forward", "TargetGroupArn": many}], {"Field": "path-pattern", "Values": ["/many/*"]})
    balancer.add_rule(11, [{"Type": "forward", "TargetGroupArn": answering}], {"Field": "path-pattern", "Values": ["/answering"]})
    event = balancer.send("GET", "/many/1?x=1&x=2", headers=[("X-Twice", "1"), ("X-Twice", "2")]).json()
    assert event["multiValueQueryStringParameters"] == {"x": ["1", "2"]}
    assert event["multiValueHeaders"]["x-twice"] == ["1", "2"]
    assert "headers" not in event
    answered = balancer.send("GET", "/answering?kind=multi")
    assert (answered.headers["x-many"], "x-one" in answered.headers) == (["1", "2"], False)


def test_rules_are_taken_by_priority_and_conditions(front: Front, balancer: Balancer) -> None:
    def fixed(text: str) -> list[dict[str, Any]]:
        return [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "418", "ContentType": "text/plain", "MessageBody": text}}]

    balancer.add_rule(30, fixed("later"), {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/by/*"]}})
    balancer.add_rule(
        20,
        fixed("header"),
        {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/by/*"]}},
        {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Kind", "Values": ["a*", "b?"]}},
    )
    balancer.add_rule(21, fixed("host"), {"Field": "host-header", "HostHeaderConfig": {"Values": ["*.EXAMPLE.elb.localhost"]}})
    balancer.add_rule(22, fixed("method"), {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["PUT", "PATCH"]}})
    balancer.add_rule(
        23, fixed("query"), {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "v", "Value": "1*"}, {"Value": "magic"}]}}
    )
    balancer.add_rule(
        24,
        fixed("source"),
        {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/from"]}},
        {"Field": "source-ip", "SourceIpConfig": {"Values": ["127.0.0.0/8"]}},
    )
    assert balancer.send("GET", "/by/x", headers={"X-Kind": "ABC"}).body == b"header"
    assert balancer.send("GET", "/by/x", headers={"X-Kind": "bcd"}).body == b"later"
    assert balancer.send("PUT", "/x").body == b"method"
    assert balancer.send("GET", "/x?V=12").body == b"query"
    assert balancer.send("GET", "/x?any=Magic").body == b"query"
    answered = balancer.send("GET", "/from")
    assert (answered.status, answered.body, answered.header("content-type")) == (418, b"source", "text/plain; charset=utf-8")
    assert balancer.send("GET", "/from/else").status == 200
    label = balancer.host.partition(".")[0]
    assert balancer.send("GET", "/x", host="a.example.elb.localhost").status == 503  # there is no such load balancer
    assert front.send("GET", f"/_aws/elb/{label}/by/x").body == b"later"
    assert front.send("GET", "/_aws/elb/test:80/from").body == b"source"


def test_redirects(balancer: Balancer) -> None:
    redirect = {
        "StatusCode": "HTTP_301",
        "Protocol": "HTTPS",
        "Port": "443",
        "Host": "#{host}",
        "Path": "/new/#{path}",
        "Query": "#{query}",
    }
    balancer.add_rule(40, [{"Type": "redirect", "RedirectConfig": redirect}], {"Field": "path-pattern", "Values": ["/old/*"]})
    answered = balancer.send("GET", "/old/x?a=1")
    assert (answered.status, answered.header("location")) == (301, f"https://{balancer.host}:443/new/old/x?a=1")


def test_weights_share_requests(front: Front, balancer: Balancer) -> None:
    groups = [{"TargetGroupArn": group(front, f"weighted-{name}", name), "Weight": weight} for name, weight in (("echo", 1), ("acting", 1))]
    groups.append({"TargetGroupArn": group(front, "weighted-none", None), "Weight": 0})
    balancer.add_rule(50, [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}], {"Field": "path-pattern", "Values": ["/w"]})
    bodies = {balancer.send("GET", "/w?kind=x").body == b"x" for _ in range(30)}
    assert bodies == {True, False}


@pytest.mark.parametrize(("kind", "status"), [("fail", 502), ("malformed", 502), ("text", 502)])
def test_functions_that_fail_are_bad_gateways(front: Front, balancer: Balancer, kind: str, status: int) -> None:
    if not any(rule["Priority"] == "60" for rule in front.elb.describe_rules(ListenerArn=balancer.listener_arn)["Rules"]):
        acting = group(front, "acting", "acting")
        balancer.add_rule(60, [{"Type": "forward", "TargetGroupArn": acting}], {"Field": "path-pattern", "Values": ["/acting"]})
    answered = balancer.send("GET", f"/acting?kind={kind}")
    assert answered.status == status
    assert b"<center><h1>502 Bad Gateway</h1></center>" in answered.body
    assert (answered.header("server"), answered.header("content-type")) == ("awselb/2.0", "text/html")


def test_without_a_target_it_is_unavailable(front: Front, balancer: Balancer) -> None:
    empty = group(front, "empty", None)
    balancer.add_rule(70, [{"Type": "forward", "TargetGroupArn": empty}], {"Field": "path-pattern", "Values": ["/empty"]})
    answered = balancer.send("GET", "/empty")
    assert (answered.status, b"503 Service Temporarily Unavailable" in answered.body) == (503, True)
    assert front.send("GET", "/", host="nobody-123.us-east-1.elb.localhost").status == 503
    assert balancer.send("POST", "/", headers={"Content-Type": "text/plain"}, body=b"x" * (1 << 21)).status == 413


def _health(front: Front, group_arn: str) -> dict[str, str]:
    told: dict[str, str] = front.elb.describe_target_health(TargetGroupArn=group_arn)["TargetHealthDescriptions"][0]["TargetHealth"]
    return told


def test_functions_that_are_to_be_checked_have_a_health(front: Front, balancer: Balancer) -> None:
    unchecked, checked = (group(front, name, "acting") for name in ("unchecked", "checked"))
    assert _health(front, unchecked) == {
        "State": "unavailable",
        "Reason": "Target.HealthCheckDisabled",
        "Description": "Health checks are not enabled for this target",
    }
    front.elb.modify_target_group(TargetGroupArn=checked, HealthCheckEnabled=True)
    assert (_health(front, checked)["State"], _health(front, checked)["Reason"]) == ("unused", "Target.NotInUse")
    balancer.add_rule(80, [{"Type": "forward", "TargetGroupArn": checked}], {"Field": "path-pattern", "Values": ["/checked"]})
    eventually(lambda: _health(front, checked) == {"State": "healthy"}, what="a function that answers is healthy")


@pytest.mark.thorough
def test_groups_without_a_healthy_target_get_requests_nevertheless(front: Front, balancer: Balancer) -> None:
    failing, missing = (group(front, name, "acting") for name in ("failing", "missing"))
    for arn, settings in ((failing, {"HealthCheckPath": "/?kind=malformed"}), (missing, {"Matcher": {"HttpCode": "201"}})):
        front.elb.modify_target_group(
            TargetGroupArn=arn, HealthCheckEnabled=True, HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=4, **settings
        )
    for priority, arn in ((81, failing), (82, missing)):
        balancer.add_rule(priority, [{"Type": "forward", "TargetGroupArn": arn}], {"Field": "path-pattern", "Values": [f"/h{priority}"]})
    for arn, reason in ((failing, "Target.FailedHealthChecks"), (missing, "Target.ResponseCodeMismatch")):
        eventually(lambda arn=arn: _health(front, arn)["State"] == "unhealthy", what=f"{arn} is unhealthy")  # type: ignore[misc]
        assert _health(front, arn)["Reason"] == reason
    assert balancer.send("GET", "/h81?kind=x").status == 200
