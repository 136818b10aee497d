# frozen_string_literal: true

# What methods of a file are called on. Its name is AWS's: messages of NameError and NoMethodError have it.
class LambdaHandler; end

module AlonzoRuntime
  # What `_HANDLER` names: `file.method` or `file.Module::Class.method`.
  class Handler
    FORMS = 'must be of form FILENAME.METHOD or FILENAME.CLASS.METHOD where FILENAME corresponds with an existing Ruby source file ' \
            'FILENAME.rb, CLASS is an optional module/class namespace and METHOD is a callable method. If using CLASS, METHOD must be ' \
            'a class-level method.'

    # Load the file; raises whatever its code raises, and ArgumentError for a name of no such form.
    def self.load(root, name)
      parts = name.split('.')
      raise ArgumentError, "Invalid handler #{parts}, #{FORMS}" unless [2, 3].include?(parts.size)

      $LOAD_PATH.unshift(root) unless $LOAD_PATH.include?(root)
      require parts.first
      new(parts.size == 3 ? parts[1] : nil, parts.last)
    end

    def initialize(class_name, method_name)
      @class_name = class_name
      @method_name = method_name
      @main = LambdaHandler.new # methods of the file itself are called on one object: what they keep in its variables is there the next time
    end

    # The response and its content type, which may be nil.
    def call(headers, body)
      event = AwsLambda::Marshaller.marshall_request(RawRequest.new(headers, body))
      receiver = @class_name ? Kernel.const_get(@class_name) : @main
      response, content_type = AwsLambda::Marshaller.marshall_response(
        receiver.__send__(@method_name, event: event, context: LambdaContext.new(headers))
      )
      response = response.read if content_type == 'application/unknown'
      [response, content_type]
    end
  end

  # What a marshaller of the function's own gets: headers by name, and the body.
  class RawRequest
    attr_reader :body

    def initialize(headers, body)
      @headers = headers
      @body = body.force_encoding(Encoding::UTF_8)
    end

    def [](name)
      @headers[name.downcase]
    end
  end
end
