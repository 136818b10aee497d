"""Why a record is not as its schema says. Records with these are given up; a registry that does not answer is a `SourceProblem`."""

from alonzo.errors import AlonzoError
from alonzo.sources.failures import Condition


class SchemaProblem(AlonzoError):
    """Of one record; `condition` is what the destination is told.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/services-consume-kafka-events.html.
    """

    condition: Condition


class SchemaNotFound(SchemaProblem):
    """The record names a schema that the registry does not have."""

    condition = Condition.SCHEMA_NOT_FOUND


class NotAsSchema(SchemaProblem):
    """The record names no schema, or cannot be read by the one that it names."""

    condition = Condition.DESERIALIZATION_ERROR
