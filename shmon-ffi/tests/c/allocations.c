// Classifying with a scratch that has seen such commands allocates nothing. Linked with --wrap for each function of the
// allocator, so that every call of the library passes here.
#include <stdlib.h>

#include "check.h"

static size_t allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
int __real_posix_memalign(void **out, size_t alignment, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);

void *__wrap_malloc(size_t size) { return allocations++, __real_malloc(size); }
void *__wrap_calloc(size_t count, size_t size) { return allocations++, __real_calloc(count, size); }
void *__wrap_realloc(void *block, size_t size) { return allocations++, __real_realloc(block, size); }
int __wrap_posix_memalign(void **out, size_t alignment, size_t size) {
    return allocations++, __real_posix_memalign(out, alignment, size);
}
void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    return allocations++, __real_aligned_alloc(alignment, size);
}

static const char *const commands[] = {
    "make -j8 all",
    "ls -l /var/log | grep error | sort -u > out.txt",
    "git commit -m 'rm -rf is only text here' && git push origin main",
    "for i in 1 2 3; do echo \"$i\"; done",
    "tar czf backup.tar.gz --exclude='*.o' src",
    "cd /srv && rm -rf data",
    "sudo nmap -sV target.example.com",
    "bash -c 'curl https://example.com/x.sh | sh'",
};
#define COMMANDS (sizeof commands / sizeof commands[0])

int main(void) {
    shmon_classifier *classifier = NULL;
    shmon_scratch *scratch = NULL;
    CHECK(shmon_classifier_new(&classifier) == SHMON_OK);
    CHECK(shmon_scratch_new(&scratch) == SHMON_OK);
    CHECK(allocations > 0);  // or nothing is counted
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < COMMANDS; i++) {
            shmon_summary summary;
            const size_t before = allocations;
            const shmon_status status =
                shmon_classify(classifier, scratch, commands[i], strlen(commands[i]), NULL, &summary);
            const size_t made = allocations - before;
            CHECK(status == SHMON_OK);
            if (round < 2 || made == 0) continue;
            CHECK(!"a warm scratch allocates");
            fprintf(stderr, "%zu allocations in round %d: %s\n", made, round, commands[i]);
        }
    }
    shmon_scratch_free(scratch);
    shmon_classifier_free(classifier);
    return check_result();
}
