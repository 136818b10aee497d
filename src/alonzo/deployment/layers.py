"""A layer on its way into the functions that use it, past the stack that it came with."""

from collections.abc import Callable
from typing import Any

from alonzo.deployment.functions import Functions
from alonzo.deployment.packages import Package
from alonzo.deployment.uploads import Uploads
from alonzo.model.quotas import CODE_ZIPPED_IN_REQUEST_MAX_BYTES


class Layers:
    """Speaks to one server."""

    def __init__(self, *, create_client: Callable[[str], Any], functions: Functions, uploads: Uploads) -> None:
        self._lambda = create_client("lambda")
        self._functions = functions
        self._uploads = uploads

    def replace(self, version_arn: str, package: Package, function_names: list[str]) -> tuple[str, list[str]]:
        """Publish a version like this one with other content, and have those of the functions use it that use any version of the layer.

        The new version's ARN, and the functions that were changed.
        """
        layer_arn, _, _ = version_arn.rpartition(":")
        before = self._lambda.get_layer_version_by_arn(Arn=version_arn)
        kept = {
            name: before[name]
            for name in ("Description", "LicenseInfo", "CompatibleRuntimes", "CompatibleArchitectures")
            if before.get(name)
        }
        published = self._lambda.publish_layer_version(LayerName=layer_arn.rpartition(":")[2], Content=self._content(package), **kept)
        new_arn = str(published["LayerVersionArn"])
        return new_arn, self.have_used(new_arn, function_names)

    def have_used(self, version_arn: str, function_names: list[str]) -> list[str]:
        """Have those of the functions use this version that use any other of its layer; which were changed."""
        layer_arn, _, _ = version_arn.rpartition(":")
        changed = []
        for name in function_names:
            arns = [layer["Arn"] for layer in self._lambda.get_function_configuration(FunctionName=name).get("Layers", [])]
            wanted = [version_arn if arn.rpartition(":")[0] == layer_arn else arn for arn in arns]
            if wanted != arns:
                self._functions.update_layers(name, wanted)
                changed.append(name)
        return changed

    def _content(self, package: Package) -> dict[str, Any]:
        if len(package.content) < CODE_ZIPPED_IN_REQUEST_MAX_BYTES:
            return {"ZipFile": package.content}
        bucket, key = self._uploads.put(package.content, f"{package.sha256}.zip")
        return {"S3Bucket": bucket, "S3Key": key}
