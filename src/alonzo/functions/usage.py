"""What accounts use of their quotas: counted as records change, so that asking costs nothing, however many functions there are."""

from collections import defaultdict
from dataclasses import dataclass

from alonzo.model.function import LATEST, FunctionVersion
from alonzo.model.scope import Scope

RecordKey = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountUsage:
    """What an account has in a region."""

    function_count: int
    code_size_bytes: int


class CodeUsage:
    """Learns of every version through `note`, and knows sizes only."""

    def __init__(self) -> None:
        self._sizes: dict[RecordKey, int] = {}
        self._code_sizes: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._function_counts: defaultdict[tuple[str, str], int] = defaultdict(int)

    def note(self, key: RecordKey, version: FunctionVersion | None) -> None:
        """A version is there now, or with None no longer. Listens to the table of functions; noting the same twice does no harm."""
        account, is_function = (key[0], key[1]), key[3] == LATEST
        before = self._sizes.pop(key, None)
        if before is not None:
            self._code_sizes[account] -= before
            self._function_counts[account] -= is_function
        if version is not None:
            self._sizes[key] = version.code.size_bytes
            self._code_sizes[account] += version.code.size_bytes
            self._function_counts[account] += is_function

    def of(self, scope: Scope) -> AccountUsage:
        """What the account has in the region."""
        account = (scope.account_id, scope.region)
        return AccountUsage(function_count=self._function_counts.get(account, 0), code_size_bytes=self._code_sizes.get(account, 0))
