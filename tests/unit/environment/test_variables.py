"""The environment variables of functions: Lambda's own, the function's over the defaults, never over the reserved ones."""

import dataclasses
from typing import Any

import msgspec

from alonzo.environment.variables import Place, environment_variables, role_credentials
from alonzo.model.function import FunctionVersion, LogFormat, LoggingConfig
from alonzo.model.invocation import InitializationType

from .conftest import a_version

ISOLATED = Place(runtime_api="127.0.0.1:9001", endpoint_url="http://127.0.0.1:4566")
UNISOLATED = Place(
    runtime_api="127.0.0.1:9",
    endpoint_url="http://x",
    task_root="/data/code",
    runtime_directory="/data/packages",
    tmp_directory="/data/tmp",
)


def variables(place: Place = ISOLATED, **changes: Any) -> dict[str, str]:
    version: FunctionVersion = msgspec.structs.replace(a_version(), **changes)
    credentials = role_credentials(version).variables()
    return environment_variables(
        version, place, credentials=credentials, log_stream="stream", initialization_type=InitializationType.ON_DEMAND
    )


def test_a_function_may_change_defaults_and_nothing_reserved() -> None:
    seen = variables(environment_variables={"TZ": "Europe/Berlin", "PYTHONPATH": "/opt/x", "AWS_REGION": "mars-1", "OWN": "☔"})
    assert (seen["TZ"], seen["PYTHONPATH"], seen["OWN"], seen["AWS_REGION"]) == ("Europe/Berlin", "/opt/x", "☔", "us-east-1")


def test_a_function_may_point_its_sdk_elsewhere() -> None:
    assert variables()["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert variables(environment_variables={"AWS_ENDPOINT_URL": "https://elsewhere"})["AWS_ENDPOINT_URL"] == "https://elsewhere"


def test_the_log_format_is_named_where_it_is_not_text() -> None:
    assert not {"AWS_LAMBDA_LOG_FORMAT", "AWS_LAMBDA_LOG_LEVEL"} & set(variables())
    json_logs = LoggingConfig(log_group="/x", format=LogFormat.JSON, application_level="WARN", system_level="INFO")
    seen = variables(logging=json_logs)
    assert (seen["AWS_LAMBDA_LOG_FORMAT"], seen["AWS_LAMBDA_LOG_LEVEL"], seen["AWS_LAMBDA_LOG_GROUP_NAME"]) == ("JSON", "WARN", "/x")


def test_without_isolation_the_places_are_those_of_the_host() -> None:
    seen = variables(UNISOLATED)
    assert (seen["LAMBDA_TASK_ROOT"], seen["LAMBDA_RUNTIME_DIR"], seen["TMPDIR"], seen["PWD"]) == (
        *("/data/code", "/data/packages", "/data/tmp", "/data/code"),
    )
    assert "TMPDIR" not in variables()


def test_where_layers_are_not_at_opt_everything_leads_to_them() -> None:
    place = dataclasses.replace(UNISOLATED, layers_directory="/data/layers")
    seen = variables(place, environment_variables={"PYTHONPATH": "/own"})
    assert seen["PATH"].endswith(":/data/layers/bin")
    assert seen["LD_LIBRARY_PATH"].endswith(":/data/layers/lib")
    assert seen["PYTHONPATH"] == "/data/layers/python/lib/python3.12/site-packages:/data/layers/python:/own"
    assert variables(UNISOLATED)["PATH"].endswith(":/opt/bin")
    assert variables()["LD_LIBRARY_PATH"].endswith(":/opt/lib")


def test_search_paths_lead_to_the_packages_of_the_machine_last_and_once() -> None:
    place = dataclasses.replace(
        ISOLATED, libraries=(("GEM_PATH", "/gems"), ("NODE_PATH", "/var/runtime/node_modules"), ("RUBYLIB", "/lib"))
    )
    seen = variables(place, runtime="ruby3.3", environment_variables={"RUBYLIB": "/own"})
    assert seen["GEM_PATH"] == "/var/task/vendor/bundle/ruby/3.3.0:/opt/ruby/gems/3.3.0:/var/runtime:/var/runtime/ruby/3.3.0:/gems"
    assert seen["RUBYLIB"] == "/own:/lib"
    assert variables(place, runtime="nodejs22.x")["NODE_PATH"] == variables(runtime="nodejs22.x")["NODE_PATH"]


def test_credentials_name_the_account() -> None:
    assert variables()["AWS_ACCESS_KEY_ID"] == "000000000000"
    assert {"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} <= set(variables())
