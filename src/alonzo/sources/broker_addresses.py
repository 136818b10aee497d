"""Where brokers and databases are that a mapping names by ARN: as the start-up option says it, since emulated services cannot know."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class BrokerAddresses:
    """Pairs of an ARN, with `*` for any text, and a URL: `amqp://127.0.0.1:5672`, `kafka://b-1:9092,b-2:9092`."""

    given: Sequence[tuple[str, str]] = ()

    def find(self, arn: str) -> str | None:
        """The URL that was given last for the ARN; None: ask the service that the ARN names."""
        return next((url for pattern, url in reversed(self.given) if fnmatchcase(arn, pattern)), None)
