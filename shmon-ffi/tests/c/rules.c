// Rules of the caller's own.
#include "check.h"

static const char rules[] =
    "[[rule]]\nid = 'mine.deploy'\nlevel = 'high'\ntitle = { en = 'Deployment', ja = '配備' }\n"
    "match = { program = 'deploy' }\n"
    "[[allow]]\nrule = ['transfer.curl']\nmatch = { operand = 'https://mirror.example/*' }\nreason = 'ours'\n"
    "expires = 2026-06-30\n";

static shmon_level level_of(const shmon_builder *builder, const char *command) {
    shmon_classifier *classifier = NULL;
    shmon_summary summary = {SHMON_LOW, 0, 0, 0};
    CHECK(shmon_builder_build(builder, &classifier) == SHMON_OK);
    CHECK(shmon_classify(classifier, NULL, command, strlen(command), NULL, &summary) == SHMON_OK);
    shmon_classifier_free(classifier);
    return summary.level;
}

int main(void) {
    shmon_builder *builder = NULL;
    CHECK(shmon_builder_new(&builder) == SHMON_OK);
    CHECK(level_of(builder, "deploy now") == SHMON_LOW);
    CHECK(shmon_builder_rules_text(builder, "mine.toml", rules, strlen(rules)) == SHMON_OK);
    CHECK(level_of(builder, "deploy now") == SHMON_HIGH);
    CHECK(level_of(builder, "nmap x") == SHMON_HIGH);

    // An allow entry that expires holds only for a builder that knows the day.
    const char mirror[] = "curl https://mirror.example/a";
    CHECK(level_of(builder, mirror) == SHMON_HIGH);
    CHECK(shmon_builder_today(builder, 2026, 2, 1) == SHMON_OK);
    CHECK(level_of(builder, mirror) == SHMON_LOW);
    CHECK(shmon_builder_today(builder, 2026, 7, 1) == SHMON_OK);
    CHECK(level_of(builder, mirror) == SHMON_HIGH);
    CHECK(shmon_builder_today(builder, 2026, 13, 1) == SHMON_INVALID && error_names("2026-13-1"));

    CHECK(shmon_builder_level(builder, "mine.deploy", SHMON_MEDIUM) == SHMON_OK);
    CHECK(level_of(builder, "deploy now") == SHMON_MEDIUM);
    CHECK(shmon_builder_disable(builder, "reconnaissance.*") == SHMON_OK);
    CHECK(level_of(builder, "nmap x") == SHMON_LOW);

    shmon_classifier *classifier = NULL;
    shmon_summary summary;
    CHECK(shmon_builder_disable(builder, "no.such") == SHMON_OK);
    CHECK(shmon_builder_build(builder, &classifier) == SHMON_RULE && error_names("no.such"));
    shmon_builder_free(builder);

    CHECK(shmon_builder_new(&builder) == SHMON_OK);
    CHECK(shmon_builder_without_builtin(builder) == SHMON_OK);
    CHECK(shmon_builder_rules_text(builder, "mine.toml", "", 0) == SHMON_OK);
    CHECK(level_of(builder, "rm -rf /srv") == SHMON_LOW);
    shmon_builder_free(builder);

    CHECK(shmon_builder_new(&builder) == SHMON_OK);
    CHECK(shmon_builder_exclude(builder, "make") == SHMON_OK);
    CHECK(shmon_builder_build(builder, &classifier) == SHMON_OK);
    CHECK(shmon_classify(classifier, NULL, "make", 4, NULL, &summary) == SHMON_OK && summary.flags == SHMON_EXCLUDED);
    CHECK(shmon_classify(classifier, NULL, "ls", 2, NULL, &summary) == SHMON_OK && summary.flags == 0);
    shmon_classifier_free(classifier);

    CHECK(shmon_builder_rules_text(builder, "bad.toml", "[[rule]]\nid = 'a.b'\nlevel = 'hgih'\n", 33) == SHMON_OK);
    CHECK(shmon_builder_build(builder, &classifier) == SHMON_RULE && error_names("bad.toml:3"));
    CHECK(shmon_builder_rules_path(builder, "/no/such") == SHMON_OK);
    CHECK(shmon_builder_build(builder, &classifier) == SHMON_RULE && error_names("/no/such"));
    shmon_builder_free(builder);
    return check_result();
}
