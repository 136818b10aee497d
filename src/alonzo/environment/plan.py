"""What one execution environment is made for."""

from dataclasses import dataclass
from pathlib import Path

from alonzo.environment.extension_host import ExternalExtensions
from alonzo.environment.launch import Commands
from alonzo.environment.restoration import SnapshotPlan
from alonzo.model.function import FunctionVersion
from alonzo.model.invocation import InitializationType
from alonzo.sandbox.sandbox import Assignment, ImageRoot, SidePrograms


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentPlan:
    """Of an environment that is initialized in a sandbox of its own, and of all that are cloned from it."""

    version: FunctionVersion
    code_directory: Path
    layers_directory: Path | None = None
    """None: the function has no layers."""
    variables: dict[str, str]
    commands: Commands | None = None
    image: ImageRoot | None = None
    """Of a function that is a container image."""
    max_concurrency: int | None = None
    """How many invocations may run at once. None: one after the other, as for functions that are not on a capacity provider."""
    runtime_version: str
    """As INIT_START names it: `python:3.12.v1`."""
    notice: str | None
    """A warning to begin the log with."""
    initialization_type: InitializationType = InitializationType.ON_DEMAND
    external_extensions: ExternalExtensions | None = None
    """None: the function's layers bring none."""
    snapshot: SnapshotPlan | None = None
    """With SnapStart."""

    def assignment(self, side: SidePrograms | None) -> Assignment:
        """What a sandbox is told of it. `side`: what runs beside the runtime."""
        return Assignment(
            code_directory=self.code_directory,
            layers_directory=self.layers_directory,
            variables=self.variables,
            memory_mib=self.version.memory_mib,
            tmp_mib=self.version.ephemeral_storage_mib,
            commands=self.commands,
            image=self.image,
            side=side,
        )
