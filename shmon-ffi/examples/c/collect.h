// What the readers of `collect` find, and the readers.
#ifndef COLLECT_H
#define COLLECT_H

#include <shmon.h>

// One command that was found; texts that aren't known are empty.
struct found {
    char *command;  // from malloc; goes to `collect`
    size_t command_len;
    char user[256], host[256], session[64], folder[4096], tty[64], source[32], key[512];
    int64_t time;  // nanoseconds since the Unix epoch; 0: now
    uint32_t uid, pid, ppid;
    bool has_uid;
};

// Takes a command; at most AUDIT_PENDING of them for a line.
void collect(const struct found *found);

// auditd's events whose records have not all come.
#define AUDIT_PENDING 16

// A line of auditd's; false when it is none.
bool audit_line(const char *line);
// No more lines come.
void audit_end(void);
// A line of syslog's: `sudo` and `cron` say what they run, others are passed over.
void syslog_line(const char *line);

// Copies `len` bytes and a NUL, as far as there is room.
void put(char *to, size_t room, const char *from, size_t len);

#endif
