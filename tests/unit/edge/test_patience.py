"""What a client may take its time with."""

from alonzo.edge.patience import BodyPace, HttpTimeouts, UnreadAnswers

TIMEOUTS = HttpTimeouts(body_seconds=30, unread_seconds=75)


def test_a_body_may_be_slow_and_not_endless() -> None:
    pace = BodyPace()
    for _ in range(30):
        assert not pace.is_too_slow(1, TIMEOUTS)
        pace.note_body(1)
    assert pace.is_too_slow(1, TIMEOUTS)
    pace.begin()
    for _ in range(600):
        pace.note_body(1_000)
        assert not pace.is_too_slow(1, TIMEOUTS)


def test_small_chunks_are_bodies_and_endless_extensions_are_none() -> None:
    pace = BodyPace()
    for _ in range(1_000_000):
        pace.note_raw(6)
        pace.note_body(1)
    assert not pace.is_mostly_framing
    pace.begin()
    pace.note_raw(70_000)
    assert pace.is_mostly_framing


def test_answers_that_nobody_reads() -> None:
    unread = UnreadAnswers()
    assert not unread.is_stuck(1_000, 0, TIMEOUTS)
    assert not unread.is_stuck(1_000, 75, TIMEOUTS)
    assert unread.is_stuck(1_000, 76, TIMEOUTS)
    assert not unread.is_stuck(900, 77, TIMEOUTS), "some of it was read"
    assert not unread.is_stuck(900, 152, TIMEOUTS)
    assert not unread.is_stuck(0, 153, TIMEOUTS)
    assert not unread.is_stuck(1_000, 500, TIMEOUTS), "another answer"
