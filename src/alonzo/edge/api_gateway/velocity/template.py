"""Templates, from their text: a parser by recursive descent."""

import re
from functools import lru_cache
from typing import Any

from alonzo.edge.api_gateway.velocity.errors import TemplateError
from alonzo.edge.api_gateway.velocity.nodes import (
    Access,
    Binary,
    Block,
    Break,
    Define,
    Evaluate,
    Evaluation,
    Expression,
    ForEach,
    If,
    Interpolated,
    Leave,
    ListOf,
    Literal,
    Logical,
    Macro,
    MacroCall,
    MapOf,
    Node,
    Not,
    Range,
    Reference,
    Set,
    Stop,
    Text,
)

_DEPTH_MAX = 40
_PLAIN = re.compile(r"[^#$\\]+")
_REFERENCE = re.compile(r"\$(!?)(\{?)([A-Za-z][A-Za-z0-9_-]*)")
_DIRECTIVE = re.compile(r"#(?:\{([A-Za-z][A-Za-z0-9_]*)\}|([A-Za-z][A-Za-z0-9_]*))")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_SPACE = re.compile(r"\s*")
_LINE_END = re.compile(r"[ \t]*\r?\n")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_WORD = re.compile(r"(true|false|null)\b")
_SINGLE = re.compile(r"'((?:[^']|'')*)'")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.|"")*)"', re.DOTALL)
_COMMENT = re.compile(r"##[^\n]*\n?|#\*.*?\*#", re.DOTALL)
_VERBATIM = re.compile(r"#\[\[(.*?)\]\]#", re.DOTALL)
_OPERATORS = (
    re.compile(r"(\|\||or\b)"),
    re.compile(r"(&&|and\b)"),
    re.compile(r"(==|!=|eq\b|ne\b)"),
    re.compile(r"(<=|>=|<|>|le\b|ge\b|lt\b|gt\b)"),
    re.compile(r"([+-])"),
    re.compile(r"([*/%])"),
)
_SYMBOLS = {"eq": "==", "ne": "!=", "le": "<=", "ge": ">=", "lt": "<", "gt": ">"}
_ENDS = frozenset({"end", "else", "elseif"})


class Template:
    """A template that has been read."""

    def __init__(self, block: Block) -> None:
        self._block = block

    def render(self, variables: dict[str, Any]) -> str:
        """What it writes; `variables` are changed as it sets them. TemplateError."""
        evaluation = Evaluation(variables)
        try:
            self._block.run(evaluation)
        except (Stop, Break):
            pass
        except RecursionError as error:
            raise TemplateError("the template is nested too deeply") from error
        return "".join(evaluation.output)


@lru_cache(maxsize=500)
def read_template(text: str) -> Template:
    """Read a template; those read before are remembered. TemplateError."""
    return Template(_read_block(text))


def _read_block(text: str) -> Block:
    try:
        return _Parser(text).template()
    except RecursionError as error:
        raise TemplateError("the template is nested too deeply") from error


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def template(self) -> Block:
        block, end = self._block()
        if end is not None:
            raise self._error(f"#{end} without a beginning")
        return block

    def _block(self) -> tuple[Block, str | None]:
        """Up to the end, or past a directive that ends a block: its name."""
        self._depth += 1
        if self._depth > _DEPTH_MAX:
            raise TemplateError(f"the template is nested more than {_DEPTH_MAX} deep")
        nodes: list[Node] = []
        end = None
        while self._at < len(self._text) and end is None:
            end = self._piece(nodes)
        self._depth -= 1
        return Block(tuple(nodes)), end

    def _piece(self, nodes: list[Node]) -> str | None:
        plain = self._take(_PLAIN)
        if plain is not None:
            nodes.append(Text(plain[0]))
            return None
        character = self._text[self._at]
        if character == "\\":
            escaped = self._text[self._at + 1 : self._at + 2]
            nodes.append(Text(escaped if escaped in {"$", "#"} else "\\"))
            self._at += 2 if escaped in {"$", "#"} else 1
            return None
        if character == "$":
            reference = self._reference()
            if reference is None:
                self._at += 1
            nodes.append(Text("$") if reference is None else reference)
            return None
        return self._hash(nodes)

    def _hash(self, nodes: list[Node]) -> str | None:
        if self._take(_COMMENT) is not None:
            return None
        verbatim = self._take(_VERBATIM)
        if verbatim is not None:
            nodes.append(Text(verbatim[1]))
            return None
        start = self._at
        match = self._take(_DIRECTIVE)
        if match is None:
            self._at += 1
            nodes.append(Text("#"))
            return None
        name = match[1] or match[2]
        if name in _ENDS:
            if name != "elseif":
                self._take(_LINE_END)
            return name
        nodes.append(self._directive(name, start))
        return None

    def _directive(self, name: str, start: int) -> Node:  # noqa: PLR0911 - one for each
        match name:
            case "set":
                return self._set()
            case "if":
                return self._if()
            case "foreach":
                return self._foreach()
            case "macro":
                return self._macro()
            case "define":
                self._expect("(")
                target = self._required_reference()
                self._expect(")")
                return Define(target.name, self._body("define"))
            case "evaluate":
                self._expect("(")
                expression = self._expression()
                self._expect(")")
                return Evaluate(expression, _read_block)
            case "break" | "stop":
                return Leave(Break if name == "break" else Stop)
            case "include" | "parse":
                raise self._error(f"#{name} is not there")
            case _:
                return self._macro_call(name, start)

    def _set(self) -> Node:
        self._expect("(")
        target = self._required_reference()
        self._expect("=")
        expression = self._expression()
        self._expect(")")
        self._take(_LINE_END)
        return Set(target, expression)

    def _if(self) -> Node:
        branches: list[tuple[Expression | None, Block]] = []
        end: str | None = "elseif"
        while end == "elseif":
            self._expect("(")
            condition = self._expression()
            self._expect(")")
            self._take(_LINE_END)
            block, end = self._block()
            branches.append((condition, block))
        if end == "else":
            block, end = self._block()
            branches.append((None, block))
        if end != "end":
            raise self._error("#if without #end")
        return If(tuple(branches))

    def _foreach(self) -> Node:
        self._expect("(")
        target = self._required_reference()
        self._skip()
        if self._take(re.compile(r"in\b")) is None:
            raise self._error("#foreach without in")
        items = self._expression()
        self._expect(")")
        return ForEach(target.name, items, self._body("foreach"))

    def _macro(self) -> Node:
        self._expect("(")
        self._skip()
        name = self._take(_NAME)
        if name is None:
            raise self._error("a macro has a name")
        parameters = []
        while not self._find(")"):
            self._find(",")
            parameters.append(self._required_reference().name)
        return Macro(name[0], tuple(parameters), self._body("macro"))

    def _macro_call(self, name: str, start: int) -> Node:
        arguments: list[Expression] = []
        if self._text[self._at : self._at + 1] != "(":
            return Text(self._text[start : self._at])
        self._at += 1
        while not self._find(")"):
            arguments.append(self._primary())
            self._find(",")
        return MacroCall(name, tuple(arguments), self._text[start : self._at])

    def _body(self, name: str) -> Block:
        self._take(_LINE_END)
        block, end = self._block()
        if end != "end":
            raise self._error(f"#{name} without #end")
        return block

    def _required_reference(self) -> Reference:
        self._skip()
        reference = self._reference()
        if reference is None:
            raise self._error("a reference is missing")
        return reference

    def _reference(self) -> Reference | None:
        start = self._at
        match = self._take(_REFERENCE)
        if match is None:
            return None
        accesses: list[Access] = []
        while (access := self._access()) is not None:
            accesses.append(access)
        if match[2]:
            if self._text[self._at : self._at + 1] != "}":
                self._at = start
                return None
            self._at += 1
        return Reference(match[3], tuple(accesses), bool(match[1]), self._text[start : self._at])

    def _access(self) -> Access | None:
        character = self._text[self._at : self._at + 1]
        if character == "[":
            self._at += 1
            index = self._expression()
            self._expect("]")
            return Access(None, None, index)
        if character != ".":
            return None
        name = _NAME.match(self._text, self._at + 1)
        if name is None:
            return None
        self._at = name.end()
        if self._text[self._at : self._at + 1] != "(":
            return Access(name[0], None, None)
        self._at += 1
        return Access(name[0], self._expressions(")"), None)

    def _expression(self, level: int = 0) -> Expression:
        if level == len(_OPERATORS):
            return self._unary()
        left = self._expression(level + 1)
        while True:
            self._skip()
            match = self._take(_OPERATORS[level])
            if match is None:
                return left
            symbol = _SYMBOLS.get(match[1], match[1])
            right = self._expression(level + 1)
            left = Logical(level == 1, left, right) if level <= 1 else Binary(symbol, left, right)

    def _unary(self) -> Expression:
        self._skip()
        if self._take(re.compile(r"!(?!=)|not\b")) is not None:
            return Not(self._unary())
        return self._primary()

    def _primary(self) -> Expression:  # noqa: PLR0911 - one for each kind
        self._depth += 1
        if self._depth > _DEPTH_MAX:
            raise TemplateError(f"the template is nested more than {_DEPTH_MAX} deep")
        try:
            self._skip()
            number = self._take(_NUMBER)
            if number is not None:
                return Literal(float(number[0]) if "." in number[0] else int(number[0]))
            word = self._take(_WORD)
            if word is not None:
                return Literal({"true": True, "false": False, "null": None}[word[1]])
            single = self._take(_SINGLE)
            if single is not None:
                return Literal(single[1].replace("''", "'"))
            double = self._take(_DOUBLE)
            if double is not None:
                parser = _Parser(double[1].replace('""', '"'))
                parser._depth = self._depth
                return Interpolated(parser.template())
            if self._find("("):
                inner = self._expression()
                self._expect(")")
                return inner
            if self._find("["):
                return self._list()
            if self._find("{"):
                return self._map()
            return self._required_reference()
        finally:
            self._depth -= 1

    def _list(self) -> Expression:
        if self._find("]"):
            return ListOf(())
        first = self._expression()
        if self._find(".."):
            last = self._expression()
            self._expect("]")
            return Range(first, last)
        if self._find("]"):
            return ListOf((first,))
        self._expect(",")
        return ListOf((first, *self._expressions("]")))

    def _map(self) -> Expression:
        items: list[tuple[Expression, Expression]] = []
        while not self._find("}"):
            key = self._expression()
            self._expect(":")
            items.append((key, self._expression()))
            self._find(",")
        return MapOf(tuple(items))

    def _expressions(self, end: str) -> tuple[Expression, ...]:
        expressions: list[Expression] = []
        while not self._find(end):
            if expressions:
                self._expect(",")
            expressions.append(self._expression())
        return tuple(expressions)

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
        return match

    def _skip(self) -> None:
        self._take(_SPACE)

    def _find(self, token: str) -> bool:
        self._skip()
        if not self._text.startswith(token, self._at):
            return False
        self._at += len(token)
        return True

    def _expect(self, token: str) -> None:
        if not self._find(token):
            raise self._error(f"{token!r} is missing")

    def _error(self, message: str) -> TemplateError:
        line = self._text.count("\n", 0, self._at) + 1
        return TemplateError(f"line {line}: {message}, at {self._text[self._at : self._at + 20]!r}")
