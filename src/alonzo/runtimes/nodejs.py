"""The Node.js of the machine, and the packages that lie beside it: the AWS SDK, where somebody has installed it."""

import re
from pathlib import Path

from alonzo.runtimes.catalog import RuntimeFamily
from alonzo.runtimes.discovery import SearchPlaces
from alonzo.runtimes.programs import Program, SearchDirectory
from alonzo.runtimes.searching import ask_all, installations, is_directory, iter_executables

_VERSION = re.compile(r"v(\d+)\.(\d+)\.(\d+)")
_NPM_PREFIX = re.compile(r"^\s*prefix\s*=\s*(\S+)", re.MULTILINE)
_SDK = "@aws-sdk"


async def find_nodejs(places: SearchPlaces) -> list[Program]:
    """PATH, nvm, fnm, Volta, asdf, mise and /opt. Each candidate is asked for its version (40 ms, all at once)."""
    share = places.home / ".local" / "share"
    directories = (
        *installations(places.home / ".nvm" / "versions" / "node", "bin"),
        *installations(share / "fnm" / "node-versions", "installation/bin"),
        *installations(places.home / ".volta" / "tools" / "image" / "node", "bin"),
        *installations(places.home / ".asdf" / "installs" / "nodejs", "bin"),
        *installations(share / "mise" / "installs" / "node", "bin"),
    )
    answers = await ask_all(set(iter_executables("node", places, directories)), ("--version",))
    return [
        Program(
            family=RuntimeFamily.NODEJS,
            version=(int(match[1]), int(match[2]), int(match[3])),
            executable=path,
            libraries=_libraries(path, places),
        )
        for path, answer in answers.items()
        if (match := _VERSION.match(answer)) is not None
    ]


def _libraries(node: Path, places: SearchPlaces) -> tuple[SearchDirectory, ...]:
    """The packages that the owner names, else npm's global ones (`npm root -g`) if the AWS SDK is among them."""
    if places.node_modules is not None:
        return (SearchDirectory("NODE_PATH", places.node_modules),)
    prefixes = (*_own_npm_prefixes(places.home), node.parent.parent, Path("/usr/local"), Path("/usr"))
    candidates = (prefix / "lib" / "node_modules" for prefix in prefixes)
    found = next((directory for directory in candidates if is_directory(directory / _SDK)), None)
    return () if found is None else (SearchDirectory("NODE_PATH", found.resolve()),)


def _own_npm_prefixes(home: Path) -> list[Path]:
    """Where npm installs globally for this user, if that is said (https://docs.npmjs.com/cli/configuring-npm/npmrc)."""
    file = home / ".npmrc"
    match = _NPM_PREFIX.search(file.read_text(errors="replace")) if file.is_file() else None
    return [home / ".npm-global"] if match is None else [Path(match[1].replace("${HOME}", str(home))).expanduser()]
