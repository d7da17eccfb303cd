/* The plan: who connects as whom, joins what, and who sends. */
#define _GNU_SOURCE
#include "loadgen.h"
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

struct client *clients;
struct room *rooms;
int n_clients, n_rooms;

static void *by_name;

static int compare(const void *a, const void *b) {
    return strcmp(((const struct room *)a)->name, ((const struct room *)b)->name);
}

/* The index of the room of that name; a new one where there is none yet. `rooms` never moves: it is as long as the plan. */
static int room_index(char *name) {
    struct room *draft = &rooms[n_rooms];
    draft->name = name;
    draft->witness = -1;
    struct room *room = *(struct room **)tsearch(draft, &by_name, compare);
    if (room == draft) n_rooms++;
    return (int)(room - rooms);
}

static void read_lines(FILE *f) {
    char token[4000], room[200];
    int sends, cap = 0;
    while (fscanf(f, "%3999s %199s %d", token, room, &sends) == 3) {
        if (n_clients == cap) {
            cap = cap ? cap * 2 : 1024;
            clients = realloc(clients, (size_t)cap * sizeof *clients);
        }
        clients[n_clients++] = (struct client){.fd = -1, .sends = sends, .token = strdup(token), .room_name = strdup(room), .room = -1};
    }
}

static void find_rooms(void) {
    rooms = calloc((size_t)n_clients + 1, sizeof *rooms);
    int *last = malloc(((size_t)n_clients + 1) * sizeof *last), *first = malloc(((size_t)n_clients + 1) * sizeof *first);
    for (int i = 0; i < n_clients; i++) {
        if (!strcmp(clients[i].room_name, "-")) continue;
        int r = clients[i].room = room_index(clients[i].room_name);
        if (!rooms[r].members++) first[r] = i;
        else clients[last[r]].next_member = i;
        last[r] = i;
        clients[i].next_member = first[r];
        if (clients[i].sends && rooms[r].witness < 0) rooms[r].witness = i;
    }
    free(last);
    free(first);
}

void read_plan(const char *path) {
    FILE *f = fopen(path, "r");
    if (!f) { perror(path); exit(2); }
    read_lines(f);
    fclose(f);
    find_rooms();
}

void allow_many_files(void) {
    struct rlimit lim;
    getrlimit(RLIMIT_NOFILE, &lim);
    lim.rlim_cur = lim.rlim_max;
    setrlimit(RLIMIT_NOFILE, &lim);
}
