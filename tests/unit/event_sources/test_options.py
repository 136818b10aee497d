"""Every option of CreateEventSourceMapping has a test in which it changes what happens: this table says which."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session

_TESTS = Path(__file__).parents[2]
_SQS, _KINESIS = "process/sources/test_sqs.py::test_", "process/sources/test_kinesis.py::test_"
_OPTIONS = "process/sources/test_mapping_options.py::test_"
_KAFKA, _KAFKA_FAILURES = "process/brokers/test_kafka.py::test_", "process/brokers/test_kafka_failures.py::test_"
_KAFKA_ACCESS = "process/brokers/test_kafka_access.py::test_"
_RABBITMQ, _DOCUMENTS = "process/brokers/test_rabbitmq.py::test_", "process/brokers/test_document_db.py::test_"
_RECORDS, _SETTINGS = "parity/test_event_source_mappings.py::test_", "parity/test_event_source_mapping_settings.py::test_"
_SCHEMAS, _REGISTRIES = "unit/sources/test_schemas.py::test_", "unit/sources/test_registry_access.py::test_"
_DATABASES = "unit/sources/test_document_db.py::test_"
_OAUTH, _POLLERS = "unit/sources/test_oauth.py::test_", "unit/sources/test_kafka_delivery.py::test_"

_POSITIONS = f"{_KINESIS}records_look_as_on_aws_and_begin_where_the_mapping_says"
_COUNTED = f"{_SQS}messages_that_match_no_filter_are_deleted_and_events_are_counted"
_LOGGED = f"{_KAFKA}what_pollers_do_is_in_the_functions_log_group_and_errors_are_counted"
_GIVEN_UP = f"{_KINESIS}a_batch_that_fails_is_retried_then_given_up_and_the_destination_told"
_CREDENTIALS = f"{_KAFKA_ACCESS}credentials_and_certificates_open_the_listeners_that_want_them"
_TOKENS = f"{_KAFKA_ACCESS}tokens_of_an_identity_provider_open_the_listener_that_wants_them"
_NO_ROLES = f"{_SETTINGS}ways_to_authenticate_that_are_refused"
_NOT_TAKEN = f"{_SETTINGS}what_a_kind_of_source_does_not_take"
_HOSTS = f"{_RABBITMQ}queues_of_other_virtual_hosts_are_reached"
_UPDATES = f"{_DOCUMENTS}updates_come_with_the_whole_document_if_asked_for"
_IN_VPC = f"{_SETTINGS}parts_of_a_vpc_are_shown_and_needed_by_nobody"

SHOWN_BY = {
    "EventSourceArn": _POSITIONS,
    "FunctionName": f"{_KINESIS}a_mapping_leads_to_an_alias_and_then_to_another_function",
    "Enabled": f"{_SQS}a_mapping_is_enabled_changed_disabled_and_deleted",
    "BatchSize": f"{_KINESIS}batches_have_a_size_and_gather_in_a_window",
    "FilterCriteria.Filters.Pattern": _COUNTED,
    "KMSKeyArn": f"{_OPTIONS}filters_are_kept_encrypted_and_a_mapping_ends_where_its_key_does",
    "MetricsConfig.Metrics=EventCount": _COUNTED,
    "MetricsConfig.Metrics=ErrorCount": _LOGGED,
    "MetricsConfig.Metrics=KafkaMetrics": f"{_KAFKA}provisioned_pollers_work_side_by_side",
    "LoggingConfig.SystemLogLevel=DEBUG": _LOGGED,
    "LoggingConfig.SystemLogLevel=INFO": _LOGGED,
    "LoggingConfig.SystemLogLevel=WARN": _LOGGED,
    "ScalingConfig.MaximumConcurrency": f"{_SQS}no_more_run_at_once_than_the_maximum_concurrency",
    "MaximumBatchingWindowInSeconds": f"{_SQS}a_window_gathers_more_than_one_answer_of_the_queue",
    "ParallelizationFactor": f"{_KINESIS}a_shard_is_processed_in_parallel_with_each_key_in_order",
    "StartingPosition=TRIM_HORIZON": _POSITIONS,
    "StartingPosition=LATEST": _POSITIONS,
    "StartingPosition=AT_TIMESTAMP": _POSITIONS,
    "StartingPositionTimestamp": f"{_KAFKA}reading_begins_where_the_mapping_says",
    "DestinationConfig.OnSuccess.Destination": f"{_RECORDS}mappings_that_are_not_there_or_cannot_be",
    "DestinationConfig.OnFailure.Destination": _GIVEN_UP,
    "MaximumRecordAgeInSeconds": f"{_KAFKA_FAILURES}records_that_are_too_old_are_given_up",
    "BisectBatchOnFunctionError": f"{_KINESIS}a_batch_that_fails_is_split_until_the_bad_record_is_alone",
    "MaximumRetryAttempts": _GIVEN_UP,
    "Tags": f"{_RECORDS}tags_of_mappings",
    "TumblingWindowInSeconds": f"{_KINESIS}windows_carry_state_to_their_end",
    "Topics": f"{_KAFKA}events_of_a_cluster_of_ones_own_are_as_on_aws",
    "Queues": _HOSTS,
    "SourceAccessConfigurations.Type=BASIC_AUTH": _CREDENTIALS,
    "SourceAccessConfigurations.Type=VPC_SUBNET": _IN_VPC,
    "SourceAccessConfigurations.Type=VPC_SECURITY_GROUP": _IN_VPC,
    "SourceAccessConfigurations.Type=SASL_SCRAM_512_AUTH": _CREDENTIALS,
    "SourceAccessConfigurations.Type=SASL_SCRAM_256_AUTH": _CREDENTIALS,
    "SourceAccessConfigurations.Type=VIRTUAL_HOST": _HOSTS,
    "SourceAccessConfigurations.Type=CLIENT_CERTIFICATE_TLS_AUTH": _CREDENTIALS,
    "SourceAccessConfigurations.Type=SERVER_ROOT_CA_CERTIFICATE": _CREDENTIALS,
    "SourceAccessConfigurations.Type=OAUTHBEARER_AUTH": _TOKENS,
    "SourceAccessConfigurations.Type=OAUTHBEARER_SCOPE": _TOKENS,
    "SourceAccessConfigurations.Type=OAUTHBEARER_AUDIENCE": _TOKENS,
    "SourceAccessConfigurations.Type=OAUTHBEARER_LOGICAL_CLUSTER": f"{_OAUTH}brokers_are_told_cluster_and_pool_besides",
    "SourceAccessConfigurations.Type=OAUTHBEARER_IDENTITY_POOL": f"{_OAUTH}brokers_are_told_cluster_and_pool_besides",
    "SourceAccessConfigurations.Type=IAM_AUTH": _NO_ROLES,
    "SourceAccessConfigurations.Type=IAM_OAUTHBEARER_AUTH": _NO_ROLES,
    "SourceAccessConfigurations.URI": f"{_KAFKA_ACCESS}what_is_wrong_with_the_access_is_said_in_awss_words",
    "SelfManagedEventSource.Endpoints": f"{_KAFKA}events_of_a_cluster_of_ones_own_are_as_on_aws",
    "FunctionResponseTypes=ReportBatchItemFailures": f"{_SQS}only_messages_that_the_function_names_come_again",
    "AmazonManagedKafkaEventSourceConfig.ConsumerGroupId": (
        f"{_KAFKA}events_of_managed_clusters_are_as_on_aws_and_filters_see_key_and_value"
    ),
    "SelfManagedKafkaEventSourceConfig.ConsumerGroupId": f"{_KAFKA}a_consumer_group_goes_on_where_it_was",
    "SelfManagedKafkaEventSourceConfig.ConsumptionMode=Stream": _NOT_TAKEN,
    "SelfManagedKafkaEventSourceConfig.ConsumptionMode=Queue": _NOT_TAKEN,
    "DocumentDBEventSourceConfig.DatabaseName": f"{_DATABASES}a_mapping_without_a_collection_reads_the_changes_of_all_its_database",
    "DocumentDBEventSourceConfig.CollectionName": f"{_DATABASES}a_mapping_with_a_collection_reads_only_the_changes_of_that",
    "DocumentDBEventSourceConfig.FullDocument=UpdateLookup": _UPDATES,
    "DocumentDBEventSourceConfig.FullDocument=Default": _UPDATES,
    "ProvisionedPollerConfig.MinimumPollers": f"{_KAFKA}provisioned_pollers_work_side_by_side",
    "ProvisionedPollerConfig.MaximumPollers": f"{_POLLERS}provisioned_pollers_stay_between_their_bounds",
    "ProvisionedPollerConfig.PollerGroupName": f"{_SETTINGS}a_group_of_pollers_has_bounds",
    **{
        f"{kind}KafkaEventSourceConfig.SchemaRegistryConfig.{option}": test
        for kind in ("AmazonManaged", "SelfManaged")
        for option, test in {
            "SchemaRegistryURI": f"{_KAFKA}records_are_read_by_their_schemas_and_others_are_given_up",
            "EventRecordFormat=JSON": f"{_SCHEMAS}avro_becomes_json_or_stays_without_the_header",
            "EventRecordFormat=SOURCE": f"{_SCHEMAS}avro_becomes_json_or_stays_without_the_header",
            "AccessConfigs.Type=BASIC_AUTH": f"{_REGISTRIES}with_a_name_and_a_password",
            "AccessConfigs.Type=CLIENT_CERTIFICATE_TLS_AUTH": f"{_REGISTRIES}with_certificates_of_both_sides",
            "AccessConfigs.Type=SERVER_ROOT_CA_CERTIFICATE": f"{_REGISTRIES}with_certificates_of_both_sides",
            "AccessConfigs.Type=OAUTHBEARER_AUTH": f"{_REGISTRIES}with_tokens_of_an_identity_provider",
            "AccessConfigs.URI": f"{_REGISTRIES}with_a_name_and_a_password",
            "SchemaValidationConfigs.Attribute=KEY": f"{_SCHEMAS}only_what_is_to_be_validated_is_read",
            "SchemaValidationConfigs.Attribute=VALUE": f"{_SCHEMAS}only_what_is_to_be_validated_is_read",
        }.items()
    },
}
"""Of options with a list of values: which test shows each value."""


def _options(shape: Any, name: str = "") -> Iterator[str]:
    """All members that have no members themselves, by their paths, with each of their values if they are counted up."""
    if shape.type_name == "structure":
        for member, below in shape.members.items():
            yield from _options(below, f"{name}.{member}".removeprefix("."))
    elif shape.type_name == "list":
        yield from _options(shape.member, name)
    elif values := getattr(shape, "enum", None):
        yield from (f"{name}={value}" for value in values)
    else:
        yield name


def test_every_option_is_in_the_table() -> None:
    model = botocore.session.get_session().get_service_model("lambda")
    assert sorted(_options(model.shape_for("CreateEventSourceMappingRequest"))) == sorted(SHOWN_BY)


def test_every_test_in_the_table_is_there() -> None:
    for file in {test.partition("::")[0] for test in SHOWN_BY.values()}:
        functions = {node.name for node in ast.parse((_TESTS / file).read_text()).body if isinstance(node, ast.FunctionDef)}
        wanted = {test.rpartition("::")[2] for test in SHOWN_BY.values() if test.startswith(file)}
        assert wanted - functions == set()
