# The handler: takes the event as its argument, logs to stderr, and prints the response.
handler() {
    echo "$1" >&2
    echo "Echoing request: '$1'"
}
