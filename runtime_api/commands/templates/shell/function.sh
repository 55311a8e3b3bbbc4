# The function: reads its event from stdin and writes its response to stdout. What goes to stderr is its log.
event=$(cat)
echo "the event has ${#event} characters" >&2
printf '{"you sent": %s}' "${event:-null}"
