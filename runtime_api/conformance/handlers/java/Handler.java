// The conformance handler in Java (docs/conformance-handler.md), for aws-lambda-java-runtime-interface-client and Jackson.
// The handler's name is conformance.Handler::handleRequest.
package conformance;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

public class Handler implements RequestStreamHandler {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Map<String, Integer> COUNTS = new ConcurrentHashMap<>();

    static class ConformanceError extends RuntimeException {
        ConformanceError(String message) {
            super(message);
        }
    }

    public Handler() {
        String[] init = System.getenv().getOrDefault("CONFORMANCE_INIT", "").split(":", 2);
        switch (init[0]) {
            case "raise" -> throw new IllegalStateException(init[1]);
            case "exit" -> Runtime.getRuntime().halt(Integer.parseInt(init[1]));
            case "print" -> System.out.println(init[1]);
            default -> { }
        }
    }

    @Override
    public void handleRequest(InputStream input, OutputStream output, Context context) throws IOException {
        byte[] bytes = input.readAllBytes();
        JsonNode event = JSON.readTree(bytes);
        if (event == null || !event.isObject() || !event.has("do")) {
            output.write(bytes);
        } else {
            output.write(JSON.writeValueAsBytes(run(event, context)));
        }
    }

    private Object run(JsonNode event, Context context) {
        switch (event.get("do").asText()) {
            case "echo":
                return event.get("value");
            case "raise":
                throw new ConformanceError(event.get("message").asText());
            case "exit":
                Runtime.getRuntime().halt(event.get("code").asInt());
                return null;
            case "sleep":
                return sleep(event.get("ms").asInt());
            case "env":
                Map<String, Object> found = new HashMap<>();
                event.get("names").forEach(name -> found.put(name.asText(), System.getenv(name.asText())));
                return found;
            case "context":
                return about(context);
            case "print":
                boolean toStderr = event.has("to") && event.get("to").asText().equals("stderr");
                PrintStream stream = new PrintStream(toStderr ? System.err : System.out, true, StandardCharsets.UTF_8);
                stream.println(event.get("text").asText());
                return Map.of("printed", event.get("text").asText());
            case "state":
                return Map.of("count", COUNTS.merge(event.get("key").asText(), 1, Integer::sum));
            case "size":
                return "x".repeat(event.get("bytes").asInt());
            case "unserialisable":
                return new Object();
            default:
                return Map.of("unsupported", event.get("do").asText());
        }
    }

    private static Object sleep(int ms) {
        try {
            Thread.sleep(ms);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
        return Map.of("slept", ms);
    }

    private static Map<String, Object> about(Context context) {
        Map<String, Object> found = new HashMap<>();
        found.put("unsupported", List.of("tenant_id"));
        found.put("request_id", context.getAwsRequestId());
        found.put("function_arn", context.getInvokedFunctionArn());
        found.put("function_name", context.getFunctionName());
        found.put("function_version", context.getFunctionVersion());
        found.put("memory_mb", context.getMemoryLimitInMB());
        found.put("log_group", context.getLogGroupName());
        found.put("log_stream", context.getLogStreamName());
        found.put("remaining_ms", context.getRemainingTimeInMillis());
        found.put("trace_id", System.getProperty("com.amazonaws.xray.traceHeader"));
        if (context.getClientContext() != null && context.getClientContext().getClient() != null) {
            found.put("client_title", context.getClientContext().getClient().getAppTitle());
        }
        if (context.getIdentity() != null) {
            found.put("identity_id", context.getIdentity().getIdentityId());
        }
        return found;
    }
}
