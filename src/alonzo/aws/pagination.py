"""Pages of sorted lists, with opaque markers: `Marker`, `NextMarker`, `MaxItems` of Lambda, `nextToken` and `limit` of other services."""

import base64
import binascii
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from alonzo.aws.api_error import ApiError

T = TypeVar("T")
SortKey = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """Some items of a list; `next_marker` None says that these were the last."""

    items: tuple[T, ...]
    next_marker: str | None


def paginate(items: Iterable[T], *, sort_key: Callable[[T], SortKey], marker: str | None, limit: int) -> Page[T]:
    """The items after the marker, at most `limit` of them. `items` come sorted by `sort_key`, each key once.

    A marker names the last item of the page before it, so that pages stay right when items come and go in between.
    """
    after = None if marker is None else read_marker(marker)
    page: list[T] = []
    for item in items:
        if after is not None and sort_key(item) <= after:
            continue
        if len(page) == limit:
            return Page(items=tuple(page), next_marker=write_marker(sort_key(page[-1])))
        page.append(item)
    return Page(items=tuple(page), next_marker=None)


def write_marker(key: SortKey) -> str:
    """A marker that says nothing to clients and stands in a URL as it is."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def read_marker(marker: str) -> SortKey:
    """The key in a marker; ApiError `InvalidParameterValueException` for one that we did not write."""
    try:
        return msgspec.json.decode(base64.b64decode(marker + "=" * (-len(marker) % 4), altchars=b"-_", validate=True), type=SortKey)
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        raise ApiError(code="InvalidParameterValueException", message="Invalid pagination token.", http_status=400) from error
