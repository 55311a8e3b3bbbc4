// The conformance handler in C++ (docs/conformance-handler.md), for aws-lambda-cpp and nlohmann/json.
#include <aws/lambda-runtime/runtime.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <thread>

using aws::lambda_runtime::invocation_request;
using aws::lambda_runtime::invocation_response;
using nlohmann::json;
using namespace nlohmann::literals;

static std::map<std::string, int> counts;

static json variable(std::string const& name)
{
    char const* value = std::getenv(name.c_str());
    return value ? json(value) : json(nullptr);
}

// null when the text is not JSON, or has no such value
static json member(std::string const& text, json::json_pointer const& place)
{
    json const document = json::parse(text, nullptr, false);
    return document.is_object() && document.contains(place) ? document[place] : json(nullptr);
}

static json about(invocation_request const& request)
{
    return {
        {"request_id", request.request_id},
        {"function_arn", request.function_arn},
        {"function_name", variable("AWS_LAMBDA_FUNCTION_NAME")},
        {"function_version", variable("AWS_LAMBDA_FUNCTION_VERSION")},
        {"memory_mb", std::stoi(std::getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"))},
        {"log_group", variable("AWS_LAMBDA_LOG_GROUP_NAME")},
        {"log_stream", variable("AWS_LAMBDA_LOG_STREAM_NAME")},
        {"remaining_ms", request.get_time_remaining().count()},
        {"trace_id", request.xray_trace_id.empty() ? json(nullptr) : json(request.xray_trace_id)},
        {"client_title", member(request.client_context, "/client/app_title"_json_pointer)},
        {"identity_id", member(request.cognito_identity, "/cognitoIdentityId"_json_pointer)},
        {"unsupported", json::array({"tenant_id"})},
    };
}

static json run(json const& event, invocation_request const& request)
{
    std::string const verb = event["do"];
    if (verb == "echo") return event["value"];
    if (verb == "exit") std::_Exit(event["code"]);
    if (verb == "sleep") {
        std::this_thread::sleep_for(std::chrono::milliseconds(event["ms"].get<int>()));
        return {{"slept", event["ms"]}};
    }
    if (verb == "env") {
        json found = json::object();
        for (std::string const name : event["names"]) found[name] = variable(name);
        return found;
    }
    if (verb == "context") return about(request);
    if (verb == "print") {
        (event.value("to", "stdout") == "stderr" ? std::cerr : std::cout) << event["text"].get<std::string>() << std::endl;
        return {{"printed", event["text"]}};
    }
    if (verb == "state") return {{"count", ++counts[event["key"]]}};
    if (verb == "size") return std::string(event["bytes"].get<std::size_t>(), 'x');
    return {{"unsupported", verb}};
}

static invocation_response handler(invocation_request const& request)
{
    json const event = json::parse(request.payload, nullptr, false);
    if (!event.is_object() || !event.contains("do")) return invocation_response::success(request.payload, "application/json");
    if (event["do"] == "raise") return invocation_response::failure(event["message"], "ConformanceError");
    return invocation_response::success(run(event, request).dump(), "application/json");
}

int main()
{
    std::string const init = std::getenv("CONFORMANCE_INIT") ? std::getenv("CONFORMANCE_INIT") : "";
    std::string const verb = init.substr(0, init.find(':')), text = init.substr(init.find(':') + 1);
    if (verb == "exit") std::_Exit(std::stoi(text));
    if (verb == "raise") std::abort(); // the library cannot post an init error
    if (verb == "print") std::cout << text << std::endl;
    aws::lambda_runtime::run_handler(handler);
}
