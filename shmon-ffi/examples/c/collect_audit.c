// auditd's records, as its plugins get them:
//   type=SYSCALL msg=audit(1364481363.243:24287): … success=yes exit=0 ppid=1 pid=2 auid=1000 uid=0 tty=pts0 ses=3 …
//   type=EXECVE msg=audit(1364481363.243:24287): argc=2 a0="rm" a1=2D7266
//   type=CWD msg=audit(1364481363.243:24287): cwd="/srv"
//   type=EOE msg=audit(1364481363.243:24287):
// The records of several events may be mixed.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect.h"

#define UNSET 4294967295u

struct event {
    char id[64];  // time and serial number; empty: free
    struct found found;
    size_t room;
    bool has_argv, failed;
};

static struct event events[AUDIT_PENDING];
static size_t oldest;

void put(char *to, size_t room, const char *from, size_t len) {
    if (len >= room) len = room - 1;
    memcpy(to, from, len);
    to[len] = '\0';
}

// Adds bytes to the command.
static void add(struct event *event, const char *bytes, size_t len) {
    struct found *found = &event->found;
    if (found->command_len + len > event->room) {
        const size_t room = 2 * (found->command_len + len) + 64;
        char *larger = realloc(found->command, room);
        if (larger == NULL) return;
        found->command = larger;
        event->room = room;
    }
    memcpy(found->command + found->command_len, bytes, len);
    found->command_len += len;
}

static int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// A value of `len` bytes: in quotes as it is, otherwise in hexadecimal.
static size_t decode(const char *value, size_t len, char *out) {
    size_t made = 0;
    if (len >= 2 && value[0] == '"') {
        memcpy(out, value + 1, len - 2);
        return len - 2;
    }
    for (size_t i = 0; i + 1 < len && hex(value[i]) >= 0 && hex(value[i + 1]) >= 0; i += 2) {
        out[made++] = (char)(hex(value[i]) * 16 + hex(value[i + 1]));
    }
    return made;
}

// An argument as one would type it.
static void add_argument(struct event *event, const char *text, size_t len) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%^";
    bool quote = len == 0;
    for (size_t i = 0; i < len && !quote; i++) quote = strchr(plain, text[i]) == NULL || text[i] == '\0';
    if (quote) add(event, "'", 1);
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\'') {
            add(event, "'\\''", 4);
        } else {
            add(event, &text[i], 1);
        }
    }
    if (quote) add(event, "'", 1);
}

// Long arguments come in pieces, `a2[0]=`, `a2[1]=`, also in several records; they are put together and then quoted.
static struct {
    char text[1 << 17];
    size_t len;
    long number;
    struct event *event;  // NULL: there is none
} argument;

static void end_argument(void) {
    if (argument.event == NULL) return;
    if (argument.number > 0) add(argument.event, " ", 1);
    add_argument(argument.event, argument.text, argument.len);
    argument.event = NULL;
    argument.len = 0;
}

static void finish(struct event *event) {
    if (event == argument.event) end_argument();
    if (event->has_argv && !event->failed) {
        collect(&event->found);
    } else {
        free(event->found.command);
    }
    memset(event, 0, sizeof *event);
}

static struct event *event_of(const char *id, size_t len) {
    struct event *unused = NULL;
    for (size_t i = 0; i < AUDIT_PENDING; i++) {
        if (strncmp(events[i].id, id, len) == 0 && events[i].id[len] == '\0') return &events[i];
        if (events[i].id[0] == '\0') unused = &events[i];
    }
    if (unused == NULL) {
        unused = &events[oldest];
        oldest = (oldest + 1) % AUDIT_PENDING;
        finish(unused);
    }
    put(unused->id, sizeof unused->id, id, len);
    return unused;
}

static void field(struct event *event, bool execve, const char *name, size_t name_len, const char *value, size_t len) {
    struct found *found = &event->found;
    const bool text = len < sizeof argument.text / 2;
    if (execve) {
        char *after = NULL;
        const long number = name[0] == 'a' ? strtol(name + 1, &after, 10) : -1;
        if (after == NULL || after == name + 1 || (*after != '=' && *after != '[') || !text) return;
        if (event != argument.event || number != argument.number) end_argument();
        argument.event = event;
        argument.number = number;
        if (argument.len + len < sizeof argument.text) argument.len += decode(value, len, argument.text + argument.len);
        event->has_argv = true;
        return;
    }
#define IS(word) (name_len == sizeof word - 1 && memcmp(name, word, name_len) == 0)
    const uint32_t number = (uint32_t)strtoul(value, NULL, 10);
    if (IS("pid")) found->pid = number;
    if (IS("ppid")) found->ppid = number;
    if (IS("success")) event->failed = len == 2 && memcmp(value, "no", 2) == 0;
    // Who logged in is who did it, whatever they became since.
    if (IS("auid") || (IS("uid") && !found->has_uid)) {
        found->uid = number;
        found->has_uid = number != UNSET;
    }
    if (IS("tty") && !(len == 6 && memcmp(value, "(none)", 6) == 0)) put(found->tty, sizeof found->tty, value, len);
    if (IS("ses") && number != UNSET) snprintf(found->session, sizeof found->session, "audit-%u", number);
    if (IS("cwd") && text && len / 2 < sizeof found->folder) {
        char folder[sizeof found->folder + 2];
        if (len < sizeof folder || value[0] != '"') put(found->folder, sizeof found->folder, folder, decode(value, len, folder));
    }
#undef IS
}

bool audit_line(const char *line) {
    const char *type = line;
    if (strncmp(line, "node=", 5) == 0) type += strcspn(line, " ") + (strchr(line, ' ') != NULL);
    if (strncmp(type, "type=", 5) != 0) return false;
    const char *msg = strstr(type, " msg=audit(");
    const char *end = msg == NULL ? NULL : strstr(msg, "):");
    if (end == NULL) return false;
    const size_t id_len = (size_t)(end - (msg + 11));
    if (id_len == 0 || id_len >= sizeof events[0].id) return true;
    type += 5;
    const bool execve = strncmp(type, "EXECVE ", 7) == 0;
    if (!execve && strncmp(type, "SYSCALL ", 8) != 0 && strncmp(type, "CWD ", 4) != 0 && strncmp(type, "EOE ", 4) != 0) {
        return true;
    }
    struct event *event = event_of(msg + 11, id_len);
    struct found *found = &event->found;
    if (found->source[0] == '\0') {
        if (type - 5 > line) put(found->host, sizeof found->host, line + 5, (size_t)(type - 6 - (line + 5)));
        strcpy(found->source, "audit");
        snprintf(found->key, sizeof found->key, "audit:%s:%s", found->host, event->id);
        char *dot;
        found->time = strtoll(event->id, &dot, 10) * 1000000000;
        if (*dot == '.') found->time += strtoll(dot + 1, NULL, 10) * 1000000;
    }
    if (strncmp(type, "EOE ", 4) == 0) {
        finish(event);
        return true;
    }
    for (const char *at = end + 2; *at != '\0';) {
        at += strspn(at, " ");
        const char *equals = at + strcspn(at, "= ");
        if (*equals != '=') {
            at = equals;
            continue;
        }
        const char *value = equals + 1;
        // A group separator begins the fields in words that auditd may add.
        const size_t len = *value == '"' ? strcspn(value + 1, "\"") + 2 : strcspn(value, " \x1d");
        if (strnlen(value, len) < len) break;
        field(event, execve, at, (size_t)(equals - at), value, len);
        at = value + len;
        if (*at == '\x1d') break;
    }
    return true;
}

void audit_end(void) {
    for (size_t i = 0; i < AUDIT_PENDING; i++) finish(&events[(oldest + i) % AUDIT_PENDING]);
}
