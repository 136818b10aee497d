"""The part of the CloudWatch Logs API with which logs are queried (Logs Insights).

Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartQuery.html.
"""

from typing import Any

from alonzo.aws.api_error import ApiError
from alonzo.edge.log_requests import group_of, invalid, offset_of
from alonzo.edge.operations import CallContext, OperationTable
from alonzo.observe.insights.commands import ROWS_MAX
from alonzo.observe.insights.errors import QueryMalformed
from alonzo.observe.insights.query import Query, parse_query
from alonzo.triggers.log_queries import LogQueries, LogQuery, QueryNotFound

_GROUPS_MAX = 50
_LISTED = 1_000
Members = dict[str, Any]


class LogQueryOperations:
    """Each method is one operation: an `OperationHandler`."""

    def __init__(self, *, queries: LogQueries) -> None:
        self._queries = queries

    def table(self) -> OperationTable:
        """The operations by their names in botocore's `logs` model."""
        return {
            "DescribeQueries": self.describe_queries,
            "GetQueryResults": self.get_query_results,
            "StartQuery": self.start_query,
            "StopQuery": self.stop_query,
        }

    async def start_query(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        if (parameters.get("queryLanguage") or "CWLI") != "CWLI":
            raise invalid("Alonzo has Logs Insights' own query language only (CWLI).")
        if parameters["startTime"] > parameters["endTime"]:
            raise invalid("End time should not be before start time")
        query_id = await self._queries.start(
            call.caller.scope,
            query=_parsed(parameters["queryString"], parameters.get("limit") or ROWS_MAX),
            text=parameters["queryString"],
            groups=_groups_of(parameters),
            start_ms=_milliseconds(parameters["startTime"]),
            end_ms=_milliseconds(parameters["endTime"]),
        )
        return {"queryId": query_id}

    async def get_query_results(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        query = self._find(call, parameters)
        return {
            "queryLanguage": "CWLI",
            "results": [[{"field": name, "value": value} for name, value in row] for row in query.results],
            "statistics": {
                "recordsMatched": float(query.matched_count),
                "recordsScanned": float(query.scanned_count),
                "bytesScanned": float(query.scanned_bytes),
                "estimatedRecordsSkipped": 0.0,
                "estimatedBytesSkipped": 0.0,
                "logGroupsScanned": float(len(query.groups)),
            },
            "status": query.status,
        }

    async def stop_query(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        query = self._find(call, parameters)
        if not self._queries.stop(call.caller.scope, query.query_id):
            raise invalid(f"Query {query.query_id} is not in a valid state to be stopped: {query.status}")
        return {"success": True}

    async def describe_queries(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        group, status = parameters.get("logGroupName"), parameters.get("status")
        found = [
            query
            for query in self._queries.list(call.caller.scope)
            if (group is None or group in query.groups) and (status is None or status == query.status)
        ]
        start, limit = offset_of(parameters.get("nextToken")), parameters.get("maxResults") or _LISTED
        described = [_described(query) for query in found[start : start + limit]]
        return {"queries": described, "nextToken": str(start + limit) if start + limit < len(found) else None}

    def _find(self, call: CallContext, parameters: dict[str, Any]) -> LogQuery:
        try:
            return self._queries.get(call.caller.scope, parameters["queryId"])
        except QueryNotFound as error:
            raise ApiError(code="ResourceNotFoundException", message=str(error), http_status=400) from error


def _parsed(text: str, limit: int) -> Query:
    try:
        return parse_query(text, limit=limit)
    except QueryMalformed as error:
        location = {"startCharOffset": error.start, "endCharOffset": error.end}
        raise ApiError(
            code="MalformedQueryException",
            message=str(error),
            http_status=400,
            members={"queryCompileError": {"location": location, "message": str(error)}},
        ) from error


def _groups_of(parameters: dict[str, Any]) -> tuple[str, ...]:
    name, names, identifiers = (parameters.get(member) for member in ("logGroupName", "logGroupNames", "logGroupIdentifiers"))
    if sum(bool(given) for given in (name, names, identifiers)) != 1:
        raise invalid("Exactly one of logGroupName, logGroupNames and logGroupIdentifiers must be given.")
    groups = [name] if name else names or [group_of({"logGroupIdentifier": each}) for each in identifiers or ()]
    if len(groups) > _GROUPS_MAX:
        raise invalid(f"A query may be of {_GROUPS_MAX} log groups at most.")
    return tuple(dict.fromkeys(groups))


def _milliseconds(given: int) -> int:
    """Seconds since 1970, or milliseconds, as clients send both and AWS takes both."""
    return given if given >= 10**11 else given * 1_000


def _described(query: LogQuery) -> Members:
    return {
        "queryLanguage": "CWLI",
        "queryId": query.query_id,
        "queryString": query.text,
        "status": query.status,
        "createTime": query.created_unix_ms,
        "logGroupName": query.groups[0],
    }
