"""The bounds that SPECIFICATION.md promises, by the rows that show whether they are kept. A test holds the two together."""

from collections.abc import Mapping
from types import MappingProxyType

from bench.figures import Promise

PROMISES: Mapping[str, Promise] = MappingProxyType(
    {
        "warm invoke, 1 client: p50": Promise(below=0.35),
        "warm invoke, 8 clients: rate": Promise(at_least=7000),
        "warm invoke, 16 clients: rate": Promise(at_least=7000),
        "cold start, trivial handler: p50": Promise(below=10),
        "cold start, beyond the time of its imports: p50": Promise(below=30),
        "burst of cold environments, 2 s each: all answered": Promise(below=8),
        "burst of 1,000 cold environments, 5 s each: all answered": Promise(below=15),
        "warm invoke: CPU time, in times that with nothing observed": Promise(below=1.15),
        "warm invoke, 1 client: p50, in times that with nothing observed": Promise(below=1.15),
        "rate with 1,000 connections, in rates with 8": Promise(at_least=0.5),
        "p99 with 256 connections that ask for half of the rate of 8, in p50s with 8": Promise(below=20),
        "p99 beside a flood of another function's invocations, in p99s alone": Promise(below=3),
        "p99 beside a flood of another function's invocations that compute for 10 ms, in p99s alone": Promise(below=3),
        "p99 beside a flood of another function's invocations that are throttled, in p99s alone": Promise(below=3),
        "memory of each environment of a burst of 1,000 (PSS)": Promise(below=8),
        "memory of the platform, for each of 1,000 environments (PSS)": Promise(below=8),
        "first start to ready: median": Promise(below=1),
        "restart to ready: median": Promise(below=1),
        "memory of an environment (PSS)": Promise(below=8),
        "memory of an idle platform (PSS)": Promise(below=150),
    }
)
"""In the units of the rows: ms, a second, s, MB (10^6 bytes)."""
