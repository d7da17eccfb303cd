/* Sockets and WebSocket frames: one thread, epoll. */
#define _GNU_SOURCE
#include "loadgen.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

#define CLIENTS_AN_ADDRESS 20000

static int epfd;
uint64_t bytes_in;
int n_ready, n_dead, n_started, n_inflight;
char last_error[512];

void open_wire(void) { epfd = epoll_create1(0); }

static void arm(struct client *c, int write) {
    if (c->wants_write == write) return;
    struct epoll_event e = {.events = EPOLLIN | (write ? EPOLLOUT : 0), .data.ptr = c};
    epoll_ctl(epfd, EPOLL_CTL_MOD, c->fd, &e);
    c->wants_write = write;
}

static void forget(struct client *c) {
    if (c->state != NEW && c->state < READY) n_inflight--;
    else if (c->state == READY) n_ready--;
    close(c->fd);
    c->fd = -1;
}

/* The connection failed, or the server ended it. */
void die(struct client *c, const char *why) {
    if (c->state == DEAD) return;
    forget(c);
    c->state = DEAD;
    n_dead++;
    if (!last_error[0]) snprintf(last_error, sizeof last_error, "%s", why);
}

/* The client goes without a word, as one whose network is gone; it can be connected anew. */
void cut(struct client *c) {
    if (c->state == DEAD || c->state == NEW) return;
    forget(c);
    c->state = NEW;
    c->in_len = c->out_len = 0;
    c->pending = c->wants_write = c->is_typing = 0;
}

static void flush_out(struct client *c) {
    size_t done = 0;
    while (done < c->out_len) {
        ssize_t n = send(c->fd, c->out + done, c->out_len - done, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) break;
        if (n < 0) { die(c, strerror(errno)); return; }
        done += (size_t)n;
    }
    memmove(c->out, c->out + done, c->out_len - done);
    c->out_len -= done;
    arm(c, c->out_len > 0);
}

static void queue_raw(struct client *c, const void *data, size_t len) {
    if (c->out_len + len > c->out_cap) {
        c->out_cap = (c->out_len + len) * 2;
        c->out = realloc(c->out, c->out_cap);
    }
    memcpy(c->out + c->out_len, data, len);
    c->out_len += len;
}

void send_text(struct client *c, const char *text, size_t len) {
    uint8_t head[14];
    size_t h = 2;
    head[0] = 0x81;
    if (len < 126) head[1] = (uint8_t)(0x80 | len);
    else if (len < 65536) {
        head[1] = 0x80 | 126;
        head[2] = (uint8_t)(len >> 8);
        head[3] = (uint8_t)len;
        h = 4;
    } else {
        head[1] = 0x80 | 127;
        for (int i = 0; i < 8; i++) head[2 + i] = (uint8_t)((uint64_t)len >> (56 - 8 * i));
        h = 10;
    }
    memset(head + h, 0, 4); /* an all-zero mask is a valid one, and leaves the bytes as they are */
    queue_raw(c, head, h + 4);
    queue_raw(c, text, len);
    flush_out(c);
}

/* Many source addresses on the loopback, so that no address runs out of ports; the port is chosen at connect(), since
 * bind() crawls once many ports wait to close. */
static void choose_source(struct client *c) {
    int one = 1;
    struct sockaddr_in from = {.sin_family = AF_INET};
    uint32_t number = (uint32_t)(getpid() % 200) + (uint32_t)((c - clients) / CLIENTS_AN_ADDRESS);
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 256 + number);
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (bind(c->fd, (struct sockaddr *)&from, sizeof from)) perror("bind");
}

static int port_of(const struct client *c) { return options.ports.of[(c - clients) % options.ports.n]; }

void connect_client(struct client *c) {
    int one = 1;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port_of(c))};
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    c->state = CONNECTING;
    c->started = now_ns();
    n_started++;
    n_inflight++;
    if (c->fd < 0) { die(c, strerror(errno)); return; }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    choose_source(c);
    inet_pton(AF_INET, options.host, &to.sin_addr);
    if (connect(c->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) { die(c, strerror(errno)); return; }
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
    epoll_ctl(epfd, EPOLL_CTL_ADD, c->fd, &e);
    c->wants_write = 1;
}

/* Bytes of the answer to the upgrade, 0 where it is not whole yet. */
static size_t handshake_length(struct client *c) {
    c->in[c->in_len] = 0;
    char *end = strstr((char *)c->in, "\r\n\r\n");
    if (!end) return 0;
    if (strncmp((char *)c->in, "HTTP/1.1 101", 12)) { die(c, (char *)c->in); return 0; }
    c->state = OPENING;
    return (size_t)(end + 4 - (char *)c->in);
}

/* Bytes of the frame at f, 0 where fewer than that are there. */
static size_t frame_length(const uint8_t *f, size_t there, size_t *head, size_t *len) {
    if (there < 2) return 0;
    *len = f[1] & 127;
    *head = *len == 126 ? 4 : *len == 127 ? 10 : 2;
    if (there < *head) return 0;
    if (*head > 2) {
        *len = 0;
        for (size_t i = 2; i < *head; i++) *len = *len << 8 | f[i];
    }
    return there < *head + *len ? 0 : *head + *len;
}

static void on_frame(struct client *c, uint8_t *f, size_t head, size_t len) {
    static const uint8_t pong[6] = {0x8a, 0x80, 0, 0, 0, 0};
    int op = f[0] & 15;
    if (op == 8) die(c, "closed by the server");
    else if (op == 9) { queue_raw(c, pong, sizeof pong); flush_out(c); }
    else if (op == 1 && len) {
        uint8_t keep = f[head + len];
        on_text(c, (char *)f + head, len);
        if (c->state > NEW && c->state < DEAD) f[head + len] = keep;
    }
}

static int gone(struct client *c) { return c->state == DEAD || c->state == NEW; }

static void use_input(struct client *c) {
    size_t at = 0, size, head, len;
    if (c->state == HANDSHAKE && !(at = handshake_length(c))) return;
    while (!gone(c) && (size = frame_length(c->in + at, c->in_len - at, &head, &len))) {
        on_frame(c, c->in + at, head, len);
        at += size;
    }
    if (gone(c)) return;
    memmove(c->in, c->in + at, c->in_len - at);
    c->in_len -= at;
}

static void on_read(struct client *c) {
    for (;;) {
        if (c->in_cap - c->in_len < 16384) {
            c->in_cap = c->in_cap ? c->in_cap * 2 : 32768;
            c->in = realloc(c->in, c->in_cap);
        }
        size_t room = c->in_cap - c->in_len - 1;
        ssize_t n = recv(c->fd, c->in + c->in_len, room, 0);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) { die(c, n ? strerror(errno) : "closed by the server"); return; }
        c->in_len += (size_t)n;
        bytes_in += (uint64_t)n;
        use_input(c);
        if (gone(c) || (size_t)n < room) return;
    }
}

static void on_write(struct client *c) {
    if (c->state == CONNECTING) {
        int error = 0;
        socklen_t l = sizeof error;
        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &l);
        if (error) { die(c, strerror(error)); return; }
        char text[512];
        int n = snprintf(text, sizeof text,
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
            options.host, port_of(c));
        c->state = HANDSHAKE;
        queue_raw(c, text, (size_t)n);
    }
    flush_out(c);
}

void poll_wire(int wait_ms) {
    static struct epoll_event events[1024];
    int n = epoll_wait(epfd, events, 1024, wait_ms);
    for (int i = 0; i < n; i++) {
        struct client *c = events[i].data.ptr;
        if (gone(c)) continue;
        if (c->state == CONNECTING && events[i].events & (EPOLLERR | EPOLLHUP)) { die(c, "refused"); continue; }
        if (events[i].events & EPOLLOUT) on_write(c);
        if (!gone(c) && events[i].events & EPOLLIN) on_read(c);
    }
}
