"""What a measurement yields beside its figures: how one thing changes with another, as lines of a plot."""

import msgspec


class Plot(msgspec.Struct, frozen=True, kw_only=True):
    """The axes that lines share. `name`: of its file."""

    name: str
    title: str
    x_label: str
    y_label: str
    is_logarithmic: bool = False


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """One line: `label` says of what; points are x and y in the units that the axes name."""

    plot: Plot
    label: str
    points: tuple[tuple[float, float], ...]
