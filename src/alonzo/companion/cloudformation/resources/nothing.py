"""Resources that only say something: of the account say, or of the tool that wrote the template."""

from alonzo.companion.cloudformation.resources.provider import Existing, Made, Wanted


class NothingProvider:
    """A `Provider`: nothing is made."""

    def create(self, wanted: Wanted) -> Made:
        """A name."""
        return Made(physical_id=wanted.new_name())

    def replaces(self, wanted: Wanted, existing: Existing) -> bool:
        """Never."""
        return False

    def update(self, wanted: Wanted, existing: Existing) -> Made:
        """The same."""
        return Made(physical_id=existing.physical_id)

    def delete(self, wanted: Wanted, existing: Existing) -> None:
        """There is nothing."""
