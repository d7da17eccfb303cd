/* A Socket.IO v5 / Engine.IO v4 load generator over plain WebSocket: one thread, epoll.
 *
 *   loadgen PLAN [options]
 *
 *   -h HOST -p PORT   the server (127.0.0.1, 3000)     -P PID  the server's process, for its CPU seconds
 *   Several servers: -p PORT,PORT,... -P PID,PID,...; clients take them in turns, in the order of the plan.
 *   -c N   connects under way at once (100)            -W N    messages of a sender that wait for an answer (1)
 *   -w S   warm-up, seconds (1)                        -t S    measuring, seconds (5)
 *   -r N   messages a second, all senders together     -s N    bytes of padding in a message (32)
 *   -i S   stay idle for so long once connected        -k      stay idle until standard input ends
 *   -B     cut everybody, and let them come back at once
 *   -R     members read each message (and say so)      -A      with -R: they say `delivered-ack` before it
 *   -T     members type, on and off                    -E MS   send `echo` in this rhythm, and measure its way back
 *
 * PLAN has a client a line: TOKEN CONVERSATION_ID SENDS. Its client joins that conversation (`-`: none), and sends to
 * it where SENDS is 1. User ids in tokens begin with the number of the line, from 0, in eight hex digits.
 *
 * Closed loop (no -r): each sender keeps W messages unanswered. A message is answered when its sender gets its
 * message:new; with -R when all readers' reads were told to the room; a typing when the room's next member hears of it.
 * Open loop (-r): messages leave on schedule, and latency counts from when each was due: who falls behind, shows it.
 *
 * Each phase prints a line of JSON: connected, back (-B), measured. Two more, begun and ended, come at both ends of the
 * measured time, for who measures other processes beside it.
 */
#define _GNU_SOURCE
#include "loadgen.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CONNECT_SECONDS 120
#define DRAIN_SECONDS 3

struct options options = {.host = "127.0.0.1", .ports = {1, {3000}}, .window = 1, .concurrency = 100, .pad = 32,
                          .seconds = 5, .warmup = 1};
static int *senders, n_senders;

struct moment { uint64_t ns; double server_cpu, own_cpu; };

static struct moment this_moment(void) { return (struct moment){now_ns(), server_cpu(), own_cpu()}; }

static uint64_t after(double seconds) { return now_ns() + (uint64_t)(seconds * 1e9); }

/* Whether the text is such a list. */
static int read_numbers(const char *text, struct numbers *found) {
    char *rest = (char *)text;
    found->n = 0;
    do {
        if (*rest == ',') rest++;
        if (found->n == MAX_SERVERS) return 0;
        found->of[found->n++] = (int)strtol(text = rest, &rest, 10);
    } while (rest != text && *rest == ',');
    return rest != text && !*rest;
}

static int read_options(int argc, char **argv) {
    int o;
    optind = 2;
    while ((o = getopt(argc, argv, "h:p:P:c:W:w:t:r:s:i:kBRATE:")) != -1) switch (o) {
        case 'h': options.host = optarg; break;
        case 'p': if (!read_numbers(optarg, &options.ports)) return 0; break;
        case 'P': if (!read_numbers(optarg, &options.pids)) return 0; break;
        case 'c': options.concurrency = atoi(optarg); break;
        case 'W': options.window = atoi(optarg); break;
        case 'w': options.warmup = atof(optarg); break;
        case 't': options.seconds = atof(optarg); break;
        case 'r': options.rate = atof(optarg); break;
        case 's': options.pad = atoi(optarg); break;
        case 'i': options.idle = atof(optarg); break;
        case 'k': options.hold = 1; break;
        case 'B': options.herd = 1; break;
        case 'R': options.reads = 1; break;
        case 'A': options.delivered = 1; break;
        case 'T': options.typing = 1; break;
        case 'E': options.echo_ms = atof(optarg); break;
        default: return 0;
    }
    return options.pad >= 0 && options.pad <= 65000;
}

static void find_senders(void) {
    senders = malloc(((size_t)n_clients + 1) * sizeof *senders);
    for (int i = 0; i < n_clients; i++)
        if (clients[i].sends && clients[i].room >= 0) senders[n_senders++] = i;
}

/* Everybody who is not connected connects, at most so many at a time, until all are ready or have failed. */
static void connect_all(int at_once) {
    uint64_t until = after(CONNECT_SECONDS);
    n_started = 0;
    while (now_ns() < until && (n_started < n_clients || n_inflight)) {
        while (n_started < n_clients && n_inflight < at_once) connect_client(&clients[n_started]);
        poll_wire(10);
    }
}

/* How long each took, counted from its own start, or from everybody's where they come back together. */
static void print_arrivals(const char *event, const struct moment *since, int together) {
    static struct histogram took;
    uint64_t last = since->ns;
    double cpu = server_cpu() - since->server_cpu, own = own_cpu() - since->own_cpu;
    if (!took.bucket) histogram_begin(&took);
    histogram_clear(&took);
    for (int i = 0; i < n_clients; i++) {
        struct client *c = &clients[i];
        if (c->state != READY) continue;
        histogram_add(&took, c->ready_at - (together ? since->ns : c->started));
        if (c->ready_at > last) last = c->ready_at;
    }
    double s = (double)(last - since->ns) / 1e9;
    printf("{\"event\":\"%s\",\"seconds\":%.3f,\"connects_per_s\":%.1f,\"cpu_s\":%.2f,\"generator_cpu_s\":%.2f,"
           "\"ms_p50\":%.2f,\"ms_p99\":%.2f,",
           event, s, s > 0 ? n_ready / s : 0, cpu, own, percentile_ms(&took, .5), percentile_ms(&took, .99));
    print_common();
}

static void arrive(void) {
    struct moment begun = this_moment();
    connect_all(options.concurrency);
    print_arrivals("connected", &begun, 0);
}

static void come_back(void) {
    struct moment begun = this_moment();
    for (int i = 0; i < n_clients; i++) cut(&clients[i]);
    connect_all(n_clients);
    print_arrivals("back", &begun, 1);
}

static int input_ended(void) {
    char byte;
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&in, 1, 0) > 0 && read(STDIN_FILENO, &byte, 1) <= 0;
}

static void stay(void) {
    for (uint64_t until = after(options.idle); now_ns() < until;) poll_wire(10);
    while (options.hold && !input_ended()) poll_wire(10);
}

/* What is due by now leaves; milliseconds until the next is due. */
static int send_due(uint64_t *next_due, double step_ns) {
    static uint64_t turn;
    uint64_t now = now_ns();
    for (int guard = 0; *next_due <= now && guard < 10000; guard++) {
        if (options.echo_ms > 0) emit_echo(&clients[0], *next_due);
        else {
            struct client *c = &clients[senders[turn++ % (uint64_t)n_senders]];
            if (c->state == READY) emit_message(c, *next_due);
        }
        *next_due += (uint64_t)step_ns;
    }
    uint64_t wait = *next_due > now ? (*next_due - now) / 1000000 : 0;
    return wait > 10 ? 10 : (int)wait;
}

static void run_until(uint64_t until) {
    static uint64_t next_due;
    double step = options.echo_ms > 0 ? options.echo_ms * 1e6 : options.rate > 0 ? 1e9 / options.rate : 0;
    int on_schedule = step > 0 && (options.echo_ms > 0 ? clients[0].state == READY : n_senders > 0);
    if (!next_due) next_due = now_ns();
    while (now_ns() < until) poll_wire(sending && on_schedule ? send_due(&next_due, step) : 10);
}

static void begin_sending(void) {
    sending = 1;
    if (options.rate > 0 || options.echo_ms > 0) return;
    if (options.typing) {
        for (int i = 0; i < n_clients; i++)
            if (clients[i].state == READY && clients[i].room >= 0) emit_typing(&clients[i]);
        return;
    }
    for (int i = 0; i < n_senders; i++)
        for (int w = 0; w < options.window && clients[senders[i]].state == READY; w++) emit_message(&clients[senders[i]], now_ns());
}

/* Nothing more is sent; what is still to come has a few seconds. */
static void drain(void) {
    sending = 0;
    for (uint64_t until = after(DRAIN_SECONDS); now_ns() < until && delivered_in_all < expected_in_all;) poll_wire(10);
}

static void mark(const char *event) {
    printf("{\"event\":\"%s\"}\n", event);
    fflush(stdout);
}

static void measure(void) {
    begin_sending();
    run_until(after(options.warmup));
    struct moment from = this_moment();
    mark("begun");
    measuring = 1;
    run_until(from.ns + (uint64_t)(options.seconds * 1e9));
    measuring = 0;
    struct moment to = this_moment();
    mark("ended");
    double s = (double)(to.ns - from.ns) / 1e9;
    drain();
    printf("{\"event\":\"measured\",\"seconds\":%.3f,\"cpu_s\":%.2f,\"generator_cpu_s\":%.2f,\"sent\":%lu,"
           "\"messages_per_s\":%.1f,\"deliveries_per_s\":%.1f,\"missing\":%ld,\"late_ms_longest\":%.2f,",
           s, to.server_cpu - from.server_cpu, to.own_cpu - from.own_cpu, (unsigned long)n_sent, (double)n_echoed / s,
           (double)n_delivered / s, (long)(expected_in_all - delivered_in_all), (double)latest_ns / 1e6);
    printf("\"ms_p50\":%.2f,\"ms_p99\":%.2f,\"ms_p999\":%.2f,\"ms_longest\":%.2f,\"own_ms_p50\":%.2f,\"own_ms_p99\":%.2f,",
           percentile_ms(&deliveries, .5), percentile_ms(&deliveries, .99), percentile_ms(&deliveries, .999),
           (double)deliveries.longest_ns / 1e6, percentile_ms(&own_messages, .5), percentile_ms(&own_messages, .99));
    if (options.reads) receipts_print(s);
    print_common();
}

int main(int argc, char **argv) {
    if (argc < 2 || !read_options(argc, argv)) {
        fprintf(stderr, "usage: loadgen PLAN [options]; see the head of main.c\n");
        return 2;
    }
    allow_many_files();
    read_plan(argv[1]);
    find_senders();
    open_wire();
    histogram_begin(&deliveries);
    histogram_begin(&own_messages);
    if (options.reads) receipts_begin();
    arrive();
    stay();
    if (options.herd) come_back();
    if (options.seconds > 0) measure();
    return n_dead ? 1 : 0;
}
