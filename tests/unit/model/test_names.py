import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alonzo.aws.service_model import ServiceModels
from alonzo.errors import AlonzoError
from alonzo.model import names
from alonzo.model.names import FunctionReference, refer_to_function
from alonzo.model.scope import Scope

SCOPE = Scope("111111111111", "eu-west-1")
ARN = "arn:aws:lambda:eu-west-1:111111111111:function:my-function"


@pytest.mark.parametrize(
    ("function_name", "qualifier"),
    [
        ("my-function", None),
        ("my-function:1", "1"),
        ("my-function:$LATEST", "$LATEST"),
        ("my-function:live", "live"),
        ("111111111111:function:my-function", None),
        ("111111111111:my-function:1", "1"),
        ("function:my-function", None),
        ("eu-west-1:111111111111:function:my-function", None),
        (ARN, None),
        (f"{ARN}:1", "1"),
    ],
)
def test_every_form_of_a_name_refers_to_the_function(function_name: str, qualifier: str | None) -> None:
    assert refer_to_function(function_name, None, SCOPE) == FunctionReference(SCOPE, "my-function", qualifier)


def test_the_qualifier_parameter_counts_when_the_name_has_none() -> None:
    assert refer_to_function(ARN, "1", SCOPE).arn == f"{ARN}:1"
    assert refer_to_function(f"{ARN}:1", "1", SCOPE).arn == f"{ARN}:1"
    assert refer_to_function(ARN, None, SCOPE).arn == ARN


@pytest.mark.parametrize(
    ("function_name", "qualifier", "fact"),
    [
        ("my-function:1", "2", names.QualifierMismatch),
        ("arn:aws:lambda:us-east-1:111111111111:function:f", None, names.FunctionOfOtherRegion),
        ("222222222222:function:f", None, names.FunctionOfOtherAccount),
        ("", None, names.FunctionNameMalformed),
        ("my function", None, names.FunctionNameMalformed),
        ("my-function\n", None, names.FunctionNameMalformed),
        ("my-function", "", names.FunctionNameMalformed),
        ("a" * 257, None, names.FunctionNameMalformed),
        ("111111111111:function:f".replace("1", "\N{ARABIC-INDIC DIGIT ONE}"), None, names.FunctionNameMalformed),
    ],
)
def test_what_refers_to_nothing(function_name: str, qualifier: str | None, fact: type[AlonzoError]) -> None:
    with pytest.raises(fact):
        refer_to_function(function_name, qualifier, SCOPE)


def test_all_violations_are_told_at_once() -> None:
    with pytest.raises(names.FunctionNameMalformed) as raised:
        refer_to_function("!" * 257, "!" * 129, SCOPE)
    assert len(raised.value.violations) == 4
    assert str(raised.value).startswith("4 validation errors detected: Value '!!!")


@pytest.mark.parametrize(
    ("shape_name", "pattern", "max_length"),
    [
        ("NamespacedFunctionName", names.NAMESPACED_NAME_PATTERN, names.NAMESPACED_NAME_MAX_LENGTH),
        ("NumericLatestPublishedOrAliasQualifier", names.QUALIFIER_PATTERN, names.QUALIFIER_MAX_LENGTH),
    ],
)
def test_the_constraints_are_those_of_botocore(shape_name: str, pattern: str, max_length: int) -> None:
    shape = ServiceModels().get("lambda").shape(shape_name)
    assert (shape.pattern, shape.max) == (pattern, max_length)


def _text(alphabet: str, max_size: int) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=1, max_size=max_size)


NAMES = _text("abcXYZ019-_", 64).filter(lambda name: not name.isdigit() and name != "function")


@given(NAMES, _text("abcXYZ019-_", 20))
def test_the_parts_of_an_arn_come_back(name: str, qualifier: str) -> None:
    arn = names.function_arn(SCOPE, name)
    assert refer_to_function(f"{arn}:{qualifier}", None, SCOPE) == FunctionReference(SCOPE, name, qualifier)


@given(st.text(max_size=300), st.none() | st.text(max_size=150))
def test_any_text_is_a_reference_or_an_error(function_name: str, qualifier: str | None) -> None:
    with contextlib.suppress(AlonzoError):
        assert refer_to_function(function_name, qualifier, SCOPE).name
