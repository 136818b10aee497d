"""One HTTP request and its answer, every header as it is given and as it came: nothing is added, merged or decoded."""

import http.client
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Exchange:
    """An answer. Header names are in lower case, in their order."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def values(self, name: str) -> list[str]:
        """Of all headers of that name."""
        return [value for candidate, value in self.headers if candidate == name]

    @property
    def text(self) -> str:
        """The body."""
        return self.body.decode()


def exchange(
    endpoint_url: str, url: str, method: str = "GET", *, headers: list[tuple[str, str]] | None = None, body: bytes | None = None
) -> Exchange:
    """Send to the server at `endpoint_url`, whoever the name in `url` is for DNS."""
    address, target = urlsplit(endpoint_url), urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=120)
    try:
        path = (target.path or "/") + (f"?{target.query}" if target.query else "")
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", target.netloc)
        for name, value in headers or ():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return Exchange(answer.status, [(name.lower(), value) for name, value in answer.getheaders()], answer.read())
    finally:
        connection.close()
