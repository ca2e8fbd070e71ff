// Wrong arguments are told, freeing nothing is allowed, and no panic comes out.
#include "check.h"

static void nulls(void) {
    shmon_classifier *classifier = NULL;
    shmon_builder *builder = NULL;
    shmon_summary summary;
    size_t needed;
    CHECK(shmon_classifier_new(NULL) == SHMON_INVALID);
    CHECK(error_names("out is NULL"));
    CHECK(shmon_scratch_new(NULL) == SHMON_INVALID);
    CHECK(shmon_builder_new(NULL) == SHMON_INVALID);
    CHECK(shmon_builder_build(NULL, &classifier) == SHMON_INVALID);
    CHECK(error_names("builder is NULL"));
    CHECK(shmon_builder_disable(NULL, "x") == SHMON_INVALID);
    CHECK(shmon_classify(NULL, NULL, "ls", 2, NULL, &summary) == SHMON_INVALID);
    CHECK(error_names("classifier is NULL"));
    CHECK(shmon_verdict_new(NULL, "ls", 2, NULL, NULL) == SHMON_INVALID);

    CHECK(shmon_classifier_new(&classifier) == SHMON_OK);
    CHECK(shmon_classify(classifier, NULL, NULL, 2, NULL, &summary) == SHMON_INVALID);
    CHECK(error_names("command is NULL"));
    CHECK(shmon_classify(classifier, NULL, "ls", (size_t)-1, NULL, &summary) == SHMON_INVALID);
    CHECK(shmon_classify(classifier, NULL, "ls", 2, NULL, NULL) == SHMON_INVALID);
    CHECK(shmon_verdict_new(classifier, "ls", 2, NULL, NULL) == SHMON_INVALID);
    CHECK(shmon_redact(classifier, "ls", 2, NULL, 2, &needed) == SHMON_INVALID);
    CHECK(shmon_redact(classifier, "ls", 2, NULL, 0, NULL) == SHMON_INVALID);
    shmon_classifier_free(classifier);

    CHECK(shmon_builder_new(&builder) == SHMON_OK);
    CHECK(shmon_builder_rules_path(builder, NULL) == SHMON_INVALID);
    CHECK(shmon_builder_rules_text(builder, "x", NULL, 4) == SHMON_INVALID);
    CHECK(shmon_builder_rules_text(builder, "x", "\xff", 1) == SHMON_INVALID);
    CHECK(shmon_builder_disable(builder, NULL) == SHMON_INVALID);
    CHECK(shmon_builder_level(builder, "a.b", 4) == SHMON_INVALID);
    CHECK(error_names("level 4"));
    CHECK(shmon_builder_exclude(builder, NULL) == SHMON_INVALID);
    CHECK(shmon_builder_build(builder, NULL) == SHMON_INVALID);
    shmon_builder_free(builder);

    shmon_classifier_free(NULL);
    shmon_builder_free(NULL);
    shmon_scratch_free(NULL);
    shmon_verdict_free(NULL);
}

// The message stays until the next failure, also over calls that succeed.
static void last_error(void) {
    CHECK(shmon_classifier_new(NULL) == SHMON_INVALID);
    const char *message = shmon_last_error();
    shmon_scratch *scratch = NULL;
    CHECK(shmon_scratch_new(&scratch) == SHMON_OK);
    shmon_scratch_free(scratch);
    CHECK(shmon_last_error() == message && error_names("out"));
}

static void panics(void) {
#ifdef SHMON_TEST_PANIC
    fprintf(stderr, "three panics on purpose follow:\n");
    CHECK(shmon_test_panic(0) == SHMON_PANIC);
    CHECK(error_names("internal error: on purpose"));
    CHECK(shmon_test_panic(1) == SHMON_PANIC);
    CHECK(error_names("kind 1"));
    CHECK(shmon_test_panic(2) == SHMON_PANIC);
    CHECK(error_names("without a message"));
    // The library goes on.
    shmon_classifier *classifier = NULL;
    CHECK(shmon_classifier_new(&classifier) == SHMON_OK);
    shmon_classifier_free(classifier);
#endif
}

int main(void) {
    CHECK(strcmp(shmon_last_error(), "") == 0);
    nulls();
    last_error();
    panics();
    return check_result();
}
