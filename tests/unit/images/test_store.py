"""Images that are loaded and fetched: found by their names, unpacked once, kept as long as somebody has them."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.support.image_registry import serving
from tests.support.images import Entry, Image, layer_of

from alonzo.images.errors import ImageAccessDenied, ImageGone, ImageInvalid, ImageNotFound, RegistryFailed
from alonzo.images.registries import Registries, RegistryAddress
from alonzo.images.store import ImageStore, LoadedImage, read_settings, remove_leftovers

ECR = "000000000000.dkr.ecr.us-east-1.amazonaws.com"


def an_image(content: str = "hello", **settings: object) -> Image:
    settings = settings or {"Entrypoint": ["/app"], "Cmd": ["handler"], "Env": ["A=1=2", "B=", "odd"], "WorkingDir": "/work"}
    return Image([layer_of([Entry(name="app", content=content.encode(), mode=0o755)]), layer_of([Entry(name="other")])], **settings)


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return a_store(tmp_path)


def a_store(tmp_path: Path, *addresses: RegistryAddress, can_run: bool = True) -> ImageStore:
    return ImageStore(directory=tmp_path / "images", registries=Registries(addresses), can_run=can_run)


def load(store: ImageStore, archive: bytes, name: str | None = None) -> list[LoadedImage]:
    with store.temporary_file() as path:
        path.write_bytes(archive)
        return asyncio.run(store.load(path, name))


def resolve(store: ImageStore, uri: str) -> str:
    return asyncio.run(store.resolve(uri))


def entries(store: ImageStore) -> set[str]:
    return {entry.name for entry in store.directory.iterdir()}


def test_a_layout_is_found_by_the_name_in_it(store: ImageStore) -> None:
    image = an_image()
    assert load(store, image.layout("hello:1.0")) == [LoadedImage(name="hello:1.0", digest=image.digest)]
    for uri in ("hello:1.0", f"{ECR}/hello:1.0", f"{ECR}/hello@sha256:{image.digest}", "localhost:5000/hello:1.0"):
        assert resolve(store, uri) == image.digest
    for uri in ("hello", "hello:2.0", f"{ECR}/other:1.0", f"hello@sha256:{'0' * 64}"):
        with pytest.raises(ImageNotFound, match=r"does not exist\. Provide a valid source image"):
            resolve(store, uri)
    directory = asyncio.run(store.ensure(image.digest, "hello:1.0"))
    assert (directory / "root/app").read_text() == "hello"
    settings = read_settings(directory)
    assert (settings.entry_point, settings.command, settings.working_directory) == (("/app",), ("handler",), "/work")
    assert settings.variables == {"A": "1=2", "B": ""}


def test_an_archive_of_docker_is_an_image_as_well(store: ImageStore) -> None:
    image = an_image()
    loaded = load(store, image.docker_archive("docker.io/library/hello:latest", f"{ECR}/team/hello:2"))
    assert [each.name for each in loaded] == ["hello:latest", f"{ECR}/team/hello:2"]
    assert load(store, image.docker_archive("hello:latest"))[0].digest == loaded[0].digest == resolve(store, "hello")
    assert resolve(store, f"{ECR}/team/hello:2") == loaded[0].digest
    with pytest.raises(ImageNotFound):
        resolve(store, "team/hello:2")  # it was loaded for that registry alone


def test_a_name_leads_to_what_was_loaded_last_and_goes(store: ImageStore) -> None:
    old, new = an_image("old"), an_image("new")
    load(store, old.layout(), "hello:1")
    load(store, new.layout(), "hello:1")
    assert resolve(store, "hello:1") == new.digest
    assert asyncio.run(store.list_images()) == [LoadedImage(name="hello:1", digest=new.digest)]
    assert asyncio.run(store.collect({old.digest})) == 0
    assert asyncio.run(store.collect(set())) == 1
    asyncio.run(store.forget("hello:1"))
    with pytest.raises(ImageNotFound):
        asyncio.run(store.forget("hello:1"))
    assert asyncio.run(store.collect(set())) == 1
    assert entries(store) == {"names"}
    with pytest.raises(ImageGone):
        asyncio.run(store.ensure(new.digest, "hello:1"))


def _of_layers(**changed: object) -> bytes:
    image = an_image()
    config = json.loads(image.config) | changed
    image.config = json.dumps(config).encode()
    return image.docker_archive("hello:1")


@pytest.mark.parametrize(
    ("archive", "problem"),
    [
        (b"no archive", "no tar file"),
        (layer_of([]), "neither an OCI image layout nor"),
        (layer_of([Entry(name="manifest.json", content=b"[]")]), "0 images"),
        (layer_of([Entry(name="manifest.json", content=b'[{"Config": "../secret", "Layers": []}]')]), "missing"),
        (an_image().layout(), "does not say what it is called"),
        (an_image().layout("latest"), "does not say what it is called"),
        (an_image(Entrypoint="no list").layout("a:b"), "configuration cannot be read"),
        (an_image(Env=["A=\0"]).layout("a:b"), "no program can be started with"),
        (Image([], architecture="s390x").layout("a:b"), "built for linux on s390x"),
        (Image([b"no layer"]).layout("a:b"), "no tar file"),
        (_of_layers(rootfs={"diff_ids": []}), "different layers"),
        (_of_layers(rootfs={"diff_ids": ["sha256:" + "0" * 64] * 2}), "digest is another"),
        (_of_layers(rootfs={"diff_ids": ["../../x"] * 2}), "no digest of SHA-256"),
    ],
)
def test_what_is_no_image(store: ImageStore, archive: bytes, problem: str) -> None:
    with pytest.raises(ImageInvalid, match=problem):
        load(store, archive)
    assert entries(store) <= {"names"}


def test_damage_is_found_by_digests(store: ImageStore) -> None:
    image = an_image()
    for digest, content in image.blobs().items():
        damaged = {f"_{digest.removeprefix('sha256:')}": content[:-1] + bytes([content[-1] ^ 1])}
        with pytest.raises(ImageInvalid):
            load(store, image.layout("hello:1", **damaged))
    assert entries(store) <= {"names"}


def test_what_a_kill_left_is_removed(store: ImageStore) -> None:
    load(store, an_image().layout("hello:1"))
    (store.directory / ".arriving-1/root").mkdir(parents=True)
    (store.directory / ".arriving-2").touch()
    remove_leftovers(store.directory)
    assert entries(store) == {"names", an_image().digest}


def test_without_namespaces_no_image_can_run(tmp_path: Path) -> None:
    store, image = a_store(tmp_path, can_run=False), an_image()
    load(store, image.layout("hello:1"))
    with pytest.raises(ImageInvalid, match="--isolation process"):
        asyncio.run(store.ensure(image.digest, "hello:1"))


def with_registry(tmp_path: Path, scenario: Callable[..., Awaitable[None]], *, login: str = "", **settings: object) -> None:
    async def play() -> None:
        async with serving({"team/hello:1": an_image()}, **settings) as registry:  # type: ignore[arg-type]
            url = registry.url.replace("http://", f"http://{login}@") if login else registry.url
            await scenario(a_store(tmp_path, RegistryAddress("*.amazonaws.com", url)), registry)

    asyncio.run(play())


async def fetch(store: ImageStore, registry: object) -> None:
    del registry
    uri = f"{ECR}/team/hello:1"
    digest = await store.resolve(uri)
    assert digest == an_image().digest
    one, other = await asyncio.gather(store.ensure(digest, uri), store.ensure(digest, uri))
    assert (one / "root/app").read_text() == "hello"
    assert one == other
    assert entries(store) == {digest}
    for unknown in (f"{ECR}/team/hello:2", "team/hello:1", "localhost:5000/team/hello:1"):
        with pytest.raises(ImageNotFound):
            await store.resolve(unknown)


def test_images_come_from_the_registries_that_were_named(tmp_path: Path) -> None:
    with_registry(tmp_path, fetch)


@pytest.mark.parametrize("gives_tokens", [False, True])
def test_a_registry_may_want_a_password(tmp_path: Path, *, gives_tokens: bool) -> None:
    with_registry(tmp_path / "in", fetch, login="user:secret", password="secret", gives_tokens=gives_tokens)

    async def refused(store: ImageStore, registry: object) -> None:
        del registry
        with pytest.raises(ImageAccessDenied):
            await store.resolve(f"{ECR}/team/hello:1")

    with_registry(tmp_path / "out", refused, login="user:wrong", password="secret", gives_tokens=gives_tokens)


def test_a_registry_is_not_believed(tmp_path: Path) -> None:
    async def scenario(store: ImageStore, registry: object) -> None:
        digest = await store.resolve(f"{ECR}/team/hello:1")
        for blob in an_image().blobs():
            registry.changed = {blob: b"other"}  # type: ignore[attr-defined]
            if blob == f"sha256:{digest}":
                continue
            with pytest.raises(ImageInvalid):
                await store.ensure(digest, f"{ECR}/team/hello:1")
        assert entries(store) == set()

    with_registry(tmp_path, scenario)


def test_a_registry_that_is_not_there_is_not_an_image_that_is_not(tmp_path: Path) -> None:
    store = a_store(tmp_path, RegistryAddress("localhost:1", "http://127.0.0.1:1"))
    with pytest.raises(RegistryFailed):
        resolve(store, "localhost:1/hello:1")
