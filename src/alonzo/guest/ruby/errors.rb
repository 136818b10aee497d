# frozen_string_literal: true

module AlonzoRuntime
  # An error as the Runtime API, the log and X-Ray want it.
  class Failure
    FRAMES_MAX = 100
    XRAY_FRAMES_MAX = 15
    NAMED = %w[ArgumentError NoMethodError Exception StandardError NameError LoadError SystemExit SystemStackError].freeze

    attr_reader :error_type, :error_message

    # `phase`: Function or Init.
    def initialize(error, phase)
      @error_class = error.class.to_s
      @error_type = Logging.readable("#{phase}<#{@error_class}>")
      @error_message = Logging.readable(error.message)
      @frames = own_frames(error)
    end

    # What statistics may show: classes of the function's own are its own business.
    def reported_type
      NAMED.include?(@error_class) ? @error_type : 'Function<UserException>'
    end

    def to_h
      { errorMessage: @error_message, errorType: @error_type, stackTrace: stack_trace }
    end

    def to_json(*arguments)
      to_h.to_json(*arguments)
    end

    def stack_trace
      @frames.map { |frame| Logging.readable(frame.to_s) }
    end

    # The cause as X-Ray takes it (https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html), for an HTTP header.
    def xray_cause
      stack = @frames.first(XRAY_FRAMES_MAX).map { |frame| { path: frame.path, line: frame.lineno, label: frame.label } }
      exception = { message: @error_message, type: @error_type, stack: stack }
      JSON.generate({ working_directory: Dir.pwd, paths: Gem.paths.path, exceptions: [exception] }, ascii_only: true)
    end

    private

    # Down to where the runtime has called the function.
    def own_frames(error)
      (error.backtrace_locations || []).first(FRAMES_MAX).take_while { |frame| !frame.path.to_s.start_with?(__dir__) }
    end
  end
end
