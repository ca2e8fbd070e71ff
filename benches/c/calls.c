// The C side of the comparison:  calls load FILE | classify FILE, as `faces` does it in Rust.
#include <shmon.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
    if (argc != 3) return fprintf(stderr, "calls: use load FILE or classify FILE\n"), 2;
    FILE *file = fopen(argv[2], "rb");
    if (file == NULL) return perror(argv[2]), 2;
    fseek(file, 0, SEEK_END);
    const long size = ftell(file);
    rewind(file);
    char *text = malloc((size_t)size + 1);
    if (text == NULL || fread(text, 1, (size_t)size, file) != (size_t)size) return perror(argv[2]), 2;
    fclose(file);
    size_t count = 0;
    for (long i = 0; i < size; i++) count += text[i] == '\n';
    if (strcmp(argv[1], "load") == 0) return printf("%zu\n", count), 0;

    shmon_classifier *classifier;
    shmon_scratch *scratch;
    if (shmon_classifier_new(&classifier) != SHMON_OK || shmon_scratch_new(&scratch) != SHMON_OK) return 2;
    size_t sum = 0;
    for (const char *line = text, *end; (end = memchr(line, '\n', (size_t)(text + size - line))) != NULL; line = end + 1) {
        shmon_summary summary;
        if (shmon_classify(classifier, scratch, line, (size_t)(end - line), NULL, &summary) != SHMON_OK) return 2;
        sum += (size_t)summary.level;
    }
    printf("%zu\n", sum);
    shmon_scratch_free(scratch);
    shmon_classifier_free(classifier);
    free(text);
}
