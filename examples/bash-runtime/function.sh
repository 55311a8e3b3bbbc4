# The handler: gets the event as its argument, logs to stderr, answers on stdout.
handler() {
    echo "$1" >&2
    echo "Echoing request: '$1'"
}
