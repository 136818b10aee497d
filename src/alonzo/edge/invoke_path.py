"""The path of `Invoke`, recognized before anything else is: by comparing, not by a router."""

from urllib.parse import unquote_to_bytes

_HEAD = b"/2015-03-31/functions/"
_TAIL = b"/invocations"
_NAME = slice(len(_HEAD), -len(_TAIL))


def invoked_function(path: bytes) -> str | None:
    """The percent-decoded `FunctionName` of an `Invoke`; None for any other path."""
    if not (path.endswith(_TAIL) and path.startswith(_HEAD)):
        return None
    name = path[_NAME]
    if b"/" in name:
        return None
    if b"%" in name:
        name = unquote_to_bytes(name)
    return name.decode("utf-8", "replace")
