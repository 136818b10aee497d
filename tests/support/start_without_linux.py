"""`alonzo` on something like a Mac: `python start_without_linux.py up --isolation process …`. The guests are there, too."""

import sys
from collections.abc import Iterator
from pathlib import Path

# Imported while they can still see what they run on.
import psutil  # noqa: F401
import uvloop  # noqa: F401

PRELUDE = Path(__file__).with_name("without_linux.py")


def main() -> None:
    """Run the command line without what only Linux has."""
    sys.path.insert(0, str(PRELUDE.parent))
    __import__(PRELUDE.stem)
    from alonzo.cli.main import main as run
    from alonzo.runtimes import python_packages

    iter_files = python_packages._iter_files

    def iter_files_with_prelude() -> Iterator[tuple[str, Path]]:
        for relative, source in iter_files():
            yield relative, PRELUDE if relative == "alonzo/__init__.py" else source

    python_packages._iter_files = iter_files_with_prelude
    run()


if __name__ == "__main__":
    main()
