# frozen_string_literal: true

# The Ruby runtime inside an environment: loads the handler, then one invocation after the other.

require 'json'
require 'logger'
require 'stringio'
require_relative 'context'
require_relative 'errors'
require_relative 'handler'
require_relative 'logging'
require_relative 'marshaller'
require_relative 'runtime_api'

# AWS's runtime has these loaded already, and handlers that do without `require` run there.
autoload :Net, 'net/http'
autoload :URI, 'uri'

module AlonzoRuntime
  # How AWS's runtime exits; nobody else looks at it.
  EXIT_INIT_FAILED = 252
  EXIT_CRITICAL = 255

  class Runtime
    def initialize
      @api = RuntimeApi.new(ENV.fetch('AWS_LAMBDA_RUNTIME_API'))
    end

    # Never returns.
    def run
      begin
        handler = Handler.load(ENV.fetch('LAMBDA_TASK_ROOT'), ENV.fetch('_HANDLER'))
      rescue Exception => error # SyntaxError, LoadError and SystemExit are no StandardErrors
        fail_init(Failure.new(error, 'Init'))
      end
      loop { run_one(handler) }
    end

    private

    def run_one(handler)
      headers, body = next_invocation
      request_id = headers.fetch('lambda-runtime-aws-request-id')
      $_global_aws_request_id = request_id # by this name functions and libraries know it
      ENV['_X_AMZN_TRACE_ID'] = headers['lambda-runtime-trace-id']
      result, content_type = handler.call(headers, body)
      @api.respond(request_id, result, content_type || 'application/json')
    rescue NameError => error # NoMethodError, too: AWS takes it for a broken function
      fail_critically(request_id, error)
    rescue StandardError => error
      fail_invocation(request_id, error, 'Error raised from handler method')
    rescue Exception => error
      fail_critically(request_id, error)
    end

    def next_invocation
      @api.next
    rescue SignalException => error
      puts "Next invocation HTTP request from the runtime interface client was interrupted with a #{error} SIGNAL, gracefully shutting down."
      exit!(0)
    rescue SystemCallError, IOError => error
      warn "The Runtime API is gone: #{error.message}"
      exit!(EXIT_CRITICAL)
    end

    def fail_invocation(request_id, error, label)
      failure = Failure.new(error, 'Function')
      Logging.write_failure(label, failure)
      @api.fail(request_id, failure)
    end

    def fail_critically(request_id, error)
      fail_invocation(request_id, error, 'Critical exception from handler')
      @api.flush
      exit(EXIT_CRITICAL)
    end

    def fail_init(failure)
      Logging.write_failure("Init error when loading handler #{ENV['_HANDLER']}", failure)
      @api.fail_init(failure)
      exit(EXIT_INIT_FAILED)
    end
  end
end

AlonzoRuntime::Logging.install
AlonzoRuntime::Runtime.new.run
