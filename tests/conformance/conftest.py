"""One server and one build of each package for the whole suite."""

from collections.abc import Callable, Iterator

import pytest
from tests.conformance.builds import Files
from tests.conformance.house import House
from tests.conformance.languages import HANDLERS, Language
from tests.support.server import Server


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The suite's server."""
    with Server.start(data_directory=tmp_path_factory.mktemp("alonzo")) as running:
        yield running


@pytest.fixture(scope="package")
def deployed() -> set[str]:
    """Names of the functions that tests share and that are there."""
    return set()


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Language], Files]:
    """The package of a language, built when it is first asked for."""
    built: dict[str, Files] = {}

    def build(language: Language) -> Files:
        if language.id not in built:
            built[language.id] = language.build(HANDLERS / language.folder, tmp_path_factory.mktemp(language.id))
        return built[language.id]

    return build


@pytest.fixture(scope="session")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Language], Files]:
    """The layer of a language; empty if it has none."""

    def build(language: Language) -> Files:
        sources = HANDLERS / language.folder / "layer"
        return language.build_layer(sources, tmp_path_factory.mktemp(language.id)) if sources.is_dir() else {}

    return build


@pytest.fixture
def house(
    request: pytest.FixtureRequest,
    server: Server,
    package: Callable[[Language], Files],
    layer: Callable[[Language], Files],
    deployed: set[str],
) -> Iterator[House]:
    """The suite's functions in the language of the test."""
    opened = House(server=server, language=request.param, package=package, layer=layer, deployed=deployed)
    yield opened
    opened.clear()
