"""Templates are plain data, whoever writes them; functions stand for what AWS says."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alonzo.companion.cloudformation.errors import ValidationError
from alonzo.companion.cloudformation.intrinsics import Evaluator
from alonzo.companion.cloudformation.ordering import in_order, needs_of
from alonzo.companion.cloudformation.templates import check_template, parse_template

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


class Known:
    """References whose values say what they are of."""

    def ref(self, logical_id: str) -> str:
        return f"<{logical_id}>"

    def attribute(self, logical_id: str, name: str) -> str:
        return f"<{logical_id}.{name}>"

    def imported(self, name: str) -> str:
        return f"<export {name}>"

    def dynamic(self, service: str, reference: str) -> str:
        return f"<{service} {reference}>"


def evaluate(expression: str) -> Any:
    template = {
        "Mappings": {"Sizes": {"small": {"memory": 128}}},
        "Conditions": {"Met": {"Fn::Equals": ["a", "a"]}, "Unmet": {"Fn::Not": [{"Condition": "Met"}]}},
    }
    evaluator = Evaluator(
        template=template, parameters={"Stage": "dev", "Zones": ["x", "y"]}, pseudo={"AWS::Region": "eu"}, references=Known()
    )
    return evaluator.value(parse_template(f"Value: {expression}")["Value"])


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("!Ref Stage", "dev"),
        ("!Ref Queue", "<Queue>"),
        ("!GetAtt Queue.Arn", "<Queue.Arn>"),
        ("!GetAtt Nested.Outputs.Url", "<Nested.Outputs.Url>"),
        ("!Sub '${Stage}-${Queue.Arn}-${!Stage}-${AWS::Region}'", "dev-<Queue.Arn>-${Stage}-eu"),
        ("!Sub ['${A}/${Stage}', {A: !Ref Queue}]", "<Queue>/dev"),
        ("!Sub '$5 and ${'", "$5 and ${"),
        ("!Join [',', [a, !Ref Stage, !Ref 'AWS::NoValue']]", "a,dev"),
        ("!Join ['-', !Ref Zones]", "x-y"),
        ("!Select [1, !Split ['.', a.b.c]]", "b"),
        ("!FindInMap [Sizes, small, memory]", 128),
        ("!If [Unmet, a, {b: !If [Met, c, d]}]", {"b": "c"}),
        ("{a: !If [Unmet, a, !Ref 'AWS::NoValue'], b: 2}", {"b": 2}),
        ("!ImportValue shared", "<export shared>"),
        ("'p: {{resolve:ssm:/a/b:3}}'", "p: <ssm /a/b:3>"),
        ("!Base64 abc", "YWJj"),
        ("!Cidr [10.0.0.0/16, 2, 8]", ["10.0.0.0/24", "10.0.1.0/24"]),
        ("{'Fn::ToJsonString': {a: !Ref Stage}}", '{"a":"dev"}'),
        ("{'Fn::Length': !Ref Zones}", 2),
        ("{Version: 2012-10-17}", {"Version": "2012-10-17"}),
    ],
)
def test_functions_stand_for_their_values(expression: str, value: Any) -> None:
    assert evaluate(expression) == value


@pytest.mark.parametrize(
    "expression",
    ["!FindInMap [Sizes, large, memory]", "!Select [5, !Ref Zones]", "!Join ['', [[a]]]", "!If [Missing, a, b]", "!Unheard Of"],
)
def test_what_cannot_be_is_refused(expression: str) -> None:
    with pytest.raises(ValidationError):
        evaluate(expression)


@pytest.mark.parametrize(
    "body", ["!!python/object/apply:os.getcwd []", "a: !!python/name:os.system ''", "a: &x [1]\nb: *x", "- 1", "[" * 5_000]
)
def test_a_template_is_plain_data(body: str) -> None:
    with pytest.raises(ValidationError):
        parse_template(body)


@given(st.text(max_size=200))
def test_any_text_is_a_template_or_refused(body: str) -> None:
    try:
        assert isinstance(parse_template(body), dict)
    except ValidationError:
        return


@given(st.dictionaries(st.sampled_from(["Resources", "Outputs", "Parameters", "Conditions", "Mappings", "Transform"]), JSON, max_size=4))
def test_any_value_is_a_template_or_refused(template: dict[str, Any]) -> None:
    try:
        check_template(template)
    except ValidationError:
        return


def test_resources_come_after_what_they_need() -> None:
    template = parse_template(
        """
        Resources:
          C: {Type: T, Properties: {X: !Sub "${B.Arn}"}}
          B: {Type: T, DependsOn: [A]}
          A: {Type: T}
        """
    )
    needs = needs_of(template)
    assert in_order([*needs], lambda name: needs[name]) == ["A", "B", "C"]
