"""The environment variables that a function sees.

Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime and recorded environments.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from alonzo.environment.credentials import Credentials
from alonzo.environment.image_launch import ImageLaunch
from alonzo.model.function import FunctionVersion, LogFormat
from alonzo.model.invocation import InitializationType
from alonzo.runtimes.catalog import RuntimeFamily, RuntimeSpec, find_runtime

TASK_ROOT = "/var/task"
RUNTIME_DIRECTORY = "/var/runtime"
LAYERS_DIRECTORY = "/opt"
_UNCHECKED = "alonzo"
_TELEMETRY_DESCRIPTOR = "62"
_STARTED_BY_SCRIPTS = frozenset({RuntimeFamily.PYTHON, RuntimeFamily.NODEJS, RuntimeFamily.RUBY, RuntimeFamily.DOTNET})
"""Runtimes whose /var/runtime/bootstrap is a shell script on AWS, which leaves its marks in the environment."""
DEFAULT_TRACE_DAEMON = ("127.0.0.1", 2000)
"""The X-Ray daemon of an environment with a network of its own; also where nobody listens: tracers do not miss an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an environment's files and services are, as code inside sees them."""

    runtime_api: str
    endpoint_url: str
    trace_daemon: tuple[str, int] = DEFAULT_TRACE_DAEMON
    """Where tracers send their segments."""
    task_root: str = TASK_ROOT
    runtime_directory: str = RUNTIME_DIRECTORY
    tmp_directory: str | None = None
    """TMPDIR, where /tmp is not the environment's own."""
    layers_directory: str = LAYERS_DIRECTORY
    trusted_certificates: str | None = None
    """A file with certificates that are to be trusted besides."""
    libraries: tuple[tuple[str, str], ...] = ()
    """Variables that hold search paths, and directories that each must name besides."""


def environment_variables(
    version: FunctionVersion,
    place: Place,
    *,
    credentials: Mapping[str, str],
    log_stream: str,
    initialization_type: InitializationType,
    max_concurrency: int | None = None,
    image: ImageLaunch | None = None,
) -> dict[str, str]:
    """The function's own variables, and Lambda's over them: reserved names cannot be set (the control plane refuses them).

    `credentials` are variables that give the function its role's credentials, or say where they are. `image`: of a function that is one.
    """
    logging = version.logging
    reserved = {
        "AWS_LAMBDA_FUNCTION_NAME": version.name,
        "AWS_LAMBDA_FUNCTION_VERSION": version.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(version.memory_mib),
        "AWS_LAMBDA_INITIALIZATION_TYPE": initialization_type.value,
        "AWS_LAMBDA_RUNTIME_API": place.runtime_api,
        "AWS_REGION": version.scope.region,
        "AWS_DEFAULT_REGION": version.scope.region,
        **credentials,
    }
    if initialization_type is not InitializationType.SNAP_START:
        # Not in a snapshot (https://docs.aws.amazon.com/lambda/latest/dg/snapstart-monitoring.html): many environments are made of it.
        reserved |= {"AWS_LAMBDA_LOG_GROUP_NAME": logging.log_group, "AWS_LAMBDA_LOG_STREAM_NAME": log_stream}
    if image is None:
        reserved |= {"_HANDLER": version.handler or "", **_directories(place)}
    elif image.handler is not None:
        reserved["_HANDLER"] = image.handler
    if version.runtime is not None and not version.runtime.startswith("provided"):
        reserved |= {"AWS_EXECUTION_ENV": f"AWS_Lambda_{version.runtime}", "_LAMBDA_TELEMETRY_LOG_FD": _TELEMETRY_DESCRIPTOR}
    if max_concurrency is not None:
        reserved["AWS_LAMBDA_MAX_CONCURRENCY"] = str(max_concurrency)
    if logging.format is LogFormat.JSON:
        reserved["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
        reserved["AWS_LAMBDA_LOG_LEVEL"] = logging.application_level or "INFO"
    defaults = _defaults(place, version.runtime) if image is None else _of_image(place, image)
    variables = defaults | (version.environment_variables or {}) | reserved
    if place.layers_directory != LAYERS_DIRECTORY and "PYTHONPATH" in variables:
        variables["PYTHONPATH"] = _python_path(place.layers_directory, version.runtime, variables["PYTHONPATH"])
    for name, directory in place.libraries:
        searched = [each for each in variables.get(name, "").split(":") if each]
        variables[name] = ":".join(dict.fromkeys((*searched, directory)))
    return variables


def _python_path(layers_directory: str, runtime: str | None, path: str) -> str:
    """Where layers are not at /opt, the Python runtime finds them by this: before anything else that is named, as it searches /opt."""
    return f"{layers_directory}/python/lib/{runtime}/site-packages:{layers_directory}/python:{path}"


def _directories(place: Place) -> dict[str, str]:
    return {"LAMBDA_TASK_ROOT": place.task_root, "LAMBDA_RUNTIME_DIR": place.runtime_directory}


def startup_defaults(
    *, task_root: str = TASK_ROOT, runtime_directory: str = RUNTIME_DIRECTORY, layers_directory: str = LAYERS_DIRECTORY
) -> dict[str, str]:
    """Those of the variables that a function may set otherwise which programs read when they start. First in every environment."""
    return {
        "PATH": f"/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:{layers_directory}/bin",
        "LD_LIBRARY_PATH": f"/var/lang/lib:/lib64:/usr/lib64:{runtime_directory}:{runtime_directory}/lib"
        f":{task_root}:{task_root}/lib:{layers_directory}/lib",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
    }


def node_startup_defaults(trusted_certificates: str | None) -> dict[str, str]:
    """What Node.js reads besides."""
    return {} if trusted_certificates is None else {"NODE_EXTRA_CA_CERTS": trusted_certificates}


def _of_image(place: Place, image: ImageLaunch) -> dict[str, str]:
    """The image's own variables say what is where in it, and may say what the directories are."""
    return {**_services(place), **_directories(place), **image.variables}


def _services(place: Place) -> dict[str, str]:
    """Where tracers and clients of AWS find what is at their disposal."""
    daemon_host, daemon_port = place.trace_daemon
    return {
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": f"{daemon_host}:{daemon_port}",
        "_AWS_XRAY_DAEMON_ADDRESS": daemon_host,
        "_AWS_XRAY_DAEMON_PORT": str(daemon_port),
        "AWS_ENDPOINT_URL": place.endpoint_url,
    }


def _defaults(place: Place, runtime: str | None) -> dict[str, str]:
    """Variables that a function may set otherwise."""
    spec = None if runtime is None else find_runtime(runtime)
    defaults = startup_defaults(
        task_root=place.task_root, runtime_directory=place.runtime_directory, layers_directory=place.layers_directory
    )
    if spec is not None and spec.family is RuntimeFamily.NODEJS:
        defaults |= node_startup_defaults(place.trusted_certificates)
    defaults |= _services(place)
    if place.tmp_directory is not None:
        defaults["TMPDIR"] = place.tmp_directory
    return defaults if spec is None else defaults | _of_language(place, spec)


def _of_language(place: Place, spec: RuntimeSpec) -> dict[str, str]:
    of_script = {"SHLVL": "0", "PWD": place.task_root} if spec.family in _STARTED_BY_SCRIPTS else {}
    return of_script | _search_paths(place, spec)


def _search_paths(place: Place, spec: RuntimeSpec) -> dict[str, str]:
    match spec.family:
        case RuntimeFamily.PYTHON:
            # CPython puts LC_CTYPE into its own environment where LANG names a locale that is not installed, as on AWS (PEP 538).
            return {"PYTHONPATH": place.runtime_directory, "LC_CTYPE": "C.UTF-8"}
        case RuntimeFamily.NODEJS:
            return {"NODE_PATH": _node_path(place, "".join(map(str, spec.version[:1])))}
        case RuntimeFamily.RUBY:
            return _ruby_paths(place, ".".join(map(str, (*spec.version, 0))))
        case RuntimeFamily.DOTNET:
            return {"LAMBDA_RUNTIME_NAME": spec.identifier}
        case _:
            return {}


def _node_path(place: Place, major: str) -> str:
    own = f"{place.runtime_directory}/node_modules:{place.runtime_directory}:{place.task_root}"
    layers = f"{place.layers_directory}/nodejs"
    return f"{layers}/node{major}/node_modules:{layers}/node_modules:{own}"


def _ruby_paths(place: Place, abi: str) -> dict[str, str]:
    """`abi`: of the Ruby that packages and layers are made for (3.3.0), even where another one stands in for it."""
    own, layers = place.runtime_directory, f"{place.layers_directory}/ruby"
    return {
        "GEM_HOME": own,
        "GEM_PATH": f"{place.task_root}/vendor/bundle/ruby/{abi}:{layers}/gems/{abi}:{own}:{own}/ruby/{abi}",
        "RUBYLIB": f"{place.task_root}:{own}/lib:{layers}/lib",
    }


def role_credentials(version: FunctionVersion) -> Credentials:
    """The account id as access key is what names the account to this endpoint; the rest only has to be there."""
    return Credentials(version.scope.account_id, _UNCHECKED, _UNCHECKED)
