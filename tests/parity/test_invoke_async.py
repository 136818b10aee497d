"""InvokeAsync, the deprecated way to invoke a function without waiting."""

from typing import Any

import pytest
from botocore.exceptions import ClientError


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_it_is_not_there_yet_and_says_so(requests: Any) -> None:
    requests.create_active("invoked-async")
    with pytest.raises(ClientError, match="does not implement the operation InvokeAsync") as raised:
        requests.client.invoke_async(FunctionName="invoked-async", InvokeArgs=b"{}")
    assert raised.value.response["Error"]["Code"] == "NotImplementedException"
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
