/* A runtime in a single static program, as compiled languages have them: answers an event with itself. */

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *host;
static FILE *stream;

static void ask(const char *method, const char *path, const char *body, size_t length) {
    fprintf(stream, "%s /2018-06-01/runtime/invocation/%s HTTP/1.1\r\nHost: %s\r\nContent-Length: %zu\r\n\r\n",
            method, path, host, length);
    fwrite(body, 1, length, stream);
    fflush(stream);
}

/* The body of an answer, to be freed; the request id goes to `id` when there is one. */
static char *answer(char *id, size_t *length) {
    char line[4096];
    *length = 0;
    while (fgets(line, sizeof line, stream) && strcmp(line, "\r\n") != 0) {
        sscanf(line, "%*[Cc]ontent-%*[Ll]ength: %zu", length);
        if (strncasecmp(line, "lambda-runtime-aws-request-id:", 30) == 0)
            sscanf(line + 30, " %63s", id);
    }
    if (feof(stream))
        exit(0);
    char *body = malloc(*length + 1);
    if (fread(body, 1, *length, stream) != *length)
        exit(1);
    return body;
}

int main(void) {
    char address[128], id[64], path[128];
    host = getenv("AWS_LAMBDA_RUNTIME_API");
    strncpy(address, host, sizeof address - 1);
    char *colon = strrchr(address, ':');
    *colon = 0;
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(atoi(colon + 1))};
    inet_pton(AF_INET, address, &peer.sin_addr);
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(connection, (struct sockaddr *)&peer, sizeof peer) != 0)
        return 2;
    stream = fdopen(connection, "r+");
    for (size_t length;;) {
        ask("GET", "next", "", 0);
        char *event = answer(id, &length);
        snprintf(path, sizeof path, "%s/response", id);
        ask("POST", path, event, length);
        free(event);
        free(answer(id, &length));
    }
}
