"""Step Functions that run: moto's interpreter of the Amazon States Language, its tasks' calls sent to the node as any client's.

The interpreter takes more than a second to load: that is for the first request that is for Step Functions.
Source of the names of errors: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html and
https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html.
"""

import importlib
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import moto.stepfunctions.models
import moto.stepfunctions.responses
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.core.responses import ActionResult, EmptyResult

from alonzo.companion.past_executions import keep_executions
from alonzo.companion.state_expressions import interpret_jsonata

_PARSER = "moto.stepfunctions.parser"
_STATES = f"{_PARSER}.asl.component.state.exec"
_SECRET = "alonzo"  # noqa: S105 - signatures that nobody checks
_SYNC_SECONDS = 300.0
"""The longest that an express execution may take."""

_SYNC_LOOK_SECONDS = 0.02
_TASK_SECONDS = 910
"""As long as a function may take, and a little more; other services answer sooner."""


def run_state_machines(*, endpoint_url: str) -> Callable[[str], None]:
    """Have executions run. `endpoint_url`: where their tasks find services.

    Returns who is to be told of each of moto's modules before it is imported by its name, as reading what was kept does.
    """
    backends: Any = moto.stepfunctions.models.stepfunctions_backends
    lock = threading.Lock()
    loaded: list[Any] = []

    def load() -> Any:
        with lock:
            if not loaded:
                loaded.append(_load(endpoint_url))
        return loaded[0]

    def backend(region: str, account_id: str) -> Any:
        return load()(region, account_id)

    def prepare(module: str) -> None:
        if module.startswith(_PARSER):
            load()

    backends.backend = backend
    responses: Any = moto.stepfunctions.responses.StepFunctionResponse
    responses.send_task_failure = _send_task_failure
    responses.start_sync_execution = _start_sync_execution
    return prepare


class _Role(str):
    """The ARN of an execution's role that knows whose execution it is: the role may be nobody's, and name any account."""

    __slots__ = ("account_id",)
    account_id: str


def _load(endpoint_url: str) -> Any:
    """The class of moto's that runs executions, adjusted."""
    clients: Any = importlib.import_module(f"{_PARSER}.asl.utils.boto_client")
    clients.boto_client_for = _client_maker(endpoint_url)  # before anything imports it by its name
    models: Any = importlib.import_module(f"{_PARSER}.models")
    details: Any = importlib.import_module(f"{_PARSER}.asl.eval.evaluation_details")
    details.AWSExecutionDetails.__init__ = _set_details
    _name_errors()
    keep_executions()
    interpret_jsonata()
    backend: Any = models.StepFunctionsParserBackend
    start_as_moto_does = backend.start_execution

    def start_execution(self: Any, state_machine_arn: str, name: str | None = None, *others: Any, **named: Any) -> Any:
        return start_as_moto_does(self, state_machine_arn, name or str(uuid.uuid4()), *others, **named)

    backend.start_execution = start_execution
    backend._url_module = importlib.import_module("moto.stepfunctions.urls")  # moto looks for one beside the class
    return backend


def _start_sync_execution(self: Any) -> ActionResult:
    """Of express state machines: answered when the execution has ended."""
    backend = self.stepfunction_backend
    machine = backend.describe_state_machine(self._get_param("stateMachineArn"))
    if machine.type != "EXPRESS":
        errors: Any = importlib.import_module(f"{_PARSER}.api")
        raise errors.StateMachineTypeNotSupported("This operation is not supported by this type of state machine")
    execution = backend.start_execution(machine.arn, self._get_param("name"), self._get_param("input", if_none="{}"))
    ends_at = time.monotonic() + _SYNC_SECONDS
    while execution.status == "RUNNING" and time.monotonic() < ends_at:
        time.sleep(_SYNC_LOOK_SECONDS)
    if execution.status == "RUNNING":
        execution.stop(stop_date=datetime.now(UTC), cause=None, error="States.Timeout")
    wanted = (
        "executionArn",
        "stateMachineArn",
        "name",
        "startDate",
        "stopDate",
        "status",
        "input",
        "inputDetails",
        "output",
        "outputDetails",
    )
    described = execution.to_describe_output()
    result = {name: described[name] for name in (*wanted, "error", "cause") if described.get(name) is not None}
    return ActionResult(result | {"status": "TIMED_OUT" if result["status"] == "ABORTED" else result["status"]})


def _set_details(self: Any, account: str, region: str, role_arn: str) -> None:
    self.account, self.region = account, region
    self.role_arn = _Role(role_arn)
    self.role_arn.account_id = account


def _client_maker(endpoint_url: str) -> Any:
    lock = threading.Lock()
    clients: dict[tuple[str, str, str], Any] = {}

    def client_for(region: str, service: str, state_credentials: Any = None) -> Any:
        account_id = _account_of(getattr(state_credentials, "role_arn", ""))
        with lock:  # boto3's sessions are not for several threads at once; its clients are
            client = clients.get((account_id, region, service))
            if client is None:
                client = clients[account_id, region, service] = boto3.client(
                    service,
                    endpoint_url=endpoint_url,
                    aws_access_key_id=account_id,
                    aws_secret_access_key=_SECRET,
                    region_name=region,
                    config=Config(
                        proxies={},
                        parameter_validation=False,
                        retries={"total_max_attempts": 1, "mode": "standard"},
                        read_timeout=_TASK_SECONDS,
                        max_pool_connections=64,
                    ),
                )
        return client

    return client_for


def _account_of(role_arn: str) -> str:
    if isinstance(role_arn, _Role):
        return role_arn.account_id
    elements = role_arn.split(":")
    return elements[4] if len(elements) > 5 else "000000000000"  # noqa: PLR2004 - those of an ARN


def _send_task_failure(self: Any) -> EmptyResult:
    """With the cause, which moto forgets."""
    self.stepfunction_backend.send_task_failure(self._get_param("taskToken"), self._get_param("error"), self._get_param("cause"))
    return EmptyResult()


def _name_errors() -> None:
    """moto forgets the codes of the interpreter's errors, and says `Exception` of a task by ARN that was refused by Lambda."""
    api: Any = importlib.import_module(f"{_PARSER}.api")
    for each in vars(api).values():
        if isinstance(each, type) and issubclass(each, api.ServiceException) and hasattr(each, "code"):
            error: Any = each
            error.TYPE, error.STATUS = error.code, getattr(error, "status_code", 400)
    by_arn: Any = importlib.import_module(f"{_STATES}.state_task.state_task_lambda")
    by_service: Any = importlib.import_module(f"{_STATES}.state_task.service.state_task_service_lambda")
    failure_as_moto_tells_it = by_arn.StateTaskLambda._from_error

    def from_error(self: Any, env: Any, ex: Exception) -> Any:
        if not isinstance(ex, ClientError):
            return failure_as_moto_tells_it(self, env, ex)
        error, cause = by_service.StateTaskServiceLambda._error_cause_from_client_error(ex)
        return by_arn.FailureEvent(
            env=env,
            error_name=by_arn.CustomErrorName(error),
            event_type=by_arn.HistoryEventType.LambdaFunctionFailed,
            event_details=by_arn.EventDetails(
                lambdaFunctionFailedEventDetails=by_arn.LambdaFunctionFailedEventDetails(error=error, cause=cause)
            ),
        )

    by_arn.StateTaskLambda._from_error = from_error
