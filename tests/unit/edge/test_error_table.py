import importlib
import pkgutil

import alonzo.event_sources
import alonzo.functions
import alonzo.model
import alonzo.store
from alonzo.aws.service_model import ServiceModels
from alonzo.edge.error_table import ERROR_TABLE, to_api_error
from alonzo.errors import AlonzoError, SetupError
from alonzo.functions.errors import InvalidParameter, PackageEmpty
from alonzo.model.names import FunctionOfOtherAccount

_DOMAIN = (alonzo.model, alonzo.functions, alonzo.event_sources, alonzo.store)
_CODES_OF_NO_SHAPE = {
    "ValidationException",
    "AccessDeniedException",
    "RequestEntityTooLargeException",
    "NotImplementedException",
}
"""What AWS's front door answers, and what only we do."""


def test_every_error_of_the_domain_has_a_row() -> None:
    for package in _DOMAIN:
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    prefixes = tuple(f"{package.__name__}." for package in _DOMAIN)
    errors = [error for error in _all_below(AlonzoError) if error.__module__.startswith(prefixes) and not issubclass(error, SetupError)]
    assert errors
    without_row = [error for error in errors if not any(kind in ERROR_TABLE for kind in error.__mro__)]
    assert without_row == []


def test_the_codes_are_those_of_botocore() -> None:
    model = ServiceModels().get("lambda")
    for row in ERROR_TABLE.values():
        if row.code in _CODES_OF_NO_SHAPE:
            continue
        shape = model.find_shape(row.code)
        assert shape is not None, row.code
        assert shape.exception, row.code
        assert row.http_status == shape.error.http_status_code, row.code


def test_a_kind_of_error_is_answered_like_its_class() -> None:
    assert to_api_error(PackageEmpty()).code == to_api_error(InvalidParameter("x")).code == "InvalidParameterValueException"


def test_a_refused_access_says_nothing() -> None:
    assert to_api_error(FunctionOfOtherAccount("arn")).message is None


def test_an_error_without_a_row_keeps_its_message_to_itself() -> None:
    answer = to_api_error(AlonzoError("secret"))
    assert (answer.code, answer.http_status) == ("ServiceException", 500)
    assert "secret" not in str(answer)


def _all_below(kind: type[AlonzoError]) -> set[type[AlonzoError]]:
    return {kind} | {error for below in kind.__subclasses__() for error in _all_below(below)}
