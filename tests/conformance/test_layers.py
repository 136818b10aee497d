"""Layers and wrappers: what a function finds at /opt, and what starts it."""

from tests.conformance.features import Feature
from tests.conformance.house import House, every_language, in_languages

_VARIABLES = {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper"}}
_WRAPPER = '#!/bin/bash\nexport WRAPPED="as $(basename "$0")"\nexec "$@"\n'


@every_language(Feature.LAYER_FILES)
def test_files_and_programs_of_layers_are_found(house: House) -> None:
    name = house.deploy("layered", Layers=house.publish_layers())
    assert house.succeed(name, {"do": "read", "path": "/opt/data/note"}) == "a file of the layer"
    assert house.succeed(name, {"do": "run", "program": "said"}) == "said by a program"
    assert house.succeed(name, {"do": "write", "path": "/opt/data/note"}) == "refused"


@every_language(Feature.LAYER_LIBRARIES)
def test_libraries_of_layers_are_found(house: House) -> None:
    name = house.deploy("greets", Layers=house.publish_layers())
    assert house.succeed(name, {"do": "greet"}) == "hello from the layer"


@every_language(Feature.WRAPPER)
def test_a_wrapper_starts_the_runtime(house: House) -> None:
    name = house.deploy("wrapped", more={"wrapper": _WRAPPER}, Environment=_VARIABLES)
    assert house.succeed(name, {"do": "environment"})["WRAPPED"] == "as wrapper"


@in_languages("shell")
def test_programs_of_the_functions_own_are_not_wrapped(house: House) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html"""
    name = house.deploy("unwrapped", more={"wrapper": _WRAPPER}, Environment=_VARIABLES)
    assert "WRAPPED" not in house.succeed(name, {"do": "environment"})
