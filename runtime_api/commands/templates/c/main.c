/* A Lambda runtime in C: asks for an event, calls handle, and posts what that returns. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

struct reply {
    int status;
    char id[256], deadline[32], trace[512]; /* headers that come with an event */
    char *body;                             /* ends in a NUL, and may hold others */
    size_t size;
    int chunked, close; /* what the head says of the body and of the connection */
};

/* The function: gets its event as JSON, and returns JSON from malloc; NULL is an error. */
static char *handle(const char *event, const char *deadline)
{
    char *response;
    fprintf(stderr, "the deadline is %s\n", deadline);
    return asprintf(&response, "{\"you sent\": %s}", event) < 0 ? NULL : response;
}

static const char *address; /* of the Runtime API, host:port */
static FILE *in, *out;      /* the two ways of one connection to it */

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void connect_api(void)
{
    char host[64];
    struct sockaddr_in api = {.sin_family = AF_INET};
    const char *colon;
    if (!(address = getenv("AWS_LAMBDA_RUNTIME_API")) || !(colon = strchr(address, ':')))
        die("AWS_LAMBDA_RUNTIME_API");
    snprintf(host, sizeof host, "%.*s", (int)(colon - address), address);
    api.sin_port = htons((unsigned short)atoi(colon + 1));
    int peer = socket(AF_INET, SOCK_STREAM, 0);
    if (inet_pton(AF_INET, host, &api.sin_addr) != 1 || peer < 0 || connect(peer, (struct sockaddr *)&api, sizeof api))
        die(address);
    if (!(in = fdopen(peer, "r")) || !(out = fdopen(dup(peer), "w")))
        die("fdopen");
}

/* Reads a line without its end and white space there; it is valid until the next one. */
static char *read_line(void)
{
    static char *line;
    static size_t room;
    ssize_t length = getline(&line, &room, in);
    if (length < 0)
        die("the Runtime API has broken off its answer");
    while (length && strchr(" \t\r\n", line[length - 1]))
        line[--length] = 0;
    return line;
}

/* Reads so much more of the body. */
static void read_body(struct reply *reply, size_t size)
{
    if (!(reply->body = realloc(reply->body, reply->size + size + 1)))
        die("realloc");
    if (fread(reply->body + reply->size, 1, size, in) != size)
        die("the Runtime API has broken off its answer");
    reply->body[reply->size += size] = 0;
}

static int is_header(const char *line, const char *name, const char **value)
{
    size_t length = strlen(name);
    if (strncasecmp(line, name, length) || line[length] != ':')
        return 0;
    *value = line + length + 1 + strspn(line + length + 1, " \t");
    return 1;
}

/* Reads the head of an answer, and gives the size of its body. */
static size_t read_head(struct reply *reply)
{
    size_t size = 0;
    if (sscanf(read_line(), "HTTP/%*s %d", &reply->status) != 1)
        die("this is no answer of the Runtime API");
    for (const char *value, *line; *(line = read_line());) {
        if (is_header(line, "Content-Length", &value))
            size = strtoul(value, NULL, 10);
        else if (is_header(line, "Transfer-Encoding", &value))
            reply->chunked = !strcasecmp(value, "chunked");
        else if (is_header(line, "Connection", &value))
            reply->close = !strcasecmp(value, "close");
        else if (is_header(line, "Lambda-Runtime-Aws-Request-Id", &value))
            snprintf(reply->id, sizeof reply->id, "%s", value);
        else if (is_header(line, "Lambda-Runtime-Deadline-Ms", &value))
            snprintf(reply->deadline, sizeof reply->deadline, "%s", value);
        else if (is_header(line, "Lambda-Runtime-Trace-Id", &value))
            snprintf(reply->trace, sizeof reply->trace, "%s", value);
    }
    return reply->status < 200 ? read_head(reply) : size; /* 1xx comes before the answer itself */
}

/* Calls the Runtime API, and waits as long as it takes: /next is answered when there is an event. */
static struct reply ask(const char *method, const char *path, const char *headers, const char *body)
{
    struct reply reply = {0};
    fprintf(out, "%s /2018-06-01/runtime/%s HTTP/1.1\r\nHost: %s\r\n%sContent-Length: %zu\r\n\r\n%s", method, path,
            address, headers, strlen(body), body);
    if (fflush(out))
        die("write");
    size_t size = read_head(&reply);
    do {
        if (reply.chunked)
            size = strtoul(read_line(), NULL, 16);
        read_body(&reply, size);
        if (reply.chunked && size)
            read_line();
    } while (reply.chunked && size);
    while (reply.chunked && *read_line()) {
        /* trailers */
    }
    if (reply.close) {
        fclose(in);
        fclose(out);
        connect_api();
    }
    return reply;
}

int main(void)
{
    char path[320];
    connect_api();
    for (;;) {
        struct reply call = ask("GET", "invocation/next", "", "");
        if (call.status != 200 || !*call.id) {
            fprintf(stderr, "/invocation/next: %d %s\n", call.status, call.body);
            return 1;
        }
        setenv("_X_AMZN_TRACE_ID", call.trace, 1);
        char *response = handle(call.body, call.deadline);
        snprintf(path, sizeof path, "invocation/%s/%s", call.id, response ? "response" : "error");
        const char *headers = response ? "Content-Type: application/json\r\n"
                                       : "Lambda-Runtime-Function-Error-Type: Function.Failed\r\n";
        const char *failed = "{\"errorMessage\": \"handle returned NULL\", \"errorType\": \"Function.Failed\"}";
        free(ask("POST", path, headers, response ? response : failed).body);
        free(response);
        free(call.body);
    }
}
