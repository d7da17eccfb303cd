/* Receipts: every other member of a room reads each message, and says so.
 *
 * A read is acknowledged when the room was told of it: when the room's first sender (its witness) has heard that this
 * reader read this message. The guide's server tells it with a message:status for each message and reader; ours with a
 * receipt:update, a watermark, which says it of all messages up to it, or with the message:status of a message that all
 * have read (it has a userId). Either way a message and a reader make one, once.
 */
#define _GNU_SOURCE
#include "loadgen.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEPT 4096 /* messages of a room that wait for readers; a window is far smaller */
#define ID 40

struct waiting { char id[ID]; uint64_t seq, sent; int reads; };
struct book { struct waiting kept[KEPT]; int first, count; };

static struct book *books;   /* of each room */
static uint64_t *watermark;  /* of each client, where the server tells watermarks */
static uint64_t n_reads, n_complete;
static struct histogram reads, completions;

void receipts_begin(void) {
    books = calloc((size_t)n_rooms, sizeof *books);
    watermark = calloc((size_t)n_clients, sizeof *watermark);
    histogram_begin(&reads);
    histogram_begin(&completions);
}

static struct book *book_of(struct client *c) {
    return c->room >= 0 && rooms[c->room].witness == (int)(c - clients) ? &books[c->room] : NULL;
}

static void say_read(struct client *c, const char *id, int id_len) {
    char text[300];
    int n;
    if (options.delivered) {
        n = snprintf(text, sizeof text, "42[\"delivered-ack\",{\"messageId\":\"%.*s\"}]", id_len, id);
        send_text(c, text, (size_t)n);
    }
    if (c->state != READY) return;
    n = snprintf(text, sizeof text, "42[\"read\",{\"messageIds\":[\"%.*s\"]}]", id_len, id);
    send_text(c, text, (size_t)n);
}

void receipts_on_message(struct client *c, char *text, size_t len, uint64_t sent) {
    char *id = field(text, len, "id"), *seq = field(text, len, "seq"), *end = id ? strchr(id, '"') : NULL;
    if (!end || end - id >= ID) return;
    if (!c->sends) say_read(c, id, (int)(end - id));
    struct book *b = book_of(c);
    if (!b || b->count == KEPT) return;
    struct waiting *w = &b->kept[(b->first + b->count++) % KEPT];
    *w = (struct waiting){.seq = seq ? strtoull(seq, NULL, 10) : 0, .sent = sent};
    memcpy(w->id, id, (size_t)(end - id));
}

static int readers(struct client *c) {
    int senders = 0, at = (int)(c - clients), i = at;
    do { senders += clients[i].sends; i = clients[i].next_member; } while (i != at);
    return rooms[c->room].members - senders;
}

/* So many more readers have read this message. */
static void add_reads(struct client *c, struct waiting *w, int more, int all) {
    uint64_t took = now_ns() - w->sent;
    if (w->reads >= all) return;
    if (more > all - w->reads) more = all - w->reads;
    w->reads += more;
    if (measuring) {
        n_reads += (uint64_t)more;
        for (int i = 0; i < more; i++) histogram_add(&reads, took);
    }
    if (w->reads < all) return;
    if (measuring) {
        n_complete++;
        histogram_add(&completions, took);
    }
    if (sending && options.rate == 0) emit_message(c, now_ns());
}

static void drop_complete(struct book *b, int all) {
    while (b->count && b->kept[b->first].reads >= all) {
        b->first = (b->first + 1) % KEPT;
        b->count--;
    }
}

/* The guide's: one reader read this one message. Ours, which names who completed it: everybody has. */
void receipts_on_status(struct client *c, char *text, size_t len) {
    struct book *b = options.reads ? book_of(c) : NULL;
    char *status = b ? field(text, len, "status") : NULL, *id = b ? field(text, len, "messageId") : NULL;
    if (!status || !id || strncmp(status, "read\"", 5)) return;
    int all = readers(c), complete = field(text, len, "userId") != NULL;
    for (int i = 0; i < b->count; i++) {
        struct waiting *w = &b->kept[(b->first + i) % KEPT];
        size_t n = strlen(w->id);
        if (strncmp(w->id, id, n) || id[n] != '"') continue;
        add_reads(c, w, complete ? all : 1, all);
        break;
    }
    drop_complete(b, all);
}

/* Ours: a reader has read everything up to a seq. A message that a status has completed meanwhile is not counted again. */
void receipts_on_update(struct client *c, char *text, size_t len) {
    struct book *b = options.reads ? book_of(c) : NULL;
    char *seq = b ? field(text, len, "readSeq") : NULL;
    long user = seq ? user_index(text, len) : -1;
    if (user < 0 || clients[user].sends || clients[user].room != c->room) return;
    uint64_t upto = strtoull(seq, NULL, 10), from = watermark[user];
    if (upto <= from) return;
    watermark[user] = upto;
    int all = readers(c);
    for (int i = 0; i < b->count; i++) {
        struct waiting *w = &b->kept[(b->first + i) % KEPT];
        if (w->seq > from && w->seq <= upto) add_reads(c, w, 1, all);
    }
    drop_complete(b, all);
}

void receipts_print(double seconds) {
    printf("\"reads\":%lu,\"reads_per_s\":%.1f,\"read_by_all_per_s\":%.2f,\"read_ms_p50\":%.2f,\"read_ms_p99\":%.2f,"
           "\"all_read_ms_p50\":%.2f,\"all_read_ms_p99\":%.2f,",
           (unsigned long)n_reads, (double)n_reads / seconds, (double)n_complete / seconds, percentile_ms(&reads, .5),
           percentile_ms(&reads, .99), percentile_ms(&completions, .5), percentile_ms(&completions, .99));
}
