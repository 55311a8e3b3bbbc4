#!/bin/sh
# An echo bootstrap as a typical shell script: one curl for the event, one for the response.
set -eu
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
cr=$(printf '\r')
lf='
'
while :; do
    answer=$(curl -sS -i "$api/next")
    event=${answer#*"$cr$lf$cr$lf"}
    id=${answer#*[Rr]equest-[Ii]d: }
    id=${id%%"$cr"*}
    curl -sS -X POST --data-raw "$event" "$api/$id/response" >/dev/null
done
