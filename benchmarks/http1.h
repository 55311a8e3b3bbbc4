/* The HTTP/1.1 client that the C programs share: connect, send a request, read one answer. */
#ifndef BENCHMARKS_HTTP1_H
#define BENCHMARKS_HTTP1_H

#define _GNU_SOURCE
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#define FIRST_BUFFER (64 * 1024)
#define LARGEST_MESSAGE ((size_t)64 * 1024 * 1024)

struct connection {
    int fd;
    char *buffer;
    size_t capacity;
    size_t length;
};

struct answer {
    int status;
    const char *head;
    size_t head_length;
    const char *body;
    size_t body_length;
};

static void fail(const char *what) {
    fprintf(stderr, "%s: %s\n", what, errno ? strerror(errno) : "malformed or closed early");
    exit(1);
}

/* A hanging server must end the run, so the limit is 0 s (none) only for calls that park, such as /next. */
static void connect_to(struct connection *connection, const char *host, const char *port, int limit_seconds) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses;
    errno = 0;
    if (getaddrinfo(host, port, &hints, &addresses) != 0) fail("resolve");
    connection->fd = socket(addresses->ai_family, addresses->ai_socktype, addresses->ai_protocol);
    if (connection->fd < 0) fail("socket");
    if (connect(connection->fd, addresses->ai_addr, addresses->ai_addrlen) != 0) fail("connect");
    freeaddrinfo(addresses);
    int one = 1;
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct timeval limit = {.tv_sec = limit_seconds};
    setsockopt(connection->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(connection->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    connection->capacity = FIRST_BUFFER;
    connection->length = 0;
    connection->buffer = malloc(connection->capacity);
    if (!connection->buffer) fail("malloc");
}

/* Returns 0 if the peer stopped reading. It may have refused the request early, so the answer is still read. */
static int send_request(struct connection *connection, const char *head, size_t head_length, const char *body,
                        size_t body_length) {
    struct iovec parts[2] = {{(void *)head, head_length}, {(void *)body, body_length}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    while (parts[0].iov_len + parts[1].iov_len > 0) {
        ssize_t sent = sendmsg(connection->fd, &message, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return 0;
        for (int i = 0; i < 2; i++) {
            size_t taken = (size_t)sent < parts[i].iov_len ? (size_t)sent : parts[i].iov_len;
            parts[i].iov_base = (char *)parts[i].iov_base + taken;
            parts[i].iov_len -= taken;
            sent -= (ssize_t)taken;
        }
    }
    return 1;
}

static void reserve(struct connection *connection, size_t capacity) {
    if (capacity <= connection->capacity) return;
    errno = 0;
    if (capacity > LARGEST_MESSAGE) fail("answer too large");
    while (connection->capacity < capacity) connection->capacity *= 2;
    connection->buffer = realloc(connection->buffer, connection->capacity);
    if (!connection->buffer) fail("realloc");
}

/* Returns 0 at the end of the stream. */
static int receive_more(struct connection *connection) {
    reserve(connection, connection->length + 1);
    for (;;) {
        errno = 0;
        ssize_t got = recv(connection->fd, connection->buffer + connection->length,
                           connection->capacity - connection->length, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) fail("receive");
        connection->length += (size_t)got;
        return got > 0;
    }
}

static void receive_until(struct connection *connection, size_t length) {
    reserve(connection, length);
    while (connection->length < length)
        if (!receive_more(connection)) fail("receive");
}

/* The offset just after the next line end at or after `from`. */
static size_t receive_line(struct connection *connection, size_t from) {
    for (;;) {
        char *end = memmem(connection->buffer + from, connection->length - from, "\r\n", 2);
        if (end) return (size_t)(end - connection->buffer) + 2;
        if (!receive_more(connection)) fail("receive");
    }
}

static const char *header(const struct answer *answer, const char *name, size_t *length) {
    size_t name_length = strlen(name);
    const char *line = answer->head, *end = answer->head + answer->head_length;
    while (line < end) {
        const char *next = memmem(line, (size_t)(end - line), "\r\n", 2);
        if (!next) break;
        if ((size_t)(next - line) > name_length && line[name_length] == ':' &&
            strncasecmp(line, name, name_length) == 0) {
            const char *value = line + name_length + 1;
            while (value < next && *value == ' ') value++;
            *length = (size_t)(next - value);
            return value;
        }
        line = next + 2;
    }
    return NULL;
}

static size_t receive_chunks(struct connection *connection, size_t body) {
    size_t write = body, read = body;
    for (;;) {
        size_t data = receive_line(connection, read);
        char *digits_end;
        unsigned long size = strtoul(connection->buffer + read, &digits_end, 16);
        errno = 0;
        if (digits_end == connection->buffer + read || size > LARGEST_MESSAGE) fail("chunk size");
        read = data;
        if (size == 0) break;
        receive_until(connection, data + size + 2);
        memmove(connection->buffer + write, connection->buffer + data, size);
        write += size;
        read = data + size + 2;
    }
    for (;;) {
        size_t line = read;
        read = receive_line(connection, line);
        if (read == line + 2) return write - body;
    }
}

/* Reads one answer; returns 0 when the peer closed instead of answering. Pointers hold until the next call. */
static int read_answer(struct connection *connection, struct answer *answer) {
    char *end;
    connection->length = 0;
    while (!(end = memmem(connection->buffer, connection->length, "\r\n\r\n", 4))) {
        if (receive_more(connection)) continue;
        if (connection->length == 0) return 0;
        fail("receive");
    }
    size_t body = (size_t)(end - connection->buffer) + 4, length;
    answer->head = connection->buffer;
    answer->head_length = body - 2;
    errno = 0;
    if (body < sizeof "HTTP/1.1 200\r\n\r\n" - 1 || memcmp(answer->head, "HTTP/1.", 7) != 0) fail("status line");
    answer->status = (int)strtol(answer->head + 9, NULL, 10);
    const char *coding = header(answer, "Transfer-Encoding", &length);
    const char *declared;
    if (coding && length == 7 && strncasecmp(coding, "chunked", 7) == 0) {
        answer->body_length = receive_chunks(connection, body);
    } else if ((declared = header(answer, "Content-Length", &length))) {
        answer->body_length = strtoul(declared, NULL, 10);
        receive_until(connection, body + answer->body_length);
    } else {
        answer->body_length = 0;
    }
    answer->head = connection->buffer;
    answer->body = connection->buffer + body;
    return 1;
}

#endif
