/* A library to preload: it slows the clock of a program that runs on a simulated processor, to fit its speed. Without
 * it, what the program does every few milliseconds would count for each invocation instead of for many. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define FACTOR 25
#define NS 1000000000L

int clock_gettime(clockid_t clock, struct timespec *now) {
    static struct timespec starts[16];
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (result != 0 || clock < 0 || clock >= 16) return result;
    struct timespec *start = &starts[clock];
    if (start->tv_sec == 0 && start->tv_nsec == 0) *start = *now;
    long elapsed = ((now->tv_sec - start->tv_sec) * NS + now->tv_nsec - start->tv_nsec) / FACTOR + start->tv_nsec;
    now->tv_sec = start->tv_sec + elapsed / NS;
    now->tv_nsec = elapsed % NS;
    return 0;
}

int epoll_pwait(int epoll, struct epoll_event *events, int most, int timeout, const sigset_t *signals) {
    return (int)syscall(SYS_epoll_pwait, epoll, events, most, timeout > 0 ? timeout * FACTOR : timeout, signals,
                        _NSIG / 8);
}

int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout) {
    return epoll_pwait(epoll, events, most, timeout, NULL);
}
