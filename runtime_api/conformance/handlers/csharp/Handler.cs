// The conformance handler in C# (docs/conformance-handler.md), for Amazon.Lambda.RuntimeSupport, as an executable.
using System.Text.Json;
using System.Text.Json.Nodes;
using Amazon.Lambda.Core;
using Amazon.Lambda.RuntimeSupport;
using Amazon.Lambda.Serialization.SystemTextJson;

var counts = new Dictionary<string, int>();

var init = (Environment.GetEnvironmentVariable("CONFORMANCE_INIT") ?? "").Split(':', 2);
if (init[0] == "raise") throw new InvalidOperationException(init[1]);
if (init[0] == "exit") Environment.Exit(int.Parse(init[1]));
if (init[0] == "print") Console.WriteLine(init[1]);

JsonNode? Handle(JsonNode? payload, ILambdaContext context)
{
    if (payload is not JsonObject command || !command.ContainsKey("do")) return payload;
    switch ((string?)command["do"])
    {
        case "echo":
            return command["value"]?.DeepClone();
        case "raise":
            throw new ConformanceError((string?)command["message"]);
        case "exit":
            Environment.Exit((int)command["code"]!);
            return null;
        case "sleep":
            Thread.Sleep((int)command["ms"]!);
            return new JsonObject { ["slept"] = (int)command["ms"]! };
        case "env":
            var found = new JsonObject();
            foreach (var name in command["names"]!.AsArray())
                found[(string)name!] = Environment.GetEnvironmentVariable((string)name!);
            return found;
        case "context":
            return About(context);
        case "print":
            ((string?)command["to"] == "stderr" ? Console.Error : Console.Out).WriteLine((string?)command["text"]);
            return new JsonObject { ["printed"] = (string?)command["text"] };
        case "state":
            var key = (string)command["key"]!;
            counts[key] = counts.GetValueOrDefault(key) + 1;
            return new JsonObject { ["count"] = counts[key] };
        case "size":
            return JsonValue.Create(new string('x', (int)command["bytes"]!));
        case "unserialisable":
            return JsonValue.Create(double.NaN);
        default:
            return new JsonObject { ["unsupported"] = (string?)command["do"] };
    }
}

JsonObject About(ILambdaContext context) => new()
{
    ["request_id"] = context.AwsRequestId,
    ["function_arn"] = context.InvokedFunctionArn,
    ["function_name"] = context.FunctionName,
    ["function_version"] = context.FunctionVersion,
    ["memory_mb"] = context.MemoryLimitInMB,
    ["log_group"] = context.LogGroupName,
    ["log_stream"] = context.LogStreamName,
    ["remaining_ms"] = context.RemainingTime.TotalMilliseconds,
    ["trace_id"] = Environment.GetEnvironmentVariable("_X_AMZN_TRACE_ID"),
    ["client_title"] = context.ClientContext?.Client?.AppTitle,
    ["identity_id"] = context.Identity?.IdentityId,
    ["unsupported"] = new JsonArray("tenant_id"),
};

await LambdaBootstrapBuilder.Create<JsonNode?, JsonNode?>(Handle, new DefaultLambdaJsonSerializer()).Build().RunAsync();

class ConformanceError(string? message) : Exception(message);
