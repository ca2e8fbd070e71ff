// What one pass over all expressions costs per command: scan PATTERNS COMMANDS, a line each; built with -DWITH_RE2 (and -lre2) or
// -DWITH_HYPERSCAN (and -lhs). Prints nanoseconds per command, best of nine rounds, and how many commands matched.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#ifdef WITH_RE2
#include <re2/set.h>
#endif
#ifdef WITH_HYPERSCAN
#include <hs/hs.h>
#endif

using Lines = std::vector<std::string>;

static Lines lines(const char *path) {
    std::ifstream file(path);
    Lines all;
    for (std::string line; std::getline(file, line);) all.push_back(line);
    return all;
}

[[noreturn]] static void fail(const std::string &why) {
    std::fprintf(stderr, "scan: %s\n", why.c_str());
    std::exit(2);
}

#ifdef WITH_RE2
static std::function<bool(const std::string &)> matcher(const Lines &patterns) {
    re2::RE2::Options options;
    options.set_encoding(re2::RE2::Options::EncodingLatin1);
    static re2::RE2::Set set(options, re2::RE2::UNANCHORED);
    for (const auto &pattern : patterns) {
        std::string error;
        if (set.Add(pattern, &error) < 0) fail(error);
    }
    if (!set.Compile()) fail("out of memory");
    static std::vector<int> found;
    return [](const std::string &text) { return set.Match(text, &found); };
}
#endif

#ifdef WITH_HYPERSCAN
static int note(unsigned, unsigned long long, unsigned long long, unsigned, void *found) {
    *static_cast<bool *>(found) = true;
    return 0;
}

static std::function<bool(const std::string &)> matcher(const Lines &patterns) {
    std::vector<const char *> texts;
    std::vector<unsigned> flags, ids;
    for (const auto &pattern : patterns) {
        ids.push_back(texts.size());
        texts.push_back(pattern.c_str());
        flags.push_back(HS_FLAG_SINGLEMATCH);
    }
    static hs_database_t *database;
    static hs_scratch_t *scratch;
    hs_compile_error_t *error;
    if (hs_compile_multi(texts.data(), flags.data(), ids.data(), texts.size(), HS_MODE_BLOCK, nullptr, &database, &error) != HS_SUCCESS)
        fail(error->message);
    if (hs_alloc_scratch(database, &scratch) != HS_SUCCESS) fail("no scratch");
    return [](const std::string &text) {
        bool found = false;
        hs_scan(database, text.data(), text.size(), 0, scratch, note, &found);
        return found;
    };
}
#endif

int main(int count, char **words) {
    if (count != 3) fail("use scan PATTERNS COMMANDS");
    const Lines patterns = lines(words[1]), commands = lines(words[2]);
    const auto matches = matcher(patterns);
    double best = 1e300;
    size_t found = 0;
    for (int round = 0; round < 9; round++) {
        found = 0;
        const auto begun = std::chrono::steady_clock::now();
        for (const auto &command : commands) found += matches(command);
        const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begun;
        best = std::min(best, took.count() / commands.size());
    }
    std::printf("%f %zu\n", best, found);
}
