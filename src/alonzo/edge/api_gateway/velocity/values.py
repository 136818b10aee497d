"""Values in templates: how they are written, compared, and which of Java's methods they have."""

import importlib
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

from alonzo.edge.api_gateway.velocity.errors import TemplateError, TemplateTooExpensive

TEXT_MAX_CHARACTERS = 12 << 20
"""More than API Gateway's payloads may have."""

_PATTERN_SECONDS = 0.2

Method = Callable[..., Any]


@runtime_checkable
class TemplateObject(Protocol):
    """Something that templates are given to call (`$input`, `$util`)."""

    def find_method(self, name: str) -> Method | None: ...


class Entry:
    """Of a map (`#foreach($entry in $map.entrySet())`)."""

    def __init__(self, key: Any, value: Any) -> None:
        self.key = key
        self.value = value

    def find_method(self, name: str) -> Method | None:
        """`getKey()`, `getValue()`."""
        return {"getKey": lambda: self.key, "getValue": lambda: self.value}.get(name)


def text_of(value: Any) -> str:  # noqa: PLR0911 - one for each kind
    """As Java's `toString` writes it."""
    match value:
        case str():
            return value
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case Mapping():
            return "{" + ", ".join(f"{text_of(key)}={text_of(each)}" for key, each in value.items()) + "}"
        case list() | range():
            return "[" + ", ".join(text_of(each) for each in value) + "]"
        case Entry():
            return f"{text_of(value.key)}={text_of(value.value)}"
        case _:
            return str(value) if isinstance(value, int | float) else ""


def is_true(value: Any) -> bool:
    """Whatever is there is true, but for `false`: empty texts, too, in Velocity 1.7."""
    return value is not None and value is not False


def find_property(value: Any, name: str) -> Any:
    """`$value.name`; None if it has no such thing."""
    if isinstance(value, dict):
        return value.get(name)
    if isinstance(value, Entry) and name in {"key", "value"}:
        return value.key if name == "key" else value.value
    method = find_method(value, f"get{name[:1].upper()}{name[1:]}") or (find_method(value, name) if name in {"empty"} else None)
    return None if method is None else method()


def find_index(value: Any, index: Any) -> Any:
    """`$value[index]`; None if there is nothing."""
    if isinstance(value, dict):
        return value.get(index)
    if isinstance(value, list | range) and isinstance(index, int):
        return value[index] if -len(value) <= index < len(value) else None
    return None


def find_method(value: Any, name: str) -> Method | None:
    """A method of a value, to be called with what the template gives it. They raise TemplateError."""
    if isinstance(value, TemplateObject):
        return value.find_method(name)
    for kind, methods in _METHODS:
        if isinstance(value, kind):
            method = methods.get(name) or _OF_ALL.get(name)
            return None if method is None else partial(method, value)
    return None


def checked(text: str) -> str:
    """A text that is not too long."""
    if len(text) > TEXT_MAX_CHARACTERS:
        raise TemplateTooExpensive(f"a text of more than {TEXT_MAX_CHARACTERS} characters")
    return text


def _pattern(operation: str, text: str, pattern: Any, *more: Any) -> Any:
    """Regular expressions of strangers: with a time limit, which `re` has none of, and other threads go on meanwhile."""
    regex: Any = importlib.import_module("regex")
    try:
        return getattr(regex, operation)(str(pattern), *more, text, timeout=_PATTERN_SECONDS, concurrent=True)
    except TimeoutError as error:
        raise TemplateTooExpensive("a regular expression takes too long") from error
    except regex.error as error:
        raise TemplateError(f"{pattern!r} is no regular expression: {error}") from error


def _replacement(text: Any) -> str:
    """Java's `$1` as Python's `\\g<1>`."""
    regex: Any = importlib.import_module("regex")
    escaped = str(text).replace("\\", "\\\\")
    replaced: str = regex.sub(r"\$([0-9])", r"\\g<\1>", escaped)
    return replaced


def _split(text: str, pattern: Any, limit: int = 0) -> list[Any]:
    parts: list[Any] = _pattern("split", text, pattern) if limit <= 0 else _limited_split(text, pattern, limit)
    if limit == 0:
        while len(parts) > 1 and parts[-1] == "":
            parts.pop()
    return parts


def _limited_split(text: str, pattern: Any, limit: int) -> list[Any]:
    regex: Any = importlib.import_module("regex")
    parts: list[Any] = (
        regex.split(str(pattern), text, maxsplit=limit - 1, timeout=_PATTERN_SECONDS, concurrent=True) if limit > 1 else [text]
    )
    return parts


def _substring(text: str, start: int, end: int | None = None) -> str:
    end = len(text) if end is None else end
    if not 0 <= start <= end <= len(text):
        raise TemplateError("substring: the index is out of range")
    return text[start:end]


def _add(items: list[Any], *given: Any) -> bool:
    items.insert(given[0], given[1]) if len(given) == 2 else items.append(given[0])  # noqa: PLR2004 - add(index, item)
    return True


def _add_all(items: list[Any], others: Any) -> bool:
    if len(items) + len(others) > TEXT_MAX_CHARACTERS // 64:
        raise TemplateTooExpensive("a list grows too long")
    items.extend(others)
    return bool(others)


def _set(items: list[Any], index: int, item: Any) -> Any:
    before, items[index] = items[index], item
    return before


def _remove_item(items: list[Any], what: Any) -> Any:
    if isinstance(what, int) and not isinstance(what, bool):
        return items.pop(what)
    if what in items:
        items.remove(what)
        return True
    return False


def _put(content: dict[Any, Any], key: Any, value: Any) -> Any:
    before = content.get(key)
    content[key] = value
    return before


def _put_all(content: dict[Any, Any], other: dict[Any, Any]) -> None:
    content.update(other)


_OF_ALL: Mapping[str, Method] = MappingProxyType(
    {
        "toString": text_of,
        "equals": lambda value, other: value == other,
        "hashCode": lambda value: hash(text_of(value)) & 0x7FFFFFFF,
    }
)

_TEXT: Mapping[str, Method] = MappingProxyType(
    {
        "length": len,
        "isEmpty": lambda text: not text,
        "contains": lambda text, part: str(part) in text,
        "startsWith": lambda text, part: text.startswith(str(part)),
        "endsWith": lambda text, part: text.endswith(str(part)),
        "indexOf": lambda text, part, start=0: text.find(str(part), start),
        "lastIndexOf": lambda text, part: text.rfind(str(part)),
        "equalsIgnoreCase": lambda text, other: text.casefold() == str(other).casefold(),
        "compareTo": lambda text, other: (text > other) - (text < other),
        "substring": _substring,
        "charAt": lambda text, index: _substring(text, index, index + 1),
        "concat": lambda text, other: checked(text + str(other)),
        "replace": lambda text, old, new: (
            checked(text.replace(str(old), str(new)))
            if len(text) * len(str(new)) < TEXT_MAX_CHARACTERS
            else checked("x" * TEXT_MAX_CHARACTERS + "x")
        ),
        "replaceAll": lambda text, pattern, new: checked(_pattern("sub", text, pattern, _replacement(new))),
        "replaceFirst": lambda text, pattern, new: checked(_replace_first(text, pattern, new)),
        "matches": lambda text, pattern: _pattern("fullmatch", text, pattern) is not None,
        "split": _split,
        "toLowerCase": str.lower,
        "toUpperCase": str.upper,
        "trim": str.strip,
        "getBytes": lambda text: list(text.encode()),
    }
)

_LIST: Mapping[str, Method] = MappingProxyType(
    {
        "size": len,
        "isEmpty": lambda items: not items,
        "get": lambda items, index: items[index],
        "contains": lambda items, item: item in items,
        "containsAll": lambda items, others: all(item in items for item in others),
        "indexOf": lambda items, item: items.index(item) if item in items else -1,
        "add": _add,
        "addAll": _add_all,
        "set": _set,
        "remove": _remove_item,
        "clear": lambda items: items.clear(),
        "subList": lambda items, start, end: items[start:end],
        "iterator": list,
    }
)

_MAP: Mapping[str, Method] = MappingProxyType(
    {
        "size": len,
        "isEmpty": lambda content: not content,
        "get": lambda content, key: content.get(key),
        "getOrDefault": lambda content, key, default: content.get(key, default),
        "containsKey": lambda content, key: key in content,
        "containsValue": lambda content, value: value in content.values(),
        "keySet": list,
        "values": lambda content: list(content.values()),
        "entrySet": lambda content: [Entry(key, value) for key, value in content.items()],
        "put": _put,
        "putAll": _put_all,
        "remove": lambda content, key: content.pop(key, None),
        "clear": lambda content: content.clear(),
    }
)

_NUMBER: Mapping[str, Method] = MappingProxyType(
    {
        "intValue": int,
        "longValue": int,
        "doubleValue": float,
        "parseInt": lambda _, text: int(text),
        "parseDouble": lambda _, text: float(text),
        "valueOf": lambda _, text: int(text),
        "compareTo": lambda number, other: (number > other) - (number < other),
    }
)


def _replace_first(text: str, pattern: Any, new: Any) -> str:
    regex: Any = importlib.import_module("regex")
    replaced: str = regex.sub(str(pattern), _replacement(new), text, count=1, timeout=_PATTERN_SECONDS, concurrent=True)
    return replaced


_METHODS: tuple[tuple[Any, Mapping[str, Method]], ...] = ((str, _TEXT), (list, _LIST), (dict, _MAP), ((int, float), _NUMBER))
