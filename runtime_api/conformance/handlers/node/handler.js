// The conformance handler for Node.js (docs/conformance-handler.md).
'use strict';

const optional = { client_title: 'clientContext', identity_id: 'identity', tenant_id: 'tenantId' };
const counts = new Map();

function start() {
  const [verb, ...rest] = (process.env.CONFORMANCE_INIT || '').split(':');
  const text = rest.join(':');
  if (verb === 'raise') throw new Error(text);
  if (verb === 'exit') process.exit(Number(text));
  if (verb === 'print') require('fs').writeSync(1, `${text}\n`);
}

start();

class ConformanceError extends Error {}

const commands = {
  echo: (event) => event.value,
  raise: (event) => { throw new ConformanceError(event.message); },
  exit: (event) => process.exit(event.code),
  sleep: (event) => new Promise((done) => setTimeout(done, event.ms, { slept: event.ms })),
  env: (event) => Object.fromEntries(event.names.map((name) => [name, process.env[name] ?? null])),
  context: (event, context) => ({
    unsupported: Object.keys(optional).filter((key) => !(optional[key] in context)),
    request_id: context.awsRequestId,
    function_arn: context.invokedFunctionArn,
    function_name: context.functionName,
    function_version: context.functionVersion,
    memory_mb: Number(context.memoryLimitInMB),
    log_group: context.logGroupName,
    log_stream: context.logStreamName,
    remaining_ms: context.getRemainingTimeInMillis(),
    trace_id: process.env._X_AMZN_TRACE_ID ?? null,
    client_title: context.clientContext?.client?.app_title ?? null,
    identity_id: context.identity?.cognitoIdentityId ?? null,
    tenant_id: context.tenantId ?? null,
  }),
  print: (event) => {
    require('fs').writeSync(event.to === 'stderr' ? 2 : 1, `${event.text}\n`);
    return { printed: event.text };
  },
  state: (event) => {
    counts.set(event.key, (counts.get(event.key) || 0) + 1);
    return { count: counts.get(event.key) };
  },
  size: (event) => 'x'.repeat(event.bytes),
  unserialisable: () => { const loop = {}; loop.loop = loop; return loop; },
};

exports.handler = async (event, context) => {
  if (event === null || typeof event !== 'object' || !('do' in event)) return event;
  const command = commands[event.do];
  return command ? command(event, context) : { unsupported: event.do };
};

// For the command `stream`, where the runtime offers it: a handler of Node.js streams all of its responses, or none.
async function streaming(event, stream, context) {
  if (event === null || event.do !== 'stream') {
    stream.end(JSON.stringify(await exports.handler(event, context)));
    return;
  }
  for (const chunk of event.chunks) {
    if (!stream.write(chunk)) await new Promise((done) => stream.once('drain', done));
  }
  if ('raise' in event) throw new ConformanceError(event.raise);
  stream.end();
}

if (globalThis.awslambda) exports.streaming = globalThis.awslambda.streamifyResponse(streaming);
