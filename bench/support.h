/* What both load generators need from the machine: time, growing buffers, files, an early exit. */
#ifndef BENCH_SUPPORT_H
#define BENCH_SUPPORT_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000ull
#define FILES_BESIDES 16 /* standard streams, epoll and the like, beside the connections */

static inline uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

__attribute__((noreturn, format(printf, 1, 2))) static inline void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static inline void *must(void *memory)
{
    if (!memory)
        die("out of memory");
    return memory;
}

typedef struct {
    uint8_t *data;
    size_t length, room;
} buffer;

/* Makes room for `more` bytes and returns where they go; the caller adds what it wrote to length. */
static inline uint8_t *buffer_reserve(buffer *b, size_t more)
{
    if (b->length + more > b->room) {
        size_t room = b->room ? b->room : 64;
        while (room < b->length + more)
            room *= 2;
        b->data = must(realloc(b->data, room));
        b->room = room;
    }
    return b->data + b->length;
}

static inline void buffer_add(buffer *b, const void *data, size_t length)
{
    memcpy(buffer_reserve(b, length), data, length);
    b->length += length;
}

/* Opens as many files as may be opened, and says so when that is less than `wanted`. */
static inline void raise_file_limit(unsigned long wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max < wanted)
        die("%lu open files are needed, the hard limit (ulimit -Hn) is %lu", wanted, limit.rlim_max);
}

/* User and system seconds that a whole process (all its threads) has used; -1 when it is gone. */
static inline double process_cpu_s(int pid)
{
    /* Its clock counts nanoseconds; /proc counts hundredths of a second. */
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
        return -1;
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline double own_cpu_s(void) { return process_cpu_s(getpid()); }

static inline long process_rss_kb(int pid)
{
    char path[64];
    long pages = -1, resident = -1;
    snprintf(path, sizeof path, "/proc/%d/statm", pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return -1;
    if (fscanf(file, "%ld %ld", &pages, &resident) != 2)
        resident = -1;
    fclose(file);
    return resident < 0 ? -1 : resident * (sysconf(_SC_PAGESIZE) / 1024);
}

#endif
