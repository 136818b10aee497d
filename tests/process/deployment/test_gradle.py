"""Java functions that Gradle builds: with the project's own build files, dependencies and wrapper."""

import asyncio
from pathlib import Path

import pytest
from tests.support.deploying import deploy, write
from tests.support.invoking import succeed
from tests.support.server import ROLE, Server
from tests.support.toolchains import require_tool

from alonzo.runtimes.java_client import default_cache, ensure_java_client

pytestmark = pytest.mark.thorough

BUILD = """
apply plugin: 'java'
sourceCompatibility = 11
dependencies {
    implementation project(':words')
    implementation fileTree(dir: "${rootDir}/jars", include: 'aws-lambda-java-core-*.jar')
}
"""
HANDLER = """
package shop;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;

public class Hello implements RequestHandler<String, String> {
    public String handleRequest(String name, Context context) {
        String sign = new java.util.Scanner(Hello.class.getResourceAsStream("/sign.txt")).nextLine();
        return words.Words.HELLO + " " + name + sign;
    }
}
"""
PROJECT = {
    "settings.gradle": "include 'words', 'hello'\n",
    "hello/build.gradle": BUILD,
    "hello/src/main/java/shop/Hello.java": HANDLER,
    "hello/src/main/resources/sign.txt": "!\n",
    "hello/src/test/java/shop/NoTest.java": "this is not compiled for a package",
    "words/build.gradle": "apply plugin: 'java'\nsourceCompatibility = 11\n",
    "words/src/main/java/words/Words.java": "package words;\npublic class Words { public static final String HELLO = greet();\n"
    '    private static String greet() { return "Hello"; } }\n',
    "gradlew": '#!/bin/sh\ntouch "$(dirname "$0")/wrapper-was-used"\nexec gradle --no-daemon "$@"\n',
}
TEMPLATE = f"""
Transform: AWS::Serverless-2016-10-31
Resources:
  Greeter:
    Type: AWS::Serverless::Function
    Properties: {{FunctionName: greeter, CodeUri: hello, Runtime: java11, Handler: "shop.Hello::handleRequest",
      MemorySize: 512, Timeout: 60, Role: "{ROLE}"}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    require_tool("gradle")
    directory = write(tmp_path / "project", PROJECT)
    asyncio.run(ensure_java_client(directory / "jars", cache=default_cache()))
    return directory


def test_a_project_of_a_larger_build_is_a_function(server: Server, project: Path, tmp_path: Path) -> None:
    said = deploy(server, str(project / "hello"), "--memory", "512", "--timeout", "60", cache=tmp_path / "cache")
    assert "alonzo: hello: gradlew alonzoPackage" in said
    assert (project / "wrapper-was-used").exists()
    assert succeed(server, "hello", "Ada") == "Hello Ada!"
    assert server.client("lambda").get_function_configuration(FunctionName="hello")["Runtime"] == "java11"


def test_of_a_larger_build_the_project_with_the_handler_is_the_function(server: Server, project: Path, tmp_path: Path) -> None:
    said = deploy(server, str(project), "--name", "of-larger", "--memory", "512", "--timeout", "60", cache=tmp_path / "cache")
    assert "of-larger is live after" in said
    assert succeed(server, "of-larger", "Ada") == "Hello Ada!"
    unclear = deploy(server, str(project), "--runtime", "java11", "--handler", "shop.Hello", cache=tmp_path / "cache", expect=1)
    assert "name the directory of the function's: words, hello" in unclear


def test_a_template_names_a_project(server: Server, project: Path, tmp_path: Path) -> None:
    write(project, {"template.yaml": TEMPLATE})
    deploy(server, str(project), cache=tmp_path / "cache")
    assert succeed(server, "greeter", "Ada") == "Hello Ada!"


def test_what_the_compiler_says_is_shown(server: Server, project: Path, tmp_path: Path) -> None:
    write(project, {"hello/src/main/java/shop/Hello.java": HANDLER.replace("words.Words.HELLO", "words.Words.GOODBYE")})
    said = deploy(server, str(project / "hello"), "--name", "broken", cache=tmp_path / "cache", expect=1)
    assert "Hello.java:10: error: cannot find symbol" in said
    assert "symbol:   variable GOODBYE" in said
