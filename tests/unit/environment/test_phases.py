"""The life cycle of an environment allows what it allows and nothing else."""

import pytest

from alonzo.environment.phases import Phase, PhaseViolation, check_transition

ALLOWED = {
    (Phase.CREATED, Phase.INIT),
    (Phase.INIT, Phase.IDLE),
    (Phase.INIT, Phase.SNAPSHOT),
    (Phase.SNAPSHOT, Phase.RESTORE),
    (Phase.RESTORE, Phase.IDLE),
    (Phase.IDLE, Phase.INVOKE),
    (Phase.INVOKE, Phase.IDLE),
    *((phase, Phase.SHUTDOWN) for phase in (Phase.INIT, Phase.SNAPSHOT, Phase.RESTORE, Phase.IDLE, Phase.INVOKE)),
    *((phase, Phase.ENDED) for phase in Phase if phase is not Phase.ENDED),
}


@pytest.mark.parametrize(("current", "following"), [(current, following) for current in Phase for following in Phase])
def test_only_the_transitions_of_the_table_are_allowed(current: Phase, following: Phase) -> None:
    if (current, following) in ALLOWED:
        check_transition(current, following)
    else:
        with pytest.raises(PhaseViolation, match=f"in phase {current} cannot enter {following}"):
            check_transition(current, following)
