/* What a client says in Socket.IO v5 over Engine.IO v4, and what it makes of what it hears. */
#define _GNU_SOURCE
#include "loadgen.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int measuring, sending;
uint64_t n_sent, n_echoed, n_delivered, n_errors, expected_in_all, delivered_in_all, latest_ns;
struct histogram deliveries, own_messages;

static int begins(const char *text, size_t len, const char *with) {
    size_t n = strlen(with);
    return len >= n && !memcmp(text, with, n);
}

/* One more leaves; how late it is, is the generator's own fault. */
static void count_sent(uint64_t due) {
    if (!measuring) return;
    uint64_t now = now_ns();
    n_sent++;
    if (now > due && now - due > latest_ns) latest_ns = now - due;
}

void emit_message(struct client *c, uint64_t due) {
    static char text[70000];
    int n = snprintf(text, sizeof text,
        "42[\"send-message\",{\"temp_id\":\"%d-%lu\",\"conversationId\":\"%s\",\"content\":\"%020lu ",
        (int)(c - clients), (unsigned long)c->next_id++, c->room_name, (unsigned long)due);
    memset(text + n, 'x', (size_t)options.pad);
    n += options.pad;
    n += snprintf(text + n, sizeof text - (size_t)n, "\"}]");
    c->pending++;
    count_sent(due);
    expected_in_all += (uint64_t)rooms[c->room].members;
    send_text(c, text, (size_t)n);
}

void emit_typing(struct client *c) {
    char text[300];
    c->is_typing = !c->is_typing;
    c->typed_at = now_ns();
    int n = snprintf(text, sizeof text, "42[\"typing\",{\"conversationId\":\"%s\",\"isTyping\":%s}]",
                     c->room_name, c->is_typing ? "true" : "false");
    count_sent(c->typed_at);
    send_text(c, text, (size_t)n);
}

void emit_echo(struct client *c, uint64_t due) {
    char text[64];
    int n = snprintf(text, sizeof text, "42[\"echo\",{\"content\":\"%020lu\"}]", (unsigned long)due);
    count_sent(due);
    send_text(c, text, (size_t)n);
}

static void ready(struct client *c) {
    c->state = READY;
    c->ready_at = now_ns();
    n_inflight--;
    n_ready++;
}

static void send_connect(struct client *c) {
    char text[4200];
    int n = snprintf(text, sizeof text, "40{\"token\":\"%s\"}", c->token);
    c->state = OPENING;
    send_text(c, text, (size_t)n);
}

/* The server has admitted the client. */
void on_open(struct client *c) {
    char text[300];
    if (c->room < 0) { ready(c); return; }
    int n = snprintf(text, sizeof text, "42[\"join-room\",{\"conversationId\":\"%s\"}]", c->room_name);
    c->state = JOINING;
    send_text(c, text, (size_t)n);
}

static void count(uint64_t since, int own) {
    uint64_t took = now_ns() - since;
    n_delivered++;
    histogram_add(&deliveries, took);
    if (own) {
        n_echoed++;
        histogram_add(&own_messages, took);
    }
}

static void on_message(struct client *c, char *text, size_t len) {
    delivered_in_all++;
    char *content = field(text, len, "content");
    if (!content) return;
    uint64_t due = strtoull(content, NULL, 10);
    char *temp_id = c->sends ? field(text, len, "temp_id") : NULL;
    int own = temp_id && atoi(temp_id) == (int)(c - clients);
    if (measuring) count(due, own);
    if (options.reads) receipts_on_message(c, text, len, due);
    if (!own) return;
    c->pending--;
    if (sending && options.rate == 0 && !options.reads) emit_message(c, now_ns());
}

/* Somebody's typing is answered when the next member of the room was told of it. */
static void on_typing(struct client *c, char *text, size_t len) {
    long user = user_index(text, len);
    if (user < 0) return;
    struct client *typist = &clients[user];
    int answered = typist->next_member == (int)(c - clients);
    if (measuring) count(typist->typed_at, answered);
    if (answered && sending && options.typing && typist->state == READY) emit_typing(typist);
}

static void on_error(struct client *c, char *text, size_t len) {
    n_errors++;
    text[len] = 0;
    if (!last_error[0]) snprintf(last_error, sizeof last_error, "%s", text);
    if (c->state == JOINING) { die(c, text); return; }
    if (c->pending && sending && options.rate == 0 && !options.reads) {
        c->pending--;
        emit_message(c, now_ns());
    }
}

static void on_event(struct client *c, char *text, size_t len) {
    if (begins(text, len, "42[\"message:new\"")) on_message(c, text, len);
    else if (begins(text, len, "42[\"typing:update\"")) on_typing(c, text, len);
    else if (begins(text, len, "42[\"message:status\"")) receipts_on_status(c, text, len);
    else if (begins(text, len, "42[\"receipt:update\"")) receipts_on_update(c, text, len);
    else if (begins(text, len, "42[\"room-joined\"")) { if (c->state == JOINING) ready(c); }
    else if (begins(text, len, "42[\"echo-response\"")) {
        char *due = field(text, len, "content");
        if (due && measuring) count(strtoull(due, NULL, 10), 1);
    } else if (begins(text, len, "42[\"error\"")) on_error(c, text, len);
}

void on_text(struct client *c, char *text, size_t len) {
    if (text[0] == '2') { text[0] = '3'; send_text(c, text, len); }
    else if (text[0] == '0') send_connect(c);
    else if (begins(text, len, "42")) on_event(c, text, len);
    else if (begins(text, len, "40")) on_open(c);
    else if (begins(text, len, "44")) { text[len] = 0; die(c, text); }
}
