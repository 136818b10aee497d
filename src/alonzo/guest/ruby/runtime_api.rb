# frozen_string_literal: true

require 'socket'

module AlonzoRuntime
  # The Runtime API's client (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html), over one kept-alive connection.
  #
  # A report is sent together with the request for the next invocation, which follows at once: both are answered in order.
  class RuntimeApi
    PREFIX = '/2018-06-01/runtime/'
    CAUSE_MAX_BYTES = 1_048_576
    ACCEPTED = 202
    INVALID_REQUEST_ID = 400

    def initialize(address)
      @address = address
      @socket = nil
      @report = nil
    end

    # The next invocation: its headers, by lower-case name, and its payload.
    def next
      report, @report = @report, nil
      status, headers, body = exchange([report, "GET #{PREFIX}invocation/next HTTP/1.1\r\nHost: #{@address}\r\n\r\n"].compact)
      raise IOError, "#{status} when waiting for the next invocation" if status != 200

      [headers, body]
    end

    def respond(request_id, body, content_type)
      @report = post("invocation/#{request_id}/response", body, "Content-Type: #{content_type}\r\n")
    end

    def fail(request_id, failure)
      cause = failure.xray_cause
      headers = type_header(failure)
      headers += "Lambda-Runtime-Function-XRay-Error-Cause: #{cause}\r\n" if cause.bytesize < CAUSE_MAX_BYTES
      @report = post("invocation/#{request_id}/error", failure.to_json, headers)
    end

    def fail_init(failure)
      @report = post('init/error', failure.to_json, type_header(failure))
      flush
    end

    # Send a report that no request will follow.
    def flush
      report, @report = @report, nil
      exchange([report]) if report
    end

    private

    def type_header(failure)
      "Content-Type: application/json\r\nLambda-Runtime-Function-Error-Type: #{failure.reported_type}\r\n"
    end

    def post(path, body, headers)
      body = body.b
      "POST #{PREFIX}#{path} HTTP/1.1\r\nHost: #{@address}\r\n#{headers}Content-Length: #{body.bytesize}\r\n\r\n".b << body
    end

    # Send requests; the answer to the last one.
    def exchange(requests)
      connected = @socket
      send_and_receive(@socket || connect, requests)
    rescue SystemCallError, IOError
      raise unless connected

      # The function may have closed our descriptor. A report that has been taken is refused the second time: no harm.
      send_and_receive(connect, requests)
    end

    def send_and_receive(socket, requests)
      socket.write(*requests)
      answers = requests.map { receive(socket) }
      answers[0...-1].each do |status, _, body|
        raise IOError, "#{status} for a report: #{body}" unless [ACCEPTED, INVALID_REQUEST_ID].include?(status)
      end
      answers.last
    end

    def connect
      host, port = @address.split(':')
      @socket = TCPSocket.new(host, port.to_i)
      @socket.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1)
      @socket.binmode
    end

    def receive(socket)
      status = line(socket).split(' ', 3)[1].to_i
      headers = {}
      until (header = line(socket)).empty?
        name, value = header.split(':', 2)
        headers[name.downcase] = value.strip
      end
      length = headers.fetch('content-length', '0').to_i
      body = socket.read(length)
      raise EOFError, 'the Runtime API closed the connection' if body.nil? || body.bytesize < length

      [status, headers, body]
    end

    def line(socket)
      line = socket.gets("\r\n") or raise EOFError, 'the Runtime API closed the connection'
      line.chomp("\r\n").force_encoding(Encoding::UTF_8)
    end
  end
end
