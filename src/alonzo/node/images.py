"""Container images, wired: where they are kept, which functions have them, how versions become ready to run from them."""

import logging
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from alonzo.functions.errors import ActivationFailed
from alonzo.images.errors import ImageAccessDenied, ImageGone, ImageInvalid, NoRoomForImage, RegistryFailed
from alonzo.images.registries import Registries, RegistryAddress
from alonzo.images.store import ImageStore, remove_leftovers
from alonzo.model.function import FunctionVersion
from alonzo.node.configuration import Configuration
from alonzo.sandbox.settings import Isolation
from alonzo.store.records import RecordTable

if TYPE_CHECKING:
    from alonzo.node.stores import Stores

_log = logging.getLogger(__name__)

DIRECTORY = "images"
"""Below the data directory; workers share that of their parent."""


def open_images(configuration: Configuration) -> ImageStore:
    """The images of this node."""
    data = configuration.data_directory if configuration.worker_number is None else configuration.data_directory.parent.parent
    directory = data / DIRECTORY
    directory.mkdir(parents=True, exist_ok=True)
    if configuration.worker_number is None:
        remove_leftovers(directory)
    return ImageStore(
        directory=directory,
        registries=Registries([RegistryAddress(host, url) for host, url in configuration.image_registries]),
        can_run=configuration.isolation is Isolation.NAMESPACES,
    )


async def prepare_image(images: ImageStore, version: FunctionVersion) -> None:
    """Have the image of a version unpacked here. `ActivationFailed` with AWS's reason code."""
    try:
        await images.ensure(version.code.sha256, version.code.image_uri or "")
    except ImageAccessDenied as error:
        raise ActivationFailed(str(error), reason_code="ImageAccessDenied") from error
    except (ImageInvalid, ImageGone) as error:
        raise ActivationFailed(str(error), reason_code="InvalidImage") from error
    except (NoRoomForImage, RegistryFailed) as error:
        raise ActivationFailed(str(error)) from error


async def collect_images(images: ImageStore, records: RecordTable[FunctionVersion]) -> int:
    """Remove the images that nobody has named and no function has; how many."""
    return await images.collect(set(_digests_of(version for _, version in records.iter_prefix(()))))


async def tidy_images(stores: "Stores") -> None:
    """When a node starts."""
    removed = await collect_images(stores.images, stores.control.records)
    if removed:
        _log.info("%d container images that no function has were removed", removed)


def _digests_of(versions: Iterable[FunctionVersion]) -> Iterator[str]:
    for version in versions:
        for each in (version, version.superseded, version.publishing):
            if each is not None and each.code.image_uri is not None:
                yield each.code.sha256
