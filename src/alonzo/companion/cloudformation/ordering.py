"""In which order resources are made: those that others refer to or depend on come first."""

from collections.abc import Callable, Mapping
from typing import Any

from alonzo.companion.cloudformation.errors import ValidationError
from alonzo.companion.cloudformation.templates import references_in


def needs_of(template: Mapping[str, Any]) -> dict[str, list[str]]:
    """The resources that each one needs directly, by logical ids."""
    resources = template["Resources"]
    return {
        name: list(dict.fromkeys(needed for needed in references_in(definition) if needed in resources and needed != name))
        for name, definition in resources.items()
    }


def in_order(names: list[str], needs: Callable[[str], list[str]]) -> list[str]:
    """`names`, each after what it needs of them. Raises ValidationError for a circle."""
    among, ordered, under_way = set(names), dict[str, None](), dict[str, None]()

    def visit(name: str) -> None:
        if name in ordered:
            return
        if name in under_way:
            circle = [*under_way][[*under_way].index(name) :]
            raise ValidationError(f"Circular dependency between resources: [{', '.join(sorted(circle))}]")
        under_way[name] = None
        for needed in needs(name):
            if needed in among:
                visit(needed)
        del under_way[name]
        ordered[name] = None

    for name in names:
        visit(name)
    return [*ordered]
