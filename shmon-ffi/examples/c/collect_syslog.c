// Lines of syslog in which sudo and cron say what they run; with a time of either kind:
//   Nov 23 12:47:17 host sudo[123]:   alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/usr/bin/rm -rf /srv
//   2026-11-23T12:47:17.123456+09:00 host CRON[123]: (root) CMD (cd / && run-parts /etc/cron.hourly)
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collect.h"

static const char *const MONTHS[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// `Nov 23 12:47:17`: local, and without a year, so it is the last one at which that was.
static const char *old_time(const char *line, int64_t *nanos) {
    char month[4];
    int taken = 0;
    struct tm at = {0};
    if (sscanf(line, "%3s %d %d:%d:%d%n", month, &at.tm_mday, &at.tm_hour, &at.tm_min, &at.tm_sec, &taken) != 5) return NULL;
    for (at.tm_mon = 0; at.tm_mon < 12 && strcmp(MONTHS[at.tm_mon], month) != 0;) at.tm_mon++;
    if (at.tm_mon == 12) return NULL;
    const time_t now = time(NULL);
    struct tm today;
    localtime_r(&now, &today);
    at.tm_year = today.tm_year;
    at.tm_isdst = -1;
    struct tm copy = at;
    time_t seconds = mktime(&copy);
    if (seconds > now + 86400) {
        at.tm_year--;
        seconds = mktime(&at);
    }
    *nanos = (int64_t)seconds * 1000000000;
    return line + taken;
}

// RFC 3339.
static const char *new_time(const char *line, int64_t *nanos) {
    struct tm at = {0};
    int taken = 0, hours = 0, minutes = 0;
    char sign = 'Z';
    if (sscanf(line, "%4d-%2d-%2dT%2d:%2d:%2d%n", &at.tm_year, &at.tm_mon, &at.tm_mday, &at.tm_hour, &at.tm_min,
               &at.tm_sec, &taken) != 6) {
        return NULL;
    }
    line += taken;
    int64_t fraction = 0, unit = 100000000;
    if (*line == '.') {
        for (line++; *line >= '0' && *line <= '9'; line++, unit /= 10) fraction += (*line - '0') * unit;
    }
    sign = *line;
    if (sign == 'Z') {
        line++;
    } else if (sscanf(line, "%*1[+-]%2d:%2d%n", &hours, &minutes, &taken) == 2) {
        line += taken;
    } else {
        return NULL;
    }
    at.tm_year -= 1900;
    at.tm_mon--;
    int64_t seconds = timegm(&at);
    seconds -= (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
    *nanos = seconds * 1000000000 + fraction;
    return line;
}

// `A ; NAME=value ; …`: the value, to the next ` ; ` or, for the last one, to the end.
static const char *part(const char *text, const char *name, size_t *len) {
    const char *at = strstr(text, name);
    if (at == NULL) return NULL;
    at += strlen(name);
    const char *end = strcmp(name, "COMMAND=") == 0 ? NULL : strstr(at, " ; ");
    *len = end == NULL ? strlen(at) : (size_t)(end - at);
    return at;
}

static void sudo(const char *text, struct found *found) {
    const char *colon = strstr(text, " : "), *value;
    size_t len, command_len, user_len = 0;
    const char *command = part(text, "COMMAND=", &command_len);
    if (colon == NULL || command == NULL || command < colon) return;
    put(found->user, sizeof found->user, text, (size_t)(colon - text));
    text = colon + 3;
    // What comes before the terminal is why it was refused.
    strcpy(found->source, strncmp(text, "TTY=", 4) == 0 || strncmp(text, "PWD=", 4) == 0 ? "sudo" : "sudo:refused");
    if ((value = part(text, "TTY=", &len)) != NULL && value < command) put(found->tty, sizeof found->tty, value, len);
    if ((value = part(text, "PWD=", &len)) != NULL && value < command) put(found->folder, sizeof found->folder, value, len);
    value = part(text, "USER=", &user_len);
    const bool other = value != NULL && value < command && !(user_len == 4 && memcmp(value, "root", 4) == 0);
    found->command = malloc(command_len + user_len + 16);
    if (found->command == NULL) return;
    const int before = other ? sprintf(found->command, "sudo -u %.*s ", (int)user_len, value) : sprintf(found->command, "sudo ");
    memcpy(found->command + before, command, command_len);
    found->command_len = (size_t)before + command_len;
    collect(found);
}

static void cron(const char *text, struct found *found) {
    const char *close = strchr(text, ')');
    const size_t len = strlen(text);
    if (*text != '(' || close == NULL || strncmp(close, ") CMD (", 7) != 0 || text[len - 1] != ')') return;
    put(found->user, sizeof found->user, text + 1, (size_t)(close - text - 1));
    strcpy(found->source, "cron");
    const char *command = close + 7;
    found->command_len = (size_t)(text + len - 1 - command);
    found->command = malloc(found->command_len + 1);
    if (found->command == NULL) return;
    memcpy(found->command, command, found->command_len);
    collect(found);
}

void syslog_line(const char *line) {
    struct found found;
    memset(&found, 0, sizeof found);
    const char *at = new_time(line, &found.time);
    if (at == NULL) at = old_time(line, &found.time);
    if (at == NULL || *at != ' ') return;
    const char *host = ++at;
    at += strcspn(at, " ");
    put(found.host, sizeof found.host, host, (size_t)(at - host));
    if (*at++ != ' ') return;
    const char *tag = at;
    const size_t tag_len = strcspn(tag, "[: ");
    at += tag_len;
    if (*at == '[') {
        char *close;
        found.pid = (uint32_t)strtoul(at + 1, &close, 10);
        at = close + (*close == ']');
    }
    if (*at++ != ':') return;
    at += strspn(at, " ");
    snprintf(found.session, sizeof found.session, "%.*s-%u", (int)(tag_len > 32 ? 32 : tag_len), tag, found.pid);
    // Without a process id two lines of one second can't be told from one that came twice, so both are kept.
    if (found.pid != 0) {
        snprintf(found.key, sizeof found.key, "syslog:%s:%lld:%u", found.host, (long long)found.time, found.pid);
    }
    if (tag_len == 4 && memcmp(tag, "sudo", 4) == 0) sudo(at, &found);
    if (tag_len == 4 && (memcmp(tag, "CRON", 4) == 0 || memcmp(tag, "cron", 4) == 0)) cron(at, &found);
    if (tag_len == 5 && memcmp(tag, "crond", 5) == 0) cron(at, &found);
}
