// Runs Lambda handlers in Node.js: `node bootstrap.cjs [HANDLER]`. One file, no dependencies, Node.js 14 and later.
//
// Top to bottom: HTTP, the calls of the Runtime API, errors, the log, the handler, streamed responses, the loop.

'use strict'; // and CommonJS, which Node.js starts faster than a module

const fs = require('fs');
const modules = require('module');
const net = require('net');
const path = require('path');
const { Writable } = require('stream');
const { pathToFileURL } = require('url');
const util = require('util');

const { env } = process;
const API = '/2018-06-01/runtime';
const NEXT = `GET ${API}/invocation/next HTTP/1.1\r\nHost: ${env.AWS_LAMBDA_RUNTIME_API}\r\n\r\n`;
const JSON_TYPE = 'application/json';
const TYPE_HEADER = 'Lambda-Runtime-Function-Error-Type';
const BODY_TRAILER = 'Lambda-Runtime-Function-Error-Body';
const CONNECT_TRIES = 6;
const CONNECT_WAIT_MS = 20; // doubled each time: 0.6 s in all
const LF = 10;
const MOST_HEAD_BYTES = 1024 * 1024; // it may hold a client context; anything larger is not HTTP

// ---- HTTP/1.1, as far as a client of the Runtime API needs it

class Lost extends Error {
  constructor(message, untouched = false) {
    super(message);
    this.untouched = untouched; // no byte of an answer came
  }
}

// Reads one answer, piece by piece.
class Answer {
  parts = [];
  size = 0;
  head = null;

  // Take what has arrived; returns the answer once it is whole.
  take(data) {
    this.parts.push(data);
    this.size += data.length;
    if (this.head === null && !this.readHead()) return undefined;
    if (this.length === undefined) return this.isChunked && data[data.length - 1] === LF ? this.dechunked() : undefined;
    const end = this.start + this.length;
    if (this.size < end) return undefined;
    return this.head.status < 200 ? this.after(end) : this.whole(end);
  }

  // An interim answer is passed over.
  after(end) {
    const rest = this.joined().subarray(end);
    this.parts = [];
    this.size = 0;
    this.head = null;
    this.length = undefined;
    return rest.length ? this.take(rest) : undefined;
  }

  // The connection has ended: the answer, if its end was the only mark.
  closed() {
    if (this.head === null || this.isChunked || this.length !== undefined) return undefined;
    return this.whole(this.size);
  }

  readHead() {
    const all = this.joined();
    const end = all.indexOf('\r\n\r\n');
    if (end < 0 && all.length < MOST_HEAD_BYTES) return false;
    const [first, ...lines] = all.latin1Slice(0, Math.max(end, 0)).split('\r\n');
    if (!/^HTTP\/1\.[01] \d{3}/.test(first)) throw new Lost(`an answer cannot be read: ${first.slice(0, 80)}`);
    const headers = {};
    for (const line of lines) {
      const colon = line.indexOf(':');
      headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    const status = Number(first.slice(9, 12));
    const hasBody = status >= 200 && status !== 204 && status !== 304; // RFC 9112, 6.3
    this.head = { status, headers };
    this.start = end + 4;
    this.isChunked = hasBody && /chunked$/i.test(headers['transfer-encoding'] || '');
    const length = hasBody ? headers['content-length'] : 0;
    if (!this.isChunked && length !== undefined) this.length = Number(length);
    this.isLast = headers.connection === 'close' || first.startsWith('HTTP/1.0');
    return true;
  }

  whole(end) {
    return { ...this.head, body: this.joined().subarray(this.start, end) };
  }

  dechunked() {
    const all = this.joined();
    const bodies = [];
    for (let at = this.start; ; ) {
      const end = all.indexOf('\r\n', at);
      if (end < 0) return undefined;
      const size = parseInt(all.latin1Slice(at, end), 16);
      if (Number.isNaN(size)) throw new Lost('an answer cannot be read: not the size of a chunk');
      if (size === 0) return all.indexOf('\r\n\r\n', end) < 0 ? undefined : { ...this.head, body: Buffer.concat(bodies) };
      if (all.length < end + 4 + size) return undefined;
      bodies.push(all.subarray(end + 2, end + 2 + size));
      at = end + 4 + size;
    }
  }

  joined() {
    if (this.parts.length > 1) this.parts = [Buffer.concat(this.parts)];
    return this.parts[0];
  }
}

// One keep-alive connection; one request at a time. While it has nothing to do it does not keep the process alive, so
// that Node.js says when the handler has left nothing to wait for.
class Connection {
  socket = null;
  answer = null; // being read, with `settle`

  // Send a request and resolve with its answer. A server may close a connection while it is idle: a request that got
  // no byte of an answer on a used connection is sent once more. An answer carries its request id, so that the
  // Runtime API refuses the second one.
  async ask(request) {
    const isUsed = this.socket !== null;
    if (!isUsed) await this.connect();
    try {
      return await this.exchange(request);
    } catch (error) {
      if (!isUsed || !error.untouched) throw error;
      await this.connect();
      return this.exchange(request);
    }
  }

  // Send a request, or its beginning, and resolve with the answer.
  exchange(request) {
    return new Promise((resolve, reject) => {
      this.answer = new Answer();
      this.settle = [resolve, reject];
      this.socket.ref();
      this.socket.write(request);
    });
  }

  async connect() {
    for (let tries = 1, wait = CONNECT_WAIT_MS; ; tries += 1, wait *= 2) {
      const error = await this.tryToConnect();
      if (!error) return;
      if (error.code !== 'ECONNREFUSED' || tries === CONNECT_TRIES) {
        throw new Lost(`${env.AWS_LAMBDA_RUNTIME_API}: ${error.message}`);
      }
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }

  tryToConnect() {
    const { hostname, port } = new URL(`http://${env.AWS_LAMBDA_RUNTIME_API}`);
    return new Promise((resolve) => {
      const socket = net.connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 80), noDelay: true });
      socket.setNoDelay(true); // the option above is younger than Node.js 16
      socket.once('connect', () => {
        this.socket = socket;
        resolve();
      });
      socket.on('error', resolve);
      socket.on('data', (data) => this.receive(data));
      socket.on('close', () => this.socket === socket && this.closed());
    });
  }

  receive(data) {
    if (this.answer === null) return void this.close(); // nobody has asked
    let answer;
    try {
      answer = this.answer.take(data);
    } catch (error) {
      return void this.fail(error);
    }
    if (answer !== undefined) this.finish(answer, this.answer.isLast);
  }

  closed() {
    this.socket = null;
    if (this.answer === null) return;
    const answer = this.answer.closed();
    if (answer !== undefined) this.finish(answer, true);
    else this.fail(new Lost('the Runtime API closed the connection', this.answer.size === 0));
  }

  finish(answer, isLast) {
    const [resolve] = this.settle;
    this.answer = null;
    if (isLast) this.close();
    else this.socket.unref();
    resolve(answer);
  }

  fail(error) {
    this.answer = null;
    this.close();
    this.settle[1](error);
  }

  close() {
    const { socket } = this;
    this.socket = null;
    if (socket !== null) socket.destroy();
  }
}

// ---- the calls of the Runtime API

function post(target, headers, body) {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const length = body === undefined ? 'Transfer-Encoding: chunked' : `Content-Length: ${Buffer.byteLength(body)}`;
  const head = `POST ${API}${target} HTTP/1.1\r\nHost: ${env.AWS_LAMBDA_RUNTIME_API}\r\n${lines.join('')}${length}`;
  return `${head}\r\n\r\n${body === undefined ? '' : body}`;
}

const postError = (target, fault, more) =>
  post(target, { 'Content-Type': JSON_TYPE, [TYPE_HEADER]: typeHeader(fault), ...more }, JSON.stringify(fault));

// Check what the Runtime API says of an answer: what it refuses is lost, but a server that fails serves nobody.
function check({ status, body }, what) {
  if (status >= 500) throw new Lost(`the Runtime API answered ${status} to ${what}`);
  if (status >= 300) log('ERROR', [`${what} was refused with ${status}: ${body.toString().slice(0, 300)}`]);
}

// ---- errors

class Fault extends Error {
  constructor(type, message) {
    super(message);
    this.name = type;
  }
}

// The error document, with the keys that AWS's runtime gives it.
function described(error) {
  try {
    if (util.types.isNativeError(error) || (error && error.name && error.message && error.stack)) {
      const trace = error instanceof Fault ? [] : String(error.stack || '').split('\n');
      return { errorType: String(error.name), errorMessage: String(error.message), trace };
    }
    return { errorType: typeof error, errorMessage: String(error), trace: [] };
  } catch {
    return { errorType: 'handled', errorMessage: 'an error whose name, message or stack cannot be read', trace: [] };
  }
}

// category.reason, the only form that Lambda keeps.
function typeHeader({ errorType }) {
  const safe = errorType.replace(/[^\x20-\x7e]/g, '');
  return safe.startsWith('Runtime.') ? safe : `Function.${safe}`;
}

function logged(what, error) {
  const { errorType, errorMessage, trace } = described(error);
  const more = error !== null && typeof error === 'object' ? { ...error } : {};
  let text;
  try {
    text = JSON.stringify({ errorType, errorMessage, ...more, stack: trace });
  } catch {
    text = JSON.stringify({ errorType, errorMessage, stack: trace });
  }
  log('ERROR', isJsonLog ? [error] : [`${what} \t${text}`]);
}

// ---- the log

const isJsonLog = (env.AWS_LAMBDA_LOG_FORMAT || '').toUpperCase() === 'JSON';
const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];
const leastLevel = Math.max(0, isJsonLog ? LEVELS.indexOf((env.AWS_LAMBDA_LOG_LEVEL || '').toUpperCase()) : 0);
const isConcurrent = !['', '1', undefined].includes(env.AWS_LAMBDA_MAX_CONCURRENCY);
const scope = isConcurrent ? new (require('async_hooks').AsyncLocalStorage)() : null; // it makes promises dearer
let latest; // the invocation that runs, or ran last

function log(level, words) {
  if (LEVELS.indexOf(level) < leastLevel) return;
  const { id: requestId } = (scope ? scope.getStore() : latest) || {};
  const time = new Date().toISOString();
  // A carriage return keeps several lines one record.
  const line = isJsonLog
    ? JSON.stringify({ timestamp: time, level, requestId, ...jsonMessage(words) })
    : `${time}\t${requestId}\t${level}\t${util.format(...words)}`.replace(/\n/g, '\r');
  process.stdout.write(`${line}\n`);
}

function jsonMessage(words) {
  const error = words.find((word) => util.types.isNativeError(word));
  const faults = error ? (({ trace, ...rest }) => ({ ...rest, stackTrace: trace }))(described(error)) : {};
  if (words.length === 1 && !error && words[0] !== null && typeof words[0] === 'object') {
    try {
      JSON.stringify(words[0]);
      return { message: words[0] };
    } catch {
      // it refers to itself: shown as text
    }
  }
  return { ...faults, message: util.format(...words) };
}

function patchConsole() {
  console.log = (...words) => log('INFO', words);
  for (const level of LEVELS) console[level.toLowerCase()] = (...words) => log(level, words);
  console.trace = (...words) => {
    const here = { name: 'Trace', message: util.format(...words) };
    Error.captureStackTrace(here, console.trace);
    log('TRACE', [here.stack]);
  };
}

// ---- the handler

const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');

async function loadHandler(name) {
  if (name.includes('..')) throw new Fault('Runtime.MalformedHandlerName', `'${name}' is not a valid handler name`);
  const folder = path.join(env.LAMBDA_TASK_ROOT || process.cwd(), path.dirname(name));
  const [, file, members] = /^([^.]*)\.(.+)$/.exec(path.basename(name)) || [];
  if (file === undefined) throw new Fault('Runtime.MalformedHandlerName', `Bad handler: ${name} is not FILE.FUNCTION`);
  const module = await load(folder, file);
  const find = (root) => members.split('.').reduce((found, member) => found && found[member], root);
  const handler = find(module) || find(module && module.default);
  if (!handler) throw new Fault('Runtime.HandlerNotFound', `${name} is undefined or not exported`);
  if (typeof handler !== 'function') throw new Fault('Runtime.HandlerNotFound', `${name} is not a function`);
  return handler;
}

// Load a module as AWS's runtime does: without an extension, .js, .mjs, .cjs, or from where packages are.
async function load(folder, file) {
  const requireFrom = modules.createRequire(path.join(folder, file));
  try {
    const found = ['', '.js', '.mjs', '.cjs'].map((end) => path.join(folder, file + end)).find(isFile);
    if (found === undefined) return requireFrom(requireFrom.resolve(file, { paths: [env.LAMBDA_TASK_ROOT || folder, folder] }));
    if (!isEsModule(found)) return requireFrom(found);
    searchNodePath();
    return await import(pathToFileURL(found).href);
  } catch (error) {
    if (error instanceof SyntaxError) throw retyped('Runtime.UserCodeSyntaxError', error);
    const isMissing = error && /^(ERR_)?MODULE_NOT_FOUND$/.test(error.code);
    throw isMissing ? retyped('Runtime.ImportModuleError', error) : error;
  }
}

// Node.js ignores NODE_PATH, which names the folders of layers, for packages that modules import; Lambda does not, since
// nodejs18.x. This needs Node.js 20.6.
function searchNodePath() {
  const isSearched = (folder) => folder.endsWith('/node_modules') && fs.existsSync(folder);
  const folders = (env.NODE_PATH || '').split(':').filter(isSearched);
  if (folders.length === 0 || !modules.register) return;
  const places = folders.map((folder) => pathToFileURL(path.join(path.dirname(folder), '_')).href);
  modules.register(`data:text/javascript,${encodeURIComponent(`const places = ${JSON.stringify(places)};${RESOLVE}`)}`);
}

const RESOLVE = `
  export async function resolve(name, context, next) {
    try {
      return await next(name, context);
    } catch (error) {
      if (/^[./]|:/.test(name)) throw error;
      for (const parentURL of places) {
        try {
          return await next(name, { ...context, parentURL });
        } catch {}
      }
      throw error;
    }
  }`;

const isFile = (place) => fs.statSync(place, { throwIfNoEntry: false })?.isFile() === true;

function isEsModule(place) {
  if (!place.endsWith('.js')) return place.endsWith('.mjs');
  for (let folder = path.dirname(place); ; folder = path.dirname(folder)) {
    const manifest = path.join(folder, 'package.json');
    if (isFile(manifest)) return JSON.parse(fs.readFileSync(manifest, 'utf8')).type === 'module';
    if (folder === path.dirname(folder)) return false;
  }
}

function retyped(type, error) {
  const fault = new Error(`${error.name}: ${error.message}`);
  fault.name = type;
  fault.stack = `${type}: ${error.stack}`;
  return fault;
}

// ---- invocations

const running = new Set();
let isDying = false;

class Invocation {
  constructor(headers, connection) {
    this.id = headers['lambda-runtime-aws-request-id'];
    this.headers = headers;
    this.connection = connection;
    const given = headers['lambda-runtime-invocation-id'];
    this.own = given === undefined ? {} : { 'Lambda-Runtime-Invocation-Id': given };
    this.stream = null;
    this.onEmpty = null; // called when the handler has left nothing to wait for
  }

  // Run the handler; resolve with a function that answers the Runtime API.
  run(handler, body) {
    return new Promise((resolve) => {
      const fail = (error) => resolve(() => this.fail(error));
      const succeed = (result) => resolve(() => this.succeed(result));
      this.abort = fail;
      try {
        const event = parsed('Runtime.UnmarshalError', 'event', body.toString());
        const context = this.context(succeed, fail);
        if (handler[STREAMING]) this.runStreaming(handler, event, context, resolve, fail);
        else this.runBuffered(handler, event, context, succeed, fail);
      } catch (error) {
        fail(error);
      }
    });
  }

  runBuffered(handler, event, context, succeed, fail) {
    let isCalled = false;
    this.onEmpty = () => succeed(null);
    const callback = (error, result) => {
      if (isCalled) return;
      isCalled = true;
      const settle = error === undefined || error === null ? () => succeed(result) : () => fail(error);
      if (context.callbackWaitsForEmptyEventLoop && !isConcurrent) this.onEmpty = settle;
      else setImmediate(settle);
    };
    const result = handler(event, context, callback);
    if (result !== null && typeof result === 'object' && typeof result.then === 'function') result.then(succeed, fail);
  }

  runStreaming(handler, event, context, resolve, fail) {
    const stream = new ResponseStream(this, handler[STREAMING]);
    this.stream = stream;
    const settle = () => resolve(() => stream.sent);
    this.onEmpty = () => (stream.writableEnded ? settle() : stream.end());
    stream.on('error', (error) => (error instanceof Lost ? resolve(() => Promise.reject(error)) : fail(error)));
    const ended = new Promise((finish) => stream.on('finish', finish));
    Promise.all([handler(event, stream, context), ended]).then(settle, fail);
  }

  context(succeed, fail) {
    const { headers } = this;
    const deadline = Number(headers['lambda-runtime-deadline-ms']);
    return {
      callbackWaitsForEmptyEventLoop: true,
      functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
      functionName: env.AWS_LAMBDA_FUNCTION_NAME,
      memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
      logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
      logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
      clientContext: parsedHeader(headers, 'lambda-runtime-client-context'),
      identity: parsedHeader(headers, 'lambda-runtime-cognito-identity'),
      invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
      awsRequestId: this.id,
      tenantId: headers['lambda-runtime-aws-tenant-id'],
      getRemainingTimeInMillis: () => (deadline || Date.now()) - Date.now(),
      succeed,
      fail,
      done: (error, result) => (error === undefined || error === null ? succeed(result) : fail(error)),
    };
  }

  async succeed(result) {
    let body;
    try {
      body = JSON.stringify(result === undefined ? null : result) || 'null';
    } catch (error) {
      return this.fail(new Fault('Runtime.MarshalError', `Unable to stringify response body: ${error.message}`));
    }
    const request = post(`/invocation/${this.id}/response`, { 'Content-Type': JSON_TYPE, ...this.own }, body);
    return check(await this.connection.ask(request), 'the response');
  }

  async fail(error) {
    logged('Invoke Error', error);
    const fault = described(error);
    if (this.stream !== null && this.stream.hasContent()) return this.stream.breakOff(fault);
    const request = postError(`/invocation/${this.id}/error`, fault, this.own);
    return check(await this.connection.ask(request), 'the error');
  }
}

function parsed(type, what, text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Fault(type, `The ${what} is not JSON: ${error.message}`);
  }
}

function parsedHeader(headers, name) {
  const value = headers[name];
  if (!value) return undefined;
  return parsed('Runtime.LambdaContextUnmarshalError', name, Buffer.from(value, 'latin1').toString());
}

// ---- streamed responses

// A response in chunks, whose head goes out with the first of them. An error after that is told in trailers.
class ResponseStream extends Writable {
  constructor(invocation, { highWaterMark } = {}) {
    super(highWaterMark === undefined ? {} : { highWaterMark });
    this.invocation = invocation;
    this.contentType = 'application/octet-stream';
    this.prelude = null;
    this.begun = null; // a promise, once the head has to be sent
    this.sent = null; // a promise, once it was: the Runtime API has answered
    this.fault = null;
  }

  setContentType(type) {
    this.contentType = type;
  }

  // Whether the caller gets more than an error.
  hasContent() {
    return this.begun !== null || this.writableLength > 0;
  }

  // End the response with an error, behind everything that was written.
  async breakOff(fault) {
    this.fault = fault;
    if (this.destroyed) await this.finish();
    else if (!this.writableEnded) this.end();
    await this.begin();
    return this.sent;
  }

  _write(data, _encoding, done) {
    this.begin().then(() => this.put(data, done), done);
  }

  _final(done) {
    this.finish().then(() => done(), done);
  }

  begin() {
    if (this.begun === null) this.begun = this.open();
    return this.begun;
  }

  async open() {
    const { connection, id, own } = this.invocation;
    if (connection.socket === null) await connection.connect();
    const head = post(`/invocation/${id}/response`, {
      'Content-Type': this.contentType,
      'Lambda-Runtime-Function-Response-Mode': 'streaming',
      Trailer: `${TYPE_HEADER}, ${BODY_TRAILER}`,
      ...own,
    });
    this.sent = connection.exchange(head).then((answer) => {
      if (!this.isWhole) connection.close(); // it was refused on the way
      check(answer, 'the response');
    });
    this.sent.catch(() => {}); // those who wait for it see the error, too
    connection.socket.unref(); // between two chunks, only the handler's work keeps the process alive
    if (this.prelude !== null) this.put(Buffer.from(`${JSON.stringify(this.prelude)}${'\0'.repeat(8)}`), () => {});
  }

  put(data, done) {
    const { socket } = this.invocation.connection;
    if (data.length === 0 || socket === null) return void done(); // an empty chunk would end the body
    socket.ref();
    socket.cork();
    socket.write(`${data.length.toString(16)}\r\n`);
    socket.write(data);
    socket.write('\r\n', () => {
      socket.unref();
      done();
    });
    socket.uncork();
  }

  async finish() {
    await this.begin();
    this.isWhole = true;
    const { socket } = this.invocation.connection;
    if (socket !== null) socket.ref().write(`0\r\n${this.fault === null ? '' : trailers(this.fault)}\r\n`);
    return this.sent;
  }
}

function trailers(fault) {
  const body = Buffer.from(JSON.stringify(fault)).toString('base64');
  return `${TYPE_HEADER}: ${typeHeader(fault)}\r\n${BODY_TRAILER}: ${body}\r\n`;
}

globalThis.awslambda = {
  streamifyResponse(handler, options) {
    handler[STREAMING] = options || {};
    return handler;
  },
  HttpResponseStream: class {
    static from(stream, prelude) {
      stream.setContentType('application/vnd.awslambda.http-integration-response');
      stream.prelude = prelude;
      return stream;
    }
  },
};

// ---- the loop

async function serve(handler, connection) {
  while (!isDying) {
    const event = await connection.ask(NEXT);
    const invocation = new Invocation(event.headers, connection);
    if (event.status !== 200 || !invocation.id) throw new Lost(`the Runtime API gave no event, but ${event.status}`);
    running.add(invocation);
    await (scope ? scope.run(invocation, serveOne, handler, invocation, event.body) : serveOne(handler, invocation, event.body));
    running.delete(invocation);
  }
}

async function serveOne(handler, invocation, body) {
  latest = invocation;
  const trace = invocation.headers['lambda-runtime-trace-id'];
  if (!isConcurrent && trace) env._X_AMZN_TRACE_ID = trace;
  else if (!isConcurrent) delete env._X_AMZN_TRACE_ID;
  const answer = await invocation.run(handler, body);
  invocation.onEmpty = null;
  invocation.answered = answer();
  await invocation.answered;
}

// An error that nothing has caught: every caller that waits is told, and the process ends.
async function die(what, error) {
  isDying = true; // no other event is taken
  process.removeAllListeners('beforeExit');
  logged(what, error);
  for (const invocation of running) {
    if (invocation.answered === undefined) invocation.abort(error);
  }
  await new Promise(setImmediate); // answers are on their way
  await Promise.allSettled([...running].map((invocation) => invocation.answered));
  process.exit(1);
}

function rejected(reason) {
  const message = util.types.isNativeError(reason) ? `${reason.name}: ${reason.message}` : String(reason);
  const fault = new Error(message);
  fault.name = 'Runtime.UnhandledPromiseRejection';
  fault.reason = reason;
  if (reason && reason.stack) fault.stack = `${fault.name}: ${reason.stack}`;
  return fault;
}

async function failInit(connection, error) {
  logged('Uncaught Exception', error);
  const answer = await connection.ask(postError('/init/error', described(error)));
  if (answer.status >= 300) log('ERROR', [`the init error was refused with ${answer.status}`]);
  process.exit(1);
}

function lanes() {
  const wanted = env.AWS_LAMBDA_MAX_CONCURRENCY;
  if (!isConcurrent) return 1;
  if (/^[1-9]\d{0,4}$/.test(wanted)) return Number(wanted);
  throw new Fault('Runtime.InvalidConcurrency', `AWS_LAMBDA_MAX_CONCURRENCY: ${wanted} is not a number of invocations`);
}

async function main() {
  if (!env.AWS_LAMBDA_RUNTIME_API) {
    process.stderr.write('bootstrap: AWS_LAMBDA_RUNTIME_API is not set: Lambda, or `bootjack invoke`, starts this program\n');
    process.exit(1);
  }
  patchConsole();
  const first = new Connection();
  let handler;
  let failed = (error) => failInit(first, error);
  process.on('uncaughtException', (error) => (handler ? die('Uncaught Exception', error) : failed(error)));
  process.on('unhandledRejection', (reason) =>
    handler ? die('Unhandled Promise Rejection', rejected(reason)) : failed(rejected(reason)),
  );
  process.on('beforeExit', () => {
    for (const { onEmpty } of running) if (onEmpty) onEmpty();
  });
  let count;
  try {
    count = lanes();
    handler = await loadHandler(process.argv[2] || env._HANDLER || '');
  } catch (error) {
    return failed(error);
  }
  const others = Array.from({ length: count - 1 }, () => new Connection());
  return Promise.all([first, ...others].map((connection) => serve(handler, connection)));
}

main().catch((error) => {
  log('ERROR', [error instanceof Lost ? error.message : error]);
  process.exit(1);
});
