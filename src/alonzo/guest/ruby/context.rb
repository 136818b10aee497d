# frozen_string_literal: true

# What handlers get as `context` (https://docs.aws.amazon.com/lambda/latest/dg/ruby-context.html).
class LambdaContext
  attr_reader :aws_request_id, :invoked_function_arn, :log_group_name, :log_stream_name, :function_name, :memory_limit_in_mb,
              :function_version, :identity, :client_context, :deadline_ms, :tenant_id

  def initialize(headers)
    @clock_difference_ms = clock_ms(Process::CLOCK_REALTIME) - clock_ms(Process::CLOCK_MONOTONIC)
    @deadline_ms = headers['lambda-runtime-deadline-ms'].to_i
    @aws_request_id = headers['lambda-runtime-aws-request-id']
    @invoked_function_arn = headers['lambda-runtime-invoked-function-arn']
    @tenant_id = headers['lambda-runtime-aws-tenant-id']
    @identity = parsed(headers['lambda-runtime-cognito-identity'])
    @client_context = parsed(headers['lambda-runtime-client-context'])
    @log_group_name = ENV['AWS_LAMBDA_LOG_GROUP_NAME']
    @log_stream_name = ENV['AWS_LAMBDA_LOG_STREAM_NAME']
    @function_name = ENV['AWS_LAMBDA_FUNCTION_NAME']
    @memory_limit_in_mb = ENV['AWS_LAMBDA_FUNCTION_MEMORY_SIZE']
    @function_version = ENV['AWS_LAMBDA_FUNCTION_VERSION']
  end

  # By the monotonic clock: a function may set the other one back in its tests.
  def get_remaining_time_in_millis
    [@deadline_ms - clock_ms(Process::CLOCK_MONOTONIC) - @clock_difference_ms, 0].max
  end

  private

  def clock_ms(clock)
    Process.clock_gettime(clock, :millisecond)
  end

  def parsed(header)
    JSON.parse(header) unless header.nil? || header.empty?
  end
end
