# A small bootstrap in Ruby for the conformance handler.
require 'json'
require 'net/http'

API = '/2018-06-01/runtime'.freeze
HOST, PORT = ENV.fetch('AWS_LAMBDA_RUNTIME_API').split(':')

def connected
  http = Net::HTTP.new(HOST, Integer(PORT))
  http.read_timeout = nil
  http.keep_alive_timeout = 3600
  http.max_retries = 0
  http.start
end

def failure(error, category)
  type = "#{category}.#{error.class.name.split('::').last}"
  document = { errorMessage: error.message.dup.force_encoding('UTF-8').scrub, errorType: type, stackTrace: error.backtrace || [] }
  [document.to_json, { 'Content-Type' => 'application/json', 'Lambda-Runtime-Function-Error-Type' => type }]
end

Context = Struct.new(:headers) do
  def aws_request_id = headers['lambda-runtime-aws-request-id']
  def invoked_function_arn = headers['lambda-runtime-invoked-function-arn']
  def function_name = ENV['AWS_LAMBDA_FUNCTION_NAME']
  def function_version = ENV['AWS_LAMBDA_FUNCTION_VERSION']
  def memory_limit_in_mb = ENV['AWS_LAMBDA_FUNCTION_MEMORY_SIZE']
  def log_group_name = ENV['AWS_LAMBDA_LOG_GROUP_NAME']
  def log_stream_name = ENV['AWS_LAMBDA_LOG_STREAM_NAME']
  def client_context = json('lambda-runtime-client-context')
  def identity = json('lambda-runtime-cognito-identity')
  def tenant_id = headers['lambda-runtime-aws-tenant-id']

  def get_remaining_time_in_millis
    now = (Time.now.to_f * 1000).to_i
    Integer(headers['lambda-runtime-deadline-ms'] || now) - now
  end

  def json(name)
    text = headers[name]
    text && JSON.parse(text.dup.force_encoding('UTF-8'))
  end
end

def result_of(event)
  body = event.body.to_s.dup.force_encoding('UTF-8')
  result = handler(event: JSON.parse(body, max_nesting: false), context: Context.new(event))
  ['response', JSON.generate(result, max_nesting: 0), { 'Content-Type' => 'application/json' }]
rescue StandardError => e
  ['error', *failure(e, 'Function')]
end

def serve(http)
  event = http.get("#{API}/invocation/next")
  id = event['lambda-runtime-aws-request-id']
  raise "no event: #{event.code}" unless event.code == '200' && id

  length = event['content-length']
  raise 'an event that is cut short' if length && Integer(length) != event.body.to_s.bytesize

  ENV['_X_AMZN_TRACE_ID'] = event['lambda-runtime-trace-id']
  target, body, headers = result_of(event)
  given = event['lambda-runtime-invocation-id']
  headers['Lambda-Runtime-Invocation-Id'] = given if given
  answer = http.post("#{API}/invocation/#{id}/#{target}", body, headers)
  raise "the Runtime API answered #{answer.code}" if answer.code.to_i >= 500
end

http = connected
begin
  file, name = ENV.fetch('_HANDLER').split('.')
  require File.join(ENV.fetch('LAMBDA_TASK_ROOT'), file)
  method(name)
rescue StandardError, LoadError => e
  http.post("#{API}/init/error", *failure(e, 'Runtime'))
  exit!(1)
end
loop { serve(http) }
