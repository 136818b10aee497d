"""`alonzo deploy`: a directory or a template becomes functions that run."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import click

from alonzo.cli.client import ClientFactory, SendToServer, connect, endpoint_option, open_sender, post_file, region_option
from alonzo.cli.image import IMAGES_PATH

if TYPE_CHECKING:
    from alonzo.deployment.images import LoadImage
    from alonzo.deployment.project import Project


class AssignmentType(click.ParamType[tuple[str, str]]):
    """A name and its value: TABLE=orders."""

    name = "assignment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        name, sign, text = str(value).partition("=")
        if not sign or not name:
            self.fail(f"{value!r} is not a name and its value, such as TABLE=orders", param, ctx)
        return name, text


@click.command(short_help="Build and deploy a directory or a template.")
@click.argument("source", type=click.Path(exists=True, path_type=Path), default=".")
@click.option("--name", metavar="NAME", help="The function's name, or the stack's of a template.  [default: the directory's]")
@click.option("--handler", metavar="HANDLER", help="Where the function begins, as app.handler.  [default: found in the sources]")
@click.option(
    "--runtime", metavar="RUNTIME", help="Lambda's name of it, as python3.12.  [default: by the language, and by what is installed]"
)
@click.option(
    "--env",
    "variables",
    type=AssignmentType(),
    multiple=True,
    metavar="NAME=VALUE",
    help="An environment variable of the function. May be given several times.",
)
@click.option("--memory", "memory_mib", type=click.IntRange(128, 10_240), metavar="MIB", help="The function's memory.")
@click.option("--timeout", "timeout_seconds", type=click.IntRange(1, 900), metavar="SECONDS", help="How long an invocation may take.")
@click.option("--role", metavar="ARN", help="The execution role. Without one the function has a made-up role.")
@click.option("--url", "has_url", is_flag=True, help="Give the function a URL that everybody may call.")
@click.option(
    "--parameter",
    "parameters",
    type=AssignmentType(),
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter of the template. May be given several times.",
)
@click.option(
    "--watch", "is_watching", is_flag=True, help="Stay, and make live what is saved. `alonzo up DIR` does that with a server of its own."
)
@endpoint_option
@region_option
def deploy(*, source: Path, endpoint_url: str, region: str | None, is_watching: bool, **options: Any) -> None:
    """Build what is in SOURCE (a directory; the current one by default) and deploy it to a running server.

    A template (template.yaml, template.json, or any that is named) of SAM or CloudFormation becomes a stack: functions and layers are
    built and uploaded, then CloudFormation makes the resources. Without a template a directory is one function, or one function a
    subdirectory: Python, Node.js, TypeScript (esbuild), Ruby, Go, Rust, Java (Maven, Gradle), a program named bootstrap, or whatever
    a Dockerfile makes of it. Dependencies are installed (requirements.txt, package.json, Gemfile), outside the sources.

    \b
    Examples:
      alonzo deploy                                     what is here
      alonzo deploy examples/hello --url                one function, with a URL
      alonzo deploy api --env TABLE=orders --memory 512
      alonzo deploy template.yaml --parameter Stage=dev
      alonzo deploy api --watch                         and again whenever a file is saved
    """
    from alonzo.deployment.errors import DeploymentError
    from alonzo.deployment.watching import deploy_and_watch, report_failure

    with connect(endpoint_url=endpoint_url, region=region) as create_client:
        _check_server(create_client)
        try:
            project = _open_project(
                source,
                create_client=create_client,
                send=open_sender(endpoint_url=endpoint_url, region=region),
                load_image=_image_loader(endpoint_url=endpoint_url, region=region),
                options=options,
            )
            if is_watching:
                _end_on_sigterm()
                deploy_and_watch(project, report=_report)
            else:
                project.deploy()
        except KeyboardInterrupt:
            sys.exit(130)
        except DeploymentError as error:
            report_failure(error, _report_error)
            sys.exit(1)


def _open_project(
    source: Path, *, create_client: ClientFactory, send: SendToServer, load_image: "LoadImage", options: dict[str, Any]
) -> "Project":
    from alonzo.deployment.assembly import Assembly
    from alonzo.deployment.builders.workshop import Workshop
    from alonzo.deployment.directory_project import DirectoryProject, FunctionOptions
    from alonzo.deployment.functions import Functions
    from alonzo.deployment.images import ImageBuilds
    from alonzo.deployment.layers import Layers
    from alonzo.deployment.packages import Packer
    from alonzo.deployment.stack_project import StackOptions, StackProject
    from alonzo.deployment.stacks import Stacks
    from alonzo.deployment.template import find_template
    from alonzo.deployment.uploads import Uploads
    from alonzo.runtimes.searching import client_cache

    template = find_template(source)
    uploads = Uploads(create_client=create_client)
    functions = Functions(create_client=create_client, send=send, uploads=uploads)
    assembly = Assembly(Workshop(directory=client_cache() / "deployments", report=_report), Packer())
    images = ImageBuilds(load=load_image, report=_report)
    parameters = dict(options.pop("parameters"))
    if template is not None:
        _refuse(options, ("handler", "runtime", "variables", "memory_mib", "timeout_seconds", "role", "has_url"))
        return StackProject(
            template=template,
            options=StackOptions(name=options["name"], parameters=parameters),
            stacks=Stacks(create_client=create_client, uploads=uploads, report=_report),
            functions=functions,
            layers=Layers(create_client=create_client, functions=functions, uploads=uploads),
            uploads=uploads,
            assembly=assembly,
            images=images,
            create_client=create_client,
            report=_report,
        )
    if parameters:
        raise click.BadParameter("parameters are a template's, and there is none", param_hint="--parameter")
    settings = FunctionOptions(**options | {"variables": dict(options["variables"])})
    return DirectoryProject(directory=source, options=settings, functions=functions, assembly=assembly, images=images, report=_report)


def _image_loader(*, endpoint_url: str, region: str | None) -> "LoadImage":
    from alonzo.deployment.errors import ImageRefused

    def load(archive: Path, name: str) -> str:
        with archive.open("rb") as file:
            path = f"{IMAGES_PATH}?{urlencode({'name': name})}"
            status, answer = post_file(file, path, endpoint_url=endpoint_url, region=region)
        if status != 200:  # noqa: PLR2004
            raise ImageRefused(f"the server does not take the image {name}: {answer['message']}")
        return str(answer["images"][0]["digest"])

    return load


def _refuse(options: dict[str, Any], names: tuple[str, ...]) -> None:
    given = [name for name in names if options[name]]
    if given:
        shown = {"variables": "env", "memory_mib": "memory", "timeout_seconds": "timeout", "has_url": "url"}
        wrong = ", ".join(f"--{shown.get(name, name)}" for name in given)
        raise click.UsageError(f"with a template the functions are as it says: {wrong} cannot be given as well")


def _check_server(create_client: ClientFactory) -> None:
    """Before anything is built: whether somebody is there."""
    create_client("lambda").get_account_settings()


def _end_on_sigterm() -> None:
    import signal

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


def _report(line: str) -> None:
    click.echo(f"alonzo: {line}")


def _report_error(line: str) -> None:
    click.echo(f"alonzo: {line}", err=True)
