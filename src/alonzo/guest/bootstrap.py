"""The Python runtime as a program of its own: what AWS_LAMBDA_EXEC_WRAPPER executes in the end.

Run by the interpreter that the zygote runs, in a confined process, with the function's environment variables.
"""

from __future__ import annotations

import importlib
import os
import sys


def main() -> None:
    """Run the function until the runtime ends."""
    packages = os.environ["LAMBDA_RUNTIME_DIR"]
    sys.path[0] = packages
    from alonzo.guest import python_bootstrap

    sys.modules["runtime_client"] = importlib.import_module("alonzo.guest.runtime_client")
    python_bootstrap.prepare()
    python_bootstrap.run(dict(os.environ), runtime_api=None)


if __name__ == "__main__":
    main()
