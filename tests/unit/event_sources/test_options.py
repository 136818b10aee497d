"""Every option of CreateEventSourceMapping has a test in which it changes what happens: this table says which."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session

_TESTS = Path(__file__).parents[2]
_SQS, _KINESIS = "process/sources/test_sqs.py::test_", "process/sources/test_kinesis.py::test_"
_KAFKA, _PARITY = "process/brokers/test_kafka.py::test_", "parity/test_event_source_mappings.py::test_"
_SCHEMAS = "unit/sources/test_schemas.py::test_"
_DOCUMENTS = "process/brokers/test_document_db.py::test_"
_DATABASES = "unit/sources/test_document_db.py::test_"
_MANAGED_KAFKA = f"{_KAFKA}events_of_managed_clusters_are"
_POLLERS = "unit/sources/test_kafka_delivery.py::test_"
_OPTIONS = "process/sources/test_mapping_options.py::test_"
_RABBITMQ = "process/brokers/test_rabbitmq.py::test_"

SHOWN_BY = {
    "EventSourceArn": f"{_KINESIS}records_look_as_on_aws_and_begin_where_the_mapping_says",
    "FunctionName": f"{_KINESIS}a_mapping_leads_to_an_alias_and_then_to_another_function",
    "Enabled": f"{_SQS}a_mapping_is_enabled_changed_disabled_and_deleted",
    "BatchSize": f"{_KINESIS}batches_have_a_size_and_gather_in_a_window",
    "FilterCriteria.Filters.Pattern": f"{_SQS}messages_that_match_no_filter_are_deleted_and_events_are_counted",
    "KMSKeyArn": f"{_OPTIONS}filters_are_kept_encrypted_and_a_mapping_ends_where_its_key_does",
    "MetricsConfig.Metrics": f"{_SQS}messages_that_match_no_filter_are_deleted_and_events_are_counted",
    "LoggingConfig.SystemLogLevel": f"{_KAFKA}what_pollers_do_is_in_the_functions_log_group_and_errors_are_counted",
    "ScalingConfig.MaximumConcurrency": f"{_SQS}no_more_run_at_once_than_the_maximum_concurrency",
    "MaximumBatchingWindowInSeconds": f"{_SQS}a_window_gathers_more_than_one_answer_of_the_queue",
    "ParallelizationFactor": f"{_KINESIS}a_shard_is_processed_in_parallel_with_each_key_in_order",
    "StartingPosition": f"{_KINESIS}records_look_as_on_aws_and_begin_where_the_mapping_says",
    "StartingPositionTimestamp": f"{_KINESIS}records_look_as_on_aws_and_begin_where_the_mapping_says",
    "DestinationConfig.OnSuccess.Destination": f"{_PARITY}mappings_that_are_not_there_or_cannot_be",
    "DestinationConfig.OnFailure.Destination": f"{_KINESIS}a_batch_that_fails_is_retried_then_given_up_and_the_destination_told",
    "MaximumRecordAgeInSeconds": f"{_KAFKA}records_that_are_too_old_are_given_up",
    "BisectBatchOnFunctionError": f"{_KINESIS}a_batch_that_fails_is_split_until_the_bad_record_is_alone",
    "MaximumRetryAttempts": f"{_KINESIS}a_batch_that_fails_is_retried_then_given_up_and_the_destination_told",
    "Tags": f"{_PARITY}tags_of_mappings",
    "TumblingWindowInSeconds": f"{_KINESIS}windows_carry_state_to_their_end",
    "Topics": f"{_KAFKA}events_of_a_cluster_of_ones_own_are_as_on_aws",
    "Queues": f"{_RABBITMQ}queues_of_other_virtual_hosts_are_reached",
    "SourceAccessConfigurations.Type": f"{_KAFKA}credentials_and_certificates_open_the_listeners_that_want_them",
    "SourceAccessConfigurations.URI": f"{_KAFKA}what_is_wrong_with_the_access_is_said_in_awss_words",
    "SelfManagedEventSource.Endpoints": f"{_KAFKA}events_of_a_cluster_of_ones_own_are_as_on_aws",
    "FunctionResponseTypes": f"{_SQS}only_messages_that_the_function_names_come_again",
    "AmazonManagedKafkaEventSourceConfig.ConsumerGroupId": f"{_MANAGED_KAFKA}_as_on_aws_and_filters_see_key_and_value",
    "SelfManagedKafkaEventSourceConfig.ConsumerGroupId": f"{_KAFKA}a_consumer_group_goes_on_where_it_was",
    "SelfManagedKafkaEventSourceConfig.ConsumptionMode": f"{_PARITY}what_a_kind_of_source_does_not_take",
    "DocumentDBEventSourceConfig.DatabaseName": f"{_DATABASES}a_mapping_without_a_collection_reads_the_changes_of_all_its_database",
    "DocumentDBEventSourceConfig.CollectionName": f"{_DATABASES}a_mapping_with_a_collection_reads_only_the_changes_of_that",
    "DocumentDBEventSourceConfig.FullDocument": f"{_DOCUMENTS}updates_come_with_the_whole_document_if_asked_for",
    "ProvisionedPollerConfig.MinimumPollers": f"{_KAFKA}provisioned_pollers_work_side_by_side",
    "ProvisionedPollerConfig.MaximumPollers": f"{_POLLERS}provisioned_pollers_stay_between_their_bounds",
    "ProvisionedPollerConfig.PollerGroupName": f"{_PARITY}a_group_of_pollers_has_bounds",
    **{
        f"{kind}KafkaEventSourceConfig.SchemaRegistryConfig.{option}": test
        for kind in ("AmazonManaged", "SelfManaged")
        for option, test in {
            "SchemaRegistryURI": f"{_KAFKA}records_are_read_by_their_schemas_and_others_are_given_up",
            "EventRecordFormat": f"{_SCHEMAS}avro_becomes_json_or_stays_without_the_header",
            "AccessConfigs.Type": f"{_SCHEMAS}a_schema_may_be_missing_and_a_registry_may_refuse",
            "AccessConfigs.URI": f"{_SCHEMAS}a_schema_may_be_missing_and_a_registry_may_refuse",
            "SchemaValidationConfigs.Attribute": f"{_SCHEMAS}only_what_is_to_be_validated_is_read",
        }.items()
    },
}


def _options(shape: Any, name: str = "") -> Iterator[str]:
    """All members that have no members themselves, by their paths."""
    if shape.type_name == "structure":
        for member, below in shape.members.items():
            yield from _options(below, f"{name}.{member}".removeprefix("."))
    elif shape.type_name == "list":
        yield from _options(shape.member, name)
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
