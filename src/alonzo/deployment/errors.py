"""What keeps something from being deployed. All of these are for the person at the terminal: the message says what to do next."""

from collections.abc import Iterator
from contextlib import contextmanager

from alonzo.errors import AlonzoError


class DeploymentError(AlonzoError):
    """Something cannot be deployed as it is."""


class NothingToDeploy(DeploymentError):
    """A directory in which neither a template nor a function is found."""


class SourceUnclear(DeploymentError):
    """There is source code, but not what is needed to know of it: its handler, its language, its main program."""


class ToolMissing(DeploymentError):
    """A program that builds this language is not installed."""


class BuildFailed(DeploymentError):
    """A build command ended with an error; `output` is what it printed, unchanged."""

    def __init__(self, command: str, status: int, output: str) -> None:
        super().__init__(f"{command} failed with status {status}")
        self.output = output


class TemplateInvalid(DeploymentError):
    """A template that cannot be read."""


class StackFailed(DeploymentError):
    """A stack was not created or updated; the message has the reasons of the resources."""


class ImageRefused(DeploymentError):
    """The server does not take an image that was built."""


class FunctionFailed(DeploymentError):
    """A function did not become active, with the server's reason."""


class SeveralFailed(DeploymentError):
    """Of several functions, more than one cannot be deployed."""

    def __init__(self, failures: list[DeploymentError]) -> None:
        super().__init__("; ".join(map(str, failures)))
        self.failures = failures


class Failures:
    """Collects what fails of several, so that one does not keep the others from being deployed."""

    def __init__(self) -> None:
        self._failures: list[DeploymentError] = []

    @contextmanager
    def collected(self) -> Iterator[None]:
        """Remember a `DeploymentError` of the block."""
        try:
            yield
        except DeploymentError as error:
            self._failures.append(error)

    def check(self) -> None:
        """Raise what there was, if there was something."""
        if len(self._failures) == 1:
            raise self._failures[0]
        if self._failures:
            raise SeveralFailed(self._failures)
