# frozen_string_literal: true

Gem::Specification.new do |gem|
  gem.name = 'layered'
  gem.version = '1.0.0'
  gem.summary = 'A library of the layer'
  gem.authors = ['Alonzo']
  gem.files = ['lib/layered.rb']
end
