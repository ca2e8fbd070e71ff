// Says the level of each argument:  classify 'rm -rf /srv' 'ls'
//   cc classify.c $(pkg-config --cflags --libs shmon)
#include <shmon.h>
#include <stdio.h>

int main(int argc, char **argv) {
    shmon_classifier *classifier;
    if (shmon_classifier_new(&classifier) != SHMON_OK) return fprintf(stderr, "%s\n", shmon_last_error()), 2;
    for (int i = 1; i < argc; i++) {
        shmon_summary summary;
        shmon_text command = shmon_text_of(argv[i]);
        shmon_classify(classifier, NULL, command.data, command.len, NULL, &summary);
        printf("%-8s %s\n", shmon_level_name(summary.level), argv[i]);
    }
    shmon_classifier_free(classifier);
}
