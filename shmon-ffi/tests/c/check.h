// A check that says where it failed; every test program ends with `return check_result();`.
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <string.h>

#include "shmon.h"

static int check_failures;
static int check_count;

#define CHECK(condition)                                                                       \
    do {                                                                                       \
        check_count++;                                                                         \
        if (!(condition)) {                                                                    \
            check_failures++;                                                                  \
            fprintf(stderr, "%s:%d: not true: %s (last error: %s)\n", __FILE__, __LINE__,      \
                    #condition, shmon_last_error());                                           \
        }                                                                                      \
    } while (0)

static inline bool text_is(shmon_text text, const char *expected) {
    return text.len == strlen(expected) && memcmp(text.data, expected, text.len) == 0;
}

static inline bool text_starts(shmon_text text, const char *start) {
    return text.len >= strlen(start) && memcmp(text.data, start, strlen(start)) == 0;
}

// The last error names this.
static inline bool error_names(const char *part) {
    return strstr(shmon_last_error(), part) != NULL;
}

static inline int check_result(void) {
    if (check_count == 0) {
        fprintf(stderr, "nothing was checked\n");
        return 1;
    }
    return check_failures == 0 ? 0 : 1;
}

#endif
