"""`python -m bench`: measures, prints the table."""

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import click

from bench.curves import Curve
from bench.figures import Figure
from bench.measures.burst import measure_burst
from bench.measures.cold import measure_cold
from bench.measures.companion import measure_companion
from bench.measures.events import measure_events
from bench.measures.fairness import measure_fairness
from bench.measures.http_doors import measure_http_api, measure_urls
from bench.measures.keep_alive import measure_keep_alive
from bench.measures.languages import measure_languages
from bench.measures.logs import measure_logs
from bench.measures.many_functions import measure_many_functions
from bench.measures.observability import measure_observability
from bench.measures.peers import measure_peers
from bench.measures.saved import measure_saved
from bench.measures.scale import measure_scale
from bench.measures.snap_start import measure_snap_start
from bench.measures.sources import measure_sources
from bench.measures.start import measure_memory, measure_start
from bench.measures.store import measure_store
from bench.measures.throttled import measure_throttled
from bench.measures.warm import measure_warm
from bench.report import Report, describe_machine, render_machine, render_table, write_json
from bench.settings import BenchSettings

Measure = Callable[[BenchSettings], Iterator[Figure | Curve]]

MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        "start": measure_start,
        "memory": measure_memory,
        "companion": measure_companion,
        "store": measure_store,
        "cold": measure_cold,
        "warm": measure_warm,
        "observability": measure_observability,
        "urls": measure_urls,
        "http-api": measure_http_api,
        "burst": measure_burst,
        "throttled": measure_throttled,
        "fairness": measure_fairness,
        "logs": measure_logs,
        "scale": measure_scale,
        "events": measure_events,
        "sources": measure_sources,
        "functions": measure_many_functions,
        "languages": measure_languages,
        "keep-alive": measure_keep_alive,
        "snap-start": measure_snap_start,
        "saved": measure_saved,
    }
)
"""In the order in which they run: what leaves a machine least disturbed comes first."""

ON_REQUEST: Mapping[str, Measure] = MappingProxyType({"peers": measure_peers})
"""Those that are only run when they are named: they fetch and run programs of others."""

_ALL: Mapping[str, Measure] = {**MEASURES, **ON_REQUEST}


@click.command()
@click.option(
    "--only", metavar="NAME,...", help=f"Measure no more than these: {', '.join(MEASURES)}; or, on request only, {', '.join(ON_REQUEST)}."
)
@click.option("--seconds", default=5.0, show_default=True, type=click.FloatRange(min=0, min_open=True), help="Length of each load.")
@click.option("--cold-starts", default=40, show_default=True, type=click.IntRange(min=3), help="Cold starts of the trivial handler.")
@click.option("--starts", default=5, show_default=True, type=click.IntRange(min=1), help="Starts of the platform.")
@click.option("--environments", default=500, show_default=True, type=click.IntRange(min=1), help="Environments asked for at once.")
@click.option("--functions", default=10_000, show_default=True, type=click.IntRange(min=1), help="Functions of one account.")
@click.option("--events", default=50_000, show_default=True, type=click.IntRange(min=1), help="Events of a backlog.")
@click.option(
    "--plots", metavar="DIR", type=click.Path(file_okay=False, path_type=Path), help="Draw the curves into this directory, as SVG."
)
@click.option("--json", "json_file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here too.")
def main(
    *,
    only: str | None,
    seconds: float,
    cold_starts: int,
    starts: int,
    environments: int,
    functions: int,
    events: int,
    plots: Path | None,
    json_file: Path | None,
) -> None:
    """Measure what SPECIFICATION.md promises, each figure beside the raw limit of this machine. Let nothing else run meanwhile."""
    machine = describe_machine()
    print(render_machine(machine), flush=True)
    settings = BenchSettings(
        load_seconds=seconds,
        cold_start_count=cold_starts,
        start_count=starts,
        environment_count=environments,
        function_count=functions,
        event_count=events,
    )
    figures: list[Figure] = []
    curves: list[Curve] = []
    for name in _chosen(only):
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        for measured in _ALL[name](settings):
            if isinstance(measured, Curve):
                curves.append(measured)
            else:
                figures.append(measured)
    print(f"\n{render_table(figures)}")
    if json_file is not None:
        write_json(Report(machine=machine, figures=tuple(figures), curves=tuple(curves)), json_file)
    if plots is not None:
        from bench.plots import draw_plots  # noqa: PLC0415  # matplotlib takes a second to import, and only this needs it

        for file in draw_plots(curves, render_machine(machine), plots):
            print(f"drawn: {file}")


def _chosen(only: str | None) -> list[str]:
    names = list(MEASURES) if only is None else [name.strip() for name in only.split(",")]
    if unknown := [name for name in names if name not in _ALL]:
        raise click.BadParameter(f"{', '.join(unknown)}: there are {', '.join(_ALL)}", param_hint="--only")
    return names


if __name__ == "__main__":
    main()
