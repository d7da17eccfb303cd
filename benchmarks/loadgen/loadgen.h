/* What the parts of the load generator share. main.c has the usage. */
#ifndef LOADGEN_H
#define LOADGEN_H

#include <stddef.h>
#include <stdint.h>

enum state { NEW, CONNECTING, HANDSHAKE, OPENING, JOINING, READY, DEAD };

struct client {
    int fd, sends, pending, wants_write, is_typing;
    enum state state;
    char *token, *room_name;
    int room;               /* index into rooms, -1 where it joins nothing */
    int next_member;        /* the next client of the same room, round and round */
    uint8_t *in, *out;
    size_t in_len, in_cap, out_len, out_cap;
    uint64_t started, ready_at, typed_at;
    uint64_t next_id;
};

struct room {
    char *name;
    int members, witness;   /* witness: its first sender, whose socket tells what the room was told */
};

#define MAX_SERVERS 16

/* Numbers of a comma-separated list, one for each server. */
struct numbers { int n, of[MAX_SERVERS]; };

struct options {
    const char *host;
    int window, concurrency, pad, hold, herd, reads, delivered, typing;
    struct numbers ports;   /* client i connects to the (i mod n)-th */
    struct numbers pids;    /* of the servers, for their CPU seconds; none: nobody's */
    double seconds, warmup, rate, idle, echo_ms;
};

struct histogram {
    uint32_t *bucket;
    uint64_t count, longest_ns;
};

extern struct options options;
extern struct client *clients;
extern struct room *rooms;
extern int n_clients, n_rooms, n_ready, n_dead, n_started, n_inflight;
extern int measuring, sending;
extern uint64_t n_sent, n_echoed, n_delivered, n_errors, bytes_in;
extern uint64_t expected_in_all, delivered_in_all, latest_ns;
extern struct histogram deliveries, own_messages;
extern char last_error[512];

/* plan.c */
void read_plan(const char *path);
void allow_many_files(void);

/* wire.c: sockets and WebSocket frames. on_text's text may be written to, one byte beyond its end included. */
void open_wire(void);
void connect_client(struct client *c);
void send_text(struct client *c, const char *text, size_t len);
void die(struct client *c, const char *why);
void cut(struct client *c);
void poll_wire(int wait_ms);

/* chat.c: what a client says, and what it makes of what it hears */
void on_open(struct client *c);
void on_text(struct client *c, char *text, size_t len);
void emit_message(struct client *c, uint64_t due);
void emit_typing(struct client *c);
void emit_echo(struct client *c, uint64_t due);

/* receipts.c */
void receipts_begin(void);
void receipts_on_message(struct client *c, char *text, size_t len, uint64_t sent_ns);
void receipts_on_status(struct client *c, char *text, size_t len);
void receipts_on_update(struct client *c, char *text, size_t len);
void receipts_print(double seconds);

/* figures.c */
uint64_t now_ns(void);
double server_cpu(void);
double own_cpu(void);
void histogram_begin(struct histogram *h);
void histogram_add(struct histogram *h, uint64_t ns);
void histogram_clear(struct histogram *h);
double percentile_ms(const struct histogram *h, double p);
void print_text(const char *text);
void print_common(void);

/* text.c: the few fields that matter, found without parsing the whole */
char *field(char *text, size_t len, const char *name);
long user_index(char *text, size_t len);

#endif
