"""The environment variables that moto and boto3 read when they are imported."""

import os

_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "000000000000",
    "AWS_SECRET_ACCESS_KEY": "alonzo",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "MOTO_ALLOW_NONEXISTENT_REGION": "true",
    "MOTO_DISABLE_GLOBAL_CORS": "true",
    "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
    "S3_IGNORE_SUBDOMAIN_BUCKETNAME": "true",
}
"""No web page of anybody's may read what is here (CORS), and paths name buckets: the node has read hosts already."""


def prepare_environment(*, endpoint_url: str) -> None:
    """Whatever moto calls by itself, it calls here and never at AWS."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "MOTO_"))]:
        del os.environ[name]
    os.environ.update(_ENVIRONMENT, AWS_ENDPOINT_URL=endpoint_url)
