// Sinks that do what a callback should not: use the monitor that is telling them, record, fail, add sinks, and be in
// several threads at once. The argument is a fresh home folder.
#include <pthread.h>
#include <sys/stat.h>

#include "check.h"

static char home[4096];
static shmon_monitor *outer, *inner;
static size_t told, added, nested, elsewhere, failed;

static int64_t record(const shmon_monitor *monitor, const char *command) {
    shmon_event event = shmon_event_init();
    event.command = shmon_text_of(command);
    event.session_id = shmon_text_of("s");
    shmon_recorded recorded = {0, SHMON_LOW, 0, 0, 0};
    CHECK(shmon_monitor_record(monitor, &event, &recorded) == SHMON_OK);
    return recorded.id;
}

static void later(const shmon_event *event, const shmon_recorded *recorded, const shmon_verdict *verdict, void *user) {
    (void)event, (void)recorded, (void)verdict, (void)user;
    added++;
}

static void other(const shmon_event *event, const shmon_recorded *recorded, const shmon_verdict *verdict, void *user) {
    (void)recorded, (void)verdict, (void)user;
    elsewhere++;
    // Back to the first monitor, which is telling its sinks already: stored, and nobody is told.
    CHECK(text_is(event->command, "nmap -sV other.example.com"));
    nested += record(outer, "rm -rf /srv/nested") > 0;
}

static void sink(const shmon_event *event, const shmon_recorded *recorded, const shmon_verdict *verdict, void *user) {
    CHECK(user == home && event->command.len > 0 && recorded->id > 0);
    told++;
    // The verdict and the classifier may be used.
    shmon_summary summary;
    CHECK(shmon_classify(shmon_monitor_classifier(outer), NULL, event->command.data, event->command.len, NULL,
                         &summary) == SHMON_OK);
    CHECK(summary.level == shmon_verdict_summary(verdict).level);
    // A call that fails is this sink's own business.
    failed += shmon_monitor_record(outer, NULL, NULL) == SHMON_INVALID;
    // A sink that is added hears of the next command.
    if (told == 1) CHECK(shmon_monitor_add_sink(outer, SHMON_LOW, later, NULL) == SHMON_OK);
    // Recording what it is told of would go on for ever.
    nested += record(outer, "rm -rf /srv/mine") > 0;
    // Another monitor has sinks of its own, which are told.
    CHECK(record(inner, "nmap -sV other.example.com") > 0);
    CHECK(shmon_monitor_end(outer, shmon_text_of("no such key"), NULL, NULL) == SHMON_OK);
}

#define THREADS 4
#define EACH 10

static pthread_mutex_t counting = PTHREAD_MUTEX_INITIALIZER;
static size_t heard;

static void hear(const shmon_event *event, const shmon_recorded *recorded, const shmon_verdict *verdict, void *user) {
    (void)event, (void)recorded, (void)verdict, (void)user;
    record(inner, "rm -rf /srv/heard");
    CHECK(pthread_mutex_lock(&counting) == 0);
    heard++;
    CHECK(pthread_mutex_unlock(&counting) == 0);
}

static void *work(void *argument) {
    for (int i = 0; i < EACH; i++) record(inner, "rm -rf /srv/data");
    return argument;
}

static shmon_monitor *open_in(const char *name) {
    char path[8192];
    snprintf(path, sizeof path, "%s/%s", home, name);
    shmon_monitor *monitor = NULL;
    CHECK(shmon_monitor_open(path, 0, &monitor) == SHMON_OK);
    return monitor;
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    if (argc != 2) return check_result();
    snprintf(home, sizeof home, "%s", argv[1]);
    outer = open_in("outer");
    inner = open_in("inner");
    CHECK(shmon_monitor_add_sink(outer, SHMON_HIGH, sink, home) == SHMON_OK);
    CHECK(shmon_monitor_add_sink(inner, SHMON_HIGH, other, NULL) == SHMON_OK);

    CHECK(record(outer, "nmap -sV target.example.com") == 1);
    CHECK(told == 1 && failed == 1 && elsewhere == 1 && nested == 2 && added == 0);
    CHECK(record(outer, "rm -rf /srv/data") == 4);
    CHECK(told == 2 && failed == 2 && elsewhere == 2 && nested == 4 && added == 1);
    // What the failing call of a sink left behind doesn't make the recording fail.
    CHECK(record(outer, "make") == 7 && told == 2 && added == 2);
    shmon_monitor_free(inner);
    shmon_monitor_free(outer);

    // A sink that records, in several threads at once.
    inner = open_in("threads");
    CHECK(shmon_monitor_add_sink(inner, SHMON_HIGH, hear, NULL) == SHMON_OK);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, work, NULL) == 0);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(heard == THREADS * EACH);
    CHECK(record(inner, "make") == 2 * THREADS * EACH + 1);
    shmon_monitor_free(inner);
    return check_result();
}
