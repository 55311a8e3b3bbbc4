<?php
// The conformance handler in PHP (docs/conformance-handler.md), for bref/bref: it returns the handler as a closure.

use Bref\Context\Context;

[$verb, $text] = array_pad(explode(':', getenv('CONFORMANCE_INIT') ?: '', 2), 2, '');
if ($verb === 'raise') {
    throw new RuntimeException($text);
}
if ($verb === 'exit') {
    exit((int) $text);
}
if ($verb === 'print') {
    fwrite(STDOUT, "$text\n");
}

final class ConformanceError extends Exception {}

function tell(array $event): array
{
    fwrite(($event['to'] ?? 'stdout') === 'stderr' ? STDERR : STDOUT, $event['text'] . "\n");
    return ['printed' => $event['text']];
}

function pause(array $event): array
{
    usleep($event['ms'] * 1000);
    return ['slept' => $event['ms']];
}

function variables(array $event): array
{
    $found = [];
    foreach ($event['names'] as $name) {
        $value = getenv($name);
        $found[$name] = $value === false ? null : $value;
    }
    return $found;
}

function about(Context $context): array
{
    return [
        'request_id' => $context->getAwsRequestId(),
        'function_arn' => $context->getInvokedFunctionArn(),
        'function_name' => getenv('AWS_LAMBDA_FUNCTION_NAME'),
        'function_version' => getenv('AWS_LAMBDA_FUNCTION_VERSION'),
        'memory_mb' => (int) getenv('AWS_LAMBDA_FUNCTION_MEMORY_SIZE'),
        'log_group' => getenv('AWS_LAMBDA_LOG_GROUP_NAME'),
        'log_stream' => getenv('AWS_LAMBDA_LOG_STREAM_NAME'),
        'remaining_ms' => $context->getRemainingTimeInMillis(),
        'trace_id' => $context->getTraceId() ?: null,
        'unsupported' => ['client_title', 'identity_id', 'tenant_id'],
    ];
}

return function ($event, Context $context) {
    static $counts = [];
    if (! is_array($event) || ! isset($event['do'])) {
        return $event;
    }
    switch ($event['do']) {
        case 'echo': return $event['value'];
        case 'raise': throw new ConformanceError($event['message']);
        case 'exit': exit($event['code']);
        case 'sleep': return pause($event);
        case 'env': return variables($event);
        case 'context': return about($context);
        case 'print': return tell($event);
        case 'state': return ['count' => $counts[$event['key']] = ($counts[$event['key']] ?? 0) + 1];
        case 'size': return str_repeat('x', $event['bytes']);
        case 'unserialisable': return NAN;
        default: return ['unsupported' => $event['do']];
    }
};
