"""The reference page of operations says what is so."""

import asyncio
from pathlib import Path

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from tests.support.operations_page import find_missing, find_untested, render_page
from tests.support.server import Server

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"


def test_page_is_up_to_date() -> None:
    assert PAGE.read_text() == asyncio.run(render_page()), "run `make docs`"


def test_operations_that_do_not_work_say_so(server: Server) -> None:
    client = server.client("lambda", parameter_validation=False)
    for operation in asyncio.run(find_missing()):
        shape = client.meta.service_model.operation_model(operation).input_shape
        with pytest.raises(ClientError) as raised:
            getattr(client, xform_name(operation))(**dict.fromkeys(shape.required_members, "missing"))
        assert raised.value.response["Error"]["Code"] == "NotImplementedException", operation


def test_every_operation_that_works_is_tested() -> None:
    assert asyncio.run(find_untested()) == []
