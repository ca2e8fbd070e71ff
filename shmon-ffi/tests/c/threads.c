// Eight threads share one classifier and one verdict; each has its own scratch and last error.
#include <pthread.h>

#include "check.h"

#define THREADS 8
#define ROUNDS 200

static shmon_classifier *classifier;
static shmon_verdict *shared;

static void *work(void *argument) {
    const int number = *(const int *)argument;
    size_t wrong = 0;
    shmon_scratch *scratch = NULL;
    wrong += shmon_scratch_new(&scratch) != SHMON_OK;
    for (int round = 0; round < ROUNDS; round++) {
        char command[64];
        const int deletes = (round + number) % 2;
        const int len = snprintf(command, sizeof command, "%s /srv/%d/%d", deletes ? "rm -rf" : "make -C", number, round);
        shmon_summary summary;
        wrong += shmon_classify(classifier, scratch, command, (size_t)len, NULL, &summary) != SHMON_OK;
        wrong += summary.level != (deletes ? SHMON_CRITICAL : SHMON_LOW);

        shmon_verdict *verdict = NULL;
        wrong += shmon_verdict_new(classifier, command, (size_t)len, NULL, &verdict) != SHMON_OK;
        wrong += shmon_verdict_summary(verdict).level != summary.level;
        shmon_verdict_free(verdict);
        wrong += !text_is(shmon_verdict_finding(shared, 0)->argv[0], "rm");

        // Another thread's error is not ours.
        wrong += shmon_verdict_new(classifier, NULL, (size_t)number + 1, NULL, &verdict) != SHMON_INVALID;
        shmon_context context = shmon_context_init();
        context.dialect = 1000 + number;
        wrong += shmon_classify(classifier, scratch, "ls", 2, &context, &summary) != SHMON_INVALID;
        char expected[32];
        snprintf(expected, sizeof expected, "dialect %d", 1000 + number);
        wrong += !error_names(expected);
    }
    shmon_scratch_free(scratch);
    return wrong == 0 ? NULL : argument;
}

int main(void) {
    CHECK(shmon_classifier_new(&classifier) == SHMON_OK);
    CHECK(shmon_verdict_new(classifier, "rm -rf /srv", 11, NULL, &shared) == SHMON_OK);
    pthread_t threads[THREADS];
    int numbers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        CHECK(pthread_create(&threads[i], NULL, work, &numbers[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *result = NULL;
        CHECK(pthread_join(threads[i], &result) == 0);
        CHECK(result == NULL);
    }
    shmon_text commands[1000];
    shmon_summary summaries[1000];
    for (int i = 0; i < 1000; i++) commands[i] = shmon_text_of("rm -rf /srv");
    CHECK(shmon_classify_batch(classifier, commands, 1000, NULL, THREADS, summaries) == SHMON_OK);
    CHECK(summaries[999].level == SHMON_CRITICAL);
    shmon_verdict_free(shared);
    shmon_classifier_free(classifier);
    return check_result();
}
