"""One function on its way to a server, over Lambda's API: made, or brought up to date, and waited for until it runs."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from alonzo.deployment.errors import FunctionFailed
from alonzo.deployment.packages import Package
from alonzo.deployment.uploads import Uploads
from alonzo.model.quotas import CODE_ZIPPED_IN_REQUEST_MAX_BYTES

_WAIT_SECONDS = 600.0
_POLL_SECONDS, _POLL_MAX_SECONDS = 0.004, 0.5
_WORTH_KEEPING_BYTES = 256 * 1024
_PENDING = frozenset({"Pending", "InProgress"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSettings:
    """What a function shall be. None: as it is, or Lambda's default for a new one; images have neither runtime nor handler."""

    name: str
    runtime: str | None
    handler: str | None
    role: str
    architecture: str
    memory_mib: int | None = None
    timeout_seconds: int | None = None
    variables: dict[str, str] = field(default_factory=dict)


class Functions:
    """Speaks to one server. What the server refuses comes as botocore's ClientError."""

    def __init__(
        self, *, create_client: Callable[[str], Any], send: Callable[[str, str, bytes], tuple[int, Any]], uploads: Uploads
    ) -> None:
        self._lambda = create_client("lambda")
        self._send = send
        self._uploads = uploads
        self._live: dict[str, tuple[str, str]] = {}
        """By name: hash of the package that was made live here last, and its `kept_id`."""

    def deploy(self, settings: FunctionSettings, package: Package) -> None:
        """Create it or change what differs, and wait until it is live. `FunctionFailed`."""
        if self._configure(settings):
            self.update_code(settings.name, package)
        else:
            self._create(settings, self._code(package))
            self._live[settings.name] = (package.sha256, package.kept_id)

    def deploy_image(self, settings: FunctionSettings, uri: str) -> None:
        """As `deploy`, of an image that is named by its digest. `FunctionFailed`."""
        if self._configure(settings):
            self.update_image(settings.name, uri)
        else:
            self._create(settings, {"ImageUri": uri}, PackageType="Image")

    def update_code(self, name: str, package: Package) -> None:
        """Have it run this package, if it does not do so already: when this returns, the next invocation does. `FunctionFailed`."""
        if self._settle(name)["CodeSha256"] != package.sha256_base64 and not self._changed_in_part(name, package):
            self._lambda.update_function_code(FunctionName=name, **self._code(package))
        self._live[name] = (package.sha256, package.kept_id)
        self.wait(name)

    def update_image(self, name: str, uri: str) -> None:
        """As `update_code`, of an image that is named by its digest. `FunctionFailed`."""
        if self._settle(name)["CodeSha256"] != uri.rpartition(":")[2]:
            self._lambda.update_function_code(FunctionName=name, ImageUri=uri)
        self.wait(name)

    def update_layers(self, name: str, layers: list[str]) -> None:
        """Have it use these versions of layers. `FunctionFailed`."""
        self._settle(name)
        self._lambda.update_function_configuration(FunctionName=name, Layers=layers)
        self.wait(name)

    def wait(self, name: str) -> None:
        """Until it can be invoked. `FunctionFailed` with the reason if it never will be."""
        state = self._settle(name)
        if state["State"] == "Failed" or state.get("LastUpdateStatus") == "Failed":
            reason = state.get("LastUpdateStatusReason") or state.get("StateReason") or "no reason is given"
            raise FunctionFailed(f"{name}: {reason}")

    def ensure_url(self, name: str) -> str:
        """The URL of a function, which everybody may call; made if need be."""
        url = self.find_url(name)
        if url is None:
            url = str(self._lambda.create_function_url_config(FunctionName=name, AuthType="NONE")["FunctionUrl"])
            self._lambda.add_permission(
                FunctionName=name, StatementId="url", Action="lambda:InvokeFunctionUrl", Principal="*", FunctionUrlAuthType="NONE"
            )
        return url

    def find_url(self, name: str) -> str | None:
        """The URL of a function, if it has one."""
        try:
            return str(self._lambda.get_function_url_config(FunctionName=name)["FunctionUrl"])
        except self._lambda.exceptions.ResourceNotFoundException:
            return None

    def _configure(self, settings: FunctionSettings) -> bool:
        """Have it be as it shall be but for its code; False if it is not there."""
        current = self._find(settings.name)
        if current is None:
            return False
        wanted = _configuration(settings, current.get("Environment", {}).get("Variables", {}))
        if any(current.get(name) != value for name, value in wanted.items()):
            self._settle(settings.name)
            self._lambda.update_function_configuration(FunctionName=settings.name, **wanted)
        return True

    def _create(self, settings: FunctionSettings, code: dict[str, Any], **more: str) -> None:
        self._lambda.create_function(
            FunctionName=settings.name,
            Role=settings.role,
            Architectures=[settings.architecture],
            Code=code,
            **_configuration(settings, {}),
            **more,
        )
        self.wait(settings.name)

    def _changed_in_part(self, name: str, package: Package) -> bool:
        """Send only what is other than in the package that is live, where that is worth it and the server is one of ours."""
        live_sha256, kept_id = self._live.get(name, ("", ""))
        if package.kept_bytes < _WORTH_KEEPING_BYTES or package.kept_id != kept_id:
            return False
        path = f"/_alonzo/functions/{quote(name, safe='')}/code?base={live_sha256}&kept={package.kept_bytes}"
        status, _ = self._send("PUT", path, package.content[package.kept_bytes :])
        return status == HTTPStatus.OK

    def _settle(self, name: str) -> dict[str, Any]:
        """Its configuration when no change of it is under way any more, however that ended."""
        deadline, pause_seconds = time.monotonic() + _WAIT_SECONDS, _POLL_SECONDS
        while True:
            state: dict[str, Any] = self._lambda.get_function_configuration(FunctionName=name)
            if _PENDING.isdisjoint({state["State"], state.get("LastUpdateStatus")}):
                return state
            if time.monotonic() > deadline:
                raise FunctionFailed(f"{name} is still {state['State']} after {_WAIT_SECONDS:.0f} s")
            time.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, _POLL_MAX_SECONDS)

    def _find(self, name: str) -> dict[str, Any] | None:
        try:
            return dict(self._lambda.get_function_configuration(FunctionName=name))
        except self._lambda.exceptions.ResourceNotFoundException:
            return None

    def _code(self, package: Package) -> dict[str, Any]:
        if len(package.content) < CODE_ZIPPED_IN_REQUEST_MAX_BYTES:
            return {"ZipFile": package.content}
        bucket, key = self._uploads.put(package.content, f"{package.sha256}.zip")
        return {"S3Bucket": bucket, "S3Key": key}


def _configuration(settings: FunctionSettings, variables: dict[str, str]) -> dict[str, Any]:
    wanted: dict[str, Any] = {}
    if settings.runtime is not None:
        wanted |= {"Runtime": settings.runtime, "Handler": settings.handler}
    if settings.memory_mib is not None:
        wanted["MemorySize"] = settings.memory_mib
    if settings.timeout_seconds is not None:
        wanted["Timeout"] = settings.timeout_seconds
    if settings.variables:
        wanted["Environment"] = {"Variables": variables | settings.variables}
    return wanted
