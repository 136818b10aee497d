"""Queries of Logs Insights, cut into words.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html.
"""

import re
from enum import Enum, auto

import msgspec

from alonzo.observe.insights.errors import QueryMalformed


class Kind(Enum):
    """What a word is."""

    NAME = auto()
    QUOTED_NAME = auto()
    NUMBER = auto()
    PERIOD = auto()
    STRING = auto()
    REGEX = auto()
    SIGN = auto()
    END = auto()


class Token(msgspec.Struct, frozen=True):
    """`text`: without quotes and escapes."""

    kind: Kind
    text: str
    start: int
    end: int

    def is_word(self, *words: str) -> bool:
        """Whether it is one of these, in any case."""
        return self.kind is Kind.NAME and self.text.lower() in words

    def is_sign(self, *signs: str) -> bool:
        """Whether it is one of these."""
        return self.kind is Kind.SIGN and self.text in signs


_WORDS = re.compile(
    r"""
    (?P<space>(?:\s|\#[^\n]*)+)
    | (?P<period>\d+(?:ms|mo|s|m|h|d|w|q|y)[a-z]*\b)
    | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    | (?P<name>[@A-Za-z_][\w@]*(?:\.[\w@]+)*)
    | `(?P<quoted>[^`]+)`
    | "(?P<double>(?:[^"\\]|\\.)*)"
    | '(?P<single>(?:[^'\\]|\\.)*)'
    | (?P<sign>=~|!=|<=|>=|==|[=<>()\[\],|+\-*/%^])
    """,
    re.VERBOSE | re.DOTALL,
)
_REGEX = re.compile(r"/((?:[^/\\]|\\.)+)/", re.DOTALL)
_KINDS = {
    "period": Kind.PERIOD,
    "number": Kind.NUMBER,
    "name": Kind.NAME,
    "quoted": Kind.QUOTED_NAME,
    "double": Kind.STRING,
    "single": Kind.STRING,
    "sign": Kind.SIGN,
}


def tokens_of(query: str) -> list[Token]:
    """The words of a query, and one for its end. QueryMalformed."""
    tokens: list[Token] = []
    position = 0
    while position < len(query):
        regex = _REGEX.match(query, position) if _expects_regex(tokens) else None
        if regex is not None:
            tokens.append(Token(Kind.REGEX, regex[1].replace("\\/", "/"), position, regex.end()))
            position = regex.end()
            continue
        match = _WORDS.match(query, position)
        if match is None:
            raise unexpected(query, Token(Kind.SIGN, query[position], position, position + 1))
        name = match.lastgroup
        assert name is not None
        if name != "space":
            text = match[name]
            if name in {"double", "single"}:
                text = re.sub(r"\\(.)", _unescaped, text, flags=re.DOTALL)
            tokens.append(Token(_KINDS[name], text, position, match.end()))
        position = match.end()
    return [*tokens, Token(Kind.END, "<EOF>", len(query), len(query))]


def unexpected(query: str, token: Token) -> QueryMalformed:
    """That a word stands where none like it may."""
    line = query.count("\n", 0, token.start) + 1
    column = token.start - (query.rfind("\n", 0, token.start) + 1)
    return QueryMalformed(f"unexpected symbol found {token.text} at line {line} and position {column}", token.start, token.end)


def _expects_regex(tokens: list[Token]) -> bool:
    """Where a slash divides nothing."""
    if not tokens:
        return False
    last = tokens[-1]
    if last.is_word("like", "parse") or last.is_sign("=~", ",", "("):
        return True
    return len(tokens) > 1 and tokens[-2].is_word("parse")


def _unescaped(match: re.Match[str]) -> str:
    return match[1] if match[1] in "\"'\\" else match[0]
