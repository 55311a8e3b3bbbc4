/* A minimal Runtime API server: sends one bootstrap the same event repeatedly, and times each cycle from the first
 * byte of the event to the next call of /next. It accepts several connections, with one request at a time. */
#include "http1.h"
#include <poll.h>
#include <time.h>

#define MOST_CONNECTIONS 16

static const char ACCEPTED[] =
    "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"status\":\"OK\"}\n";

static struct connection connections[MOST_CONNECTIONS];
static struct pollfd polled[MOST_CONNECTIONS + 1];
static int open_connections = 0;

static double now_us(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static void take_connection(int listener) {
    errno = 0;
    if (open_connections == MOST_CONNECTIONS) fail("too many connections");
    struct connection *taken = &connections[open_connections];
    int one = 1;
    taken->fd = accept(listener, NULL, NULL);
    if (taken->fd < 0) fail("accept");
    setsockopt(taken->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (!taken->buffer) {
        taken->capacity = FIRST_BUFFER;
        taken->buffer = malloc(taken->capacity);
    }
    taken->length = 0;
    polled[++open_connections] = (struct pollfd){.fd = taken->fd, .events = POLLIN};
}

static void drop_connection(int index) {
    close(connections[index].fd);
    struct connection gone = connections[index];
    connections[index] = connections[--open_connections];
    connections[open_connections] = gone;
    polled[index + 1] = polled[open_connections + 1];
}

/* Whether a whole request has arrived; sets its length. */
static int is_whole(const struct connection *connection, size_t *length) {
    char *end = memmem(connection->buffer, connection->length, "\r\n\r\n", 4);
    if (!end) return 0;
    size_t head = (size_t)(end - connection->buffer) + 4, size;
    struct answer request = {.head = connection->buffer, .head_length = head - 2};
    const char *declared = header(&request, "Content-Length", &size);
    *length = head + (declared ? strtoul(declared, NULL, 10) : 0);
    return connection->length >= *length;
}

/* Waits for a whole request, consumes it, and returns its connection; sets `is_get` to whether it is a GET. */
static struct connection *next_request(int listener, int *is_get) {
    for (;;) {
        polled[0] = (struct pollfd){.fd = listener, .events = POLLIN};
        if (poll(polled, (nfds_t)open_connections + 1, 60000) <= 0) fail("poll");
        if (polled[0].revents) take_connection(listener);
        for (int index = 0; index < open_connections; index++) {
            struct connection *connection = &connections[index];
            size_t length;
            if (!polled[index + 1].revents) continue;
            polled[index + 1].revents = 0;
            if (!receive_more(connection)) {
                drop_connection(index--);
                continue;
            }
            if (!is_whole(connection, &length)) continue;
            *is_get = connection->buffer[0] == 'G';
            connection->length = 0;
            return connection;
        }
    }
}

static char *read_file(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    if (!file) fail(path);
    fseek(file, 0, SEEK_END);
    *length = (size_t)ftell(file);
    rewind(file);
    char *content = malloc(*length + 1);
    if (!content || fread(content, 1, *length, file) != *length) fail(path);
    fclose(file);
    return content;
}

static int compare(const void *one, const void *other) {
    double difference = *(const double *)one - *(const double *)other;
    return (difference > 0) - (difference < 0);
}

/* feeder EVENT WARM_UP CYCLES: prints its port, then the time of the first /next, then the median cycle, in us. */
int main(int count, char **arguments) {
    if (count != 4) fail("usage: feeder EVENT WARM_UP CYCLES");
    size_t length;
    char *event = read_file(arguments[1], &length), head[1024];
    int warm_up = atoi(arguments[2]), cycles = atoi(arguments[3]), is_get, listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 16)) fail("listen");
    getsockname(listener, (struct sockaddr *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    struct connection *connection = next_request(listener, &is_get);
    printf("%.0f\n", now_us());
    fflush(stdout);
    double *times = calloc((size_t)cycles + 1, sizeof *times);
    for (int cycle = -warm_up; cycle < cycles; cycle++) {
        int head_length = snprintf(head, sizeof head,
                                   "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                   "Lambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-2dfe598c%04x\r\n"
                                   "Lambda-Runtime-Deadline-Ms: 4102444800000\r\n"
                                   "Lambda-Runtime-Invoked-Function-Arn: "
                                   "arn:aws:lambda:us-east-1:123456789012:function:echo\r\n"
                                   "Lambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0\r\n"
                                   "Content-Length: %zu\r\n\r\n",
                                   cycle & 0xffff, length);
        double begin = now_us();
        if (!send_request(connection, head, (size_t)head_length, event, length)) fail("send an event");
        connection = next_request(listener, &is_get);
        errno = 0;
        if (is_get) fail("the event was not answered");
        if (!send_request(connection, ACCEPTED, sizeof ACCEPTED - 1, NULL, 0)) fail("accept a response");
        connection = next_request(listener, &is_get);
        errno = 0;
        if (!is_get) fail("a second response");
        if (cycle >= 0) times[cycle] = now_us() - begin;
    }
    qsort(times, (size_t)cycles, sizeof *times, compare);
    printf("%.2f\n", times[cycles / 2]);
    fflush(stdout);
    getchar();
    return 0;
}
