"""Pollers of event source mappings: what takes records out of queues and streams and invokes functions with them.

How it fits together, from the outside in:

- `event_pollers.py`, `EventPollers`: one a node. Follows the records of mappings, has each that is `Enabled` polled, and lets those that
  are created, changed or deleted go where they are on their way to as soon as nobody polls with the old settings.
- `mapping_run.py`, `MappingRun`: one mapping while it is polled here. Asks its source for its units (shards, partitions, a queue), leases
  those that are this node's, and has each of them polled.
- `leases.py`: exactly one holder a unit among all workers and nodes, and the unit's checkpoint in the same record, written by
  compare-and-set: who has lost the lease can no longer move the checkpoint. `holders.py` knows who lives.
- `source.py`: **what a kind of source implements**, `Source` (`list_units`, `poll`, `aclose`), and what it is given, `PollerKit`.
- What kinds share: `invoking.py` (one batch to the function: throttles, system errors), `responses.py` (what the answer says of single
  records), `filters.py`, `failures.py` (on-failure destinations), `backoff.py`, `stream_polling.py` (what ordered sources have in common:
  batch window, bisecting, retries, ages, parallelization, tumbling windows, checkpoints).
- A module a kind: `sqs.py`, `kinesis.py`, `dynamodb_streams.py`, ...; `node/event_sources.py` has the table of kinds.

A new kind is a module with a class that is a `Source` and a function `open_source` that is a `SourceOpener`, and an entry in that table,
which imports it when the first mapping of that kind is enabled. A kind whose records are ordered and have positions (a change stream,
say) needs no loop of its own: it implements `StreamReader` of `stream_polling.py` and has `poll` call `poll_stream`. A kind that
acknowledges each message to its broker (a queue) writes its own loop with the shared parts; it has no use for checkpoints, and its units
may be as few as one a mapping.
"""
