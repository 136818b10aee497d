"""The Ruby of the machine, and the gems that lie beside it: the AWS SDK, where somebody has installed it."""

from pathlib import Path

import msgspec

from alonzo.runtimes.catalog import RuntimeFamily
from alonzo.runtimes.discovery import SearchPlaces
from alonzo.runtimes.programs import Program, SearchDirectory
from alonzo.runtimes.searching import ask_all, installations, is_directory, iter_executables

_OLDEST = (2, 7)
_SDK_GEM = "aws-sdk-core-*.gemspec"

_PROBE = """
require 'json'
require 'rbconfig'
settings = RbConfig::CONFIG.values_at('prefix', 'rubylibdir', 'rubyarchdir', 'libdir')
print JSON.generate(version: RUBY_VERSION, engine: RUBY_ENGINE, executable: File.realpath(RbConfig.ruby),
                    prefix: settings[0], load_path: settings[1, 2], library_directory: settings[3], gem_path: Gem.path)
"""


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    version: str
    engine: str
    executable: str
    prefix: str
    load_path: list[str]
    library_directory: str
    gem_path: list[str]


async def find_ruby(places: SearchPlaces) -> list[Program]:
    """PATH, rbenv, RVM, chruby, asdf, mise and /opt. Each candidate is asked what it is (0.1 s, all at once), shims for what they run."""
    home = places.home
    directories = (
        *installations(home / ".rbenv" / "versions", "bin"),
        *installations(home / ".rvm" / "rubies", "bin"),
        *installations(home / ".rubies", "bin"),
        *installations(Path("/opt/rubies"), "bin"),
        *installations(home / ".asdf" / "installs" / "ruby", "bin"),
        *installations(home / ".local" / "share" / "mise" / "installs" / "ruby", "bin"),
    )
    answers = await ask_all(set(iter_executables("ruby", places, directories)), ("-e", _PROBE))
    found = [_program(answer) for text in answers.values() if (answer := _decoded(text)) is not None]
    return [program for program in found if program.version >= _OLDEST]


def _decoded(text: str) -> _Answer | None:
    try:
        answer = msgspec.json.decode(text, type=_Answer)
    except msgspec.DecodeError:
        return None  # too old for the question, or no Ruby
    return answer if answer.engine == "ruby" else None


def _program(answer: _Answer) -> Program:
    executable, prefix = Path(answer.executable), Path(answer.prefix)
    gems = [path for text in answer.gem_path if is_directory(path := Path(text)) and (_is_own(path, prefix) or _has_sdk(path))]
    own = [("RUBYLIB", Path(path)) for path in answer.load_path] + [("LD_LIBRARY_PATH", Path(answer.library_directory))]
    return Program(
        family=RuntimeFamily.RUBY,
        version=tuple(int(part) for part in answer.version.split(".")),
        executable=executable,
        libraries=tuple(SearchDirectory("GEM_PATH", path) for path in gems),
        own_libraries=tuple(SearchDirectory(variable, path) for variable, path in own if path.is_relative_to(executable.parent.parent)),
    )


def _has_sdk(gem_directory: Path) -> bool:
    return any((gem_directory / "specifications").glob(_SDK_GEM))


def _is_own(directory: Path, prefix: Path) -> bool:
    """Whether it came with this Ruby: what the owner of the machine has installed below /usr/local did not come with the distribution's."""
    return directory.is_relative_to(prefix) and not directory.is_relative_to(prefix / "local")
