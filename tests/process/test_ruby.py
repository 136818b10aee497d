"""Functions in Ruby: handlers of every form, gems of packages and layers, errors and logs as AWS words them."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import StartServer
from tests.support.invoking import Answer, invoke, succeed, wait_for_log
from tests.support.server import ROLE, Server, zip_of
from tests.support.toolchains import require_tool

RUNTIME = "ruby3.3"


@pytest.fixture(scope="module", autouse=True)
def ruby() -> str:
    """The program that runs them all."""
    return require_tool("ruby")


def deploy(server: Server, name: str, source: str, *, others: dict[str, str] | None = None, **more: Any) -> str:
    client = server.client("lambda")
    configuration = {"Runtime": RUNTIME, "Handler": "app.handler", "Role": ROLE} | more
    client.create_function(FunctionName=name, Code={"ZipFile": zip_of({"app.rb": source} | (others or {}))}, **configuration)
    server.wait_until_settled(name)
    return name


def run(server: Server, name: str, source: str, event: Any = None, **more: Any) -> Answer:
    return invoke(server, deploy(server, name, source, **more), event)


@pytest.mark.parametrize(
    ("form", "source", "handler"),
    [
        ("method", "def handler(event:, context:) = event", "app.handler"),
        ("class", "class Own; def self.process(event:, context:) = event; end", "app.Own.process"),
        ("module", "module Deep; class Own; def self.process(event:, context:); event; end; end; end", "app.Deep::Own.process"),
        ("any-keywords", "def handler(event:, **) = event", "app.handler"),
        ("io", "def handler(event:, context:) = StringIO.new(JSON.generate(event))", "app.handler"),
        ("directory", "", "lib/own.handler"),
    ],
)
def test_every_form_of_handler_answers(server: Server, form: str, source: str, handler: str) -> None:
    others = {"lib/own.rb": "def handler(event:, context:) = event"}
    name = deploy(server, f"ruby-{form}", source, Handler=handler, others=others)
    for event in (None, [1, "ü\u0000😀"], {"a": {"b": 1.5}}, "x" * 1_000_000, {"n": 2**70, "e": []}):
        assert succeed(server, name, event) == event


def test_a_response_of_six_megabytes_passes_and_one_more_does_not(server: Server) -> None:
    name = deploy(server, "ruby-large", "def handler(event:, context:) = 'ü' * event", MemorySize=512, Timeout=30)
    assert len(succeed(server, name, 3_000_000)) == 3_000_000
    answer = invoke(server, name, 3_500_000)
    assert answer.value["errorType"] == "Function.ResponseSizeTooLarge"
    assert len(succeed(server, name, 10)) == 10


def test_globals_live_on_and_the_context_is_complete(server: Server) -> None:
    source = """
        $count = 0
        def handler(event:, context:)
          @calls = (@calls || 0) + 1
          {
            count: $count += 1, calls: @calls, name: context.function_name, version: context.function_version,
            memory: context.memory_limit_in_mb, arn: context.invoked_function_arn, group: context.log_group_name,
            stream: context.log_stream_name, id: context.aws_request_id, left: context.get_remaining_time_in_millis,
            deadline: context.deadline_ms, client: context.client_context, identity: context.identity, tenant: context.tenant_id,
            trace: ENV['_X_AMZN_TRACE_ID'], directory: Dir.pwd, global: $_global_aws_request_id
          }
        end
    """
    name = deploy(server, "ruby-context", source, Timeout=30)
    client_context = {"custom": {"a": "1"}, "client": {"installation_id": "x"}}
    first = succeed(server, name, ClientContext=base64.b64encode(json.dumps(client_context).encode()).decode())
    second = succeed(server, name)
    assert (first["count"], second["count"], second["calls"]) == (1, 2, 2)
    assert first["trace"].startswith("Root=1-")
    assert len(first["id"]) == 36
    assert first["id"] == first["global"] != second["id"]
    assert 1_000 < first["left"] <= 30_000
    assert first["stream"] == second["stream"]
    kept = {key: first[key] for key in ("name", "version", "memory", "arn", "group", "client", "identity", "tenant", "directory")}
    assert kept == {
        "name": name,
        "version": "$LATEST",
        "memory": "128",
        "arn": f"arn:aws:lambda:us-east-1:000000000000:function:{name}",
        "group": f"/aws/lambda/{name}",
        "client": client_context,
        "identity": None,
        "tenant": None,
        "directory": "/var/task",
    }


def test_the_variables_are_those_of_aws(server: Server) -> None:
    source = "def handler(event:, context:) = ENV.to_h.slice(*event)"
    name = deploy(server, "ruby-variables", source)
    seen = succeed(server, name, ["GEM_HOME", "GEM_PATH", "RUBYLIB", "AWS_EXECUTION_ENV", "_LAMBDA_TELEMETRY_LOG_FD", "_HANDLER"])
    assert seen.pop("GEM_PATH").startswith("/var/task/vendor/bundle/ruby/3.3.0:/opt/ruby/gems/3.3.0:/var/runtime:/var/runtime/ruby/3.3.0")
    assert seen == {
        "GEM_HOME": "/var/runtime",
        "RUBYLIB": "/var/task:/var/runtime/lib:/opt/ruby/lib",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{RUNTIME}",
        "_HANDLER": "app.handler",
    }


@pytest.mark.parametrize(
    ("kind", "source", "error_type", "message"),
    [
        ("raises", "def handler(event:, context:) = raise('bad')", "Function<RuntimeError>", "bad"),
        ("own-class", "class Odd < StandardError; end\ndef handler(event:, context:) = raise(Odd, 'ü')", "Function<Odd>", "ü"),
        ("bytes", 'def handler(event:, context:) = raise("bad \\xff".b)', "Function<RuntimeError>", "bad \ufffd"),
        ("no-json", "def handler(event:, context:) = Float::NAN", "Function<JSON::GeneratorError>", "NaN not allowed in JSON"),
        ("no-method", "def other; end", "Function<NoMethodError>", "undefined method `handler' for"),
        ("typo", "def handler(event:, context:) = nothing_of_the_kind", "Function<NameError>", "undefined local variable or method"),
        ("exits", "def handler(event:, context:) = exit(3)", "Function<SystemExit>", "exit"),
        ("endless", "def handler(event:, context:) = handler(event: 1, context: 2)", "Function<SystemStackError>", "stack level too deep"),
        ("load", "require 'nope'", "Init<LoadError>", "cannot load such file -- nope"),
        ("syntax", "def def", "Init<SyntaxError>", "/var/task/app.rb:"),
        ("init", "raise 'early'", "Init<RuntimeError>", "early"),
    ],
)
def test_errors_are_reported_as_on_aws(server: Server, kind: str, source: str, error_type: str, message: str) -> None:
    answer = run(server, f"ruby-{kind}", source)
    assert answer.error == "Unhandled"
    assert answer.value["errorType"] == error_type
    assert message in answer.value["errorMessage"].replace("'handler'", "`handler'")
    assert sorted(answer.value) == ["errorMessage", "errorType", "stackTrace"]
    assert not any("alonzo" in frame for frame in answer.value["stackTrace"])


def test_the_stack_is_the_functions_own(server: Server) -> None:
    source = "def handler(event:, context:)\n  inner\nend\n\ndef inner\n  raise ArgumentError, 'no'\nend\n"
    answer = run(server, "ruby-stack", source)
    frames = [re.sub("[`'](?:Object#)?", "'", frame) for frame in answer.value["stackTrace"]]
    assert frames == ["/var/task/app.rb:6:in 'inner'", "/var/task/app.rb:2:in 'handler'"]


@pytest.mark.parametrize(
    ("name", "handler", "error_type"),
    [("short", "app", "Init<ArgumentError>"), ("long", "app.a.b.c", "Init<ArgumentError>"), ("file", "none.handler", "Init<LoadError>")],
)
def test_handlers_of_no_form_are_errors_of_init(server: Server, name: str, handler: str, error_type: str) -> None:
    answer = run(server, f"ruby-handler-{name}", "def handler(event:, context:) = 1", Handler=handler)
    assert answer.value["errorType"] == error_type


def test_an_error_leaves_the_environment_and_a_broken_function_does_not(server: Server) -> None:
    source = """
        $count = 0
        def handler(event:, context:)
          $count += 1
          raise 'bad' if event == 'raise'
          nothing_of_the_kind if event == 'break'
          $count
        end
    """
    name = deploy(server, "ruby-goes-on", source)
    assert succeed(server, name) == 1
    assert invoke(server, name, "raise").error == "Unhandled"
    assert succeed(server, name) == 3
    assert invoke(server, name, "break").error == "Unhandled"
    assert succeed(server, name) == 1


def test_a_hard_exit_and_a_timeout_are_told_apart(server: Server) -> None:
    exited = run(server, "ruby-exits-hard", "def handler(event:, context:) = exit!(3)")
    assert exited.value["errorMessage"].endswith("Error: Runtime exited with error: exit status 3")
    timed_out = run(server, "ruby-sleeps", "def handler(event:, context:) = sleep", Timeout=1)
    assert timed_out.value["errorMessage"].endswith("Error: Task timed out after 1.00 seconds")


def test_puts_and_loggers_write_events(server: Server) -> None:
    source = """
        def handler(event:, context:)
          puts "two\\nlines", ["and", ["three"]]
          Logger.new($stdout, progname: 'own').warn("more\\nlines")
          Logger.new($stderr).error(ArgumentError.new('bad'))
          $stdout.puts 'plain'
          warn 'said'
        end
    """
    name = deploy(server, "ruby-logs", source)
    request_id = invoke(server, name).request_id
    lines = wait_for_log(server, name, "REPORT RequestId")
    assert "two\nlines\nand\nthree\n" in lines
    assert {"plain\n", "said\n"} <= set(lines)
    warned = next(line for line in lines if "WARN" in line)
    assert re.fullmatch(rf"W, \[\d{{4}}-\d\d-\d\dT[\d:.]{{15}} #\d+\]  WARN {request_id} -- own: more\nlines\n", warned)
    assert any(f" ERROR {request_id} -- : bad (ArgumentError)\n" in line for line in lines)


def test_errors_are_logged_in_aws_words(server: Server) -> None:
    name = deploy(server, "ruby-logs-errors", "def handler(event:, context:) = raise('bad')")
    invoke(server, name)
    lines = wait_for_log(server, name, "REPORT RequestId")
    label = lines.index("Error raised from handler method\n")
    logged = json.loads(lines[label + 1])
    assert (logged["errorMessage"], logged["errorType"]) == ("bad", "Function<RuntimeError>")


def test_json_logs_carry_levels_and_errors(server: Server) -> None:
    source = """
        def handler(event:, context:)
          logger = Logger.new($stdout)
          logger.info('quiet')
          logger.error(TypeError.new('bad'))
          Logger.new($stdout, level: :debug, progname: 'own').debug({a: 1})
          raise 'worse'
        end
    """
    logging = {"LogFormat": "JSON", "ApplicationLogLevel": "WARN"}
    name = deploy(server, "ruby-json-logs", source, LoggingConfig=logging)
    request_id = invoke(server, name).request_id
    records = [json.loads(line) for line in wait_for_log(server, name, "platform.report")]
    own = [record for record in records if "level" in record]
    assert {record["requestId"] for record in own} == {request_id}
    told = [(record["level"], record["message"], record.get("errorType"), record.get("logger")) for record in own]
    assert told == [
        ("ERROR", "bad", "TypeError", None),
        ("DEBUG", "{:a=>1}", None, "own") if "=>" in told[1][1] else ("DEBUG", "{a: 1}", None, "own"),
        ("ERROR", "Error raised from handler method", "Function<RuntimeError>", None),
    ]


def a_gem(name: str, directory: str) -> dict[str, str]:
    """A gem as `bundle install` lays it out below a directory of gems."""
    specification = f"Gem::Specification.new {{ |s| s.name = '{name}'; s.version = '1.2.3'; s.summary = 'x'; s.authors = ['x'] }}"
    return {
        f"{directory}/specifications/{name}-1.2.3.gemspec": specification,
        f"{directory}/gems/{name}-1.2.3/lib/{name}.rb": f'module {name.capitalize()}; def self.greet(who) = "{name} #{{who}}"; end',
    }


def test_gems_of_the_package_and_of_layers_are_found(server: Server) -> None:
    client = server.client("lambda")
    library = {"ruby/lib/shared.rb": "SHARED = 'from ruby/lib'"}
    content = {"ZipFile": zip_of(a_gem("layered", "ruby/gems/3.3.0") | library)}
    layer = client.publish_layer_version(LayerName="gems", Content=content)["LayerVersionArn"]
    source = """
        require 'layered'
        require 'bundled'
        require 'shared'
        require 'beside'
        def handler(event:, context:)
          [Layered.greet(event), Bundled.greet(event), SHARED, BESIDE, Gem.loaded_specs['layered'].version.to_s]
        end
    """
    others = a_gem("bundled", "vendor/bundle/ruby/3.3.0") | {"beside.rb": "BESIDE = 'in the package'"}
    name = deploy(server, "ruby-gems", source, Layers=[layer], others=others)
    assert succeed(server, name, "Ada") == ["layered Ada", "bundled Ada", "from ruby/lib", "in the package", "1.2.3"]


def test_the_aws_sdk_of_the_machine_is_there(start_server: StartServer, tmp_path: Path) -> None:
    for path, content in a_gem("aws-sdk-core", "gems").items():
        file = tmp_path / path.replace("1.2.3", "3.9.9")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content.replace("1.2.3", "3.9.9").replace("module Aws-sdk-core", "module Aws"))
    server = start_server(environment={"GEM_HOME": str(tmp_path / "gems")})
    source = "require 'aws-sdk-core'\ndef handler(event:, context:) = [Aws.greet(event), Gem.loaded_specs['aws-sdk-core'].version.to_s]"
    assert succeed(server, deploy(server, "ruby-sdk", source), "Ada") == ["aws-sdk-core Ada", "3.9.9"]


def test_a_marshaller_of_the_functions_own_reads_and_writes(server: Server) -> None:
    source = """
        class AwsLambda::Marshaller
          def self.marshall_request(raw) = raw.body.upcase
          def self.marshall_response(response) = JSON.generate({wrapped: response, type: 'own'})
        end
        def handler(event:, context:) = event
    """
    assert succeed(server, deploy(server, "ruby-marshaller", source), "ada") == {"wrapped": '"ADA"', "type": "own"}


def test_what_aws_has_loaded_need_not_be_required(server: Server) -> None:
    source = """
        def handler(event:, context:)
          answer = Net::HTTP.get_response(URI("#{ENV['AWS_ENDPOINT_URL']}/health"))
          [answer.code, JSON.parse('[1]'), StringIO.new('x').read, Logger::INFO]
        end
    """
    assert succeed(server, deploy(server, "ruby-loaded", source)) == ["200", [1], "x", 1]


def test_a_wrapper_starts_the_runtime(server: Server) -> None:
    wrapper = '#!/bin/sh\nexport WRAPPED="$#"\nexec "$@"\n'
    name = deploy(
        server,
        "ruby-wrapped",
        "def handler(event:, context:) = [ENV['WRAPPED'].to_i > 1, ENV['AWS_LAMBDA_EXEC_WRAPPER']]",
        others={"wrapper": wrapper},
        Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper"}},
    )
    assert succeed(server, name) == [True, None]


def test_the_connection_to_the_runtime_api_is_made_again_when_the_function_closes_it(server: Server) -> None:
    source = "def handler(event:, context:)\n  ObjectSpace.each_object(TCPSocket, &:close) if event\n  event\nend"
    name = deploy(server, "ruby-closes", source)
    assert [succeed(server, name, event) for event in (None, True, None, True)] == [None, True, None, True]


@pytest.mark.parametrize("runtime", ["ruby3.2", "ruby3.4", "ruby4.0"])
def test_the_nearest_ruby_runs_what_is_not_here_and_says_so(server: Server, runtime: str) -> None:
    name = deploy(server, runtime.replace(".", "-"), "def handler(event:, context:) = RUBY_VERSION", Runtime=runtime)
    version = succeed(server, name)
    log = "".join(wait_for_log(server, name, "REPORT RequestId"))
    assert (f"running on Ruby {version}" in log) is not runtime.endswith(version.rpartition(".")[0])
    assert f"Runtime Version: ruby:{runtime.removeprefix('ruby')}.v1" in log


def test_functions_run_without_isolation_too(start_server: StartServer) -> None:
    server = start_server("--isolation", "process")
    others = a_gem("bundled", "vendor/bundle/ruby/3.3.0")
    content = {"ZipFile": zip_of(a_gem("layered", "ruby/gems/3.3.0"))}
    layer = server.client("lambda").publish_layer_version(LayerName="gems", Content=content)["LayerVersionArn"]
    source = "require 'bundled'\nrequire 'layered'\ndef handler(event:, context:) = [Bundled.greet(event), Layered.greet(event)]"
    name = deploy(server, "ruby-plain", source, others=others, Layers=[layer])
    assert succeed(server, name, "Ada") == ["bundled Ada", "layered Ada"]
