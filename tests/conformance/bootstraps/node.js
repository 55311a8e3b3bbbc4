// A small bootstrap in Node.js for the conformance handler.
'use strict';

const http = require('http');
const path = require('path');

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const api = '/2018-06-01/runtime';

function call(method, target, headers = {}, body) {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) };
    const options = { host, port, agent, method, path: api + target, headers: { ...headers, ...length } };
    const request = http.request(options, (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('aborted', () => reject(new Error('cut short')));
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(parts) }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

function failure(error, category) {
  const type = `${category}.${error.name === 'Error' ? error.constructor.name : error.name}`;
  const document = { errorMessage: error.message, errorType: type, stackTrace: (error.stack || '').split('\n').slice(1) };
  const headers = { 'Content-Type': 'application/json', 'Lambda-Runtime-Function-Error-Type': type };
  return [headers, JSON.stringify(document)];
}

function contextOf(headers) {
  const json = (name) => (headers[name] ? JSON.parse(Buffer.from(headers[name], 'latin1').toString()) : undefined);
  const env = process.env;
  return {
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: json('lambda-runtime-client-context'),
    identity: json('lambda-runtime-cognito-identity'),
    tenantId: headers['lambda-runtime-aws-tenant-id'],
    getRemainingTimeInMillis: () => Number(headers['lambda-runtime-deadline-ms'] || Date.now()) - Date.now(),
  };
}

async function serve(handler) {
  const event = await call('GET', '/invocation/next');
  const id = event.headers['lambda-runtime-aws-request-id'];
  if (event.status !== 200 || !id) throw new Error(`no event: ${event.status}`);
  const trace = event.headers['lambda-runtime-trace-id'];
  if (trace) process.env._X_AMZN_TRACE_ID = trace;
  else delete process.env._X_AMZN_TRACE_ID;
  const given = event.headers['lambda-runtime-invocation-id'];
  const delivery = given ? { 'Lambda-Runtime-Invocation-Id': given } : {};
  let target, headers, body;
  try {
    const result = await handler(JSON.parse(event.body.toString()), contextOf(event.headers));
    [target, headers, body] = ['response', { 'Content-Type': 'application/json' }, JSON.stringify(result ?? null)];
  } catch (error) {
    [headers, body] = failure(error, 'Function');
    target = 'error';
  }
  const answer = await call('POST', `/invocation/${id}/${target}`, { ...headers, ...delivery }, body);
  if (answer.status >= 500) throw new Error(`the Runtime API answered ${answer.status}`);
}

async function main() {
  let handler;
  try {
    const [file, name] = process.env._HANDLER.split('.');
    handler = require(path.join(process.env.LAMBDA_TASK_ROOT, file))[name];
    if (typeof handler !== 'function') throw new Error(`there is no function ${process.env._HANDLER}`);
  } catch (error) {
    await call('POST', '/init/error', ...failure(error, 'Runtime'));
    process.exit(1);
  }
  for (;;) await serve(handler);
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
