"""Container images for tests, made without any tool: layers from entries, archives as Buildah and Docker write them."""

import gzip
import hashlib
import io
import json
import os
import platform
import re
import subprocess
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from alonzo.images.names import read_image_name

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
_INDEX_TYPE, _MANIFEST_TYPE = "application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json"
_CONFIG_TYPE, _LAYER_TYPE = "application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry of a layer; a regular file unless `kind` is another of tar's types."""

    name: str
    content: bytes = b""
    kind: bytes = tarfile.REGTYPE
    target: str = ""
    mode: int = 0o644
    mtime: int = 1_700_000_000


def directory(name: str, mode: int = 0o755) -> Entry:
    return Entry(name=name, kind=tarfile.DIRTYPE, mode=mode)


def link(name: str, target: str) -> Entry:
    return Entry(name=name, kind=tarfile.SYMTYPE, target=target)


def hard_link(name: str, target: str) -> Entry:
    return Entry(name=name, kind=tarfile.LNKTYPE, target=target)


def layer_of(entries: Iterable[Entry]) -> bytes:
    """A layer's tar file, not compressed."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for entry in entries:
            described = tarfile.TarInfo(entry.name)
            described.type, described.linkname, described.mode, described.mtime = entry.kind, entry.target, entry.mode, entry.mtime
            described.size = len(entry.content) if entry.kind == tarfile.REGTYPE else 0
            archive.addfile(described, io.BytesIO(entry.content))
    return buffer.getvalue()


class Image:
    """One image: its layers, uncompressed, and its configuration (`Entrypoint`, `Cmd`, `Env`, `WorkingDir`)."""

    def __init__(self, layers: Sequence[bytes], *, architecture: str = ARCHITECTURE, **settings: Any) -> None:
        self.layers = list(layers)
        diff_ids = [_digest(layer) for layer in layers]
        self.config = _json(
            {
                "architecture": architecture,
                "os": "linux",
                "config": settings,
                "rootfs": {"type": "layers", "diff_ids": diff_ids},
            }
        )

    @cached_property
    def packed(self) -> list[bytes]:
        """Its layers as registries have them. Made when they are asked for: it takes a while."""
        return [gzip.compress(layer, compresslevel=1, mtime=0) for layer in self.layers]

    @cached_property
    def manifest(self) -> bytes:
        described = [{"mediaType": _LAYER_TYPE, "digest": _digest(each), "size": len(each)} for each in self.packed]
        config = {"mediaType": _CONFIG_TYPE, "digest": _digest(self.config), "size": len(self.config)}
        return _json({"schemaVersion": 2, "mediaType": _MANIFEST_TYPE, "config": config, "layers": described})

    @property
    def digest(self) -> str:
        """Of the manifest, hexadecimal."""
        return hashlib.sha256(self.manifest).hexdigest()

    def blobs(self) -> dict[str, bytes]:
        """All that a registry has of it, by digest."""
        return {_digest(each): each for each in (self.manifest, self.config, *self.packed)}

    def layout(self, name: str | None = None, **changed: bytes) -> bytes:
        """An OCI image layout in a tar file; `changed` contents of blobs, by the first digits of their digests."""
        annotations = {"org.opencontainers.image.ref.name": name} if name else {}
        descriptor = {
            "mediaType": _MANIFEST_TYPE,
            "digest": _digest(self.manifest),
            "size": len(self.manifest),
            "annotations": annotations,
        }
        files = {
            "oci-layout": _json({"imageLayoutVersion": "1.0.0"}),
            "index.json": _json({"schemaVersion": 2, "mediaType": _INDEX_TYPE, "manifests": [descriptor]}),
        }
        for digest, content in self.blobs().items():
            number = digest.removeprefix("sha256:")
            files[f"blobs/sha256/{number}"] = next((new for start, new in changed.items() if number.startswith(start[1:])), content)
        return layer_of(Entry(name=path, content=content) for path, content in files.items())

    def docker_archive(self, *names: str) -> bytes:
        """As `docker save` wrote it before version 25, and as Podman does."""
        config_path = f"{_digest(self.config).removeprefix('sha256:')}.json"
        paths = [f"{_digest(layer).removeprefix('sha256:')}.tar" for layer in self.layers]
        files = dict(zip(paths, self.layers, strict=True))
        files[config_path] = self.config
        files["manifest.json"] = _json([{"Config": config_path, "RepoTags": list(names), "Layers": paths}])
        return layer_of(Entry(name=path, content=content) for path, content in files.items())


def files_of_host(paths: Iterable[Path], *, renamed: Mapping[Path, str] | None = None) -> list[Entry]:
    """Programs of this machine, for an image: as regular files at the same places, with the libraries that they need."""
    found: dict[str, Path] = {}
    for path in paths:
        found[(renamed or {}).get(path, str(path))] = path
        for library in _libraries_of(path):
            found[str(library)] = library
    return [Entry(name=name, content=source.read_bytes(), mode=0o755) for name, source in found.items()]


def tree_of_host(source: Path, place: str, *, without: Sequence[str] = ()) -> list[Entry]:
    """A directory of this machine, for an image."""
    entries = []
    for current, directories, names in os.walk(source):
        directories[:] = [each for each in directories if each not in without]
        for name in names:
            path = Path(current) / name
            if path.is_file():
                entries.append(Entry(name=f"{place}/{path.relative_to(source)}", content=path.read_bytes(), mode=0o755))
    return entries


async def digest_of_name(uri: str) -> str:
    """Stands for a store that has an image of every name: what `ImageStore.resolve` would say."""
    name = read_image_name(uri)
    return (name and name.digest) or hashlib.sha256(uri.encode()).hexdigest()


def _libraries_of(program: Path) -> list[Path]:
    """As the loader finds them: ldd(1), which has nothing to say of static programs."""
    said = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False).stdout
    return [Path(match) for match in re.findall(r"(/\S+) \(0x", said)]


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _json(content: Any) -> bytes:
    return json.dumps(content).encode()
