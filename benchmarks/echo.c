/* A minimal bootstrap: takes each event from the Runtime API and posts it back as the response. */
#include "http1.h"

#define ID_LENGTH 128

static char host[256], port[16] = "80", prefix[256];

/* AWS_LAMBDA_RUNTIME_API is host:port, but some servers prepend a scheme or append a path. */
static void read_address(void) {
    const char *address = getenv("AWS_LAMBDA_RUNTIME_API");
    errno = 0;
    if (!address) fail("AWS_LAMBDA_RUNTIME_API");
    if (strncmp(address, "http://", 7) == 0) address += 7;
    if (sscanf(address, "%255[^:/]:%15[0-9]%255s", host, port, prefix) < 2) fail("AWS_LAMBDA_RUNTIME_API");
}

static void next_event(struct connection *connection, const char *request, char *id, struct answer *event) {
    size_t length;
    if (!send_request(connection, request, strlen(request), NULL, 0)) exit(0);
    if (!read_answer(connection, event)) exit(0);
    errno = 0;
    if (event->status != 200) fail("next refused");
    const char *value = header(event, "Lambda-Runtime-Aws-Request-Id", &length);
    if (!value || length >= ID_LENGTH) fail("request id");
    memcpy(id, value, length);
    id[length] = '\0';
}

static void respond(struct connection *connection, const char *id, const struct answer *event) {
    char head[1024];
    struct answer accepted;
    int length = snprintf(head, sizeof head,
                          "POST %s/2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\nHost: %s:%s\r\n"
                          "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                          prefix, id, host, port, event->body_length);
    if (!send_request(connection, head, (size_t)length, event->body, event->body_length)) exit(0);
    if (!read_answer(connection, &accepted)) exit(0);
    errno = 0;
    if (accepted.status / 100 != 2) fail("response refused");
}

int main(void) {
    struct connection connection;
    struct answer event;
    char request[1024], id[ID_LENGTH];
    read_address();
    snprintf(request, sizeof request, "GET %s/2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: %s:%s\r\n\r\n",
             prefix, host, port);
    connect_to(&connection, host, port, 0);
    for (;;) {
        next_event(&connection, request, id, &event);
        respond(&connection, id, &event);
    }
}
