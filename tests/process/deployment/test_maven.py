"""Java functions that Maven builds: modules of a larger build, with what they need of the others."""

from pathlib import Path

import pytest
from tests.support.deploying import deploy, watching, write
from tests.support.invoking import succeed
from tests.support.server import ROLE, Server
from tests.support.toolchains import require_tool

pytestmark = pytest.mark.thorough

_PARENT = """<project><modelVersion>4.0.0</modelVersion>
  <groupId>shop</groupId><artifactId>parent</artifactId><version>1</version><packaging>pom</packaging>
  <modules><module>words</module><module>greeter</module></modules>
  <properties><maven.compiler.source>11</maven.compiler.source><maven.compiler.target>11</maven.compiler.target>
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding></properties>
</project>
"""
_OF_PARENT = "<parent><groupId>shop</groupId><artifactId>parent</artifactId><version>1</version></parent>"
_WORDS = """package words;
public class Words { public static final String HELLO = greet(); private static String greet() { return "Hello"; } }
"""
_HANDLER = """package shop;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;

public class Hello implements RequestHandler<String, String> {
    public String handleRequest(String name, Context context) { return words.Words.HELLO + " " + name; }
}
"""
_PROJECT = {
    "pom.xml": _PARENT,
    "words/pom.xml": f"<project><modelVersion>4.0.0</modelVersion>{_OF_PARENT}<artifactId>words</artifactId></project>",
    "words/src/main/java/words/Words.java": _WORDS,
    "greeter/pom.xml": f"""<project><modelVersion>4.0.0</modelVersion>{_OF_PARENT}<artifactId>greeter</artifactId><dependencies>
      <dependency><groupId>shop</groupId><artifactId>words</artifactId><version>1</version></dependency>
      <dependency><groupId>com.amazonaws</groupId><artifactId>aws-lambda-java-core</artifactId><version>1.2.3</version></dependency>
    </dependencies></project>""",
    "greeter/src/main/java/shop/Hello.java": _HANDLER,
    "template.yaml": f"""
Transform: AWS::Serverless-2016-10-31
Resources:
  Greeter:
    Type: AWS::Serverless::Function
    Properties: {{FunctionName: maven-stacked, CodeUri: greeter, Runtime: java11, Handler: "shop.Hello::handleRequest",
      MemorySize: 512, Timeout: 60, Role: "{ROLE}"}}
""",
}
_OPTIONS = ("--memory", "512", "--timeout", "60")


@pytest.fixture
def build(tmp_path: Path) -> Path:
    require_tool("mvn")
    return write(tmp_path / "shop", _PROJECT)


def test_a_module_is_built_with_what_it_needs_and_watched_with_it(server: Server, build: Path, tmp_path: Path) -> None:
    (build / "template.yaml").unlink()
    said = deploy(server, str(build), *_OPTIONS, cache=tmp_path / "cache")
    assert "greeter is live after" in said
    assert succeed(server, "greeter", "Ada") == "Hello Ada"
    assert server.client("lambda").get_function_configuration(FunctionName="greeter")["Runtime"] == "java11"
    with watching(server, build / "greeter", cache=tmp_path / "cache") as watched:
        (build / "words" / "src" / "main" / "java" / "words" / "Words.java").write_text(_WORDS.replace("Hello", "Good day,"))
        watched.wait_for_line("Words.java changed: greeter is live")
    assert succeed(server, "greeter", "Ada") == "Good day, Ada"


def test_a_template_names_a_module_and_what_the_compiler_says_is_shown(server: Server, build: Path, tmp_path: Path) -> None:
    deploy(server, str(build), cache=tmp_path / "cache")
    assert succeed(server, "maven-stacked", "Ada") == "Hello Ada"
    write(build, {"greeter/src/main/java/shop/Hello.java": _HANDLER.replace("HELLO", "GOODBYE")})
    said = deploy(server, str(build / "greeter"), "--name", "maven-broken", cache=tmp_path / "cache", expect=1)
    assert "cannot find symbol" in said
    assert "variable GOODBYE" in said
