"""What can be so of container images. The messages of what a caller is told are AWS's where it has one."""

from alonzo.errors import AlonzoError


class ImageNotFound(AlonzoError):
    """No image of that name was loaded, and no registry has one. Source of the message: Lambda's answer to CreateFunction."""

    def __init__(self, uri: str) -> None:
        super().__init__(f"Source image {uri} does not exist. Provide a valid source image.")


class ImageAccessDenied(AlonzoError):
    """The registry does not give the image out. Source of the message: Lambda's answer to CreateFunction."""

    def __init__(self) -> None:
        super().__init__("Lambda does not have permission to access the ECR image. Check the ECR permissions.")


class ImageInvalid(AlonzoError):
    """The image is broken, hostile, or of a kind that is not run here; the message says what is wrong with it."""


class ImageGone(AlonzoError):
    """A function's image is not on this machine any more, and cannot be fetched."""


class NoRoomForImage(AlonzoError):
    """The disk has no room for the image; nothing was left behind. For the operator: make room."""

    def __init__(self) -> None:
        super().__init__("The disk of this server has no room for the image.")


class RegistryFailed(AlonzoError):
    """A registry does not answer, or not as registries do. Safe to retry."""
