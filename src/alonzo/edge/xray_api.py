"""The part of X-Ray's API that deals with traces. Groups, rules, insights and the like are the companion's.

Source: https://docs.aws.amazon.com/xray/latest/api/.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from alonzo.aws.api_error import ApiError
from alonzo.clock import Clock
from alonzo.edge.operations import CallContext, OperationTable
from alonzo.edge.xray_answers import edge_answers, summary_answer
from alonzo.model.scope import Scope
from alonzo.observe.traces.documents import SegmentRefused
from alonzo.observe.traces.facts import TraceFacts
from alonzo.observe.traces.filter_expressions import FilterInvalid, parse_filter
from alonzo.observe.traces.sampling import FIXED_RATE, RESERVOIR_SIZE
from alonzo.observe.traces.service_graph import build_service_graph
from alonzo.observe.traces.store import StoredTrace, TraceStore

_PAGE_SIZE = 100
_IDS_MAX = 5
"""Source: API_BatchGetTraces, "Array Members: Maximum number of 5 items"."""

_LONGEST_RANGE_SECONDS = 24 * 3_600
"""Source: API_GetTraceSummaries and the console, "a maximum of 24 hours"."""

_TOKEN = re.compile(r"[0-9]{1,9}")
_DEFAULT_RULE = "Default"
_TARGET_INTERVAL_SECONDS = 10

Members = dict[str, Any]


class TraceSource(Protocol):
    """Where traces are read: of this process, or of all workers together."""

    async def find(self, scope: Scope, trace_ids: Sequence[str]) -> list[StoredTrace]: ...

    async def list_between(self, scope: Scope, start_seconds: float, end_seconds: float) -> list[StoredTrace]: ...


class XRayOperations:
    """Each method is one operation: an `OperationHandler`."""

    def __init__(self, *, store: TraceStore, source: TraceSource, clock: Clock) -> None:
        self._store = store
        self._source = source
        self._clock = clock

    def table(self) -> OperationTable:
        """The operations by their names in botocore's `xray` model."""
        return {
            "PutTraceSegments": self.put_trace_segments,
            "PutTelemetryRecords": self.put_telemetry_records,
            "BatchGetTraces": self.batch_get_traces,
            "GetTraceSummaries": self.get_trace_summaries,
            "GetServiceGraph": self.get_service_graph,
            "GetTraceGraph": self.get_trace_graph,
            "GetSamplingRules": self.get_sampling_rules,
            "GetSamplingTargets": self.get_sampling_targets,
        }

    async def put_trace_segments(self, call: CallContext, parameters: Members) -> Members:
        refused = []
        for document in parameters["TraceSegmentDocuments"]:
            try:
                self._store.put(call.caller.scope, document.encode())
            except SegmentRefused as error:
                refused.append({"Id": error.segment_id, "ErrorCode": error.code, "Message": str(error)})
        return {"UnprocessedTraceSegments": refused}

    async def put_telemetry_records(self, call: CallContext, parameters: Members) -> Members:
        """What daemons tell of themselves; nobody asks for it, on AWS neither."""
        del call, parameters
        return {}

    async def batch_get_traces(self, call: CallContext, parameters: Members) -> Members:
        trace_ids = parameters["TraceIds"]
        if len(trace_ids) > _IDS_MAX:
            raise _invalid(f"The number of trace IDs is larger than {_IDS_MAX}.")
        traces = await self._source.find(call.caller.scope, trace_ids)
        return {"Traces": [_trace(TraceFacts(trace)) for trace in traces], "UnprocessedTraceIds": []}

    async def get_trace_summaries(self, call: CallContext, parameters: Members) -> Members:
        is_wanted = _filter(parameters.get("FilterExpression"))
        traces = await self._list_between(call, parameters)
        start, found, seen = _position(parameters.get("NextToken")), [], 0
        for position in range(start, len(traces)):
            seen = position + 1
            facts = TraceFacts(traces[position])
            if is_wanted(facts):
                found.append(summary_answer(facts))
            if len(found) == _PAGE_SIZE:
                break
        return {
            "TraceSummaries": found,
            "ApproximateTime": self._clock.now(),
            "TracesProcessedCount": max(0, seen - start),
            "NextToken": str(seen) if 0 < seen < len(traces) else None,
        }

    async def get_service_graph(self, call: CallContext, parameters: Members) -> Members:
        traces = await self._list_between(call, parameters)
        nodes = build_service_graph(TraceFacts(trace) for trace in traces)
        return {
            "StartTime": parameters["StartTime"],
            "EndTime": parameters["EndTime"],
            "Services": edge_answers(nodes),
            "ContainsOldGroupVersions": False,
        }

    async def get_trace_graph(self, call: CallContext, parameters: Members) -> Members:
        traces = await self._source.find(call.caller.scope, parameters["TraceIds"])
        return {"Services": edge_answers(build_service_graph(TraceFacts(trace) for trace in traces))}

    async def get_sampling_rules(self, call: CallContext, parameters: Members) -> Members:
        """The one that every account has, and that cannot be deleted."""
        del parameters
        scope = call.caller.scope
        rule = {
            "RuleName": _DEFAULT_RULE,
            "RuleARN": f"arn:{scope.partition}:xray:{scope.region}:{scope.account_id}:sampling-rule/{_DEFAULT_RULE}",
            "ResourceARN": "*",
            "Priority": 10_000,
            "FixedRate": FIXED_RATE,
            "ReservoirSize": RESERVOIR_SIZE,
            "ServiceName": "*",
            "ServiceType": "*",
            "Host": "*",
            "HTTPMethod": "*",
            "URLPath": "*",
            "Version": 1,
            "Attributes": {},
        }
        epoch = datetime.fromtimestamp(0, UTC)
        return {"SamplingRuleRecords": [{"SamplingRule": rule, "CreatedAt": epoch, "ModifiedAt": epoch}]}

    async def get_sampling_targets(self, call: CallContext, parameters: Members) -> Members:
        del call
        targets, unprocessed = [], []
        now = self._clock.now()
        for statistics in parameters["SamplingStatisticsDocuments"]:
            name = statistics["RuleName"]
            if name == _DEFAULT_RULE:
                until = datetime.fromtimestamp(now.timestamp() + _TARGET_INTERVAL_SECONDS, UTC)
                quota = {"ReservoirQuota": RESERVOIR_SIZE, "ReservoirQuotaTTL": until, "Interval": _TARGET_INTERVAL_SECONDS}
                targets.append({"RuleName": name, "FixedRate": FIXED_RATE, **quota})
            else:
                unprocessed.append({"RuleName": name, "ErrorCode": "400", "Message": "Unknown rule"})
        epoch = datetime.fromtimestamp(0, UTC)
        return {"SamplingTargetDocuments": targets, "LastRuleModification": epoch, "UnprocessedStatistics": unprocessed}

    async def _list_between(self, call: CallContext, parameters: Mapping[str, Any]) -> list[StoredTrace]:
        start, end = parameters["StartTime"].timestamp(), parameters["EndTime"].timestamp()
        if end < start:
            raise _invalid("End time must be after start time.")
        if end - start > _LONGEST_RANGE_SECONDS:
            raise _invalid("Time range cannot be longer than 24 hours.")
        return await self._source.list_between(call.caller.scope, start, end)


def _trace(facts: TraceFacts) -> Members:
    segments = [{"Id": segment["id"], "Document": msgspec.json.encode(segment).decode()} for segment in facts.segments]
    return {"Id": facts.id, "Duration": round(facts.duration_seconds, 3), "LimitExceeded": False, "Segments": segments}


def _filter(expression: str | None) -> Any:
    try:
        return parse_filter(expression or "")
    except FilterInvalid as error:
        raise _invalid(str(error)) from error


def _position(token: str | None) -> int:
    if token is None:
        return 0
    if _TOKEN.fullmatch(token) is None:
        raise _invalid("Invalid next token.")
    return int(token)


def _invalid(message: str) -> ApiError:
    return ApiError(code="InvalidRequestException", message=message)
