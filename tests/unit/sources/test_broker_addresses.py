"""Where brokers are that mappings name by ARN."""

from alonzo.sources.broker_addresses import BrokerAddresses

_ARN = "arn:aws:mq:us-east-1:000000000000:broker:orders:b-1"


def test_the_last_that_fits_counts() -> None:
    addresses = BrokerAddresses((("arn:aws:mq:*", "amqp://a"), ("*:broker:orders:*", "amqp://b"), ("*:broker:bills:*", "amqp://c")))
    assert addresses.find(_ARN) == "amqp://b"
    assert addresses.find(_ARN.replace("orders", "others")) == "amqp://a"
    assert addresses.find("arn:aws:kafka:us-east-1:000000000000:cluster/orders/1") is None
