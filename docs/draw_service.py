"""Draw docs/service.md from the table of rules: `python docs/draw_service.py`. A test compares them."""

from __future__ import annotations

from pathlib import Path

from runtime_api.service.logs.parameters import OPERATIONS as LOGS
from runtime_api.service.operations import model
from runtime_api.service.rules.table import RULES

PAGE = Path(__file__).with_name("service.md")
ELSEWHERE = {
    "Invoke": "served, without a task",
    "InvokeAsync": "served; deprecated",
    "InvokeWithResponseStream": "served, piece by piece",
}

TEXT = """# The local Lambda service

`bootjack serve` answers the AWS SDKs, the aws CLI and everything built on them at `--endpoint-url`. Functions are
those that callers create, and those that the command line names; all of them are listed, invoked and changed alike.

```console
$ bootjack serve --data ./lambda
$ export AWS_ENDPOINT_URL_LAMBDA=http://127.0.0.1:9000
$ aws lambda create-function --function-name orders --runtime provided.al2023 --handler any \\
      --role arn:aws:iam::123456789012:role/any --zip-file fileb://orders.zip
$ aws lambda wait function-active-v2 --function-name orders
$ aws lambda invoke --function-name orders response.json
```

- **Names, defaults, texts and statuses are Lambda's**, down to the order in which it lists what a request breaks. A
  function is `Pending` and an update `InProgress` for 0.2 s, so waiters do something; an Invoke does not wait for it.
- **Versions and aliases are real**: a published version keeps its code, layers and settings, and has environments of
  its own; an alias may share its traffic between two versions; no number is ever used again.
- **Concurrency is Lambda's**: 1,000 environments in each account and region; a function with reserved concurrency has
  that much to itself, over all of its versions, and 0 stops it; the others share the rest, at least 100. One call too
  many is 429 with the limit that was reached. `--concurrency` (10) bounds each version of a function that has nothing
  reserved, so that a test in a loop does not take the whole machine. The rate of requests is not limited.
- **Provisioned concurrency is real**: that many environments of the version are initialised ahead, with
  `AWS_LAMBDA_INITIALIZATION_TYPE=provisioned-concurrency` and up to 130 s for it, and no idle timeout ends them.
  They come first; further callers get environments on demand. One that crashes is replaced. An alias takes its
  environments along to another version, and divides them between two by its weights. The numbers and the status are
  those of the environments there are; one whose init fails makes it `FAILED`, and is tried again when you put the
  configuration again. With `--data` they are initialised again after a restart.
- **A function with `CapacityProviderConfig` runs several invocations at once** in each of its environments, as on
  Lambda's managed instances: `PerExecutionEnvironmentMaxConcurrency` says how many, or else runtime and memory do
  (64 for Node.js, 16 for Python, for each vCPU of 2 GB). Environments start when callers need them; no capacity
  provider need exist, since its operations are not served.
- **Event source mappings of SQS, Kinesis and DynamoDB streams are polled** where `AWS_ENDPOINT_URL`, or the variable
  of that service, names an endpoint, or with `--poll-aws`; those of other sources are kept and change their states,
  but invoke nothing. No source need exist or be reachable when a mapping is made; `LastProcessingResult` says what is
  wrong, and `bootjack mappings` lists them all ([event-sources.md](event-sources.md)). A mapping stays when its
  function is deleted.
- **`--data DIR` keeps functions, layers, mappings, packages and events.** What was answered is on disk, also after
  `kill -9` and a power cut. A second server is refused the directory. Without `--data` everything goes with the
  server. The functions of the command line are not kept, nor is what callers change about them: their code is yours.
- **Runtimes** are run by what this machine has for them; the function's log says once where that is another version.

  | runtime | what runs |
  |---|---|
  | `provided*` | the `bootstrap` of the package, or else of a layer |
  | `python3.*` | our bootstrap, with the Python of that version on your PATH, or else the nearest from 3.9 on |
  | `nodejs*` | our bootstrap for Node.js, with the `node` on your PATH, whatever its version |
  | `go1.x` | the executable that the handler names |
  | any other | the `bootstrap` of the package, or else of a layer |

  `ruby*`, `java*`, `dotnet*` and `python2.7` are others, and `nodejs*` where there is no `node`: without a
  `bootstrap` their invocations fail, and say so.
- **`--limits 2019`** allows what the developer guide of 2019 does: memory up to 3008 MB in steps of 64, 512 MB in
  `/tmp`, bills rounded up to 100 ms, events up to 256 KB, and the runtimes of that year, `go1.x` among them. The
  default, `current`, is Lambda in January 2026. Functions whose runtime is closed are invoked, but not changed.
- **Function URLs are served** at `http://{{url-id}}.lambda-url.{{region}}.localhost:PORT/`, which browsers and curl
  resolve to this machine, and at `http://127.0.0.1:PORT/lambda-url/NAME/` (or `NAME:ALIAS`) for clients that do not.
  `serve --function-url` gives one to every function of the command line. Events and answers have payload format
  2.0. `Cors` is applied, preflights included, and decides which web pages may use the URL. With `AuthType` AWS_IAM a
  request has to be signed; no policy is asked. Everybody who can reach the port can use a URL with `AuthType` NONE.
  With `InvokeMode` RESPONSE_STREAM (`serve --invoke-mode`) the head of an answer comes when a function has streamed
  its prelude, and each piece of the body when it is produced; one that fails after that breaks the answer off.
- **Responses are streamed**: InvokeWithResponseStream gives each piece to the caller when the function has produced
  it, from a generator of our Python bootstrap, `awslambda.streamifyResponse` of the one for Node.js, or any runtime
  that streams (`Lambda-Runtime-Function-Response-Mode`). A caller who reads slowly slows the function; when one
  leaves, the function goes on. A response that is not streamed comes as one piece. `InvokeComplete` ends a stream,
  with `ErrorCode` and `ErrorDetails` if the function has failed, crashed or timed out, before its first piece or
  after it. A stream has up to 200 MB. Invoke joins what is streamed, up to 6 MB. With `--stream-rate 2` a stream is
  as slow as Lambda's: 2 MB a second after its first 6 MB.
- **Accounts and regions**: the account is the caller's access key if that has 12 digits, else 123456789012; the
  region is the one that the request is signed for. Each account has functions, layers and all else of its own in
  each region. Requests that are not signed, as curl's, belong to 123456789012 and `--region`; they reach any function
  by its ARN. The functions of the command line answer every account and region that has none of their name. A layer
  version is used by the other accounts that its policy names.
- **Signatures are not checked, unless `--verify-signatures` asks for it**: then a request without a good signature of
  a known key gets 403 and AWS's reason. Keys come from `--keys FILE`, in the form of `~/.aws/credentials`, and from
  `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`. `GET /_bootjack/health` and links to packages need none. Without
  TLS a request can be read on its way, and sent again within five minutes.
- **Code from S3** comes from the S3-compatible server at `--s3-endpoint` or `AWS_ENDPOINT_URL_S3`
  (`pip install 'bootjack[aws]'`), for functions and layers.
- **`S3Bucket=hot-reload, S3Key=/absolute/directory`** runs a directory of the server's machine as it is. Each
  invocation looks whether a file has changed (4 ms for 1,000 files; `node_modules`, `.git`, `__pycache__` and the
  like do not count), and gets a new environment if so. In plain processes Python writes bytecode beside the code, and
  takes a file of the same size and second for the one it knows. Who may create functions can have any directory
  mounted that the server can read; `--no-hot-reload` refuses it.
- **Resource policies are stored, and enforced with `--enforce-policies`**: another account, or a caller whose access
  key is a service's principal (`s3.amazonaws.com`, with `X-Amz-Source-Arn` and `X-Amz-Source-Account`), may invoke
  only what the policy of exactly that ARN allows. Only `--verify-signatures` makes sure who a caller is. A function
  URL with AuthType NONE then needs a statement that lets everybody (`*`) use `lambda:InvokeFunctionUrl`, unless it is
  one of the command line.
- **`bootjack functions list`, `show` and `remove`** do without the aws CLI: they ask the server at `--endpoint` or
  `AWS_ENDPOINT_URL_LAMBDA`, and sign with the keys and the region of the environment.
- **Functions of container images are kept, but not run**: their invocations say so. No registry is asked, so the
  digest of an image is that of its URI.
- **Stored, without effect here**: roles, VPC, KMS keys, tracing settings, code signing, runtime management.

## Events

An Event invocation is answered with 202 when it is in the queue. With `--data` it is on disk by then: an accepted
event runs at least once, whatever happens to the server, and may run twice when the server is killed. Order is not
promised.

- **Retries**: an event whose function fails is tried again after `--async-retry-base` (60 s) and once more after
  twice that, within MaximumRetryAttempts and MaximumEventAge. Throttled events, and those for which no environment
  can be had, are tried again after 1, 2, 4 and up to 300 s and use up no attempt. Each attempt runs the function as
  it is then. An event whose function is not there waits for it, six hours at most. A reserved concurrency of 0 gives
  events up at once.
- **Dead-letter queues** (SQS, SNS) get the payload unchanged with RequestID, ErrorCode and ErrorMessage;
  **destinations** for success and failure (SQS, SNS, S3, EventBridge, another function here) get Lambda's invocation
  record. They are reached at `AWS_ENDPOINT_URL_SQS` and the like, or `AWS_ENDPOINT_URL`, with the credentials that
  SDKs find (`pip install 'bootjack[aws]'`). **Nothing is sent to AWS itself** unless `--poll-aws` is given. A target
  that does not answer is tried again for six hours without running the event again; one that refuses is not.
- **Loops end**: when a chain of requests comes to one function for the 17th time, Invoke is refused with
  RecursiveInvocationException, and an event is given up. The count is in the trace header (`Lineage`), which SDKs
  send on. `put-function-recursion-config --recursive-loop Allow` lets them go on.
- **`bootjack events`** lists what waits, with its due time, failures and last error; `bootjack events dead` what was
  given up and why (the last 1,000 with `--data`, else 100), `resend NUMBER` runs such an event once more, `discard
  NUMBER` forgets one. A signed request reaches the events of its account and region only.
- **Schedules**: `serve --schedule 'rate(5 minutes)=NAME'`, `'cron(0 12 * * ? *)=NAME'` (six fields, UTC, with `L`,
  `W` and `#`) or `'at(2026-01-31T12:00:00)=NAME'` sends EventBridge's event. With `--data`, what was due while no
  server ran is sent once.
- **For tests**: `POST /_bootjack/clock` with `{{"advanceSeconds": 3600}}` moves the clock by which events and
  schedules are due; each due time of a schedule that it passes is sent for. `GET /_bootjack/events`,
  `/_bootjack/events/given-up` and `/_bootjack/schedules` show the rest as JSON.
- Up to 100,000 events of a function wait; one more gets 429. Without `--data` their payloads may take 256 MB.

## Logs

What functions write is kept as CloudWatch keeps it: in the group `/aws/lambda/NAME`, or the one that LoggingConfig
names, in a stream for each execution environment. Both come with the first invocation and outlive the function.

```console
$ bootjack logs orders --follow
$ bootjack logs orders --since 1h --filter '?ERROR ?Traceback'
$ aws logs tail /aws/lambda/orders --follow --endpoint-url http://127.0.0.1:9000
```

- **At the same endpoint**, of the CloudWatch Logs API: {logs}. Any other operation is refused with its name.
- **Filter patterns** are terms, `"phrases"`, `-exclusions` and `?options`. Patterns for JSON, columns and regular
  expressions are refused.
- **`--log-storage MB`** bounds what is kept, by default 256 MB: the oldest goes first, whosever it is; 0 keeps
  nothing. A retention policy hides what is older.
- **With `--data` logs outlive the server**: the file `logs.sqlite` in that directory, which may be deleted while no
  server runs. They are written four times a second, so `kill -9` costs a quarter of a second at most, and a power cut
  perhaps more. Without `--data` they go with the server.
- **LogFormat JSON** makes JSON lines of platform records, tells the runtime to write JSON (`AWS_LAMBDA_LOG_FORMAT`),
  and leaves out what is below the two log levels: in what is kept, in the log tail of an Invoke, and in the server's
  own log on stderr. For functions of the command line `--log-format json`, `--application-log-level` and
  `--system-log-level` say so; `invoke` and `rie` have these options, too.

## Operations

{served} of the {all} operations of Lambda's API are served. Any other is refused with status 501 and its name. The
page is generated by `docs/draw_service.py`.

| operation | | |
|---|---|---|
{rows}
"""


def page() -> str:
    """The text of the page."""
    operations = model().operations
    rows = [
        f"| {name} | `{operation.method} {operation.path}` | {_state(name)} |"
        for name, operation in operations.items()
    ]
    served = len(RULES) + len(ELSEWHERE)
    return TEXT.format(served=served, all=len(operations), rows="\n".join(rows), logs=_listed(sorted(LOGS)))


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _state(name: str) -> str:
    return "served" if name in RULES else ELSEWHERE.get(name, "")


if __name__ == "__main__":
    PAGE.write_text(page())
