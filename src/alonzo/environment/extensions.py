"""The extensions of one environment: who has registered, who is ready, what each is told.

Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html; the words of refusals are those of AWS's runtime
interface emulator (`lambda/rapi/handler`, `lambda/core/registrations.go`).
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol
from uuid import UUID

from alonzo.environment.extension_states import Extension, ExtensionEvent, ExtensionState
from alonzo.environment.outcomes import Fault, describe_end
from alonzo.environment.runtime_api import RuntimeApiConnection
from alonzo.errors import AlonzoError
from alonzo.model.quotas import EXTENSIONS_MAX

_NOT_ALLOWED = "State transition is not allowed"
_LAUNCH_ERROR, _INIT_ERROR, _EXIT_ERROR, _CRASH = "Extension.LaunchError", "Extension.InitError", "Extension.ExitError", "Extension.Crash"
_TOO_MANY = "TooManyExtensions"
_FATAL_TYPES = {ExtensionState.INIT_ERROR: _INIT_ERROR, ExtensionState.EXIT_ERROR: _EXIT_ERROR}


class ExtensionRefused(AlonzoError):
    """An extension may not do what it asks for. `error_type` and the message are AWS's."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


class ExtensionsOwner(Protocol):
    """What an environment does when its extensions have come so far."""

    def on_extensions_registered(self) -> None:
        """All external ones have registered: the runtime may start."""
        ...

    def on_extensions_ready(self) -> None:
        """All that had something to do have asked for their next event."""
        ...

    def on_extensions_late(self) -> None:
        """They have not done with an invocation, and its time is over."""
        ...

    def on_extension_fault(self, fault: Fault) -> None:
        """One has failed, and the environment with it."""
        ...


class Extensions:
    """Those of one environment. External ones are known by the names of their files before they register."""

    def __init__(self, *, external: Sequence[str], owner: ExtensionsOwner, new_identifier: Callable[[], UUID]) -> None:
        self._owner = owner
        self._new_identifier = new_identifier
        self._by_name = {name: Extension(name, new_identifier(), is_external=True) for name in external}
        self._by_identifier = {extension.identifier: extension for extension in self._by_name.values()}
        self._is_open = True
        self._is_shutting_down = False
        self._busy: set[Extension] = set()
        self._all_exited = asyncio.Event()
        self.fatal_type: str | None = None
        """The first error that an extension has reported or been found with: it is what its environment's end is called by."""

    @property
    def has_any(self) -> bool:
        """Whether there are extensions."""
        return bool(self._by_name)

    @property
    def has_external(self) -> bool:
        """Whether there are external ones."""
        return bool(self._external())

    @property
    def is_ready(self) -> bool:
        """Whether every extension that had something to do has asked for its next event."""
        return not self._busy and not self._is_any_unregistered()

    def all(self) -> tuple[Extension, ...]:
        """All of them, external ones first."""
        return tuple(self._by_name.values())

    def find(self, identifier: UUID) -> Extension | None:
        """The extension with this identifier."""
        return self._by_identifier.get(identifier)

    def find_external(self, name: str) -> Extension | None:
        """The external extension of this name."""
        extension = self._by_name.get(name)
        return extension if extension is not None and extension.is_external else None

    # What they ask for.

    def register(self, name: str, events: tuple[ExtensionEvent, ...]) -> Extension:
        """An extension says that it is there, and what it wants to be told. Raises ExtensionRefused."""
        extension = self._by_name.get(name)
        if extension is None or not extension.is_external:
            extension = self._add_internal(name)
        self._check(extension, ExtensionState.REGISTERED, extension.name)
        extension.state = ExtensionState.REGISTERED
        extension.events = events
        self._busy.add(extension)
        if extension.is_external and not self._is_any_unregistered():
            self._owner.on_extensions_registered()
        return extension

    def close_registration(self) -> None:
        """Nobody can register any more."""
        self._is_open = False

    def next(self, extension: Extension, connection: RuntimeApiConnection) -> None:
        """An extension asks for its next event; it is answered when there is one. Raises ExtensionRefused."""
        comes_again = extension.state is ExtensionState.READY and extension.waiting is None  # its connection was lost
        if not comes_again:
            self._check(extension, ExtensionState.READY, str(extension.identifier))
        extension.state = ExtensionState.READY
        extension.waiting = connection
        event, extension.undelivered = extension.undelivered, None
        if event is not None:
            self._hand_over(extension, event)
            return
        self._busy.discard(extension)
        if self.is_ready and not comes_again:
            self._owner.on_extensions_ready()

    def report_error(self, extension: Extension, state: ExtensionState, error_type: str) -> None:
        """An extension says that it has failed; the environment ends when its process does. Raises ExtensionRefused."""
        self._check(extension, state, str(extension.identifier))
        extension.state = state
        extension.error_type = error_type
        self.fatal_type = self.fatal_type or _FATAL_TYPES[state]

    def forget(self, connection: RuntimeApiConnection) -> None:
        """A connection is gone: whoever waited on it may come again."""
        for extension in self._by_name.values():
            if extension.waiting is connection:
                extension.waiting = None

    # What they are told.

    def begin_invoke(self, event: bytes) -> None:
        """An invocation begins, for those that want to know of it."""
        for extension in self._by_name.values():
            if ExtensionEvent.INVOKE in extension.events and not extension.is_gone:
                self._busy.add(extension)
                self._hand_over(extension, event)

    def begin_shutdown(self) -> None:
        """From here on it is no failure when one exits."""
        self._is_shutting_down = True

    def shut_down(self, event: bytes) -> list[str]:
        """Tell the external extensions that want to know. Returns the others, which are to be killed."""
        unwilling = []
        for extension in self._by_name.values():
            if not extension.is_external or extension.has_exited:
                continue
            if ExtensionEvent.SHUTDOWN in extension.events and not extension.is_gone:
                self._hand_over(extension, event)
            else:
                unwilling.append(extension.name)
        self._note_exits()
        return unwilling

    async def wait_until_exited(self) -> None:
        """Wait for the processes of external extensions to end."""
        await self._all_exited.wait()

    # What is seen of their processes.

    def refuse_surplus(self) -> None:
        """More files than may be started: the first that is too many is to blame. For whoever has started none of them."""
        external = self._external()
        if len(external) > EXTENSIONS_MAX:
            for extension in external:
                extension.has_exited = True
            self._fail_launch(external[EXTENSIONS_MAX], _TOO_MANY, "ErrTooManyExtensions")

    def note_launch_failure(self, name: str, *, path: str, problem: str, is_permission: bool) -> None:
        """One could not be executed; those after it have not been tried."""
        failed = self._by_name.get(name)
        if failed is None:
            return
        names = list(self._by_name)
        for each in names[names.index(name) :]:
            self._by_name[each].has_exited = True
        self._fail_launch(failed, "PermissionDenied" if is_permission else "UnknownError", f"fork/exec {path}: {problem.lower()}")

    def note_exit(self, name: str, status: int) -> None:
        """The process of an external extension has ended."""
        extension = self._by_name.get(name)
        if extension is None:
            return
        extension.has_exited = True
        if self._is_shutting_down:
            extension.state = ExtensionState.EXITED
            self._note_exits()
            return
        self.fatal_type = self.fatal_type or _CRASH
        self._owner.on_extension_fault(Fault(self.fatal_type, describe_end(status)))

    def _fail_launch(self, extension: Extension, error_type: str, message: str) -> None:
        extension.state = ExtensionState.LAUNCH_ERROR
        extension.error_type = error_type
        self.fatal_type = self.fatal_type or _LAUNCH_ERROR
        self._owner.on_extension_fault(Fault(_LAUNCH_ERROR, message))

    def _external(self) -> list[Extension]:
        return [extension for extension in self._by_name.values() if extension.is_external]

    def _note_exits(self) -> None:
        if all(extension.has_exited for extension in self._external()):
            self._all_exited.set()

    def _add_internal(self, name: str) -> Extension:
        if not self._is_open:
            raise ExtensionRefused("Extension.RegistrationClosed", "Extension registration closed already")
        if len(self._by_name) >= EXTENSIONS_MAX:
            raise ExtensionRefused("Extension.TooManyExtensions", f"Extension limit ({EXTENSIONS_MAX}) reached")
        if name in self._by_name:
            raise ExtensionRefused("Extension.InvalidExtensionState", "Extension with this name already registered")
        extension = Extension(name, self._new_identifier(), is_external=False)
        self._by_name[name] = extension
        self._by_identifier[extension.identifier] = extension
        return extension

    def _is_any_unregistered(self) -> bool:
        return any(extension.state is ExtensionState.STARTED for extension in self._by_name.values())

    @staticmethod
    def _check(extension: Extension, state: ExtensionState, called: str) -> None:
        if not extension.may_enter(state):
            message = f"State transition from {extension.state} to {state} failed for extension {called}. Error: {_NOT_ALLOWED}"
            raise ExtensionRefused("Extension.InvalidExtensionState", message)

    @staticmethod
    def _hand_over(extension: Extension, event: bytes) -> None:
        connection, extension.waiting = extension.waiting, None
        if connection is None:
            extension.undelivered = event
            return
        extension.state = ExtensionState.RUNNING
        connection.write(event)
