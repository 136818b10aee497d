"""The Python runtime inside an environment: what `/var/runtime/bootstrap` is on AWS, in a process forked from the zygote.

`awslambdaric` loads the handler, makes the context, formats errors and logs; this module gives the forked process the face of a fresh one.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import io
import os
import sys
import time
import traceback
from typing import NoReturn

GUEST_PACKAGE = "alonzo"


def prepare() -> None:
    """What can be done before the function is known."""
    sys.argv = ["/var/runtime/bootstrap.py"]
    for name in ("stdin", "stdout", "stderr"):
        _open_stream(name)
    gc.enable()


def run(variables: dict[str, str], *, runtime_api: int | None) -> NoReturn:
    """Run the function until the runtime ends; the process ends with it, as `python bootstrap.py` would.

    `runtime_api`: the descriptor of a connection to the Runtime API, where there is one already.
    """
    code = 1
    wrapper = variables.pop("AWS_LAMBDA_EXEC_WRAPPER", None)
    if wrapper is not None:
        _execute_through(wrapper, variables)
    try:
        _become_fresh(variables)
        code = _serve(variables, runtime_api)
    except SystemExit as exit_request:
        code = _exit_code(exit_request)
    except BaseException:
        traceback.print_exc()
    finally:
        _leave(code)


def _execute_through(wrapper: str, variables: dict[str, str]) -> NoReturn:
    """Start over in a new process, by the function's own program (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html)."""
    program = [wrapper, sys.executable, "-X", "utf8", f"{variables['LAMBDA_RUNTIME_DIR']}/alonzo/guest/bootstrap.py"]
    try:
        os.execve(wrapper, program, variables)
    except OSError as error:
        print(f"AWS_LAMBDA_EXEC_WRAPPER: {error}", file=sys.stderr, flush=True)
        os._exit(1)


def _become_fresh(variables: dict[str, str]) -> None:
    # Not os.environ.clear(): 3.9 and later go through unsetenv for each, which is what C libraries of the function read.
    for name in list(os.environ):
        del os.environ[name]
    os.environ.update(variables)
    time.tzset()
    sys.path[:] = _search_path(variables)
    sys.path_importer_cache.clear()


def _search_path(variables: dict[str, str]) -> list[str]:
    """Recorded on AWS: the code, layers' site-packages, layers, what PYTHONPATH names (/var/runtime by default), the standard library."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    library = [path for path in sys.path if path.startswith((sys.prefix, sys.base_prefix)) and "site-packages" not in path]
    named = [path for path in variables.get("PYTHONPATH", "").split(":") if path]
    task_root, runtime_directory = variables["LAMBDA_TASK_ROOT"], variables["LAMBDA_RUNTIME_DIR"]
    candidates = [task_root, f"/opt/python/lib/{version}/site-packages", "/opt/python", *named, *library, runtime_directory]
    return list(dict.fromkeys(candidates))


def _open_stream(name: str) -> None:
    descriptor = ("stdin", "stdout", "stderr").index(name)
    raw = open(descriptor, "rb" if name == "stdin" else "wb", buffering=-1 if name == "stdin" else 0, closefd=False)  # noqa: SIM115
    write_through = name != "stdin"
    stream = io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace" if name == "stderr" else None, write_through=write_through)
    setattr(sys, name, stream)
    setattr(sys, f"__{name}__", stream)


def _serve(variables: dict[str, str], runtime_api: int | None) -> int:
    bootstrap = importlib.import_module("awslambdaric.bootstrap")
    if "AWS_LAMBDA_LOG_FORMAT" in variables or "AWS_LAMBDA_LOG_LEVEL" in variables:
        # The module reads these once, when it is imported: in the zygote, where they were not known yet.
        bootstrap = importlib.reload(bootstrap)
    # So does this one: whether results are written in ASCII depends on AWS_EXECUTION_ENV.
    marshaller = importlib.import_module("awslambdaric.lambda_runtime_marshaller").LambdaMarshaller()
    client_type = importlib.import_module("awslambdaric.lambda_runtime_client").LambdaRuntimeClient
    client_type.marshaller = marshaller
    client = client_type(variables["AWS_LAMBDA_RUNTIME_API"])
    sys.modules["runtime_client"].configure(variables["AWS_LAMBDA_RUNTIME_API"], runtime_api)
    # A function may bring a module of this name. Kept alive all the same: freeing them would copy every page they lie in.
    hidden = [sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == GUEST_PACKAGE]
    bootstrap.run(variables["_HANDLER"], client)
    del hidden
    return 0


def _exit_code(exit_request: SystemExit) -> int:
    if exit_request.code is None:
        return 0
    if isinstance(exit_request.code, int):
        return exit_request.code & 0xFF
    print(exit_request.code, file=sys.stderr)
    return 1


def _leave(code: int) -> NoReturn:
    try:
        atexit._run_exitfuncs()
        sys.stdout.flush()
    except (OSError, ValueError):
        code = code or 1  # the function has closed its descriptors: nobody is left to tell
    finally:
        os._exit(code)
