# The conformance handler in Ruby (docs/conformance-handler.md).
require 'json'

class ConformanceError < StandardError; end

COUNTS = Hash.new(0)
OPTIONAL = { 'client_title' => :client_context, 'identity_id' => :identity, 'tenant_id' => :tenant_id }.freeze

verb, text = ENV.fetch('CONFORMANCE_INIT', '').split(':', 2)
raise text if verb == 'raise'
exit!(Integer(text)) if verb == 'exit'
if verb == 'print'
  $stdout.puts(text)
  $stdout.flush
end

def tell(event)
  stream = event['to'] == 'stderr' ? $stderr : $stdout
  stream.puts(event['text'])
  stream.flush
  { 'printed' => event['text'] }
end

def part(context, name)
  context.public_send(name) if context.respond_to?(name)
end

def about(context)
  {
    'unsupported' => OPTIONAL.reject { |_key, name| context.respond_to?(name) }.keys,
    'request_id' => context.aws_request_id,
    'function_arn' => context.invoked_function_arn,
    'function_name' => context.function_name,
    'function_version' => context.function_version,
    'memory_mb' => Integer(context.memory_limit_in_mb),
    'log_group' => context.log_group_name,
    'log_stream' => context.log_stream_name,
    'remaining_ms' => context.get_remaining_time_in_millis,
    'trace_id' => ENV['_X_AMZN_TRACE_ID'],
    'client_title' => (part(context, :client_context) || {}).dig('client', 'app_title'),
    'identity_id' => (part(context, :identity) || {})['cognitoIdentityId'],
    'tenant_id' => part(context, :tenant_id),
  }
end

def handler(event:, context:)
  return event unless event.is_a?(Hash) && event.key?('do')

  case event['do']
  when 'echo' then event['value']
  when 'raise' then raise ConformanceError, event['message']
  when 'exit' then exit!(event['code'])
  when 'sleep'
    sleep(event['ms'] / 1000.0)
    { 'slept' => event['ms'] }
  when 'env' then event['names'].to_h { |name| [name, ENV[name]] }
  when 'context' then about(context)
  when 'print' then tell(event)
  when 'state' then { 'count' => COUNTS[event['key']] += 1 }
  when 'size' then 'x' * event['bytes']
  when 'unserialisable' then Float::NAN
  else { 'unsupported' => event['do'] }
  end
end
