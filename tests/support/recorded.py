"""Values that were recorded on AWS, compared with what is seen here."""

import re


def pattern_of(recorded: str, name: str) -> str:
    """A recorded value as a pattern, its placeholders filled in."""
    kinds = {
        "<function-name:1>": name,
        "<region>": "us-east-1",
        "<partition>": "aws",
        "111111111111": "000000000000",
        "<log-stream-name:1>": r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}",
        "<uuid:2>": r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}",
        "<x-amzn-trace-id:1>": r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=[01].*",
    }
    parts = re.split("(" + "|".join(map(re.escape, kinds)) + "|<[a-z0-9_:-]+>)", recorded)
    return "".join(kinds.get(part, ".+" if part.startswith("<") else re.escape(part)) for part in parts)
