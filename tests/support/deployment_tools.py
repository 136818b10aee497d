"""Deployment tools of others, unmodified: fetched once, in pinned versions, kept in `.alonzo/cache`, pointed here by the environment."""

import os
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path

from tests.support.packaging import node_packages
from tests.support.server import Server
from tests.support.toolchains import completed

_ROOT = Path(__file__).parents[2]
_CACHE = _ROOT / ".alonzo" / "cache"
_SAM = Path(__file__).with_name("sam_requirements.txt")
_CDK = ("aws-cdk@2.1148.1", "aws-cdk-lib@2.276.0", "constructs@10.8.1", "aws-cdk-local@3.0.4")
_NODE_SDK = tuple(
    f"@aws-sdk/client-{each}" for each in ("cloudwatch-logs@3.1169.0", "lambda@3.1162.0", "s3@3.1169.0", "sfn@3.1162.0", "ssm@3.1169.0")
)
"""What functions of CDK's own find in AWS's runtimes."""
_SERVERLESS = ("serverless@3.40.0", "serverless-localstack@1.4.0")
_CHALICE = (
    *("chalice==1.34.0", "blessed==1.52.0", "botocore==1.44.5", "click==8.5.1", "editor==2.0.1", "inquirer==3.4.1", "jinxed==2.1.0"),
    *(
        "jmespath==1.1.0",
        "pip==26.1",
        "python-dateutil==2.9.0.post0",
        "PyYAML==6.0.3",
        "readchar==4.2.2",
        "runs==1.3.0",
        "setuptools==80.9.0",
    ),
    *("six==1.17.0", "urllib3==2.8.0", "wcwidth==0.9.4", "xmod==1.10.0"),
)
_ANSIBLE = "ansible==12.3.0"
_COLLECTIONS = ("amazon/aws/", "ansible/posix/")
_SECONDS = 300


def sam_tools() -> Path:
    """The programs `sam`, `samlocal` and `awslocal`. The list names all they need, so that nothing is searched for."""
    return _python_tools("sam", ("--requirement", str(_SAM)))


def chalice_tools() -> Path:
    """The program `chalice`."""
    return _python_tools("chalice", _CHALICE)


def serverless_tools() -> Path:
    """`node_modules` with the Serverless Framework and the plugin that finds us."""
    return node_packages("serverless", pinned=_SERVERLESS) / "node_modules"


def cdk_tools() -> Path:
    """`node_modules` with `cdk`, `cdklocal` and the library of apps."""
    return node_packages("cdk", pinned=_CDK) / "node_modules"


def node_sdk() -> Path:
    """`node_modules` with the parts of the AWS SDK that functions of CDK's own use."""
    return node_packages("node-sdk", pinned=_NODE_SDK) / "node_modules"


def ansible_collections() -> Path:
    """What ANSIBLE_COLLECTIONS_PATH names: of the hundred collections that Ansible is published with, the two that tests use."""
    directory = _CACHE / "ansible"
    if not (directory / ".complete").exists():
        shutil.rmtree(directory, ignore_errors=True)
        with tempfile.TemporaryDirectory() as downloaded:
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--dest", downloaded]
            completed([*pip, _ANSIBLE], timeout=_SECONDS)
            [wheel] = Path(downloaded).iterdir()
            with zipfile.ZipFile(wheel) as archive:
                wanted = tuple(f"ansible_collections/{name}" for name in _COLLECTIONS)
                archive.extractall(directory, [name for name in archive.namelist() if name.startswith(wanted)])
        (directory / ".complete").touch()
    return directory


def _python_tools(name: str, packages: tuple[str, ...]) -> Path:
    """Where the programs of these packages are. They name all that they need, so that nothing is searched for."""
    directory = _CACHE / name
    if not (directory / ".complete").exists():
        shutil.rmtree(directory, ignore_errors=True)
        venv.create(directory, with_pip=False, symlinks=True)
        pip = [sys.executable, "-m", "pip", "--python", str(directory / "bin" / "python"), "install", "--quiet", "--no-deps"]
        completed([*pip, "--no-compile", "--disable-pip-version-check", *packages], timeout=_SECONDS)
        (directory / ".complete").touch()
    return directory / "bin"


def run_tool(server: Server, command: Sequence[str | Path], *, directory: Path, path: Sequence[Path] = (), **more: str) -> str:
    """What it printed; AssertionError with that if it failed. `path`: where programs are found first."""
    environment = server.environment() | {
        "PATH": os.pathsep.join([*map(str, path), os.environ["PATH"]]),
        "HOME": str(directory),  # no configuration of anybody's, and nothing left behind
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "0.5",
        **more,
    }
    environment.pop("PYTHONPATH", None)  # it is Alonzo's own
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # else each run of a tool compiles it anew, for seconds
    done = subprocess.run(
        [*map(str, command)],
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout
