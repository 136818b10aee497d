"""moto behind waitress, on a socket that the node has made.

waitress takes whole requests before it gives them to a thread, and whole answers from it: no slow client holds one.
"""

import os
import signal
import socket
import sys
import threading
from pathlib import Path

import waitress.server
from moto.core.config import default_user_config
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from alonzo.companion.access_keys import name_accounts_in_keys
from alonzo.companion.api_documents import take_documents_of_all_kinds
from alonzo.companion.api_gateway import AsDeployed, complete_api_gateway
from alonzo.companion.bucket_policies import have_policies_deny_nothing
from alonzo.companion.cloudformation.installation import replacing_cloudformation
from alonzo.companion.cloudformation.responses import Responses, TakenResponses
from alonzo.companion.event_rules import have_node_decide
from alonzo.companion.functions import Functions
from alonzo.companion.key_states import heed_states_of_keys
from alonzo.companion.kinesis_shards import keep_records_in_their_shards
from alonzo.companion.lambda_backend import replace_lambda
from alonzo.companion.load_balancers import complete_load_balancers
from alonzo.companion.node import Node
from alonzo.companion.places import Places
from alonzo.companion.quick_queues import quicken_queues
from alonzo.companion.requests import Application, AsItCame
from alonzo.companion.s3_notification_settings import check_settings_with
from alonzo.companion.s3_notifications import send_notifications_to
from alonzo.companion.schedules import AnnouncedSchedules, have_node_check
from alonzo.companion.secret_rotation import end_rotations_that_fail
from alonzo.companion.settings import Settings
from alonzo.companion.state import KeptState
from alonzo.companion.state_machines import run_state_machines
from alonzo.companion.topic_subscriptions import deliver_messages_to

READY = b"r"
_THREADS = 48
"""A request that waits for messages of a queue holds one for up to 20 seconds."""

_CONNECTIONS = 1_000
_BODY_MAX_BYTES = 5 << 30
"""The largest object that S3 takes in one request."""


def serve(settings: Settings) -> None:
    """Until SIGTERM, or until standard input ends. Says on standard output when it begins."""
    functions = Functions(endpoint_url=settings.endpoint_url)
    default_user_config["batch"] = {"use_docker": False}  # else whoever reaches the port, functions among them, starts containers
    default_user_config["iam"] = {"load_aws_managed_policies": True}  # which roles of functions have
    replace_lambda(functions)
    node = Node(endpoint_url=settings.endpoint_url, token=settings.token)
    have_node_decide(node)
    have_node_check(node)
    schedules = AnnouncedSchedules(node)
    send_notifications_to(functions)
    check_settings_with(functions)
    deliver_messages_to(functions)
    prepare = run_state_machines(endpoint_url=settings.endpoint_url)
    end_rotations_that_fail()
    name_accounts_in_keys()
    keep_records_in_their_shards()
    heed_states_of_keys()
    quicken_queues()
    have_policies_deny_nothing()
    responses = Responses()
    services = DomainDispatcherApplication(replacing_cloudformation(create_backend_app, node=node, responses=responses))
    complete_api_gateway(settings.endpoint_url)
    take_documents_of_all_kinds()
    complete_load_balancers(functions)
    application: Application = schedules.announcing(TakenResponses(Places(AsDeployed(AsItCame(services))), responses))
    state = None
    if settings.state_directory is not None:
        state = KeptState(Path(settings.state_directory), before_import=prepare)
        state.restore()
        application = state.noticing(application)
        threading.Thread(target=state.run, daemon=True).start()
    server = waitress.server.create_server(
        application,
        sockets=[socket.socket(fileno=settings.socket_descriptor)],
        threads=_THREADS,
        connection_limit=_CONNECTIONS,
        max_request_body_size=_BODY_MAX_BYTES,
        ident=None,
        asyncore_use_poll=True,
    )
    signal.signal(signal.SIGTERM, _interrupt)
    threading.Thread(target=_end_with_node, daemon=True).start()
    threading.Thread(target=schedules.run, daemon=True).start()
    os.write(sys.stdout.fileno(), READY)
    server.run()  # ends with KeyboardInterrupt, which it keeps to itself
    if state is not None:
        state.save()


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _end_with_node() -> None:
    while os.read(sys.stdin.fileno(), 64):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
