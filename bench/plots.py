"""The curves as pictures: one SVG a plot."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import FuncFormatter

from bench.curves import Curve, Plot

_SIZE_INCHES = (8, 4.5)
_POINTS_WITH_MARKS_MAX = 20


def draw_plots(curves: Sequence[Curve], caption: str, directory: Path) -> list[Path]:
    """Draw all curves of a plot together, the caption below; the files, named after the plots."""
    directory.mkdir(parents=True, exist_ok=True)
    by_plot: dict[Plot, list[Curve]] = {}
    for curve in curves:
        by_plot.setdefault(curve.plot, []).append(curve)
    return [_draw(plot, lines, caption, directory / f"{plot.name}.svg") for plot, lines in by_plot.items()]


def _draw(plot: Plot, lines: Sequence[Curve], caption: str, file: Path) -> Path:
    with mpl.rc_context({"svg.hashsalt": plot.name, "svg.fonttype": "none"}):  # the same curves make the same file, and text stays text
        drawing = Drawing(figsize=_SIZE_INCHES, layout="constrained")
        axes = drawing.add_subplot()
        for line in lines:
            marker = "o" if len(line.points) <= _POINTS_WITH_MARKS_MAX else ""
            axes.plot([x for x, _ in line.points], [y for _, y in line.points], marker=marker, label=line.label)
        axes.set_title(plot.title)
        axes.set_xlabel(plot.x_label)
        axes.set_ylabel(plot.y_label)
        if plot.is_logarithmic:
            axes.set_xscale("log")
            axes.set_yscale("log")
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        else:
            axes.set_ylim(bottom=0)
        axes.grid(visible=True, alpha=0.3)
        axes.legend()
        drawing.supxlabel(caption, fontsize="x-small", color="gray")
        drawing.savefig(file, metadata={"Date": None})
    return file
