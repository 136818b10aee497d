# frozen_string_literal: true

module Layered
  GREETING = 'hello from the layer'
end
