// The C++ wrapper: handles free themselves (ASan sees it), errors are exceptions.
#include <thread>

#include "shmon.hpp"

// After the wrapper, so that it is shown to need no other header.
#include "check.h"

static void monitor(const std::string &home) {
    std::size_t told = 0;
    shmon::Monitor monitor(home, false);
    monitor.add_sink(shmon::Level::high, [&told](const auto &event, const auto &recorded, const auto &verdict) {
        told += recorded.id == 1 && event.exit_status == 2 && shmon_verdict_finding(&verdict, 0) != nullptr;
    });
    shmon::Event event{"rm -rf /xyz"};
    event.key = "a:b";
    event.exit_status = 2;
    CHECK(monitor.record(event).level == SHMON_CRITICAL && told == 1);
    CHECK(monitor.record(event).flags == SHMON_DUPLICATE && told == 1);
    monitor.end("a:b", 3, std::nullopt);
    CHECK(monitor.deliver() == 0);
    try {
        monitor.record(shmon::Event{""});
        CHECK(false);
    } catch (const shmon::Error &error) {
        CHECK(error.status() == SHMON_INVALID);
    }
    shmon::Monitor moved = std::move(monitor);
    CHECK(moved.record(shmon::Event{"make"}).id == 2);
    const auto many = moved.record_many({shmon::Event{"make a"}, event, shmon::Event{"nmap x"}});
    CHECK(many.size() == 3 && many[0].id == 3 && many[1].flags == SHMON_DUPLICATE && many[2].level == SHMON_HIGH);
    CHECK(moved.record_many({}).empty());
}

int main(int, char **argv) {
    monitor(std::string(argv[1]) + "/monitor");
    using shmon::Level;
    const shmon::Classifier classifier;
    CHECK(classifier.level("rm -rf /xyz") == Level::critical);
    CHECK(classifier.level("make", {"alice", SHMON_ZSH, SHMON_YES, SHMON_NO}) == Level::low);
    CHECK(Level::low < Level::critical && shmon::name(Level::high) == "high");

    shmon::Verdict verdict = classifier.classify("rm -rf /xyz");
    const shmon::Verdict moved = std::move(verdict);
    CHECK(moved.level() == Level::critical && !moved.excluded() && !moved.partial());
    CHECK(moved.redacted() == "rm -rf /xyz");
    const auto findings = moved.findings();
    CHECK(!findings.empty() && findings[0].rule() == "destruction.rm-recursive-force");
    CHECK(findings[0].level() == Level::critical && findings[0].span().end == 11);
    std::string joined;
    for (std::string_view word : findings[0].argv()) joined += std::string(word) + ",";
    CHECK(joined == "rm,-rf,/xyz,");
    CHECK(findings[0].count() == 1 && moved.unresolved().empty());
    const shmon::Verdict partial = classifier.classify("$tool --all");
    CHECK(partial.partial() && partial.unresolved().size() == 1);
    CHECK(partial.unresolved()[0].reason() == "unset-variable" && partial.unresolved()[0].span().end == 5);
    CHECK(shmon::parse("HIGH") == Level::high);
    CHECK(moved.invocations().size() == 1 && moved.invocations()[0].argv()[0] == "rm");

    const auto summaries = classifier.classify_many({"make", "rm -rf /xyz"}, 2);
    CHECK(summaries.size() == 2 && summaries[1].level == SHMON_CRITICAL);
    CHECK(classifier.redact("make all") == "make all");

    try {
        shmon::Builder().rules_text("bad", "\xff").build();
        CHECK(false);
    } catch (const shmon::Error &error) {
        CHECK(error.status() == SHMON_INVALID);
        CHECK(std::string(error.what()).find("UTF-8") != std::string::npos);
    }
    const shmon::Classifier own = shmon::Builder().build();
    std::thread([&own] { CHECK(own.level("rm -rf /xyz") == Level::critical); }).join();
    return check_result();
}
