"""Which functions a program may serve that was started before they were known."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.environment.conftest import a_version

from alonzo.environment.prestart import find_prestart_order, fits_prestarted
from alonzo.environment.variables import Place, environment_variables
from alonzo.model.function import FunctionVersion
from alonzo.model.invocation import InitializationType
from alonzo.runtimes.catalog import RuntimeFamily
from alonzo.runtimes.programs import Program


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


_NODE = Program(family=RuntimeFamily.NODEJS, version=(20, 1), executable=Path("/usr/bin/node"))
_JAVA = Program(family=RuntimeFamily.JAVA, version=(17, 0), executable=Path("/usr/lib/jvm/java-17/bin/java"))


def a_java(**more: Any) -> FunctionVersion:
    return msgspec.structs.replace(a_version(), runtime="java17", **more)


@pytest.mark.parametrize(("runtime", "program"), [("nodejs20.x", _NODE), ("java17", _JAVA)])
def test_a_program_is_started_with_the_variables_that_its_functions_have_first(runtime: str, program: Program) -> None:
    version = msgspec.structs.replace(a_version(), runtime=runtime)
    order = find_prestart_order(version, program, archive="classes.jsa", trusted_certificates="/ca.pem")
    assert order is not None
    place = Place(runtime_api="127.0.0.1:9001", endpoint_url="http://127.0.0.1:4566", trusted_certificates="/ca.pem")
    whole = environment_variables(version, place, credentials={}, log_stream="s", initialization_type=InitializationType.ON_DEMAND)
    assert list(whole.items())[: len(order.variables)] == list(order.variables.items())


def test_a_java_machine_is_started_for_a_memory_size() -> None:
    small, large = (
        find_prestart_order(a_java(memory_mib=mib), _JAVA, archive="classes.jsa", trusted_certificates=None) for mib in (128, 1024)
    )
    assert small is not None
    assert large is not None
    assert small.command != large.command
    assert (small.memory_mib, large.memory_mib) == (128, 1024)
    assert large.java == {"library": "/usr/lib/jvm/java-17/lib/server/libjvm.so", "classes": "/var/runtime/java/classes.txt"}


def test_a_java_machine_that_no_function_could_take_is_not_started() -> None:
    assert find_prestart_order(a_java(), _JAVA, archive=None, trusted_certificates=None) is None
    assert (
        find_prestart_order(
            a_java(environment_variables={"JAVA_TOOL_OPTIONS": "-Xint"}), _JAVA, archive="classes.jsa", trusted_certificates=None
        )
        is None
    )
    assert find_prestart_order(a_java(ephemeral_storage_mib=1024), _JAVA, archive="classes.jsa", trusted_certificates=None) is None


@pytest.mark.parametrize("name", ["JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "JAVA_OPTIONS", "HOME"])
def test_java_reads_more_at_the_start_than_others(name: str, tmp_path: Path) -> None:
    assert not fits_prestarted(a_java(environment_variables={name: "x"}), tmp_path, None)
    assert fits_prestarted(with_variables(**{name: "x"}), tmp_path, None)


def test_shared_libraries_beside_the_classes_need_a_machine_of_their_own(tmp_path: Path) -> None:
    assert fits_prestarted(a_java(), tmp_path, None)
    (tmp_path / "libown.so").touch()
    assert not fits_prestarted(a_java(), tmp_path, None)
    assert fits_prestarted(a_version(), tmp_path, None)


def test_only_programs_that_can_wait_are_started_ahead() -> None:
    ruby = Program(family=RuntimeFamily.RUBY, version=(3, 3), executable=Path("/usr/bin/ruby"))
    assert find_prestart_order(a_version(), ruby, archive=None, trusted_certificates=None) is None
