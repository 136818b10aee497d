import pytest

from alonzo.aws.java_patterns import compile_java_pattern


@pytest.mark.parametrize(
    ("pattern", "text", "is_match"),
    [
        (r"[\w-_]*", "a-b_c", True),
        (r"[\w-_]*", "a.b", False),
        (r"\d+", "٣", False),
        (r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)", "Ключ 1\u3000名前", True),
        (r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)", "a#b", False),
    ],
)
def test_matches_as_java_does(pattern: str, text: str, is_match: bool) -> None:
    compiled = compile_java_pattern(pattern)
    assert compiled is not None
    assert (compiled.fullmatch(text) is not None) == is_match


def test_leaves_out_what_it_does_not_know() -> None:
    assert compile_java_pattern(r"\p{Script=Greek}+(") is None
