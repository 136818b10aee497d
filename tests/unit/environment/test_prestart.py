"""Which functions a program may serve that was started before they were known."""

from pathlib import Path

import msgspec
import pytest
from tests.unit.environment.conftest import a_version

from alonzo.environment.prestart import find_prestart_order, fits_prestarted
from alonzo.environment.variables import Place, environment_variables
from alonzo.model.function import FunctionVersion
from alonzo.model.invocation import InitializationType
from alonzo.runtimes.catalog import RuntimeFamily


def with_variables(**variables: str) -> FunctionVersion:
    return msgspec.structs.replace(a_version(), environment_variables=variables)


@pytest.mark.parametrize("name", ["NODE_ENV", "NODE_PATH", "PATH", "HOME", "KEY", "TZ_NAME", "LANGUAGES", "MY_LANG", "UVA"])
def test_variables_that_can_be_set_later_are_no_hindrance(name: str, tmp_path: Path) -> None:
    assert fits_prestarted(with_variables(**{name: "x"}), tmp_path, None)


@pytest.mark.parametrize(
    "name",
    [
        *("NODE_OPTIONS", "NODE_EXTRA_CA_CERTS", "NODE_ENVIRONMENT", "NODE_NO_WARNINGS", "TZ", "LANG", "LC_ALL", "LD_PRELOAD"),
        *("LD_LIBRARY_PATH", "UV_THREADPOOL_SIZE", "SSL_CERT_FILE", "OPENSSL_CONF", "MALLOC_ARENA_MAX", "AWS_LAMBDA_EXEC_WRAPPER"),
    ],
)
def test_variables_that_are_read_at_the_start_are(name: str, tmp_path: Path) -> None:
    assert not fits_prestarted(with_variables(**{name: "x"}), tmp_path, None)


@pytest.mark.parametrize(("file", "fits"), [("lib/libx.so", False), ("lib/libx.so.1.2", False), ("lib/x.js", True), ("lib", True)])
def test_so_are_shared_libraries(file: str, fits: bool, tmp_path: Path) -> None:
    code, layers = tmp_path / "code", tmp_path / "layers"
    (layers / file).parent.mkdir(parents=True)
    (layers / file).touch()
    code.mkdir()
    assert fits_prestarted(a_version(), code, layers) is fits
    assert fits_prestarted(a_version(), layers, None) is fits
    assert fits_prestarted(a_version(), code, None)


def test_a_program_is_started_with_the_variables_that_its_functions_have_first() -> None:
    order = find_prestart_order(RuntimeFamily.NODEJS, Path("/usr/bin/node"))
    assert order is not None
    place = Place(runtime_api="127.0.0.1:9001", endpoint_url="http://127.0.0.1:4566")
    version = msgspec.structs.replace(a_version(), runtime="nodejs20.x")
    whole = environment_variables(version, place, credentials={}, log_stream="s", initialization_type=InitializationType.ON_DEMAND)
    assert list(whole.items())[: len(order.variables)] == list(order.variables.items())


def test_only_programs_that_can_wait_are_started_ahead() -> None:
    assert find_prestart_order(RuntimeFamily.JAVA, Path("/usr/bin/java")) is None
