// Records the commands that other programs log: reads lines on standard input and tells which are commands.
//
//   collect HOME                                       lines of auditd, of sudo and of cron, in any mixture
//   collect --confirm HOME                             answers OK for each line that is stored (rsyslog's omprog)
//
// rsyslog:  module(load="omprog")
//           if $programname == ["sudo", "CRON"] then action(type="omprog" template="RSYSLOG_FileFormat"
//               binary="/usr/local/libexec/shmon-collect --confirm /var/lib/shmon" confirmMessages="on")
// auditd:   /etc/audit/plugins.d/shmon.conf:  active = yes, direction = out, type = always, format = string,
//           path = /usr/local/libexec/shmon-collect, args = /var/lib/shmon
//           and a rule that reports programs:  -a always,exit -F arch=b64 -S execve,execveat
//
// An event is recorded once, however often its lines come. Exit status: 0 at the end of the input, 1 when something
// could not be recorded, 2 for wrong arguments.
#include "collect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH 256

static struct found batch[BATCH];
static size_t waiting;
static shmon_monitor *monitor;

void collect(const struct found *found) {
    // What finds something leaves room for it: see `pour`.
    batch[waiting++] = *found;
}

// Stores what waits, in one transaction.
static int pour(void) {
    static shmon_event events[BATCH];
    const shmon_event *list[BATCH];
    for (size_t i = 0; i < waiting; i++) {
        const struct found *found = &batch[i];
        events[i] = shmon_event_init();
        events[i].command.data = found->command;
        events[i].command.len = found->command_len;
        events[i].user = shmon_text_of(found->has_uid || found->user[0] != '\0' ? found->user : "unknown");
        events[i].host = shmon_text_of(found->host);
        events[i].session_id = shmon_text_of(found->session[0] != '\0' ? found->session : found->source);
        // The reader's own folder would be wrong.
        events[i].working_directory = shmon_text_of(found->folder[0] != '\0' ? found->folder : "unknown");
        events[i].tty = shmon_text_of(found->tty);
        events[i].shell = shmon_text_of(found->source);
        events[i].key = shmon_text_of(found->key);
        events[i].started_at = found->time;
        events[i].pid = found->pid;
        events[i].ppid = found->ppid;
        events[i].uid = found->uid;
        events[i].present = found->has_uid ? SHMON_HAS_UID : 0;
        list[i] = &events[i];
    }
    const int stored = shmon_monitor_record_batch(monitor, list, waiting, NULL) == SHMON_OK;
    if (!stored) fprintf(stderr, "collect: %zu commands not recorded: %s\n", waiting, shmon_last_error());
    for (size_t i = 0; i < waiting; i++) free(batch[i].command);
    waiting = 0;
    return stored;
}

// Reads on until the input ends; every chunk of lines that comes at once is one transaction.
static int run(int confirm) {
    static char buffer[1 << 16];
    size_t len = 0;
    int fine = 1, skipping = 0;
    if (confirm) (void)!write(1, "OK\n", 3);
    for (;;) {
        const ssize_t got = read(0, buffer + len, sizeof buffer - len);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return perror("collect: standard input"), 0;
        if (got == 0) break;
        len += (size_t)got;
        char *line = buffer, *end;
        size_t lines = 0;
        int stored = 1;
        for (; (end = memchr(line, '\n', len - (size_t)(line - buffer))) != NULL; line = end + 1) {
            *end = '\0';
            lines++;
            if (!skipping && !audit_line(line)) syslog_line(line);
            skipping = 0;
            if (waiting >= BATCH - AUDIT_PENDING) stored &= pour();
        }
        len -= (size_t)(line - buffer);
        memmove(buffer, line, len);
        if (len == sizeof buffer) {
            fprintf(stderr, "collect: a line of more than %zu bytes was skipped\n", sizeof buffer);
            len = 0;
            skipping = 1;
        }
        if (waiting > 0) stored &= pour();
        for (; confirm && lines > 0; lines--) (void)!write(1, stored ? "OK\n" : "not stored\n", stored ? 3 : 11);
        fine &= stored;
    }
    audit_end();
    return pour() && fine;
}

int main(int argc, char **argv) {
    const int confirm = argc > 1 && strcmp(argv[1], "--confirm") == 0;
    if (argc != 2 + confirm || argv[1 + confirm][0] == '-') {
        return fprintf(stderr, "usage: collect [--confirm] HOME < lines\n"), 2;
    }
    if (shmon_monitor_open(argv[1 + confirm], SHMON_DELIVER, &monitor) != SHMON_OK) {
        return fprintf(stderr, "collect: %s\n", shmon_last_error()), 1;
    }
    const int fine = run(confirm);
    shmon_monitor_free(monitor);
    return fine ? 0 : 1;
}
