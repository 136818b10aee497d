"""Everything at once, for as long as one likes: `python -m tests.crash.mixed_load --minutes 10`, or a test.

Functions are created, invoked, changed and deleted; others crash, time out, take more memory than they may, leave processes behind; events
are accepted; clients go away in the middle. At rest before and after, what the node holds of its machine is counted: the second count may
not be higher than the first. Memory is followed all the while.
"""

import contextlib
import os
import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import linear_regression
from typing import Any

import click
import psutil
from tests.crash.mixed_actors import ACTORS, Actor, deploy_standing
from tests.support.server import Server
from tests.support.vitals import Vitals, take_vitals
from tests.support.waiting import eventually

_OPTIONS = ("--keep-alive", "2", "--async-retry-delays", "0.3,0.3")
_MEMORY_INTERVAL_SECONDS = 2.0
_SETTLING_SECONDS = 60.0
_AT_ONCE_OF_A_PROCESSOR, _MANY_TIMES = 24, 3
_WARM_UP_SECONDS = 8.0
_SLOPE_SHARE = 0.5
_SLOPE_MIN_SECONDS = 120.0
_MB_PER_MINUTE_MAX = 1.0
"""What counts as flat: the allocator's ups and downs are below that."""
_MB = 1e6


@dataclass(frozen=True, kw_only=True)
class MixedReport:
    """What came of it. `leaked`: of what there is more than before; `mb_per_minute`: how fast the node's resident memory grew in the
    second half, None when that was too short to tell. `memory`: seconds since the start, MB of the node, MB of its store.
    """

    seconds: float
    outcomes: Counter[str]
    unexpected: tuple[str, ...]
    before: Vitals
    after: Vitals
    leaked: dict[str, int]
    mb_per_minute: float | None
    memory: list[tuple[float, float, float]] = field(repr=False)

    def __str__(self) -> str:
        counted = "\n".join(f"  {count:7,} {outcome}" for outcome, count in sorted(self.outcomes.items()))
        slope = "too short to tell" if self.mb_per_minute is None else f"{self.mb_per_minute:+.2f} MB a minute in the second half"
        files = dict(self.after.node_files - self.before.node_files) if self.leaked else {}
        return (
            f"{self.seconds:.0f} s:\n{counted}\nbefore: {self.before}\nafter:  {self.after}\n"
            f"leaked: {self.leaked or 'nothing'}{f', among the descriptors of the node: {files}' if files else ''}; "
            f"memory of the node: {slope}\n"
            f"unexpected: {len(self.unexpected)}{''.join(f'{chr(10)}  {text}' for text in self.unexpected[:20])}"
        )


def run_mixed_load(*, data_directory: Path, seconds: float, seed: int) -> MixedReport:
    """A short round of everything, so that whatever is made once is there; then the count, the load, and the count again."""
    with Server.start(*_OPTIONS, data_directory=data_directory) as server:
        deploy_standing(server)
        _ask_for_many_at_once(server)
        _run_actors(server, min(seconds, _WARM_UP_SECONDS), seed=seed, on_tick=lambda _: None)
        before = _at_rest(server)
        memory: list[tuple[float, float, float]] = []
        outcomes, unexpected, spent = _run_actors(server, seconds, seed=seed + 1, on_tick=lambda at: memory.append((at, *_memory(server))))
        after, leaked = _compare(server, before)
        return MixedReport(
            seconds=spent,
            outcomes=outcomes,
            unexpected=tuple(unexpected),
            before=before,
            after=after,
            leaked=leaked,
            mb_per_minute=_slope(memory),
            memory=memory,
        )


def _ask_for_many_at_once(server: Server) -> None:
    """More sandboxes than one zygote has in its queue: a node has as many zygotes as processors from then on, and starts no more later."""
    name, count = "many", _AT_ONCE_OF_A_PROCESSOR * (os.cpu_count() or 1)
    server.deploy(name, "import time\ndef handler(event, context):\n    time.sleep(1)\n", Timeout=60)
    client = server.client("lambda", read_timeout=60, max_pool_connections=count)
    with ThreadPoolExecutor(count) as threads:
        for number in range(_MANY_TIMES):
            for answer in [threads.submit(client.invoke, FunctionName=name) for _ in range(count)]:
                answer.result()
            client.update_function_configuration(FunctionName=name, Description=str(number))  # so that none of them is warm
    client.delete_function(FunctionName=name)
    client.close()


def _run_actors(server: Server, seconds: float, *, seed: int, on_tick: Callable[[float], None]) -> tuple[Counter[str], list[str], float]:
    """Each kind of actor in a thread of its own, until the time is over and each has finished what it was doing."""
    outcomes: Counter[str] = Counter()
    unexpected: list[str] = []
    lock, stop = threading.Lock(), threading.Event()

    def act(actor: Actor, source: random.Random) -> None:
        client = server.client("lambda", read_timeout=60)
        try:
            while not stop.is_set():
                try:
                    outcome = actor(server, client, source)
                except Exception as error:  # whatever it is, it is to be told, and the load goes on
                    with lock:
                        unexpected.append(f"{actor.__name__}: {type(error).__name__}: {str(error)[:300]}")
                    outcome = f"{actor.__name__}: unexpected"
                with lock:
                    outcomes[outcome] += 1
                stop.wait(source.uniform(0, 0.04))
        finally:
            client.close()

    threads = [threading.Thread(target=act, args=(actor, random.Random(f"{seed} {number}"))) for number, actor in enumerate(ACTORS)]
    started_at = time.monotonic()
    for thread in threads:
        thread.start()
    while (spent := time.monotonic() - started_at) < seconds:
        on_tick(spent)
        stop.wait(min(_MEMORY_INTERVAL_SECONDS, seconds - spent))
    stop.set()
    for thread in threads:
        thread.join()
    return outcomes, unexpected, time.monotonic() - started_at


def _at_rest(server: Server) -> Vitals:
    """Once nothing has changed for a while: events are done, environments that were idle have ended."""
    seen: list[Vitals] = []

    def settled() -> Vitals | None:
        time.sleep(1.0)
        seen.append(take_vitals(server))
        counts = [vitals.counts() for vitals in seen[-5:]]
        return seen[-1] if len(counts) == 5 and all(each == counts[0] for each in counts) else None

    return eventually(settled, what="a node at rest", within_seconds=_SETTLING_SECONDS)


def _compare(server: Server, before: Vitals) -> tuple[Vitals, dict[str, int]]:
    """Give it time to fall back to what it was; what is left then has leaked."""
    after = take_vitals(server)
    with contextlib.suppress(AssertionError):

        def is_back() -> bool:
            nonlocal after
            after = take_vitals(server)
            return not after.growth_since(before)

        eventually(is_back, what="what there was before", within_seconds=_SETTLING_SECONDS)
    return after, after.growth_since(before)


def _memory(server: Server) -> tuple[float, float]:
    node = psutil.Process(server.process.pid)
    store = [process for process in node.children() if process.name() == "nats-server"]
    return node.memory_info().rss / _MB, sum(process.memory_info().rss for process in store) / _MB


def _slope(memory: list[tuple[float, float, float]]) -> float | None:
    if not memory or memory[-1][0] < _SLOPE_MIN_SECONDS:
        return None
    late = [sample for sample in memory if sample[0] >= memory[-1][0] * _SLOPE_SHARE]
    return linear_regression([sample[0] / 60 for sample in late], [sample[1] for sample in late]).slope


@click.command()
@click.option("--minutes", default=10.0, show_default=True, type=click.FloatRange(min=0, min_open=True))
@click.option("--seed", default=0, show_default=True)
@click.option("--memory-csv", type=click.Path(dir_okay=False, path_type=Path), help="Write the memory over time here.")
def main(*, minutes: float, seed: int, memory_csv: Path | None) -> None:
    """Run everything at once for so long; tell what came of it and what has leaked."""
    with tempfile.TemporaryDirectory(prefix="alonzo-soak-", dir="/var/tmp") as directory:
        Path(directory).chmod(0o711)
        report = run_mixed_load(data_directory=Path(directory) / "data", seconds=minutes * 60, seed=seed)
    print(report)
    if memory_csv is not None:
        rows: list[Any] = ["seconds,node_mb,store_mb", *(",".join(f"{value:.2f}" for value in sample) for sample in report.memory)]
        memory_csv.write_text("\n".join(rows) + "\n")
    if report.leaked or report.unexpected or (report.mb_per_minute or 0.0) > _MB_PER_MINUTE_MAX:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
