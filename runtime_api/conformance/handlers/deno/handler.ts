// The conformance handler for Deno (docs/conformance-handler.md), for deno-lambda: the function is handler.handler.

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Command = { do: string; [key: string]: any };

interface Context {
  awsRequestId: string;
  invokedFunctionArn: string;
  functionName: string;
  functionVersion: string;
  memoryLimitInMB: string;
  logGroupName: string;
  logStreamName: string;
  getRemainingTimeInMillis(): number;
  clientContext?: any;
  identity?: { cognitoIdentityId?: string };
  tenantId?: string;
}

const optional = { client_title: "clientContext", identity_id: "identity", tenant_id: "tenantId" };
const counts = new Map<string, number>();

function write(stream: { writeSync(data: Uint8Array): number }, text: string): void {
  let data = new TextEncoder().encode(`${text}\n`);
  while (data.length) data = data.subarray(stream.writeSync(data));
}

function start(): void {
  const [verb, ...rest] = (Deno.env.get("CONFORMANCE_INIT") ?? "").split(":");
  const text = rest.join(":");
  if (verb === "raise") throw new Error(text);
  if (verb === "exit") Deno.exit(Number(text));
  if (verb === "print") write(Deno.stdout, text);
}

start();

class ConformanceError extends Error {
  override name = "ConformanceError";
}

const commands: { [name: string]: (event: Command, context: Context) => unknown } = {
  echo: (event) => event.value,
  raise: (event) => {
    throw new ConformanceError(event.message);
  },
  exit: (event) => Deno.exit(event.code),
  sleep: (event) => new Promise((done) => setTimeout(() => done({ slept: event.ms }), event.ms)),
  env: (event) => Object.fromEntries(event.names.map((name: string) => [name, Deno.env.get(name) ?? null])),
  context: (_event, context) => ({
    unsupported: Object.entries(optional).filter(([, name]) => !(name in context)).map(([key]) => key),
    request_id: context.awsRequestId,
    function_arn: context.invokedFunctionArn,
    function_name: context.functionName,
    function_version: context.functionVersion,
    memory_mb: Number(context.memoryLimitInMB),
    log_group: context.logGroupName,
    log_stream: context.logStreamName,
    remaining_ms: context.getRemainingTimeInMillis(),
    trace_id: Deno.env.get("_X_AMZN_TRACE_ID") ?? null,
    client_title: context.clientContext?.client?.app_title ?? null,
    identity_id: context.identity?.cognitoIdentityId ?? null,
    tenant_id: context.tenantId ?? null,
  }),
  print: (event) => {
    write(event.to === "stderr" ? Deno.stderr : Deno.stdout, event.text);
    return { printed: event.text };
  },
  state: (event) => {
    const count = (counts.get(event.key) ?? 0) + 1;
    counts.set(event.key, count);
    return { count };
  },
  size: (event) => "x".repeat(event.bytes),
  unserialisable: () => 1n,
};

// deno-lambda passes the event as JSON has it.
export async function handler(event: Json, context: Context): Promise<unknown> {
  if (event === null || typeof event !== "object" || Array.isArray(event) || !("do" in event)) return event;
  const command = event as Command;
  const run = commands[command.do];
  return run ? await run(command, context) : { unsupported: command.do };
}

