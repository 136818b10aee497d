"""Lambda Insights: one record an invocation in the log group `/aws/lambda-insights`, whose embedded metrics are the namespace.

Sources: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Lambda-Insights-example-event.html and
`Lambda-Insights-metrics-lambda-functions.html`. Pure.
"""

from typing import Any

import msgspec

from alonzo.model.function import FunctionVersion
from alonzo.model.invocation_lines import InvocationReport

INSIGHTS_LOG_GROUP = "/aws/lambda-insights"
INSIGHTS_NAMESPACE = "LambdaInsights"
_DIMENSIONS = [["function_name"], ["function_name", "version"]]
_UNITS = {
    "memory_utilization": "Percent",
    "total_memory": "Megabytes",
    "used_memory_max": "Megabytes",
    "cpu_total_time": "Milliseconds",
    "tx_bytes": "Bytes",
    "rx_bytes": "Bytes",
    "total_network": "Bytes",
    "tmp_used": "Bytes",
    "tmp_free": "Bytes",
    "init_duration": "Milliseconds",
}
_QUALIFIED_ARN_COLONS = 7


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What an invocation has used; None where the host does not tell."""

    cpu_user_ms: float | None = None
    cpu_system_ms: float | None = None
    network_bytes: int | None = None
    tmp_max_bytes: int | None = None
    tmp_free_bytes: int | None = None


def insights_record(
    version: FunctionVersion, report: InvocationReport, measured: Measured, *, invoked_arn: str, trace_id: str | None, unix_ms: int
) -> str:
    """The record as the log has it: JSON in CloudWatch's embedded metric format."""
    content = _of_invocation(version, report, invoked_arn=invoked_arn, trace_id=trace_id) | _of_sandbox(report, measured)
    metrics = [{"Name": name, "Unit": unit} for name, unit in _UNITS.items() if name in content]
    directive = {"Namespace": INSIGHTS_NAMESPACE, "Dimensions": _DIMENSIONS, "Metrics": metrics}
    metadata = {"Timestamp": unix_ms, "CloudWatchMetrics": [directive], "LambdaInsights": {"ShareTelemetry": True}}
    return msgspec.json.encode({"_aws": metadata} | content).decode()


def _of_invocation(version: FunctionVersion, report: InvocationReport, *, invoked_arn: str, trace_id: str | None) -> dict[str, Any]:
    parts = invoked_arn.split(":")
    content: dict[str, Any] = {
        "event_type": "performance",
        "function_name": version.name,
        "version": parts[_QUALIFIED_ARN_COLONS] if len(parts) > _QUALIFIED_ARN_COLONS else version.version,
        "request_id": report.request_id,
        "duration": round(report.duration_ms),
        "billed_duration": report.billed_ms,
        "billed_mb_ms": report.billed_ms * report.memory_size_mib,
        "cold_start": report.init_duration_ms is not None or report.restore_duration_ms is not None,
    }
    if trace_id is not None:
        content["trace_id"] = trace_id
    if report.init_duration_ms is not None:
        content["init_duration"] = round(report.init_duration_ms)
    if report.status == "timeout":
        content |= {"timeout": True, "shutdown_reason": "Timeout"}
    return content


def _of_sandbox(report: InvocationReport, measured: Measured) -> dict[str, Any]:
    content: dict[str, Any] = {"total_memory": report.memory_size_mib}
    used_mib = report.max_memory_mib
    if used_mib is not None:
        content |= {"used_memory_max": used_mib, "memory_utilization": round(100 * used_mib / report.memory_size_mib)}
    if measured.cpu_user_ms is not None and measured.cpu_system_ms is not None:
        user, system = round(measured.cpu_user_ms), round(measured.cpu_system_ms)
        content |= {"cpu_user_time": user, "cpu_system_time": system, "cpu_total_time": user + system}
    if measured.network_bytes is not None:
        content["total_network"] = measured.network_bytes
    if measured.tmp_max_bytes is not None and measured.tmp_free_bytes is not None:
        used = measured.tmp_max_bytes - measured.tmp_free_bytes
        content |= {"tmp_max": measured.tmp_max_bytes, "tmp_free": measured.tmp_free_bytes, "tmp_used": used}
    return content
