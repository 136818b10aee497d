# frozen_string_literal: true

# Every behaviour of the suite, in Ruby.

$calls = 0

class NoWeather < StandardError; end

def echo(event:, context:)
  event
end

def unserializable(event:, context:)
  Float::NAN
end

def act(event:, context:)
  ACTIONS.fetch(event['do']).call(event, context)
end

def describe(context)
  {
    request_id: context.aws_request_id,
    name: context.function_name,
    version: context.function_version,
    arn: context.invoked_function_arn,
    memory: context.memory_limit_in_mb.to_i,
    remaining_ms: context.get_remaining_time_in_millis,
    log_group: context.log_group_name,
    log_stream: context.log_stream_name,
    trace: ENV['_X_AMZN_TRACE_ID'],
    client: context.client_context,
    identity: context.identity
  }
end

def write_file(path)
  File.write(path, 'written')
  'written'
rescue SystemCallError
  'refused'
end

def count
  File.write('/tmp/count', 'x', mode: 'a')
  { global: $calls += 1, tmp: File.size('/tmp/count') }
end

def wait(seconds, token)
  sleep(seconds)
  token
end

def write_log
  $stdout.puts 'to stdout ☔ 𝄞'
  $stderr.puts 'to stderr'
  Logger.new($stdout).info("first line\nsecond line")
  nil
end

def greet
  require 'layered'
  Layered::GREETING
end

ACTIONS = {
  'context' => ->(_, context) { describe(context) },
  'environment' => ->(*) { ENV.to_h },
  'directory' => ->(*) { Dir.pwd },
  'write' => ->(event, _) { write_file(event['path']) },
  'read' => ->(event, _) { File.read(event['path']) },
  'count' => ->(*) { count },
  'fail' => ->(event, _) { raise NoWeather, event['message'] },
  'wait' => ->(event, _) { wait(event['seconds'], event['token']) },
  # `exit` raises what AWS's client tells as an error: tests/process/test_ruby.py
  'exit' => ->(event, _) { exit!(event['status']) },
  'kill' => ->(*) { Process.kill(:KILL, Process.pid) },
  'log' => ->(*) { write_log },
  'fill' => ->(event, _) { 'x' * event['bytes'] },
  'run' => ->(event, _) { IO.popen([event['program']], &:read) },
  'greet' => ->(*) { greet }
}.freeze
