"""Ruby: the sources, and beside them what bundler installs of the Gemfile, in vendor/bundle, where the runtime looks for it."""

import shutil
from pathlib import Path

from alonzo.deployment.build_methods import BuildRequest
from alonzo.deployment.builders.workshop import Workshop
from alonzo.deployment.commands import find_tool
from alonzo.deployment.packages import PackagePart

_LISTS = ("Gemfile", "Gemfile.lock", ".ruby-version")


def build_ruby(request: BuildRequest, workshop: Workshop) -> tuple[PackagePart, ...]:
    """See the module. A `vendor` in the sources is packaged where there is no Gemfile."""
    lists = [path for path in (request.directory / name for name in _LISTS) if path.is_file()]
    if not (request.directory / "Gemfile").is_file():
        return (PackagePart(directory=request.directory),)
    bundle = find_tool("bundle", needed_for=f"the Gemfile of {request.label}", remedy="install it: gem install bundler")

    def install(draft: Path) -> None:
        for path in lists:
            shutil.copyfile(path, draft / path.name)
        environment = {"BUNDLE_PATH": "vendor/bundle", "BUNDLE_WITHOUT": "development:test", "BUNDLE_GEMFILE": str(draft / "Gemfile")}
        workshop.run([bundle, "install", "--quiet"], label=request.label, directory=draft, environment=environment)
        (draft / "vendor").mkdir(exist_ok=True)

    gems = workshop.installed("ruby", (request.runtime, *(path.read_text() for path in lists)), install)
    sources = PackagePart(directory=request.directory, skipped=frozenset({"vendor"}))
    return PackagePart(directory=gems / "vendor", prefix="vendor/", is_settled=True), sources
