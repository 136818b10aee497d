"""Records by their schemas: Avro, JSON Schema and Protobuf to JSON. Libraries are imported with the first schema that needs them."""

import asyncio
import io
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from alonzo.sources.errors import SourceProblem
from alonzo.sources.kafka.schemas.errors import NotAsSchema
from alonzo.sources.kafka.schemas.registries import Schema

ToJson = Callable[[bytes], bytes]
"""Without the registry's header. `NotAsSchema`."""

_MAIN = "alonzo_main.proto"
_COMPILE_SECONDS = 30.0
_VARINT_MAX_BYTES, _INDEXES_MAX = 10, 32


async def open_format(schema: Schema, *, counts_indexes: bool) -> ToJson:
    """What reads records of a schema.

    `counts_indexes`: a Protobuf record says as Confluent has it which message it is, else as Glue has it: with its number among all
    messages by their full names (`MessageIndexFinder.java` of https://github.com/awslabs/aws-glue-schema-registry).
    `NotAsSchema` for a schema that cannot be understood; `SourceProblem`.
    """
    match schema.data_format:
        case "AVRO":
            return await asyncio.to_thread(_open_avro, schema)
        case "JSON":
            return await asyncio.to_thread(_open_json, schema)
        case "PROTOBUF":
            return _open_protobuf(await _compile(schema), counts_indexes)
    raise NotAsSchema(f"schemas in {schema.data_format} are not known")


def _open_avro(schema: Schema) -> ToJson:
    import fastavro  # noqa: PLC0415
    from fastavro.schema import SchemaParseException, UnknownType  # noqa: PLC0415

    try:
        named: dict[str, Any] = {}
        for definition in schema.references.values():
            fastavro.parse_schema(msgspec.json.decode(definition), named_schemas=named)
        parsed = fastavro.parse_schema(msgspec.json.decode(schema.definition), named_schemas=named)
    except (SchemaParseException, UnknownType, msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
        raise NotAsSchema(f"an Avro schema that cannot be understood: {error}") from error

    def to_json(content: bytes) -> bytes:
        stream = io.BytesIO(content)
        try:
            value = fastavro.schemaless_reader(stream, parsed, None)
        except (EOFError, IndexError, ValueError, TypeError, OverflowError, MemoryError, RecursionError) as error:
            raise NotAsSchema(f"not as its Avro schema says: {error}") from error
        if stream.read(1):
            raise NotAsSchema("longer than its Avro schema says")
        return msgspec.json.encode(value, enc_hook=str)

    return to_json


def _open_json(schema: Schema) -> ToJson:
    import jsonschema  # noqa: PLC0415
    from referencing import Registry, Resource  # noqa: PLC0415
    from referencing.exceptions import Unresolvable  # noqa: PLC0415
    from referencing.jsonschema import DRAFT7  # noqa: PLC0415

    try:
        definition = msgspec.json.decode(schema.definition)
        known = ((name, Resource.from_contents(msgspec.json.decode(text), DRAFT7)) for name, text in schema.references.items())
        registry: Any = Registry().with_resources(list(known))
        kind = jsonschema.validators.validator_for(definition, default=jsonschema.Draft7Validator)
        kind.check_schema(definition)
    except (msgspec.DecodeError, jsonschema.SchemaError, TypeError) as error:
        raise NotAsSchema(f"a JSON schema that cannot be understood: {error}") from error
    validator = kind(definition, registry=registry)

    def to_json(content: bytes) -> bytes:
        try:
            validator.validate(msgspec.json.decode(content))
        except (msgspec.DecodeError, jsonschema.ValidationError, Unresolvable, RecursionError) as error:
            raise NotAsSchema(f"not as its JSON schema says: {getattr(error, 'message', error)}") from error
        return content

    return to_json


async def _compile(schema: Schema) -> bytes:
    """A `FileDescriptorSet`. In a process of its own: the compiler writes to standard error, and what it is given is not ours."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        for path, definition in (*schema.references.items(), (_MAIN, schema.definition)):
            parts = PurePosixPath(path)
            if parts.is_absolute() or ".." in parts.parts:
                raise NotAsSchema(f"a schema imports {path}")
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / path).write_text(definition)
        command = (sys.executable, "-m", "grpc_tools.protoc", f"-I{name}", "--include_imports", "--descriptor_set_out=out", _MAIN)
        process = await asyncio.create_subprocess_exec(
            *command, cwd=name, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
        )
        try:
            async with asyncio.timeout(_COMPILE_SECONDS):
                _, said = await process.communicate()
        except TimeoutError as error:
            raise SourceProblem("A Protobuf schema takes too long to be compiled") from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise NotAsSchema(f"a Protobuf schema that cannot be understood: {said.decode(errors='replace').strip()[:500]}")
        return await asyncio.to_thread((directory / "out").read_bytes)


def _open_protobuf(compiled: bytes, counts_indexes: bool) -> ToJson:
    from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory  # noqa: PLC0415
    from google.protobuf.message import DecodeError  # noqa: PLC0415

    files = descriptor_pb2.FileDescriptorSet.FromString(compiled)
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    top = list(pool.FindFileByName(_MAIN).message_types_by_name.values())
    every = sorted(_with_nested(top), key=lambda descriptor: str(descriptor.full_name))

    def find(content: bytes) -> tuple[Any, int]:
        """Which message it is, and where it begins."""
        if not counts_indexes:
            index, start = _read_varint(content, 0)
            return every[index], start
        (first, *others), start = _read_indexes(content)
        descriptor = top[first]
        for index in others:
            descriptor = descriptor.nested_types[index]
        return descriptor, start

    def to_json(content: bytes) -> bytes:
        try:
            descriptor, start = find(content)
            message = message_factory.GetMessageClass(descriptor).FromString(content[start:])
            text = json_format.MessageToJson(message, preserving_proto_field_name=True, indent=None, descriptor_pool=pool)
        except (IndexError, DecodeError, json_format.SerializeToJsonError, TypeError, ValueError) as error:
            raise NotAsSchema(f"not as its Protobuf schema says: {error}") from error
        return str(text).encode()

    return to_json


def _with_nested(descriptors: Iterable[Any]) -> Iterator[Any]:
    for descriptor in descriptors:
        yield descriptor
        yield from _with_nested(descriptor.nested_types)


def _read_indexes(content: bytes) -> tuple[list[int], int]:
    """As Confluent has them: a count and so many indexes, one a level, zigzag; none is the first message. And what is behind them."""
    count, at = _read_varint(content, 0)
    count = (count >> 1) ^ -(count & 1)
    if not 0 <= count <= _INDEXES_MAX:
        raise NotAsSchema("no message indexes")
    indexes = []
    for _ in range(count):
        index, at = _read_varint(content, at)
        indexes.append((index >> 1) ^ -(index & 1))
    if any(index < 0 for index in indexes):
        raise NotAsSchema("no message indexes")
    return indexes or [0], at


def _read_varint(content: bytes, at: int) -> tuple[int, int]:
    value = 0
    for position, byte in enumerate(content[at : at + _VARINT_MAX_BYTES]):
        value |= (byte & 0x7F) << (7 * position)
        if not byte & 0x80:
            return value, at + position + 1
    raise NotAsSchema("no message indexes")
