// What a careless caller does: statuses that nobody looks at, structures that nobody initialised, lengths that were
// negative once. Each is told by a status, or does nothing; none reads what it may not.
#include <stdint.h>
#include <stdlib.h>

#include "check.h"

static const size_t huge[] = {SIZE_MAX, SIZE_MAX / 2 + 1, (size_t)PTRDIFF_MAX + 1, (size_t)-2};
#define HUGE_ONES (sizeof huge / sizeof huge[0])

// A handle that could not be made is NULL, whatever the variable held before.
static void unchecked_statuses(void) {
    shmon_builder *builder = NULL;
    CHECK(shmon_builder_new(&builder) == SHMON_OK);
    CHECK(shmon_builder_disable(builder, "no.such") == SHMON_OK);
    static char garbage[16];
    shmon_classifier *classifier = (shmon_classifier *)(void *)garbage;
    CHECK(shmon_builder_build(builder, &classifier) == SHMON_RULE && classifier == NULL);
    shmon_summary summary = {SHMON_HIGH, 9, 9, 9};
    CHECK(shmon_classify(classifier, NULL, "ls", 2, NULL, &summary) == SHMON_INVALID);
    CHECK(error_names("classifier is NULL") && summary.flags == 9);
    shmon_verdict *verdict = (shmon_verdict *)(void *)garbage;
    CHECK(shmon_verdict_new(classifier, "ls", 2, NULL, &verdict) == SHMON_INVALID && verdict == NULL);
    CHECK(shmon_verdict_finding(verdict, 0) == NULL);
    shmon_verdict_free(verdict);
    shmon_classifier_free(classifier);
    // What failed once may be mended and tried again with the same builder.
    CHECK(shmon_builder_build(builder, &classifier) == SHMON_RULE);
    shmon_builder_free(builder);
#ifndef SHMON_CLASSIFY_ONLY
    shmon_monitor *monitor = (shmon_monitor *)(void *)garbage;
    CHECK(shmon_monitor_open("/dev/null/none", 0, &monitor) != SHMON_OK && monitor == NULL);
    CHECK(shmon_monitor_open("/dev/null/none", 0xff00, &monitor) == SHMON_INVALID && monitor == NULL);
    CHECK(shmon_monitor_open(NULL, 0, &monitor) == SHMON_INVALID && error_names("home"));
    CHECK(shmon_monitor_classifier(monitor) == NULL);
    CHECK(shmon_monitor_record(monitor, NULL, NULL) == SHMON_INVALID && error_names("monitor"));
    CHECK(shmon_monitor_add_sink(monitor, SHMON_HIGH, NULL, NULL) == SHMON_INVALID);
    CHECK(shmon_monitor_deliver(monitor, NULL) == SHMON_INVALID);
    shmon_monitor_free(monitor);
#endif
}

static void huge_lengths(const shmon_classifier *classifier) {
    shmon_summary summary;
    shmon_verdict *verdict = NULL;
    size_t needed = 0;
    for (size_t i = 0; i < HUGE_ONES; i++) {
        CHECK(shmon_classify(classifier, NULL, "ls", huge[i], NULL, &summary) == SHMON_INVALID);
        CHECK(error_names("command"));
        CHECK(shmon_verdict_new(classifier, "ls", huge[i], NULL, &verdict) == SHMON_INVALID);
        CHECK(shmon_redact(classifier, "ls", huge[i], NULL, 0, &needed) == SHMON_INVALID);
        shmon_text commands[2] = {shmon_text_of("ls"), shmon_text_of("ls")};
        shmon_summary summaries[2];
        CHECK(shmon_classify_batch(classifier, commands, huge[i], NULL, 1, summaries) == SHMON_INVALID);
        CHECK(error_names("commands"));
        commands[1].len = huge[i];
        memset(summaries, 0xee, sizeof summaries);
        CHECK(shmon_classify_batch(classifier, commands, 2, NULL, 1, summaries) == SHMON_INVALID);
        CHECK(error_names("commands[1]"));
        CHECK(summaries[0].flags == 0xeeeeeeee);  // nothing was classified
        shmon_context context = shmon_context_init();
        context.user.data = "alice";
        context.user.len = huge[i];
        CHECK(shmon_classify(classifier, NULL, "ls", 2, &context, &summary) == SHMON_INVALID);
        CHECK(error_names("context.user"));
    }
    // More than an array of texts can be, less than an array of bytes.
    const shmon_text one = shmon_text_of("ls");
    CHECK(shmon_classify_batch(classifier, &one, SIZE_MAX / 16, NULL, 0, &summary) == SHMON_INVALID);
    // A text of no bytes may lie anywhere.
    const shmon_text nowhere = {(const char *)(uintptr_t)1, 0};
    CHECK(shmon_classify_batch(classifier, &nowhere, 1, NULL, UINT32_MAX, &summary) == SHMON_OK);
    CHECK(shmon_classify(classifier, NULL, nowhere.data, 0, NULL, &summary) == SHMON_OK);
}

// Whatever an uninitialised structure begins with.
static void wrong_sizes(const shmon_classifier *classifier) {
    const size_t sizes[] = {0, 1, sizeof(size_t) - 1, sizeof(size_t) + 1, sizeof(shmon_context) - 1, 4097, 1u << 16, SIZE_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        shmon_context context = shmon_context_init();
        context.struct_size = sizes[i];
        shmon_summary summary;
        CHECK(shmon_classify(classifier, NULL, "ls", 2, &context, &summary) == SHMON_INVALID);
        CHECK(error_names("struct_size of context") && error_names("shmon_context_init"));
    }
    // A structure of an older header is read no further than it goes: the rest is not ours (ASan and valgrind look).
    size_t *older = (size_t *)malloc(sizeof(size_t));
    CHECK(older != NULL);
    if (older == NULL) return;
    *older = sizeof(size_t);
    shmon_summary summary;
    CHECK(shmon_classify(classifier, NULL, "ls", 2, (const shmon_context *)(const void *)older, &summary) == SHMON_OK);
    free(older);
}

// Bytes that are no text, exactly as long as they say: nothing is read behind them.
static void any_bytes(const shmon_classifier *classifier) {
    static const char *const commands[] = {"\0rm -rf /\0", "\xff\xfe rm -rf /", "rm\0-rf\0/", "$(\xc3", "'", "\"\\", "${", "<<"};
    static const size_t lengths[] = {10, 11, 8, 3, 1, 2, 2, 2};
    shmon_scratch *scratch = NULL;
    CHECK(shmon_scratch_new(&scratch) == SHMON_OK);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        char *copy = (char *)malloc(lengths[i]);
        CHECK(copy != NULL);
        if (copy == NULL) return;
        memcpy(copy, commands[i], lengths[i]);
        shmon_summary summary;
        shmon_verdict *verdict = NULL;
        CHECK(shmon_classify(classifier, scratch, copy, lengths[i], NULL, &summary) == SHMON_OK);
        CHECK(shmon_verdict_new(classifier, copy, lengths[i], NULL, &verdict) == SHMON_OK);
        free(copy);
        const shmon_summary again = shmon_verdict_summary(verdict);
        CHECK(again.level == summary.level && again.findings == summary.findings);
        CHECK(shmon_verdict_redacted(verdict).len > 0);
        shmon_verdict_free(verdict);
    }
    shmon_scratch_free(scratch);
}

// A verdict outlives what made it, and an old message what it was about.
static void order_of_freeing(void) {
    shmon_classifier *classifier = NULL;
    shmon_verdict *verdict = NULL;
    CHECK(shmon_classifier_new(&classifier) == SHMON_OK);
    CHECK(shmon_verdict_new(classifier, "rm -rf /srv", 11, NULL, &verdict) == SHMON_OK);
    shmon_classifier_free(classifier);
    CHECK(text_is(shmon_verdict_finding(verdict, 0)->argv[0], "rm"));
    shmon_verdict_free(verdict);
    CHECK(strlen(shmon_last_error()) > 0);
}

int main(void) {
    unchecked_statuses();
    shmon_classifier *classifier = NULL;
    CHECK(shmon_classifier_new(&classifier) == SHMON_OK);
    huge_lengths(classifier);
    wrong_sizes(classifier);
    any_bytes(classifier);
    shmon_classifier_free(classifier);
    order_of_freeing();
    return check_result();
}
