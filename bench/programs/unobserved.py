"""`alonzo up` that counts, logs and times nothing of invocations and audits nothing: what lies between the two is what observing costs.

No option does that, since nobody would want it; so the ways out of an invocation's journal are closed here.
"""

from typing import Any

from alonzo.cli.main import main
from alonzo.edge.audit_trail import AuditTrail
from alonzo.environment.log_channel import LogChannel
from alonzo.observe.metrics.invocations import InvocationCounter
from alonzo.observe.usage import UsageCounter


def _nothing(*_: Any, **__: Any) -> None:
    return None


if __name__ == "__main__":
    for owner, name in (
        (InvocationCounter, "note"),
        (UsageCounter, "note"),
        (LogChannel, "write"),
        (LogChannel, "write_lines"),
        (AuditTrail, "note"),
    ):
        setattr(owner, name, _nothing)
    main()
