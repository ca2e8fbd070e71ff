// The monitor: what is recorded, whom it tells, and how it refuses. The argument is a fresh home folder.
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static char home[4096];

// A file of the home as text; empty where there is none.
static const char *contents(const char *name) {
    static char text[65536];
    char path[8192];
    snprintf(path, sizeof path, "%s/%s", home, name);
    size_t len = 0;
    FILE *file = fopen(path, "rb");
    if (file != NULL) {
        len = fread(text, 1, sizeof text - 1, file);
        fclose(file);
    }
    text[len] = '\0';
    return text;
}

static void configure(const char *config) {
    char path[8192];
    snprintf(path, sizeof path, "%s/config.toml", home);
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL && fputs(config, file) >= 0 && fclose(file) == 0);
}

static shmon_event event_of(const char *command) {
    shmon_event event = shmon_event_init();
    event.command = shmon_text_of(command);
    return event;
}

typedef struct {
    size_t times;
    int64_t last;
    bool right;
} told;

static void remember(const shmon_event *event, const shmon_recorded *recorded, const shmon_verdict *verdict,
                     void *user) {
    told *facts = (told *)user;
    facts->times++;
    facts->last = recorded->id;
    facts->right = text_is(event->command, "nmap -sV target.example.com") && event->user.len > 0 &&
                   event->host.len > 0 && event->started_at == 1751068230000000000 && event->present != 0 &&
                   event->exit_status == 3 && event->duration == 1500000000 &&
                   event->struct_size == sizeof *event && recorded->level == SHMON_HIGH &&
                   shmon_verdict_summary(verdict).level == SHMON_HIGH &&
                   text_starts(shmon_verdict_finding(verdict, 0)->rule, "reconnaissance.");
}

static void one(shmon_monitor *monitor) {
    // The monitor keeps pointers to them.
    static told high, critical;
    CHECK(shmon_monitor_add_sink(monitor, SHMON_HIGH, remember, &high) == SHMON_OK);
    CHECK(shmon_monitor_add_sink(monitor, SHMON_CRITICAL, remember, &critical) == SHMON_OK);

    shmon_event event = event_of("nmap -sV target.example.com");
    event.session_id = shmon_text_of("s1");
    event.working_directory = shmon_text_of("/home/u");
    event.key = shmon_text_of("boot:1:2:3");
    event.started_at = 1751068230000000000;
    event.present = SHMON_HAS_EXIT_STATUS | SHMON_HAS_DURATION;
    event.exit_status = 3;
    event.duration = 1500000000;
    event.pid = 17;
    shmon_recorded recorded;
    CHECK(shmon_monitor_record(monitor, &event, &recorded) == SHMON_OK);
    CHECK(recorded.id == 1 && recorded.level == SHMON_HIGH && recorded.flags == 0 && recorded.notifications == 1);
    CHECK(high.times == 1 && high.last == 1 && high.right && critical.times == 0);
    CHECK(strstr(contents("logs/command_monitor.log"),
                 "Command monitored: nmap -sV target.example.com (Risk: high, DB ID: 1)") != NULL);

    // The same key: nothing is changed, and nobody is told.
    CHECK(shmon_monitor_record(monitor, &event, &recorded) == SHMON_OK);
    CHECK(recorded.flags == SHMON_DUPLICATE && recorded.notifications == 0 && high.times == 1);
    // Noise is stored, and nobody is told.
    event = event_of("ls -l");
    CHECK(shmon_monitor_record(monitor, &event, &recorded) == SHMON_OK);
    CHECK(recorded.id == 2 && recorded.flags == SHMON_EXCLUDED && recorded.level == SHMON_LOW);

    event = event_of("make \xff");
    event.key = shmon_text_of("boot:1:2:4");
    CHECK(shmon_monitor_record(monitor, &event, NULL) == SHMON_OK);
    const int32_t status = 2;
    const int64_t duration = 7;
    CHECK(shmon_monitor_end(monitor, shmon_text_of("boot:1:2:4"), &status, &duration) == SHMON_OK);
    CHECK(shmon_monitor_end(monitor, shmon_text_of("boot:9:9:9"), NULL, NULL) == SHMON_OK);
}

static void batch(shmon_monitor *monitor) {
    shmon_event first = event_of("rm -rf /srv/data"), second = event_of("make all");
    const shmon_event *events[] = {&first, &second};
    shmon_recorded recorded[2];
    CHECK(shmon_monitor_record_batch(monitor, events, 2, recorded) == SHMON_OK);
    CHECK(recorded[0].id == 4 && recorded[0].level == SHMON_CRITICAL);
    CHECK(recorded[1].id == 5 && recorded[1].level == SHMON_LOW);
    CHECK(shmon_monitor_record_batch(monitor, NULL, 0, NULL) == SHMON_OK);
    // All or nothing.
    second.command = shmon_text_of("  ");
    CHECK(shmon_monitor_record_batch(monitor, events, 2, recorded) == SHMON_INVALID);
    CHECK(error_names("empty"));
    events[1] = NULL;
    CHECK(shmon_monitor_record_batch(monitor, events, 2, recorded) == SHMON_INVALID);
    CHECK(error_names("events[1]"));
    CHECK(shmon_monitor_record_batch(monitor, events, 1, recorded) == SHMON_OK);
    CHECK(recorded[0].id == 6);
}

static void refusals(shmon_monitor *monitor) {
    shmon_monitor *other = NULL;
    shmon_event event = event_of("make");
    CHECK(shmon_monitor_open(NULL, 0, &other) == SHMON_INVALID && error_names("home is NULL"));
    CHECK(shmon_monitor_open(home, 2, &other) == SHMON_INVALID && error_names("0x2"));
    CHECK(shmon_monitor_open("/dev/null/x", 0, &other) != SHMON_OK && other == NULL);
    CHECK(shmon_monitor_record(NULL, &event, NULL) == SHMON_INVALID && error_names("monitor is NULL"));
    CHECK(shmon_monitor_record(monitor, NULL, NULL) == SHMON_INVALID && error_names("event is NULL"));
    CHECK(shmon_monitor_record_batch(monitor, NULL, 1, NULL) == SHMON_INVALID && error_names("events is NULL"));
    CHECK(shmon_monitor_end(monitor, shmon_text_of(""), NULL, NULL) == SHMON_INVALID && error_names("key"));
    CHECK(shmon_monitor_add_sink(monitor, SHMON_LOW, NULL, NULL) == SHMON_INVALID && error_names("told"));
    CHECK(shmon_monitor_add_sink(monitor, 9, remember, NULL) == SHMON_INVALID && error_names("level 9"));
    event.struct_size = 0;
    CHECK(shmon_monitor_record(monitor, &event, NULL) == SHMON_INVALID && error_names("struct_size"));
    event = event_of("make");
    event.user.len = 3;
    CHECK(shmon_monitor_record(monitor, &event, NULL) == SHMON_INVALID && error_names("event.user"));
    CHECK(shmon_monitor_deliver(NULL, NULL) == SHMON_INVALID);
    CHECK(shmon_monitor_classifier(NULL) == NULL);
    shmon_monitor_free(NULL);
}

// A forked child is refused, and leaves the parent's database alone.
static void forked(shmon_monitor *monitor) {
    const pid_t child = fork();
    if (child == 0) {
        shmon_event event = event_of("make in the child");
        const bool refused = shmon_monitor_record(monitor, &event, NULL) == SHMON_INVALID && error_names("fork");
        shmon_monitor_free(monitor);
        // Another program, since valgrind takes what belongs to the parent for lost at an exit.
        const char *answer = refused ? "true" : "false";
        execlp(answer, answer, (char *)NULL);
        _exit(2);
    }
    int status = -1;
    CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    shmon_event event = event_of("make after the child");
    CHECK(shmon_monitor_record(monitor, &event, NULL) == SHMON_OK);
}

#define THREADS 8
#define EACH 3

static shmon_monitor *shared;

static void count(const shmon_event *event, const shmon_recorded *recorded, const shmon_verdict *verdict, void *user) {
    (void)event, (void)recorded, (void)verdict;
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    ++*(size_t *)user;
    pthread_mutex_unlock(&lock);
}

static void *work(void *argument) {
    size_t wrong = 0;
    for (int i = 0; i < EACH; i++) {
        char command[64];
        // Critical, since the others may be held back and folded.
        snprintf(command, sizeof command, "rm -rf /srv/%d/%d", *(const int *)argument, i);
        shmon_event event = event_of(command);
        shmon_recorded recorded;
        wrong += shmon_monitor_record(shared, &event, &recorded) != SHMON_OK || recorded.id <= 0;
    }
    return wrong == 0 ? NULL : argument;
}

static void threads(void) {
    CHECK(shmon_monitor_open(home, SHMON_DELIVER, &shared) == SHMON_OK);
    static size_t told;
    CHECK(shmon_monitor_add_sink(shared, SHMON_CRITICAL, count, &told) == SHMON_OK);
    pthread_t ids[THREADS];
    int numbers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        CHECK(pthread_create(&ids[i], NULL, work, &numbers[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *result = NULL;
        CHECK(pthread_join(ids[i], &result) == 0 && result == NULL);
    }
    CHECK(told == THREADS * EACH);
    // What was due is sent before this returns.
    shmon_monitor_free(shared);
    size_t sent = 0;
    for (const char *at = contents("told"); (at = strstr(at, "rm -rf /srv/")) != NULL; at++) {
        sent += strncmp(at, "rm -rf /srv/data", 16) != 0;
    }
    CHECK(sent == THREADS * EACH);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    if (argc != 2) return check_result();
    snprintf(home, sizeof home, "%s/monitor", argv[1]);
    CHECK(mkdir(home, 0700) == 0);

    shmon_monitor *monitor = NULL;
    configure("nmae = 'x'\n");
    CHECK(shmon_monitor_open(home, 0, &monitor) == SHMON_CONFIG && error_names("nmae"));

    configure("[notify.command]\nrun = 'cat >> told'\n");
    CHECK(shmon_monitor_open(home, 0, &monitor) == SHMON_OK);
    if (monitor == NULL) return check_result();
    one(monitor);
    batch(monitor);
    refusals(monitor);
    forked(monitor);

    // Nothing was sent so far; now it is.
    CHECK(strcmp(contents("told"), "") == 0);
    uint64_t sent = 0;
    CHECK(shmon_monitor_deliver(monitor, &sent) == SHMON_OK);
    CHECK(sent >= 1 && strstr(contents("told"), "nmap -sV target.example.com") != NULL);
    CHECK(strstr(contents("told"), "rm -rf /srv/data") != NULL);
    CHECK(shmon_monitor_deliver(monitor, &sent) == SHMON_OK && sent == 0);

    shmon_summary summary;
    CHECK(shmon_classify(shmon_monitor_classifier(monitor), NULL, "nmap x", 6, NULL, &summary) == SHMON_OK);
    CHECK(summary.level == SHMON_HIGH);
    shmon_monitor_free(monitor);
    threads();
    return check_result();
}
