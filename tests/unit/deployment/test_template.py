"""Templates are read as CloudFormation reads them, and say what is local in them."""

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alonzo.deployment.errors import TemplateInvalid
from alonzo.deployment.template import LocalKind, find_template, parse_document, read_template

_PLAIN = st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=0x24F, exclude_characters="\x7f\x85\xa0"), max_size=10)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | _PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_PLAIN, inner, max_size=3),
    max_leaves=10,
)

SAM = """
AWSTemplateFormatVersion: 2010-09-09
Transform: AWS::Serverless-2016-10-31
Parameters:
  Python: {Type: String, Default: python3.12}
Globals:
  Function: {Runtime: !Ref Python, Handler: app.handler}
Resources:
  Api: {Type: AWS::Serverless::Function, Properties: {CodeUri: api/}}
  Here: {Type: AWS::Serverless::Function, Properties: {Runtime: nodejs22.x}}
  Inline: {Type: AWS::Serverless::Function, Properties: {InlineCode: "x"}}
  Image: {Type: AWS::Serverless::Function, Properties: {PackageType: Image, ImageUri: repo:tag}}
  Stored: {Type: AWS::Lambda::Function, Properties: {Code: {S3Bucket: b, S3Key: k}}}
  Remote: {Type: AWS::Serverless::Function, Properties: {CodeUri: s3://bucket/key}}
  Shared: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: layer}, Metadata: {BuildMethod: makefile}}
  Flow: {Type: AWS::Serverless::StateMachine, Properties: {DefinitionUri: flow.json}}
  Table: {Type: AWS::DynamoDB::Table, Properties: {Code: api}}
"""


def a_project(directory: Path, template: str = SAM) -> Path:
    for name in ("api", "layer"):
        (directory / name).mkdir()
    (directory / "flow.json").write_text("{}")
    (directory / "template.yaml").write_text(template)
    return directory / "template.yaml"


def test_finds_what_is_local(tmp_path: Path) -> None:
    template = read_template(a_project(tmp_path))
    assert {(reference.logical_id, reference.kind, reference.path) for reference in template.local_references()} == {
        ("Api", LocalKind.FUNCTION, tmp_path / "api"),
        ("Here", LocalKind.FUNCTION, tmp_path),
        ("Shared", LocalKind.LAYER, tmp_path / "layer"),
        ("Flow", LocalKind.DEFINITION, tmp_path / "flow.json"),
    }


def test_settings_come_from_globals_and_parameters(tmp_path: Path) -> None:
    template = read_template(a_project(tmp_path))
    assert template.setting("Api", "Runtime", {}) == "python3.12"
    assert template.setting("Api", "Runtime", {"Python": "python3.13"}) == "python3.13"
    assert template.setting("Here", "Runtime", {}) == "nodejs22.x"
    assert template.setting("Api", "Handler", {}) == "app.handler"
    assert template.metadata("Shared") == {"BuildMethod": "makefile"}


def test_objects_of_s3_take_the_place_of_paths(tmp_path: Path) -> None:
    template = read_template(a_project(tmp_path))
    template.set_code("Api", "bucket", "a.zip")
    template.set_code("Shared", "bucket", "l.zip")
    template.set_body("Flow", {"StartAt": "x"})
    resources = json.loads(template.as_json())["Resources"]
    assert resources["Api"]["Properties"]["CodeUri"] == {"Bucket": "bucket", "Key": "a.zip"}
    assert resources["Shared"]["Properties"]["ContentUri"] == {"Bucket": "bucket", "Key": "l.zip"}
    assert resources["Flow"]["Properties"] == {"Definition": {"StartAt": "x"}}


def test_short_forms_are_written_out() -> None:
    text = "[!Ref A, !GetAtt B.Arn, !GetAtt [B, Arn], !Sub 'x${A}', !Join ['-', [a, !Ref B]], !Condition C, !If [C, 2010-09-09, !Ref A]]"
    assert parse_document(text) == [
        {"Ref": "A"},
        {"Fn::GetAtt": ["B", "Arn"]},
        {"Fn::GetAtt": ["B", "Arn"]},
        {"Fn::Sub": "x${A}"},
        {"Fn::Join": ["-", ["a", {"Ref": "B"}]]},
        {"Condition": "C"},
        {"Fn::If": ["C", "2010-09-09", {"Ref": "A"}]},
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Resources: [", "expected the node content"),
        ("a: 1", "no Resources"),
        ("- 1", "no Resources"),
        ("Resources: {}\nGlobals: 1", "mappings"),
        ("a: !!python/object:os.system 1", "could not determine a constructor"),
        ("[" * 1_200, "nested too deeply"),
    ],
)
def test_says_what_is_wrong(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "template.yaml").write_text(text)
    with pytest.raises(TemplateInvalid, match=words):
        read_template(tmp_path / "template.yaml")


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "template.json").write_text(
        json.dumps({"Resources": {"A": {"Type": "AWS::Lambda::Function", "Properties": {"Code": "gone"}}}})
    )
    template = find_template(tmp_path)
    assert template is not None
    with pytest.raises(TemplateInvalid, match="Code of A is gone"):
        read_template(template).local_references()


@given(_JSON)
def test_json_is_read_as_it_is(value: object) -> None:
    assert parse_document(json.dumps(value)) == value


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(TemplateInvalid):
        parse_document(text)
