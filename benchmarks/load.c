/* The load generator: callers on keep-alive connections, each of which sends the payload and waits for its echo. With
 * -e they send Event invocations, and wait until these are accepted. */
#include "http1.h"

#include <pthread.h>
#include <time.h>

#define LIMIT_SECONDS 30
#define MOST_CALLERS 256

static const char *host, *port, *path;
static char *payload;
static size_t payload_length;
static int sends_events;

struct caller {
    pthread_t thread;
    long requests;
    double *latencies;
};

static double now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void read_payload(const char *name) {
    FILE *file = fopen(name, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) fail(name);
    payload_length = (size_t)ftell(file);
    rewind(file);
    payload = malloc(payload_length + 1);
    errno = 0;
    if (!payload || fread(payload, 1, payload_length, file) != payload_length) fail(name);
    fclose(file);
}

/* Compares the content once per caller and the length always, so that a wrong answer cannot count as a fast one. */
static void check(const struct answer *answer, int first) {
    if (answer->status != (sends_events ? 202 : 200)) {
        fprintf(stderr, "HTTP %d: %.*s\n", answer->status, (int)(answer->body_length < 200 ? answer->body_length : 200),
                answer->body);
        exit(1);
    }
    if (sends_events) return;
    if (answer->body_length != payload_length || (first && memcmp(answer->body, payload, payload_length) != 0)) {
        fprintf(stderr, "not the echo of the payload: %zu bytes: %.*s\n", answer->body_length,
                (int)(answer->body_length < 200 ? answer->body_length : 200), answer->body);
        exit(1);
    }
}

static void *call(void *argument) {
    struct caller *caller = argument;
    struct connection connection;
    struct answer answer;
    char head[1024];
    int length = snprintf(head, sizeof head,
                          "POST %s HTTP/1.1\r\nHost: %s:%s\r\nContent-Type: application/json\r\n"
                          "Content-Length: %zu\r\n%s\r\n",
                          path, host, port, payload_length,
                          sends_events ? "X-Amz-Invocation-Type: Event\r\n" : "");
    connect_to(&connection, host, port, LIMIT_SECONDS);
    for (long i = 0; i < caller->requests; i++) {
        double start = now_us();
        send_request(&connection, head, (size_t)length, payload, payload_length);
        if (!read_answer(&connection, &answer)) {
            fprintf(stderr, "the server closed the connection at request %ld\n", i + 1);
            exit(1);
        }
        caller->latencies[i] = now_us() - start;
        check(&answer, i == 0);
    }
    close(connection.fd);
    return NULL;
}

static int ascending(const void *left, const void *right) {
    double difference = *(const double *)left - *(const double *)right;
    return (difference > 0) - (difference < 0);
}

static void run(struct caller *callers, int count) {
    for (int i = 0; i < count; i++)
        if ((errno = pthread_create(&callers[i].thread, NULL, call, &callers[i])) != 0) fail("thread");
    for (int i = 0; i < count; i++) pthread_join(callers[i].thread, NULL);
}

static void usage(void) {
    fprintf(stderr, "usage: load [-e] [-c CALLERS] HOST PORT PATH PAYLOAD-FILE REQUESTS\n");
    exit(2);
}

int main(int argc, char **argv) {
    static struct caller callers[MOST_CALLERS];
    int count = 1, option;
    while ((option = getopt(argc, argv, "c:e")) != -1) {
        if (option == 'c')
            count = atoi(optarg);
        else if (option == 'e')
            sends_events = 1;
        else
            usage();
    }
    if (argc - optind != 5 || count < 1 || count > MOST_CALLERS) usage();
    long requests = atol(argv[optind + 4]);
    if (requests < count) usage();
    host = argv[optind], port = argv[optind + 1], path = argv[optind + 2];
    read_payload(argv[optind + 3]);
    double *latencies = calloc((size_t)requests, sizeof *latencies);
    if (!latencies) fail("calloc");
    double *share = latencies;
    for (int i = 0; i < count; i++) {
        callers[i].requests = requests / count + (i < requests % count);
        callers[i].latencies = share;
        share += callers[i].requests;
    }
    double start = now_us();
    run(callers, count);
    double seconds = (now_us() - start) / 1e6;
    qsort(latencies, (size_t)requests, sizeof *latencies, ascending);
    printf("p50_us=%.1f p90_us=%.1f p99_us=%.1f rate=%.2f\n", latencies[requests / 2], latencies[requests * 9 / 10],
           latencies[requests * 99 / 100], (double)requests / seconds);
    return 0;
}
