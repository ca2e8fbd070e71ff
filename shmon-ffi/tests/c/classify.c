// Classification: short and long answers, batches, redaction, text of every kind.
#include "check.h"

static const char deletion[] = "rm -rf /srv/data";

static void short_answers(const shmon_classifier *classifier) {
    shmon_scratch *scratch = NULL;
    CHECK(shmon_scratch_new(&scratch) == SHMON_OK);
    shmon_summary summary;
    for (int round = 0; round < 3; round++) {
        CHECK(shmon_classify(classifier, scratch, deletion, strlen(deletion), NULL, &summary) == SHMON_OK);
        CHECK(summary.level == SHMON_CRITICAL);
        CHECK(summary.findings >= 1);
        CHECK(summary.reserved == 0);
        CHECK(shmon_classify(classifier, scratch, "make", 4, NULL, &summary) == SHMON_OK);
        CHECK(summary.level == SHMON_LOW);
        CHECK(summary.findings == 0);
    }
    // Only as much as the length says.
    CHECK(shmon_classify(classifier, NULL, "make; rm -rf /srv", 4, NULL, &summary) == SHMON_OK);
    CHECK(summary.level == SHMON_LOW);
    // Any bytes are a command.
    CHECK(shmon_classify(classifier, scratch, NULL, 0, NULL, &summary) == SHMON_OK);
    CHECK(shmon_classify(classifier, scratch, "", 0, NULL, &summary) == SHMON_OK);
    CHECK(shmon_classify(classifier, scratch, "\0\xff\xfe`$((", 7, NULL, &summary) == SHMON_OK);
    shmon_scratch_free(scratch);
}

static void facts(const shmon_classifier *classifier) {
    shmon_summary summary;
    shmon_context context = shmon_context_init();
    context.user = shmon_text_of("alice");
    context.dialect = SHMON_ZSH;
    context.root = SHMON_NO;
    context.ssh = SHMON_YES;
    CHECK(shmon_classify(classifier, NULL, deletion, strlen(deletion), &context, &summary) == SHMON_OK);
    CHECK(summary.level == SHMON_CRITICAL);
    context.dialect = 17;
    CHECK(shmon_classify(classifier, NULL, "ls", 2, &context, &summary) == SHMON_INVALID);
    CHECK(error_names("dialect 17"));
    context.dialect = SHMON_SH;
    context.ssh = -1;
    CHECK(shmon_classify(classifier, NULL, "ls", 2, &context, &summary) == SHMON_INVALID);
    CHECK(error_names("answer -1"));
    context.ssh = SHMON_UNKNOWN;
    context.user = shmon_text_of("\xff");
    CHECK(shmon_classify(classifier, NULL, "ls", 2, &context, &summary) == SHMON_INVALID);
    CHECK(error_names("context.user is not UTF-8"));
}

// Structures of older and newer headers.
static void versions(const shmon_classifier *classifier) {
    shmon_summary summary;
    shmon_context older = shmon_context_init();
    older.struct_size = sizeof(size_t);
    older.dialect = 17;  // beyond the size, so not looked at
    CHECK(shmon_classify(classifier, NULL, "ls", 2, &older, &summary) == SHMON_OK);
    older.struct_size = 0;
    CHECK(shmon_classify(classifier, NULL, "ls", 2, &older, &summary) == SHMON_INVALID);
    CHECK(error_names("struct_size"));

    struct newer {
        shmon_context context;
        size_t field;
    } newer;
    memset(&newer, 0, sizeof newer);
    newer.context.struct_size = sizeof newer;
    CHECK(shmon_classify(classifier, NULL, "ls", 2, &newer.context, &summary) == SHMON_OK);
    newer.field = 1;
    CHECK(shmon_classify(classifier, NULL, "ls", 2, &newer.context, &summary) == SHMON_INVALID);
    CHECK(error_names("doesn't know"));
}

static void long_answers(shmon_classifier *classifier) {
    char command[] = "rm -rf /srv/data";
    shmon_verdict *verdict = NULL;
    CHECK(shmon_verdict_new(classifier, command, strlen(command), NULL, &verdict) == SHMON_OK);
    // The verdict keeps what it needs.
    memset(command, 'x', sizeof command - 1);
    shmon_summary summary = shmon_verdict_summary(verdict);
    CHECK(summary.level == SHMON_CRITICAL);
    CHECK(text_is(shmon_verdict_redacted(verdict), "rm -rf /srv/data"));

    const shmon_finding *finding = shmon_verdict_finding(verdict, 0);
    CHECK(finding != NULL);
    if (finding != NULL) {
        CHECK(finding->level == SHMON_CRITICAL);
        CHECK(text_is(finding->rule, "destruction.rm-recursive-force"));
        CHECK(text_is(finding->category, "destruction"));
        CHECK(finding->title_en.len > 0 && finding->title_ja.len > 0);
        CHECK(finding->argv_len == 3);
        CHECK(text_is(finding->argv[0], "rm") && text_is(finding->argv[2], "/srv/data"));
        CHECK(finding->via_len == 0);
        CHECK(finding->count == 1);
        CHECK(finding->span.start == 0 && finding->span.end == 16);
    }
    size_t count = 0;
    while (shmon_verdict_finding(verdict, count) != NULL) count++;
    CHECK(count == summary.findings);
    CHECK(shmon_verdict_finding(verdict, (size_t)-1) == NULL);

    const shmon_invocation *invocation = shmon_verdict_invocation(verdict, 0);
    CHECK(invocation != NULL && invocation->argv_len == 3 && text_is(invocation->argv[1], "-rf"));
    CHECK(shmon_verdict_invocation(verdict, 1) == NULL);
    CHECK(shmon_verdict_unresolved(verdict, 0) == NULL);
    shmon_verdict_free(verdict);

    // What a loop does with each of its values is told once.
    static const char loop[] = "for i in a b c; do rm -rf /srv/$i; done";
    CHECK(shmon_verdict_new(classifier, loop, strlen(loop), NULL, &verdict) == SHMON_OK);
    finding = shmon_verdict_finding(verdict, 0);
    CHECK(finding != NULL && finding->count == 3 && text_is(finding->argv[2], "/srv/a"));
    CHECK(shmon_verdict_finding(verdict, 1) == NULL);
    shmon_verdict_free(verdict);

    CHECK(shmon_verdict_summary(NULL).level == SHMON_LOW);
    CHECK(shmon_verdict_finding(NULL, 0) == NULL);
    CHECK(shmon_verdict_invocation(NULL, 0) == NULL);
    CHECK(shmon_verdict_unresolved(NULL, 0) == NULL);
    CHECK(shmon_verdict_redacted(NULL).len == 0);
}

#define MANY 3000

static void batches(const shmon_classifier *classifier) {
    static shmon_text commands[MANY];
    static shmon_summary summaries[MANY];
    for (size_t i = 0; i < MANY; i++) commands[i] = shmon_text_of(i % 7 == 0 ? deletion : "make all");
    for (uint32_t threads = 0; threads <= 4; threads++) {
        memset(summaries, 0xff, sizeof summaries);
        CHECK(shmon_classify_batch(classifier, commands, MANY, NULL, threads, summaries) == SHMON_OK);
        size_t right = 0;
        for (size_t i = 0; i < MANY; i++) right += summaries[i].level == (i % 7 == 0 ? SHMON_CRITICAL : SHMON_LOW);
        CHECK(right == MANY);
    }
    CHECK(shmon_classify_batch(classifier, NULL, 0, NULL, 0, NULL) == SHMON_OK);
    CHECK(shmon_classify_batch(classifier, NULL, 1, NULL, 0, summaries) == SHMON_INVALID);
    CHECK(shmon_classify_batch(classifier, commands, 1, NULL, 0, NULL) == SHMON_INVALID);
    commands[41].data = NULL;
    CHECK(shmon_classify_batch(classifier, commands, MANY, NULL, 2, summaries) == SHMON_INVALID);
    CHECK(error_names("commands[41]"));
}

static void redaction(const shmon_classifier *classifier) {
    const char plain[] = "make -j2 \xff";
    char buffer[64];
    size_t needed = 0;
    CHECK(shmon_redact(classifier, plain, strlen(plain), NULL, 0, &needed) == SHMON_BUFFER);
    CHECK(needed == strlen(plain));
    CHECK(shmon_redact(classifier, plain, strlen(plain), buffer, needed - 1, &needed) == SHMON_BUFFER);
    CHECK(shmon_redact(classifier, plain, strlen(plain), buffer, needed, &needed) == SHMON_OK);
    CHECK(memcmp(buffer, plain, needed) == 0);
    CHECK(shmon_redact(classifier, "", 0, NULL, 0, &needed) == SHMON_OK);
    CHECK(needed == 0);
}

int main(void) {
    shmon_classifier *classifier = NULL;
    CHECK(shmon_classifier_new(&classifier) == SHMON_OK);
    short_answers(classifier);
    facts(classifier);
    versions(classifier);
    long_answers(classifier);
    batches(classifier);
    redaction(classifier);
    CHECK(strcmp(shmon_level_name(SHMON_HIGH), "high") == 0);
    shmon_level level = SHMON_LOW;
    CHECK(shmon_level_parse("Critical", &level) == SHMON_OK && level == SHMON_CRITICAL);
    CHECK(shmon_level_parse("urgent", &level) == SHMON_INVALID && error_names("urgent") && level == SHMON_CRITICAL);
    CHECK(shmon_level_parse(NULL, &level) == SHMON_INVALID && error_names("name is NULL"));
    CHECK(shmon_level_parse("low", NULL) == SHMON_INVALID && error_names("out is NULL"));
    CHECK(strcmp(shmon_level_name(-1), "") == 0 && strcmp(shmon_level_name(4), "") == 0);
    CHECK(strcmp(shmon_version(), SHMON_EXPECTED_VERSION) == 0);
    shmon_classifier_free(classifier);
    return check_result();
}
