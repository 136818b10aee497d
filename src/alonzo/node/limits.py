"""What counts invocations, wired: against the limits themselves, or against this worker's leases of them."""

from dataclasses import dataclass

from alonzo.clock import Clock
from alonzo.invoke.admission import Admission
from alonzo.invoke.provisioned import ProvisionedSettings
from alonzo.invoke.shared_limits import SharedLimits, SharedRates
from alonzo.invoke.shared_provision import SharedProvision
from alonzo.node.cluster import Cluster
from alonzo.node.control_plane import ControlPlane


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`shared`: None on a node alone. `provisioned`: what of provisioned concurrency is this node's to keep."""

    admission: Admission
    shared: SharedLimits | None
    provisioned: ProvisionedSettings


def wire_limits(*, control: ControlPlane, cluster: Cluster | None, account_limit: int, clock: Clock) -> Limits:
    """They follow the settings from here on."""
    if cluster is None:
        admission = Admission(account_limit=account_limit, clock=clock)
        control.provisioned.follow_limits(admission.configure)
        return Limits(admission=admission, shared=None, provisioned=control.provisioned)
    rates = SharedRates()
    admission = Admission(account_limit=None, clock=clock, rates=rates)
    shared = cluster.share_limits(admission=admission, rates=rates, account_limit=account_limit)
    control.provisioned.follow_limits(shared.configure)
    return Limits(admission=admission, shared=shared, provisioned=SharedProvision(settings=control.provisioned, leases=shared))
