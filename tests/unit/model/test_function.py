from enum import StrEnum

import pytest

from alonzo.aws.service_model import ServiceModels
from alonzo.model.function import CodePackage, LastUpdateStatus, LogFormat, State


@pytest.mark.parametrize("values", [State, LastUpdateStatus, LogFormat])
def test_values_are_aws_strings(values: type[StrEnum]) -> None:
    enum = ServiceModels().get("lambda").shape(values.__name__).enum
    assert {value.value for value in values} <= set(enum)


def test_the_digest_of_code_is_shown_in_base64() -> None:
    assert CodePackage("00" * 32, 1).sha256_base64 == "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
