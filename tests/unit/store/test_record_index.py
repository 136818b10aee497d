"""Records in memory, compared with a plain dictionary."""

from hypothesis import given
from hypothesis import strategies as st

from alonzo.store.record_index import Key, RecordIndex, Versioned

KEYS = st.lists(st.sampled_from(["a", "b", "ab", ""]), min_size=1, max_size=3).map(tuple)


@given(st.lists(st.tuples(KEYS, st.integers(0, 3))), KEYS, KEYS)
def test_behaves_like_a_sorted_dictionary(steps: list[tuple[Key, int]], prefix: Key, start: Key) -> None:
    index: RecordIndex[int] = RecordIndex()
    model: dict[Key, int] = {}
    for revision, (key, value) in enumerate(steps):
        if value == 0:
            assert index.remove(key) == (model.pop(key, None) is not None)
        else:
            index.set(key, Versioned(value, revision))
            model[key] = value
        found = index.find(key)
        assert (found.value if found else None) == model.get(key)
    assert list(index.iter_prefix(())) == sorted(model.items())
    expected = [item for item in sorted(model.items()) if item[0][: len(prefix)] == prefix]
    assert list(index.iter_prefix(prefix)) == expected
    assert list(index.iter_prefix(prefix, start=start)) == [item for item in expected if item[0] >= start]


def test_many_at_once_join_those_that_are_there() -> None:
    index: RecordIndex[int] = RecordIndex()
    index.set(("b",), Versioned(1, 1))
    index.set_all({("c",): Versioned(2, 2), ("a",): Versioned(3, 3), ("b",): Versioned(4, 4)})
    assert list(index.iter_prefix(())) == [(("a",), 3), (("b",), 4), (("c",), 2)]
    assert index.revisions() == {("a",): 3, ("b",): 4, ("c",): 2}


def test_changes_during_an_iteration_do_it_no_harm() -> None:
    index: RecordIndex[int] = RecordIndex()
    for name in "abcd":
        index.set((name,), Versioned(0, 1))
    seen = []
    for key, _ in index.iter_prefix(()):
        seen.append(key)
        index.remove(("b",))
        index.set(("aa",), Versioned(0, 2))
    assert seen == [("a",), ("c",), ("d",)]
