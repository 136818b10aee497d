"""The suite's functions of one language on the suite's server.

An environment is the same house whatever language lives in it: tests are written once, and ask every house the same.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from tests.conformance.features import Feature
from tests.conformance.languages import HANDLERS, LANGUAGES, Language
from tests.support.invoking import Answer, invoke, succeed
from tests.support.server import ROLE, Server, zip_of

Package = Callable[[Language], dict[str, str | bytes]]


def every_language(feature: Feature) -> pytest.MarkDecorator:
    """Run a test in every language that has the feature; the test asks for `house`."""
    return _in_each([language for language in LANGUAGES if feature not in language.lacks])


def in_languages(*ids: str) -> pytest.MarkDecorator:
    """Run a test in these languages: it is about something that only they have."""
    return _in_each([language for language in LANGUAGES if language.id in ids])


def _in_each(languages: list[Language]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("house", languages, indirect=True, ids=lambda language: language.id)


class House:
    """Functions of a language: those that all tests share, and those that a test has for itself."""

    def __init__(self, *, server: Server, language: Language, package: Package, layer: Package, deployed: set[str]) -> None:
        self.server = server
        self.language = language
        self._package = package
        self._layer = layer
        self._deployed = deployed
        self._own: list[str] = []

    def shared(self, handler: str = "act") -> str:
        """A function that tests share: they leave its environments alive."""
        name = f"{self.language.id}-{handler}"
        if name not in self._deployed:
            self._create(name, handler)
            self._deployed.add(name)
        return name

    def deploy(self, purpose: str, handler: str = "act", *, more: dict[str, str | bytes] | None = None, **configuration: Any) -> str:
        """A function of the test's own, gone when the test is over. `more` is put into its package."""
        name = f"{self.language.id}-{purpose}"
        self._own.append(name)
        self._create(name, handler, more or {}, **configuration)
        return name

    def publish_layers(self) -> list[str]:
        """A layer for any language, and one with a library of this one."""
        layers = {"common": zip_of(_read_common_layer()), self.language.id: zip_of(self._layer(self.language) or {"empty": ""})}
        client = self.server.client("lambda")
        published = [client.publish_layer_version(LayerName=name, Content={"ZipFile": content}) for name, content in layers.items()]
        return [layer["LayerVersionArn"] for layer in published]

    def succeed(self, name: str, event: Any = None, **parameters: Any) -> Any:
        """What a function answers."""
        return succeed(self.server, name, event, **parameters)

    def invoke(self, name: str, event: Any = None, **parameters: Any) -> Answer:
        """The answer of a function, or its error."""
        return invoke(self.server, name, event, **parameters)

    def do(self, action: str, **asked: Any) -> Any:
        """What the shared function answers that does as it is told."""
        return self.succeed(self.shared(), {"do": action, **asked})

    def clear(self) -> None:
        """Delete the functions of the test's own, and with them their environments."""
        client = self.server.client("lambda")
        for name in self._own:
            with suppress(client.exceptions.ResourceNotFoundException):
                client.delete_function(FunctionName=name)

    def _create(self, name: str, handler: str, more: dict[str, str | bytes] | None = None, **configuration: Any) -> None:
        language = self.language
        settings: dict[str, Any] = {
            "Runtime": language.runtime,
            "Handler": language.handler_of(handler),
            "MemorySize": language.memory_mib,
            "Timeout": 30,
            "Role": ROLE,
        }
        code = zip_of(self._package(language) | (more or {}))
        self.server.client("lambda").create_function(FunctionName=name, Code={"ZipFile": code}, **settings | configuration)
        self.server.wait_until_settled(name)


def _read_common_layer() -> dict[str, str | bytes]:
    folder = HANDLERS / "common_layer"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
