# frozen_string_literal: true

module AwsLambda
  # How events and responses are read and written. Functions may replace these methods, as on AWS.
  class Marshaller
    class << self
      # What handlers get as `event`.
      def marshall_request(raw_request)
        raw_request['Content-Type'] == 'application/json' ? JSON.parse(raw_request.body) : raw_request.body
      end

      # The response, or the response and its content type. What can be read is passed on as it is.
      def marshall_response(method_response)
        case method_response
        when StringIO, IO then [method_response, 'application/unknown']
        else method_response.to_json
        end
      end
    end
  end
end
