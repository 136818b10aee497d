"""What moto holds, kept in a file over restarts: a snapshot at the end, and one every few seconds in which something has changed.

All services are in one pickle, since objects of one refer to those of others (a stack to its buckets). What cannot be pickled is given
another form: locks are new ones, private keys go as PEM. A service that cannot be kept all the same is left out, and named in the log:
each is tried once, there and back, before it goes into the file with the others.

It is a snapshot and no journal: what came after the last one is lost when the process is killed, and a snapshot may catch a request
half-way. It is read by the version of moto that has written it and no other, since it holds moto's own objects.
"""

import io
import json
import logging
import os
import pickle
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any, get_args

import cloudpickle
import moto
import moto.backends
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from moto.core.base_backend import BackendDict

from alonzo.companion.requests import Application, Environ

_FORMAT = 1
_NOT_KEPT = frozenset({"lambda", "moto_api"})
"""Functions are the node's."""

_OWN_ATTRIBUTES = frozenset({"backend", "service_name", "_use_boto3_regions", "_additional_regions", "_id"})
_PAUSE_SECONDS = 5.0
_PAUSE_PER_SECOND = 20.0
"""A snapshot holds up everything else: it may take a twentieth of the time."""

_ATTEMPTS = 5
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_PRIVATE_KEYS = get_args(PrivateKeyTypes)
_LOCK, _RLOCK = type(threading.Lock()), type(threading.RLock())

_log = logging.getLogger(__name__)


class KeptState:
    """`directory` is its own. `run` in a thread, or `save` now and then. `before_import` is told of modules whose objects are read."""

    def __init__(self, directory: Path, *, before_import: Callable[[str], None]) -> None:
        self._before_import = before_import
        self._file = directory / "state"
        self._saving = threading.Lock()
        self._has_changed = threading.Event()
        self._kept: set[str] = set()
        self._left_out: set[str] = set()
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    def noticing(self, application: Application) -> Application:
        """The application, with its requests noticed that may have changed something."""

        def notice(environ: Environ, start_response: Any) -> Iterable[bytes]:
            answer = application(environ, start_response)
            if environ["REQUEST_METHOD"] not in _READS:
                self._has_changed.set()
            return answer

        return notice

    def restore(self) -> None:
        """Take up what was kept. What cannot be read stays beside, under another name."""
        try:
            with self._file.open("rb") as source:
                head = json.loads(source.readline())
                if head != _head():
                    self._put_aside(f"it was kept by {head}, and this is {_head()}")
                    return
                _put_in_place(_Unpickler(source, self._before_import).load())
        except FileNotFoundError:
            return
        except Exception as error:  # a pickle may raise anything
            self._put_aside(f"{type(error).__name__}: {error}")

    def run(self) -> None:
        """Save what changes, for ever."""
        while True:
            self._has_changed.wait()
            started_at = time.monotonic()
            self.save()
            time.sleep(max(_PAUSE_SECONDS, _PAUSE_PER_SECOND * (time.monotonic() - started_at)))

    def save(self) -> None:
        """Write everything, if anything has changed. A save that fails leaves the one before it."""
        with self._saving:
            if not self._has_changed.is_set():
                return
            self._has_changed.clear()
            try:
                self._write()
            except OSError as error:
                self._has_changed.set()
                _log.error("the state cannot be kept: %s", error)

    def _write(self) -> None:
        unfinished = self._file.with_suffix(".unfinished")
        for _ in range(_ATTEMPTS):
            try:
                self._try_new_services()
                with unfinished.open("wb") as target:
                    target.write(json.dumps(_head()).encode() + b"\n")
                    _Pickler(target).dump({service: _contents_of(service) for service in _services() if service in self._kept})
                    target.flush()
                    os.fsync(target.fileno())
            except OSError:
                raise
            except RuntimeError:  # a request has changed what was being written
                continue
            except Exception:  # a pickle may raise anything
                self._kept.clear()  # to be tried again
                continue
            unfinished.replace(self._file)
            return
        self._has_changed.set()
        _log.warning("the state could not be written this time; the last one stays")

    def _try_new_services(self) -> None:
        for service in _services():
            if service in self._kept or service in self._left_out:
                continue
            try:
                content = io.BytesIO()
                _Pickler(content).dump(_contents_of(service))
                content.seek(0)
                _Unpickler(content, self._before_import).load()
            except RuntimeError:
                raise
            except Exception as error:  # a pickle may raise anything
                _log.warning("%s will not be there after a restart: %s", service, error)
                self._left_out.add(service)
            else:
                self._kept.add(service)

    def _put_aside(self, why: str) -> None:
        aside = self._file.with_suffix(f".unread-{time.time_ns()}")
        self._file.replace(aside)
        _log.error("the state that was kept cannot be read (%s); it is at %s now, and the services begin empty", why, aside)


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no types
    """Of functions, too, which moto has in default dictionaries."""

    def persistent_id(self, obj: Any) -> Any:
        return obj.service_name if isinstance(obj, BackendDict) else None

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, _LOCK):
            return _new_lock, ()
        if isinstance(obj, _RLOCK):
            return _new_rlock, ()
        if isinstance(obj, _PRIVATE_KEYS):
            return _read_key, (_pem_of(obj),)
        if isinstance(obj, defaultdict) and type(obj) is not defaultdict:  # moto's have constructors of their own
            return _new_default_dict, (type(obj), obj.default_factory), vars(obj), None, iter(obj.items())
        return super().reducer_override(obj)


class _Unpickler(pickle.Unpickler):
    def __init__(self, source: IO[bytes], before_import: Callable[[str], None]) -> None:
        super().__init__(source)
        self._before_import = before_import

    def find_class(self, module: str, name: str, /) -> Any:
        self._before_import(module)
        return super().find_class(module, name)

    def persistent_load(self, pid: Any) -> Any:
        return _backends(pid)


def _head() -> dict[str, Any]:
    return {"format": _FORMAT, "moto": moto.__version__}


def _services() -> list[str]:
    instances: Any = vars(BackendDict)["_instances"]
    return [each.service_name for each in instances if each.service_name not in _NOT_KEPT]


def _backends(service: str) -> Any:
    get_backend: Callable[[Any], Any] = moto.backends.get_backend
    return get_backend(service)


def _contents_of(service: str) -> dict[str, Any]:
    backends = _backends(service)
    accounts = {account: dict(regions) for account, regions in list(backends.items())}
    return {"accounts": accounts, "attributes": {name: value for name, value in vars(backends).items() if name not in _OWN_ATTRIBUTES}}


def _put_in_place(everything: dict[str, Any]) -> None:
    for service, contents in everything.items():
        backends = _backends(service)
        vars(backends).update(contents["attributes"])
        for account, regions in contents["accounts"].items():
            for region, backend in regions.items():
                backends[account][region] = backend


def _new_default_dict(kind: Any, default_factory: Any) -> Any:
    made = kind.__new__(kind)
    made.default_factory = default_factory
    return made


def _new_lock() -> Any:
    return threading.Lock()


def _new_rlock() -> Any:
    return threading.RLock()


def _pem_of(key: Any) -> bytes:
    content: bytes = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return content


def _read_key(pem: bytes) -> Any:
    return serialization.load_pem_private_key(pem, password=None)
