"""Stacks with functions, by CloudFormation's API alone."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.invoking import succeed
from tests.support.server import ROLE, Server, zip_of
from tests.support.stacks import CAPABILITIES, create_stack, delete_stack, history_of, outputs_of, reason_of, settle, update_stack

SAYS_WORD = "import os\ndef handler(event, context):\n    return os.environ['WORD']\n"
ALL_OF_LAMBDA = """
Parameters:
  Word: {Type: String, Default: hello}
Conditions:
  Loud: !Equals [!Ref Word, HELLO]
Resources:
  Queue: {Type: AWS::SQS::Queue}
  Layer:
    Type: AWS::Lambda::LayerVersion
    Properties: {Content: {S3Bucket: "%(bucket)s", S3Key: layer.zip}, CompatibleRuntimes: [python3.11]}
  LayerPermission:
    Type: AWS::Lambda::LayerVersionPermission
    Properties: {Action: lambda:GetLayerVersion, LayerVersionArn: !Ref Layer, Principal: "*"}
  Function:
    Type: AWS::Lambda::Function
    DependsOn: Queue
    Properties:
      Runtime: python3.11
      Handler: index.handler
      Role: arn:aws:iam::000000000000:role/any
      Timeout: 7
      Layers: [!Ref Layer]
      Environment: {Variables: {WORD: !Ref Word}}
      ReservedConcurrentExecutions: 3
      Tags: [{Key: team, Value: a}]
      Code:
        ZipFile: |
          import os, shared
          def handler(event, context):
              return [os.environ["WORD"], shared.ANSWER, context.invoked_function_arn]
  Version: {Type: AWS::Lambda::Version, Properties: {FunctionName: !Ref Function, Description: !Ref Word}}
  Alias: {Type: AWS::Lambda::Alias, Properties: {FunctionName: !Ref Function, FunctionVersion: !GetAtt Version.Version, Name: live}}
  Permission:
    Type: AWS::Lambda::Permission
    Properties: {Action: lambda:InvokeFunction, FunctionName: !Ref Alias, Principal: s3.amazonaws.com, SourceAccount: !Ref AWS::AccountId}
  Url:
    Type: AWS::Lambda::Url
    Properties: {TargetFunctionArn: !Ref Function, Qualifier: live, AuthType: NONE, Cors: {AllowOrigins: ["*"], MaxAge: 5}}
    DependsOn: Alias
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {FunctionName: !Ref Alias, EventSourceArn: !GetAtt Queue.Arn, BatchSize: "3"}
  InvokeConfig:
    Type: AWS::Lambda::EventInvokeConfig
    Properties: {FunctionName: !Ref Function, Qualifier: live, MaximumRetryAttempts: 1}
  Loud: {Type: AWS::SNS::Topic, Condition: Loud}
Outputs:
  Function: {Value: !Ref Function}
  Arn: {Value: !GetAtt Function.Arn}
  Alias: {Value: !Ref Alias}
  Version: {Value: !Sub "${Version.Version} of ${Version.FunctionArn}"}
  Url: {Value: !GetAtt Url.FunctionUrl}
  Mapping: {Value: !GetAtt Mapping.EventSourceMappingArn}
  Layer: {Value: !GetAtt Layer.LayerVersionArn, Export: {Name: !Sub "${AWS::StackName}-layer"}}
  Loud: {Value: !Ref Loud, Condition: Loud}
"""


def function(**properties: Any) -> dict[str, Any]:
    code = {"Runtime": "python3.11", "Handler": "index.handler", "Role": ROLE, "Code": {"ZipFile": SAYS_WORD}}
    return {"Type": "AWS::Lambda::Function", "Properties": code | properties}


def template(word: str = "one", **more: Any) -> dict[str, Any]:
    resources = {"Function": function(Environment={"Variables": {"WORD": word}}), **more}
    return {"Resources": resources, "Outputs": {"Function": {"Value": {"Ref": "Function"}}}}


def refusal(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return f"{caught.value.response['Error']['Code']}: {caught.value.response['Error']['Message']}"


def test_everything_of_lambda_is_made_changed_in_place_and_deleted(server: Server) -> None:
    s3, functions = server.client("s3"), server.client("lambda")
    s3.create_bucket(Bucket="layers")
    s3.put_object(Bucket="layers", Key="layer.zip", Body=zip_of({"python/shared.py": "ANSWER = 42\n"}))
    body = ALL_OF_LAMBDA % {"bucket": "layers"}
    stack = create_stack(server, "all", body)
    made = outputs_of(stack)
    assert succeed(server, made["Function"], {}) == ["hello", 42, made["Arn"]]
    assert succeed(server, made["Alias"], {})[2] == made["Alias"] == f"{made['Arn']}:live"
    assert made["Version"] == f"1 of {made['Arn']}:1"
    assert functions.get_function_url_config(FunctionName=made["Alias"])["FunctionUrl"] == made["Url"]
    assert functions.get_function_event_invoke_config(FunctionName=made["Alias"])["MaximumRetryAttempts"] == 1
    assert functions.list_event_source_mappings()["EventSourceMappings"][0]["BatchSize"] == 3
    assert functions.get_function(FunctionName=made["Function"])["Concurrency"] == {"ReservedConcurrentExecutions": 3}
    tags = functions.list_tags(Resource=made["Arn"])["Tags"]
    labels = {"logical-id": "Function", "stack-name": "all", "stack-id": stack["StackId"]}
    assert tags == {"team": "a"} | {f"aws:cloudformation:{name}": value for name, value in labels.items()}
    functions.tag_resource(Resource=made["Arn"], Tags={"team": "b"})
    for change in ({"Tags": {"aws:x": "y"}}, {"TagKeys": ["aws:cloudformation:stack-name"]}):
        call = functions.tag_resource if "Tags" in change else functions.untag_resource
        assert "aws: prefixed tag key names" in refusal(call, Resource=made["Arn"], **change)
    (statement,) = json.loads(functions.get_policy(FunctionName=made["Alias"])["Policy"])["Statement"]
    assert statement["Condition"] == {"StringEquals": {"AWS:SourceAccount": "000000000000"}}
    assert "Loud" not in made

    loud = [{"ParameterKey": "Word", "ParameterValue": "HELLO"}]
    changed = outputs_of(update_stack(server, "all", body, Parameters=loud))
    assert (changed["Arn"], changed["Url"], changed["Mapping"]) == (made["Arn"], made["Url"], made["Mapping"])
    assert changed["Loud"].startswith("arn:aws:sns:")
    assert succeed(server, changed["Alias"], {})[0] == "HELLO"
    assert changed["Version"].startswith("2 of")
    without = body.replace("      Timeout: 7\n", "").replace("      ReservedConcurrentExecutions: 3\n", "")
    outputs_of(update_stack(server, "all", without, Parameters=loud))
    configuration = functions.get_function(FunctionName=made["Function"])
    assert (configuration["Configuration"]["Timeout"], "Concurrency" in configuration) == (3, False)

    assert delete_stack(server, "all")["StackStatus"] == "DELETE_COMPLETE"
    assert functions.list_functions()["Functions"] == []
    assert functions.list_event_source_mappings()["EventSourceMappings"] == []
    assert functions.list_layers()["Layers"] == []


def test_what_fails_is_rolled_back_and_says_why(server: Server) -> None:
    broken = template(Broken={**function(Runtime="python2.7"), "DependsOn": "Function"})
    stack = create_stack(server, "broken", broken)
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    reason = reason_of(server, stack["StackId"], "Broken")
    assert reason.startswith("Resource handler returned message:")
    assert "python2.7" in reason
    assert [entry for entry in history_of(server, stack["StackId"]) if entry[1] != "CREATE_IN_PROGRESS"] == [
        ("Function", "CREATE_COMPLETE"),
        ("Broken", "CREATE_FAILED"),
        ("broken", "ROLLBACK_IN_PROGRESS"),
        ("Function", "DELETE_IN_PROGRESS"),
        ("Function", "DELETE_COMPLETE"),
        ("broken", "ROLLBACK_COMPLETE"),
    ]
    cloudformation = server.client("cloudformation")
    assert "ROLLBACK_COMPLETE state and can not be updated" in refusal(
        cloudformation.update_stack, StackName="broken", TemplateBody=json.dumps(template())
    )
    delete_stack(server, "broken")
    kept = create_stack(server, "kept", broken, DisableRollback=True)
    assert kept["StackStatus"] == "CREATE_FAILED"
    assert server.client("lambda").list_functions()["Functions"][0]["FunctionName"].startswith("kept-Function-")
    delete_stack(server, "kept")


def test_an_update_that_fails_is_undone(server: Server) -> None:
    before = outputs_of(create_stack(server, "undone", template("one", Gone={"Type": "AWS::SQS::Queue"})))
    stack = update_stack(server, "undone", template("two", New={"Type": "AWS::SNS::Topic"}, Broken=function(Handler="x" * 200)))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert succeed(server, before["Function"], {}) == "one"
    resources = server.client("cloudformation").list_stack_resources(StackName="undone")["StackResourceSummaries"]
    assert sorted(resource["LogicalResourceId"] for resource in resources) == ["Function", "Gone"]
    assert not [topic for topic in server.client("sns").list_topics()["Topics"] if "undone" in topic["TopicArn"]]
    assert outputs_of(update_stack(server, "undone", template("three"))) == before
    assert succeed(server, before["Function"], {}) == "three"


def test_what_cannot_be_changed_in_place_is_made_anew_first(server: Server) -> None:
    functions = server.client("lambda")
    named = {"Resources": {"Function": function(FunctionName="first", Environment={"Variables": {"WORD": "x"}})}}
    create_stack(server, "named", named)
    named["Resources"]["Function"]["Properties"]["FunctionName"] = "second"
    assert update_stack(server, "named", named)["StackStatus"] == "UPDATE_COMPLETE"
    assert [each["FunctionName"] for each in functions.list_functions()["Functions"] if each["FunctionName"] in {"first", "second"}] == [
        "second"
    ]
    history = history_of(server, "named")
    assert history[-3:] == [("Function", "DELETE_IN_PROGRESS"), ("Function", "DELETE_COMPLETE"), ("named", "UPDATE_COMPLETE")]


def test_a_change_set_says_what_it_would_do_and_does_it(server: Server) -> None:
    cloudformation = server.client("cloudformation")

    def plan(name: str, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        made = cloudformation.create_change_set(
            StackName="planned", ChangeSetName=name, ChangeSetType=kind, TemplateBody=json.dumps(body), Capabilities=CAPABILITIES
        )
        described: dict[str, Any] = cloudformation.describe_change_set(ChangeSetName=made["Id"])
        return described

    def actions(planned: dict[str, Any]) -> list[tuple[str, str, str | None]]:
        changes = [change["ResourceChange"] for change in planned["Changes"]]
        return [(change["Action"], change["LogicalResourceId"], change.get("Replacement")) for change in changes]

    first = plan("first", "CREATE", template(Queue={"Type": "AWS::SQS::Queue"}))
    assert actions(first) == [("Add", "Function", None), ("Add", "Queue", None)]
    cloudformation.execute_change_set(ChangeSetName="first", StackName="planned")
    made = outputs_of(settle(server, "planned"))
    second = plan("second", "UPDATE", template("two"))
    assert actions(second) == [("Modify", "Function", "False"), ("Remove", "Queue", None)]
    assert succeed(server, made["Function"], {}) == "one"
    cloudformation.execute_change_set(ChangeSetName="second", StackName="planned")
    settle(server, "planned")
    assert succeed(server, made["Function"], {}) == "two"
    third = plan("third", "UPDATE", template("two"))
    assert (third["Status"], third["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert third["StatusReason"].startswith("The submitted information didn't contain changes.")
    assert "No updates are to be performed." in refusal(
        cloudformation.update_stack, StackName="planned", TemplateBody=json.dumps(template("two"))
    )


def test_exports_are_imported_and_kept_as_long_as_they_are(server: Server) -> None:
    cloudformation = server.client("cloudformation")
    exporting = template() | {"Outputs": {"Out": {"Value": {"Fn::GetAtt": ["Function", "Arn"]}, "Export": {"Name": "shared-arn"}}}}
    arn = outputs_of(create_stack(server, "exporting", exporting))["Out"]
    importing = {"Resources": {"Importing": function(Environment={"Variables": {"WORD": {"Fn::ImportValue": "shared-arn"}}})}}
    create_stack(server, "importing", importing | {"Outputs": {"Function": {"Value": {"Ref": "Importing"}}}})
    name = outputs_of(settle(server, "importing"))["Function"]
    assert succeed(server, name, {}) == arn
    assert cloudformation.list_exports()["Exports"][0]["Value"] == arn
    assert cloudformation.list_imports(ExportName="shared-arn")["Imports"] == ["importing"]
    assert "in use by importing" in refusal(cloudformation.delete_stack, StackName="exporting")
    delete_stack(server, "importing")
    assert delete_stack(server, "exporting")["StackStatus"] == "DELETE_COMPLETE"


def test_what_alonzo_does_not_make_fails_and_says_so(server: Server) -> None:
    stack = create_stack(server, "unknown", template(Odd={"Type": "AWS::AppSync::GraphQLApi", "Properties": {"Name": "x"}}))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert reason_of(server, stack["StackId"], "Odd") == "Alonzo does not make resources of type AWS::AppSync::GraphQLApi."
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"ReplicationConfiguration": {}}}
    stack = create_stack(server, "unknown-property", template(Bucket=bucket))
    assert "ReplicationConfiguration" in reason_of(server, stack["StackId"], "Bucket")


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"Timeout": 0}, "Value '0' at 'timeout' failed to satisfy constraint"),
        ({"Handler": None}, "handler"),
        ({"Role": None}, "Value null at 'role' failed to satisfy constraint: Member must not be null"),
    ],
)
def test_the_reason_is_lambda_s_own_message(server: Server, properties: dict[str, Any], reason: str) -> None:
    wrong = function(**properties)
    wrong["Properties"] = {name: value for name, value in wrong["Properties"].items() if value is not None}
    stack = create_stack(server, f"refused-{next(iter(properties))}", {"Resources": {"Wrong": wrong}})
    said = reason_of(server, stack["StackId"], "Wrong")
    assert reason in said
    assert "Parameter validation failed" not in said


def test_what_is_not_named_is_missed(server: Server) -> None:
    alias = {"Type": "AWS::Lambda::Alias", "Properties": {"Name": "live", "FunctionVersion": "1"}}
    stack = create_stack(server, "unnamed", {"Resources": {"Alias": alias}})
    assert reason_of(server, stack["StackId"], "Alias") == "Properties validation failed: #: required key [FunctionName] not found"


def test_each_deployment_takes_the_place_of_the_one_before(server: Server) -> None:
    def api_with(deployment: str) -> dict[str, Any]:
        method = {
            "RestApiId": {"Ref": "Api"},
            "ResourceId": {"Fn::GetAtt": "Api.RootResourceId"},
            "HttpMethod": "GET",
            "AuthorizationType": "NONE",
            "Integration": {"Type": "MOCK"},
        }
        return {
            "Resources": {
                "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "again"}},
                "Method": {"Type": "AWS::ApiGateway::Method", "Properties": method},
                deployment: {
                    "Type": "AWS::ApiGateway::Deployment",
                    "Properties": {"RestApiId": {"Ref": "Api"}, "StageName": "dev"},
                    "DependsOn": "Method",
                },
            },
            "Outputs": {"Api": {"Value": {"Ref": "Api"}}, "Deployment": {"Value": {"Ref": deployment}}},
        }

    create_stack(server, "again", api_with("First"))
    made = outputs_of(update_stack(server, "again", api_with("Second")))
    assert ("First", "DELETE_COMPLETE") in history_of(server, "again")
    gateway = server.client("apigateway")
    assert gateway.get_stage(restApiId=made["Api"], stageName="dev")["deploymentId"] == made["Deployment"]
    assert "Active stages" in refusal(gateway.delete_deployment, restApiId=made["Api"], deploymentId=made["Deployment"])
    assert delete_stack(server, "again")["StackStatus"] == "DELETE_COMPLETE"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("Resources: {A: {Type: 'AWS::SQS::Queue', DependsOn: B}, B: {Type: 'AWS::SQS::Queue', DependsOn: A}}", "Circular dependency"),
        ("Resources: {A: {Type: 'AWS::SQS::Queue', Properties: {QueueName: !Ref C}}}", "Unresolved resource dependencies [C]"),
        ("Resources: {}", "At least one Resources member must be defined"),
        ("Resources: {A: {Type: !!python/object/apply:os.system [\"touch /tmp/owned\"]}}", "not well-formed"),
        ("Resources: &r {A: {Type: 'AWS::SQS::Queue'}}\nMetadata: *r", "aliases are not allowed"),
        ("Parameters: {P: {Type: Number}}\nResources: {A: {Type: 'AWS::SQS::Queue'}}", "[P] must have values"),
        ("{", "JSON not well-formed"),
    ],
)  # fmt: skip
def test_templates_with_faults_are_refused(server: Server, body: str, message: str) -> None:
    cloudformation = server.client("cloudformation")
    assert message in refusal(cloudformation.create_stack, StackName="faulty", TemplateBody=body)
    assert "does not exist" in refusal(cloudformation.describe_stacks, StackName="faulty")


def test_capabilities_are_asked_for(server: Server) -> None:
    cloudformation = server.client("cloudformation")
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": []}, "RoleName": "named"}}
    body = json.dumps({"Resources": {"Role": role}})
    assert "CAPABILITY_NAMED_IAM" in refusal(cloudformation.create_stack, StackName="c", TemplateBody=body)
    serverless = json.dumps({"Transform": "AWS::Serverless-2016-10-31", "Resources": {}})
    assert "CAPABILITY_AUTO_EXPAND" in refusal(cloudformation.create_stack, StackName="c", TemplateBody=serverless)
