from urllib.parse import urlsplit

import pytest

from alonzo.clock import ManualClock
from alonzo.edge.lambda_api.code_links import VALID_SECONDS, CodeLinks

SHA256 = "ab" * 32


def _parts(url: str) -> tuple[bytes, bytes]:
    parts = urlsplit(url)
    return parts.path.encode(), parts.query.encode()


def test_a_link_leads_to_its_package_for_ten_minutes() -> None:
    clock = ManualClock()
    links = CodeLinks(key=b"secret", clock=clock)
    path, query = _parts(links.link("http://localhost:4566", SHA256))
    assert links.find_package(path, query) == SHA256
    clock.advance(VALID_SECONDS)
    assert links.find_package(path, query) == SHA256
    clock.advance(1)
    assert links.find_package(path, query) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"Expires=17", b"Expires=27"), (b"Signature=", b"Signature=0"), (b"Expires=", b"expires="), (b"&Signature", b"&X=1&Signature")],
)
def test_a_changed_link_leads_nowhere(old: bytes, new: bytes) -> None:
    links = CodeLinks(key=b"secret", clock=ManualClock())
    path, query = _parts(links.link("", SHA256))
    assert old in query
    assert links.find_package(path, query.replace(old, new)) is None


def test_a_link_to_another_package_or_of_another_key_leads_nowhere() -> None:
    clock = ManualClock()
    links = CodeLinks(key=b"secret", clock=clock)
    path, query = _parts(links.link("", SHA256))
    assert links.find_package(path.replace(b"ab", b"cd"), query) is None
    assert links.find_package(b"/_alonzo/code/../x.zip", query) is None
    assert CodeLinks(key=b"other", clock=clock).find_package(path, query) is None
