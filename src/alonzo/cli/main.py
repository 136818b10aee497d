"""The entry point: one group, one file a command.

Modules here import click and little else; what a command needs (the node, botocore) it imports when it runs,
so `alonzo --help` stays quick.
"""

import sys

import click

from alonzo import __version__
from alonzo.cli.cost import cost
from alonzo.cli.deploy import deploy
from alonzo.cli.doctor import doctor
from alonzo.cli.image import image
from alonzo.cli.invoke import invoke
from alonzo.cli.logs import logs
from alonzo.cli.queue import queue
from alonzo.cli.trace import trace
from alonzo.cli.tune import tune
from alonzo.cli.up import up
from alonzo.errors import SetupError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="alonzo")
def alonzo() -> None:
    """Runs AWS Lambda functions anywhere: AWS's own API, isolated environments, no Docker.

    \b
    Start it, and leave it running:
      alonzo up
    In another terminal, point the AWS CLI (or any SDK) at it:
      export AWS_ENDPOINT_URL=http://127.0.0.1:4566
      aws lambda create-function --function-name hello --runtime python3.12 ...
    Call the function, and read what it logged:
      alonzo invoke hello --payload '{"name": "Ada"}'
      alonzo logs hello --follow
    """


for _command in (up, deploy, image, invoke, logs, trace, queue, cost, tune, doctor):
    alonzo.add_command(_command)


def main() -> None:
    """Run the command line; what the person at the terminal must mend is one line, not a traceback."""
    try:
        alonzo()
    except SetupError as error:
        click.echo(f"alonzo: {error}", err=True)
        sys.exit(1)
