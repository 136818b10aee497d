"""Which route a path takes, and what its variables are."""

from hypothesis import given
from hypothesis import strategies as st

from alonzo.edge.api_gateway.http_api.routes import RouteTable

_SEGMENT = st.text(alphabet="abc", min_size=1, max_size=2)
_WANTED = st.one_of(_SEGMENT, _SEGMENT.map(lambda name: f"{{{name}}}"))


def _path(made: tuple[list[str], bool]) -> str:
    segments, is_greedy = made
    return "/" + "/".join([*segments, "{rest+}"] if is_greedy else segments)


_PATTERN = st.tuples(st.lists(_WANTED, max_size=3), st.booleans()).map(_path)


@given(st.lists(_PATTERN, max_size=6, unique=True), st.lists(_SEGMENT, max_size=4))
def test_a_route_that_is_found_spells_the_path(patterns: list[str], segments: list[str]) -> None:
    path = "/" + "/".join(segments)
    found = RouteTable({f"GET {pattern}": pattern for pattern in patterns}).find("GET", path)
    if found is None:
        assert path not in patterns
        return
    spelled = found.target
    for name, value in found.variables.items():
        spelled = spelled.replace(f"{{{name}+}}", value).replace(f"{{{name}}}", value)
    names = [segment for segment in found.target.split("/") if segment.startswith("{")]
    if len(set(names)) == len(names):
        assert spelled == path
    if path in patterns:
        assert found.target == path  # nothing matches better than the path itself


def test_methods_of_their_own_win_over_any() -> None:
    table = RouteTable({"ANY /a": 1, "GET /a": 2, "ANY /{proxy+}": 3, "$default": 4})
    assert [table.find(method, "/a").target for method in ("GET", "POST")] == [2, 1]  # type: ignore[union-attr]
    assert table.find("GET", "/b/c").target == 3  # type: ignore[union-attr]
    assert table.find("GET", "/").target == 4  # type: ignore[union-attr]


def test_what_is_literal_first_wins() -> None:
    table = RouteTable({"GET /{a}/b": 1, "GET /a/{b}": 2, "GET /a/{p+}": 3, "GET /{p+}": 4})
    assert [table.find("GET", path).target for path in ("/a/b", "/x/b", "/a/b/c", "/x/y/z")] == [2, 1, 3, 4]  # type: ignore[union-attr]
