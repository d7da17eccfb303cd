/* The few fields that matter, found without parsing the whole: a generator that parses would be the slower side. */
#define _GNU_SOURCE
#include "loadgen.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the value of the first "name" begins (of a string: behind its quote), or NULL. With or without a space. */
char *field(char *text, size_t len, const char *name) {
    char key[64];
    int n = snprintf(key, sizeof key, "\"%s\":", name);
    char *at = memmem(text, len, key, (size_t)n);
    if (!at) return NULL;
    at += n;
    if (*at == ' ') at++;
    if (*at == '"') at++;
    return at;
}

/* The plan's users are called by their line, in hex, at the beginning of their id. */
long user_index(char *text, size_t len) {
    char *id = field(text, len, "userId");
    if (!id) return -1;
    char hex[9] = {0};
    memcpy(hex, id, 8);
    long index = strtol(hex, NULL, 16);
    return index >= 0 && index < n_clients ? index : -1;
}
