/* Time, histograms of latencies, the server's CPU seconds, and the JSON that is common to all runs. */
#define _GNU_SOURCE
#include "loadgen.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define STEP_NS 10000
#define BUCKETS 1000000 /* of 10 us: 10 s */

uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

void histogram_begin(struct histogram *h) { h->bucket = calloc(BUCKETS + 1, sizeof *h->bucket); }

void histogram_add(struct histogram *h, uint64_t ns) {
    uint64_t b = ns / STEP_NS;
    h->bucket[b < BUCKETS ? b : BUCKETS]++;
    h->count++;
    if (ns > h->longest_ns) h->longest_ns = ns;
}

void histogram_clear(struct histogram *h) {
    memset(h->bucket, 0, (BUCKETS + 1) * sizeof *h->bucket);
    h->count = h->longest_ns = 0;
}

double percentile_ms(const struct histogram *h, double p) {
    uint64_t seen = 0;
    if (!h->count) return 0;
    for (int i = 0; i <= BUCKETS; i++) {
        seen += h->bucket[i];
        if ((double)seen >= p * (double)h->count) return i * (STEP_NS / 1e6);
    }
    return 0;
}

/* User and system time of a process, of its threads and of its ended children, in seconds (proc(5), fields 14 to 17). */
static double cpu_of(int pid) {
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    if (!f) return 0;
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = 0;
    char *after_name = strrchr(text, ')');
    unsigned long user, system, child_user, child_system;
    if (!after_name || sscanf(after_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %lu %lu",
                              &user, &system, &child_user, &child_system) != 4) return 0;
    return (double)(user + system + child_user + child_system) / (double)sysconf(_SC_CLK_TCK);
}

/* Of all servers together. */
double server_cpu(void) {
    double seconds = 0;
    for (int i = 0; i < options.pids.n; i++) seconds += cpu_of(options.pids.of[i]);
    return seconds;
}

double own_cpu(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

void print_text(const char *text) {
    putchar('"');
    for (const char *p = text; *p; p++) {
        if (*p == '"' || *p == '\\') putchar('\\');
        if ((unsigned char)*p >= 32) putchar(*p);
    }
    putchar('"');
}

/* The end of every JSON line: who is there, and what went wrong. */
void print_common(void) {
    printf("\"clients\":%d,\"connected\":%d,\"failed\":%d,\"errors\":%lu,\"mb_in\":%.1f,\"first_error\":",
           n_clients, n_ready, n_dead, (unsigned long)n_errors, (double)bytes_in / 1e6);
    print_text(last_error);
    printf("}\n");
    fflush(stdout);
}
