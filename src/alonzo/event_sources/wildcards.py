"""Wildcards of event patterns: `*` stands for any characters, `\\*` and `\\\\` for themselves.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html#eb-filtering-wildcard-matching
"""

from collections.abc import Iterable

from alonzo.event_sources.errors import InvalidPattern

COMPLEXITY_MAX = 10
"""How many beginnings of a field's wildcards one text may match at the same time. AWS's own matcher counts so
(https://github.com/aws/event-ruler, "Wildcard Complexity"); the number goes with the recorded answers of EventBridge."""
_TEXTS_MAX = 20_000
"""Sets of beginnings that are looked at before a pattern counts as too complex; ordinary patterns have some dozens."""

_STAR = None
Token = str | None


class Wildcard:
    """A parsed wildcard pattern."""

    def __init__(self, pattern: str) -> None:
        self.tokens: tuple[Token, ...] = _parse(pattern)
        pieces = [""]
        for token in self.tokens:
            if token is _STAR:
                pieces.append("")
            else:
                pieces[-1] += token
        self._pieces = pieces

    def matches(self, text: str) -> bool:
        """Whether the whole text is one that the pattern describes."""
        first, *inner = self._pieces
        if not inner:
            return text == first
        last = inner.pop()
        if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
            return False
        position, end = len(first), len(text) - len(last)
        for piece in inner:
            found = text.find(piece, position, end)
            if found < 0:
                return False
            position = found + len(piece)
        return True


def check_complexity(wildcards: Iterable[Wildcard]) -> None:
    """`InvalidPattern` when some text could match more beginnings of the wildcards of one field than AWS allows."""
    patterns = [wildcard.tokens for wildcard in wildcards]
    start = frozenset(_closure(patterns, {(number, 0) for number in range(len(patterns))}))
    known = {start}
    waiting = [start]
    while waiting:
        positions = waiting.pop()
        # Any character that no pattern waits for leads to the stars alone.
        awaited = {token for number, at in positions for token in patterns[number][at : at + 1] if token is not _STAR}
        for character in ("", *awaited):
            after = frozenset(_closure(patterns, _step(patterns, positions, character)))
            if sum(at > 0 for _, at in after) > COMPLEXITY_MAX or len(known) > _TEXTS_MAX:
                raise InvalidPattern(
                    "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences "
                    "after a wildcard character"
                )
            if after not in known:
                known.add(after)
                waiting.append(after)


def _parse(pattern: str) -> tuple[Token, ...]:
    tokens: list[Token] = []
    characters = iter(enumerate(pattern))
    for position, character in characters:
        if character == "\\":
            _, escaped = next(characters, (0, ""))
            if escaped not in ("*", "\\") or not escaped:
                raise InvalidPattern(f"Invalid escape character at pos {position}")
            tokens.append(escaped)
        elif character != "*":
            tokens.append(character)
        elif tokens and tokens[-1] is _STAR:
            raise InvalidPattern(f"Consecutive wildcard characters at pos {position - 1}")
        else:
            tokens.append(_STAR)
    return tuple(tokens)


Position = tuple[int, int]
"""A pattern by its number, and how many of its tokens a text has matched."""


def _step(patterns: list[tuple[Token, ...]], positions: Iterable[Position], character: str) -> set[Position]:
    after = set()
    for number, at in positions:
        tokens = patterns[number]
        if at > 0 and tokens[at - 1] is _STAR:
            after.add((number, at))
        if at < len(tokens) and tokens[at] == character:
            after.add((number, at + 1))
    return after


def _closure(patterns: list[tuple[Token, ...]], positions: set[Position]) -> set[Position]:
    """A text that matches `a` matches `a*`, too."""
    return positions | {(number, at + 1) for number, at in positions if at < len(patterns[number]) and patterns[number][at] is _STAR}
