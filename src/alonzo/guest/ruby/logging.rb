# frozen_string_literal: true

module AlonzoRuntime
  # What functions write with `puts` and `Logger`: each call one event in the log.
  module Logging
    # The frames of the log descriptor: type, length, microseconds since 1970, big-endian.
    FRAME_TYPE = 0xa55a0003
    LEVELS = { 'TRACE' => 0, 'DEBUG' => 0, 'INFO' => 1, 'WARN' => 2, 'ERROR' => 3, 'FATAL' => 4 }.freeze

    class << self
      attr_reader :sink, :level

      # Take over `puts` and the loggers that write to standard output or error.
      def install
        $stdout.sync = true
        descriptor = ENV.delete('_LAMBDA_TELEMETRY_LOG_FD')
        @sink = Sink.new(descriptor && IO.for_fd(descriptor.to_i, 'wb', autoclose: false))
        @writes_json = ENV['AWS_LAMBDA_LOG_FORMAT'] == 'JSON'
        @level = LEVELS[ENV['AWS_LAMBDA_LOG_LEVEL']]
        Logger.prepend(LoggerOfFunction)
        Kernel.module_eval do
          def puts(*values)
            text = values.flatten.map { |value| AlonzoRuntime::Logging.readable(value.to_s) }.join("\n")
            AlonzoRuntime::Logging.sink.write(text.end_with?("\n") ? text : "#{text}\n")
            nil
          end
        end
      end

      def formatter
        @writes_json ? JsonFormatter.new : TextFormatter.new
      end

      # An error that ends an invocation or the runtime, in AWS's words.
      def write_failure(label, failure)
        if @writes_json
          record = JsonFormatter.record('ERROR', Time.now, label).merge(failure.to_h)
          sink.write("#{JSON.generate(record)}\n")
        else
          puts(label)
          puts(JSON.pretty_generate(failure.to_h))
        end
      end

      # Text as UTF-8, whatever it was.
      def readable(text)
        return text if text.encoding == Encoding::UTF_8 && text.valid_encoding?
        return text.dup.force_encoding(Encoding::UTF_8).scrub if [Encoding::UTF_8, Encoding::BINARY].include?(text.encoding)

        text.encode(Encoding::UTF_8, invalid: :replace, undef: :replace)
      end
    end

    # Writes messages as frames, or plainly where there is no descriptor for them.
    class Sink
      def initialize(file)
        @file = file
        @file&.sync = true
      end

      def write(message)
        return $stdout.write(message) unless @file && !@file.closed?

        now = Process.clock_gettime(Process::CLOCK_REALTIME, :microsecond)
        @file.write([FRAME_TYPE, message.bytesize, now].pack('L>L>Q>') << message.b)
        message.bytesize
      end

      # Loggers close and reopen what they write to; the log is not theirs.
      def close; end

      def reopen(*); end
    end

    # As AWS's runtime formats what a Logger writes: with the request it belongs to.
    class TextFormatter < Logger::Formatter
      def call(severity, time, program, message)
        level = format('%5s', severity)
        text = msg2str(message)
        Logging.readable("#{severity[0]}, [#{format_datetime(time)} ##{$$}] #{level} #{$_global_aws_request_id} -- #{program}: #{text}\n")
      end
    end

    # One JSON object a message.
    class JsonFormatter < Logger::Formatter
      def self.record(severity, time, message)
        stamp = time.getutc.strftime('%Y-%m-%dT%H:%M:%S.%6NZ')
        { timestamp: stamp, level: severity, message: Logging.readable(message), requestId: $_global_aws_request_id }.compact
      end

      def call(severity, time, program, message)
        text = message.is_a?(Exception) ? message.message : msg2str(message)
        record = JsonFormatter.record(severity, time, text)
        record[:logger] = Logging.readable(program.to_s) unless program.to_s.empty?
        record.merge!(described(message)) if message.is_a?(Exception)
        "#{JSON.generate(record)}\n"
      end

      private

      def described(error)
        frames = (error.backtrace || []).map { |line| Logging.readable(line) }
        { errorType: error.class.to_s, errorMessage: Logging.readable(error.message), stackTrace: frames, location: location(frames) }.compact
      end

      def location(frames)
        match = /\A(?<file>.+):(?<line>\d+):in [`'](?<method>.+)'\z/.match(frames.first.to_s)
        match ? "#{match[:file]}:#{match[:method]}:#{match[:line]}" : frames.first
      end
    end

    # Loggers of standard output and error write events of the log; those of files stay as they are.
    module LoggerOfFunction
      def initialize(logdev, *rest, level: nil, formatter: nil, **options)
        if logdev && logdev != $stdout && logdev != $stderr
          super(logdev, *rest, level: level || Logger::DEBUG, formatter: formatter, **options)
        else
          level ||= Logging.level || Logger::DEBUG
          super(Logging.sink, *rest, level: level, formatter: formatter || Logging.formatter, **options)
        end
      end
    end
  end
end
