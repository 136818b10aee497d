"""The Python runtime inside an environment: what `/var/runtime/bootstrap` is on AWS, in a process forked from the zygote.

`awslambdaric` loads the handler, makes the context, formats errors and logs; this module gives the forked process the face of a fresh one.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import io
import os
import random
import sys
import threading
import time
import traceback
from types import ModuleType
from typing import NoReturn

from alonzo.guest import python_workers, template

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
        _start_over((wrapper,), variables)
    if runtime_api is not None and _brings_libraries(variables):
        _start_over((), variables)
    try:
        _become_fresh(variables)
        code = _serve(variables, runtime_api)
    except SystemExit as exit_request:
        code = _exit_code(exit_request)
    except BaseException:
        traceback.print_exc()
    finally:
        _leave(code)


def _start_over(wrapper: tuple[str, ...], variables: dict[str, str]) -> NoReturn:
    """Run in a new process, by the function's own program if it names one.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html
    """
    bootstrap = f"{variables['LAMBDA_RUNTIME_DIR']}/alonzo/guest/bootstrap.py"
    program = [*wrapper, sys.executable, "-X", "utf8", bootstrap]
    needed = os.environ.get("LD_LIBRARY_PATH")  # still the zygote's: where the interpreter finds its own libraries, if it must be told
    libraries = [path for path in variables.get("LD_LIBRARY_PATH", "").split(":") if path]
    if needed and needed not in libraries:
        variables["LD_LIBRARY_PATH"] = ":".join((needed, *libraries))
    try:
        os.execve(program[0], program, variables)
    except OSError as error:
        print(f"{program[0] if not wrapper else 'AWS_LAMBDA_EXEC_WRAPPER'}: {error}", file=sys.stderr, flush=True)
        os._exit(1)


def _brings_libraries(variables: dict[str, str]) -> bool:
    """Whether shared libraries lie where LD_LIBRARY_PATH says so for this function.

    The loader reads the variable when a process starts (ld.so(8)): one that was forked does not find them.
    """
    runtime_directory = variables["LAMBDA_RUNTIME_DIR"]
    everybodys = {"/var/lang/lib", "/lib64", "/usr/lib64", runtime_directory, f"{runtime_directory}/lib"}
    own = dict.fromkeys(variables.get("LD_LIBRARY_PATH", "").split(":")).keys() - everybodys
    return any(_holds_libraries(directory) for directory in own if directory)


def _holds_libraries(directory: str) -> bool:
    try:
        names = os.listdir(directory)
    except OSError:
        return False
    return any(name.startswith("lib") and (name.endswith(".so") or ".so." in name) for name in names)


def _become_fresh(variables: dict[str, str]) -> None:
    # Not os.environ.clear(): 3.9 and later go through unsetenv for each, which is what C libraries of the function read.
    for name in list(os.environ):
        del os.environ[name]
    os.environ.update(variables)
    time.tzset()
    random.seed()
    threading.main_thread()._set_native_id()  # type: ignore[attr-defined]
    sys.path[:] = _search_path(variables)


def _search_path(variables: dict[str, str]) -> list[str]:
    """Recorded on AWS: the code, layers' site-packages, layers, what PYTHONPATH names (/var/runtime by default), the standard library."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    library = [path for path in sys.path if path.startswith((sys.prefix, sys.base_prefix)) and "site-packages" not in path]
    named = [path for path in variables.get("PYTHONPATH", "").split(":") if path]
    task_root, runtime_directory = variables["LAMBDA_TASK_ROOT"], variables["LAMBDA_RUNTIME_DIR"]
    # Layers are made for the runtime that the function asks for, even where another interpreter stands in for it.
    versions = dict.fromkeys((version, variables.get("AWS_EXECUTION_ENV", "").removeprefix("AWS_Lambda_") or version))
    layers = [*(f"/opt/python/lib/{each}/site-packages" for each in versions), "/opt/python"]
    candidates = [task_root, *layers, *named, *library, runtime_directory]
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
    address, transport = variables["AWS_LAMBDA_RUNTIME_API"], sys.modules["runtime_client"]
    concurrency = variables.get("AWS_LAMBDA_MAX_CONCURRENCY")
    clients = importlib.import_module("awslambdaric.lambda_runtime_client")
    client_type = clients.LambdaRuntimeClient if concurrency is None else clients.LambdaMultiConcurrentRuntimeClient
    client_type.marshaller = marshaller
    client = client_type(address)
    worker = None
    if concurrency is None:
        transport.configure(address, runtime_api)
    else:
        if runtime_api is not None:
            os.close(runtime_api)  # one connection, where each process needs its own
        worker = python_workers.fork(int(concurrency), lambda request_id, *error: transport.report_for(address, request_id, *error))
        bootstrap.FramedTelemetryLogSink.log = worker.one_at_a_time(bootstrap.FramedTelemetryLogSink.log)
        transport.configure(address, None, worker)
    if runtime_api is not None and template.is_wanted():
        snapshot = template.Template(transport)
        client.restore_next, client.report_restore_error = snapshot.wait, snapshot.report_error
    # A function may bring a module of this name. Kept alive all the same: freeing them would copy every page they lie in.
    hidden = [sys.modules.pop(name) for name in _own_modules()]
    try:
        bootstrap.run(variables["_HANDLER"], client)
    finally:
        if worker is not None:
            worker.on_end()
    del hidden
    return 0


def _own_modules() -> list[str]:
    """Found without looking at the names of all modules: to look at one copies the page that it lies in."""
    guest = sys.modules[f"{GUEST_PACKAGE}.guest"]
    parts = [name for name, value in vars(guest).items() if isinstance(value, ModuleType)]
    return [GUEST_PACKAGE, guest.__name__, *(f"{guest.__name__}.{name}" for name in parts)]


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
