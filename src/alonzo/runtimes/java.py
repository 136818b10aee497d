"""The Java of the machine."""

import re
from pathlib import Path

from alonzo.runtimes.catalog import RuntimeFamily
from alonzo.runtimes.discovery import SearchPlaces
from alonzo.runtimes.programs import Program
from alonzo.runtimes.searching import installations, iter_executables

_VERSION = re.compile(r'^JAVA_VERSION="(?:1\.)?(\d+)([.\d]*)', re.MULTILINE)


async def find_java(places: SearchPlaces) -> list[Program]:
    """PATH, /usr/lib/jvm, SDKMAN, asdf, mise and /opt. What a Java is stands in the file `release` of its home."""
    directories = (
        *installations(Path("/usr/lib/jvm"), "bin"),
        *installations(places.home / ".sdkman" / "candidates" / "java", "bin"),
        *installations(places.home / ".asdf" / "installs" / "java", "bin"),
        *installations(places.home / ".local" / "share" / "mise" / "installs" / "java", "bin"),
    )
    found = []
    for path in set(iter_executables("java", places, directories)):
        release = path.parent.parent / "release"
        match = _VERSION.search(release.read_text(errors="replace")) if release.is_file() else None
        if match is not None:
            version = (int(match[1]), *(int(part) for part in match[2].split(".") if part))
            found.append(Program(family=RuntimeFamily.JAVA, version=version, executable=path))
    return found
