// shmon for C++17: handles that free themselves, errors as exceptions, views instead of pointers.
//
// A header alone over the C ABI of shmon.h, so any compiler that builds it can use any build of libshmon.
#ifndef SHMON_HPP
#define SHMON_HPP

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "shmon.h"

namespace shmon {

/// How dangerous a command is; ordered.
enum class Level { low = SHMON_LOW, medium = SHMON_MEDIUM, high = SHMON_HIGH, critical = SHMON_CRITICAL };

/// The level's name in lower case.
inline std::string_view name(Level level) { return shmon_level_name(static_cast<std::int32_t>(level)); }

/// What a failed call throws: the status, and a message that names the file, rule or argument at fault.
class Error : public std::runtime_error {
public:
    explicit Error(shmon_status status) : std::runtime_error(shmon_last_error()), status_(status) {}

    shmon_status status() const noexcept { return status_; }

private:
    shmon_status status_;
};

namespace detail {

inline void check(shmon_status status) {
    if (status != SHMON_OK) throw Error(status);
}

inline std::string_view view(shmon_text text) { return {text.data == nullptr ? "" : text.data, text.len}; }

inline shmon_text text(std::string_view view) {
    shmon_text text;
    text.data = view.data();
    text.len = view.size();
    return text;
}

template <auto Free> struct Deleter {
    template <class T> void operator()(T *handle) const noexcept { Free(handle); }
};

template <class T, auto Free> using Handle = std::unique_ptr<T, Deleter<Free>>;

/// Calls a function that makes a handle through its last argument.
template <class H, class F, class... A> H make(F function, A... arguments) {
    typename H::pointer handle = nullptr;
    check(function(arguments..., &handle));
    return H(handle);
}

}  // namespace detail

/// The level with this name, in any case.
inline Level parse(const std::string &name) {
    shmon_level level = SHMON_LOW;
    detail::check(shmon_level_parse(name.c_str(), &level));
    return static_cast<Level>(level);
}

/// Texts that belong to a verdict; `begin` and `end` give `std::string_view`s.
class Texts {
public:
    class Iterator {
    public:
        explicit Iterator(const shmon_text *at) : at_(at) {}
        std::string_view operator*() const { return detail::view(*at_); }
        Iterator &operator++() { return ++at_, *this; }
        bool operator!=(const Iterator &other) const { return at_ != other.at_; }

    private:
        const shmon_text *at_;
    };

    Texts(const shmon_text *texts, std::size_t len) : texts_(texts), len_(len) {}
    Iterator begin() const { return Iterator(texts_); }
    Iterator end() const { return Iterator(texts_ + len_); }
    std::size_t size() const { return len_; }
    bool empty() const { return len_ == 0; }
    std::string_view operator[](std::size_t index) const { return detail::view(texts_[index]); }

private:
    const shmon_text *texts_;
    std::size_t len_;
};

/// One rule that matched; belongs to its verdict.
class Finding {
public:
    explicit Finding(const shmon_finding &finding) : finding_(&finding) {}
    Level level() const { return static_cast<Level>(finding_->level); }
    shmon_span span() const { return finding_->span; }
    std::string_view rule() const { return detail::view(finding_->rule); }
    std::string_view category() const { return detail::view(finding_->category); }
    std::string_view title() const { return detail::view(finding_->title_en); }
    std::string_view title_ja() const { return detail::view(finding_->title_ja); }
    std::string_view reason() const { return detail::view(finding_->reason_en); }
    std::string_view reason_ja() const { return detail::view(finding_->reason_ja); }
    Texts attack() const { return {finding_->attack, finding_->attack_len}; }
    Texts argv() const { return {finding_->argv, finding_->argv_len}; }
    Texts via() const { return {finding_->via, finding_->via_len}; }
    /// How many findings this one stands for: those of a loop that differ only in its values are told once.
    std::uint32_t count() const { return finding_->count; }

private:
    const shmon_finding *finding_;
};

/// A program that would run; belongs to its verdict.
class Invocation {
public:
    explicit Invocation(const shmon_invocation &invocation) : invocation_(&invocation) {}
    shmon_span span() const { return invocation_->span; }
    Texts argv() const { return {invocation_->argv, invocation_->argv_len}; }
    Texts via() const { return {invocation_->via, invocation_->via_len}; }

private:
    const shmon_invocation *invocation_;
};

/// A part of the command that could not be resolved; belongs to its verdict.
class Unresolved {
public:
    explicit Unresolved(const shmon_unresolved &unresolved) : unresolved_(&unresolved) {}
    shmon_span span() const { return unresolved_->span; }
    std::string_view reason() const { return detail::view(unresolved_->reason); }

private:
    const shmon_unresolved *unresolved_;
};

/// The long answer for one command.
class Verdict {
public:
    explicit Verdict(shmon_verdict *handle) : handle_(handle) {}
    Level level() const { return static_cast<Level>(summary().level); }
    bool excluded() const { return (summary().flags & SHMON_EXCLUDED) != 0; }
    bool sensitive() const { return (summary().flags & SHMON_SENSITIVE) != 0; }
    bool partial() const { return (summary().flags & SHMON_PARTIAL) != 0; }
    std::string_view redacted() const { return detail::view(shmon_verdict_redacted(handle_.get())); }

    /// The rules that matched, highest level first; valid while the verdict lives.
    std::vector<Finding> findings() const {
        std::vector<Finding> all;
        while (const shmon_finding *finding = shmon_verdict_finding(handle_.get(), all.size())) {
            all.emplace_back(*finding);
        }
        return all;
    }

    /// The programs that would run; valid while the verdict lives.
    std::vector<Invocation> invocations() const {
        std::vector<Invocation> all;
        while (const shmon_invocation *invocation = shmon_verdict_invocation(handle_.get(), all.size())) {
            all.emplace_back(*invocation);
        }
        return all;
    }

    /// Why the verdict is partial; valid while the verdict lives.
    std::vector<Unresolved> unresolved() const {
        std::vector<Unresolved> all;
        while (const shmon_unresolved *unresolved = shmon_verdict_unresolved(handle_.get(), all.size())) {
            all.emplace_back(*unresolved);
        }
        return all;
    }

private:
    shmon_summary summary() const { return shmon_verdict_summary(handle_.get()); }

    detail::Handle<shmon_verdict, shmon_verdict_free> handle_;
};

/// Facts about who runs the command; `user` must outlive the call that it is passed to.
struct Context {
    std::string_view user = {};
    shmon_dialect dialect = SHMON_BASH;
    shmon_answer root = SHMON_UNKNOWN;
    shmon_answer ssh = SHMON_UNKNOWN;

    shmon_context to_c() const {
        shmon_context context = shmon_context_init();
        context.user = detail::text(user);
        context.dialect = dialect;
        context.root = root;
        context.ssh = ssh;
        return context;
    }
};

/// Rules, compiled; any number of threads may use one at once.
class Classifier {
public:
    /// The built-in rules.
    Classifier() : handle_(detail::make<Handle>(shmon_classifier_new)) {}
    explicit Classifier(shmon_classifier *handle) : handle_(handle) {}

    /// The level alone, without an allocation in the steady state.
    Level level(std::string_view command, const Context &context = {}) const {
        thread_local const Scratch scratch = detail::make<Scratch>(shmon_scratch_new);
        const shmon_context facts = context.to_c();
        shmon_summary summary;
        detail::check(
            shmon_classify(handle_.get(), scratch.get(), command.data(), command.size(), &facts, &summary));
        return static_cast<Level>(summary.level);
    }

    Verdict classify(std::string_view command, const Context &context = {}) const {
        const shmon_context facts = context.to_c();
        shmon_verdict *verdict = nullptr;
        detail::check(shmon_verdict_new(handle_.get(), command.data(), command.size(), &facts, &verdict));
        return Verdict(verdict);
    }

    /// Many commands on up to `threads` threads; 0 means all cores.
    std::vector<shmon_summary> classify_many(const std::vector<std::string_view> &commands,
                                             unsigned threads = 0) const {
        std::vector<shmon_text> texts;
        texts.reserve(commands.size());
        for (std::string_view command : commands) texts.push_back(detail::text(command));
        std::vector<shmon_summary> summaries(commands.size());
        detail::check(shmon_classify_batch(handle_.get(), texts.data(), texts.size(), nullptr, threads,
                                           summaries.data()));
        return summaries;
    }

    /// The command with its secrets replaced.
    std::string redact(std::string_view command) const {
        std::string text(command.size() + 64, '\0');
        std::size_t needed = 0;
        shmon_status status =
            shmon_redact(handle_.get(), command.data(), command.size(), text.data(), text.size(), &needed);
        if (status == SHMON_BUFFER) {
            text.resize(needed);
            status = shmon_redact(handle_.get(), command.data(), command.size(), text.data(), needed, &needed);
        }
        detail::check(status);
        text.resize(needed);
        return text;
    }

    const shmon_classifier *get() const noexcept { return handle_.get(); }

private:
    using Handle = detail::Handle<shmon_classifier, shmon_classifier_free>;
    using Scratch = detail::Handle<shmon_scratch, shmon_scratch_free>;

    Handle handle_;
};

/// Collects rules of one's own; `build` may be called more than once.
class Builder {
public:
    Builder() : handle_(detail::make<Handle>(shmon_builder_new)) {}
    Builder &without_builtin() { return done(shmon_builder_without_builtin(handle_.get())); }
    Builder &rules_path(const std::string &path) {
        return done(shmon_builder_rules_path(handle_.get(), path.c_str()));
    }
    Builder &rules_text(const std::string &source, std::string_view toml) {
        return done(shmon_builder_rules_text(handle_.get(), source.c_str(), toml.data(), toml.size()));
    }
    Builder &disable(const std::string &id) { return done(shmon_builder_disable(handle_.get(), id.c_str())); }
    Builder &level(const std::string &id, Level level) {
        return done(shmon_builder_level(handle_.get(), id.c_str(), static_cast<std::int32_t>(level)));
    }
    Builder &today(std::uint16_t year, std::uint8_t month, std::uint8_t day) {
        return done(shmon_builder_today(handle_.get(), year, month, day));
    }
    Builder &exclude(const std::string &program) {
        return done(shmon_builder_exclude(handle_.get(), program.c_str()));
    }
    Classifier build() const {
        shmon_classifier *classifier = nullptr;
        detail::check(shmon_builder_build(handle_.get(), &classifier));
        return Classifier(classifier);
    }

private:
    using Handle = detail::Handle<shmon_builder, shmon_builder_free>;

    Builder &done(shmon_status status) { return detail::check(status), *this; }

    Handle handle_;
};

#ifdef SHMON_WITH_STORE

/// One command and what is known of it; views must live until the call that they are passed to returns.
struct Event {
    std::string_view command;
    std::string_view session_id = {};
    std::string_view working_directory = {};
    std::string_view user = {};
    std::string_view host = {};
    std::string_view tty = {};
    std::string_view shell = {};
    std::string_view ssh_client = {};
    std::string_view parent_session = {};
    std::string_view key = {};
    std::int64_t started_at = 0;
    std::optional<std::int64_t> duration = {};
    std::optional<std::int32_t> exit_status = {};
    std::optional<std::uint32_t> uid = {};
    std::uint32_t pid = 0;
    std::uint32_t ppid = 0;

    shmon_event to_c() const {
        shmon_event event = shmon_event_init();
        event.command = detail::text(command);
        event.session_id = detail::text(session_id);
        event.working_directory = detail::text(working_directory);
        event.user = detail::text(user);
        event.host = detail::text(host);
        event.tty = detail::text(tty);
        event.shell = detail::text(shell);
        event.ssh_client = detail::text(ssh_client);
        event.parent_session = detail::text(parent_session);
        event.key = detail::text(key);
        event.started_at = started_at;
        event.duration = duration.value_or(0);
        event.exit_status = exit_status.value_or(0);
        event.uid = uid.value_or(0);
        event.present = (exit_status ? SHMON_HAS_EXIT_STATUS : 0) | (duration ? SHMON_HAS_DURATION : 0) |
                        (uid ? SHMON_HAS_UID : 0);
        event.pid = pid;
        event.ppid = ppid;
        return event;
    }
};

/// Records commands into a home folder's database; any number of threads may use one at once.
class Monitor {
public:
    /// What a sink is told; all three are valid until it returns. It may be called on several threads at once.
    using Sink = std::function<void(const shmon_event &, const shmon_recorded &, const shmon_verdict &)>;

    /// `deliver`: a thread sends notifications while the process goes on.
    explicit Monitor(const std::string &home, bool deliver = true) {
        shmon_monitor *monitor = nullptr;
        detail::check(shmon_monitor_open(home.c_str(), deliver ? SHMON_DELIVER : 0, &monitor));
        handle_.reset(monitor);
    }

    /// Calls `sink` for each stored command of at least this level; what it throws ends the program.
    void add_sink(Level min_level, Sink sink) {
        auto kept = std::make_unique<Sink>(std::move(sink));
        detail::check(shmon_monitor_add_sink(handle_.get(), static_cast<std::int32_t>(min_level), &tell, kept.get()));
        sinks_.push_back(std::move(kept));
    }

    shmon_recorded record(const Event &event) const {
        const shmon_event raw = event.to_c();
        shmon_recorded recorded;
        detail::check(shmon_monitor_record(handle_.get(), &raw, &recorded));
        return recorded;
    }

    /// Records many in one transaction, and says in the same order what became of them.
    std::vector<shmon_recorded> record_many(const std::vector<Event> &events) const {
        std::vector<shmon_event> raw;
        raw.reserve(events.size());
        for (const Event &event : events) raw.push_back(event.to_c());
        std::vector<const shmon_event *> places;
        places.reserve(raw.size());
        for (const shmon_event &event : raw) places.push_back(&event);
        std::vector<shmon_recorded> recorded(events.size());
        detail::check(
            shmon_monitor_record_batch(handle_.get(), places.data(), places.size(), recorded.data()));
        return recorded;
    }

    void end(std::string_view key, std::optional<std::int32_t> exit_status, std::optional<std::int64_t> duration) const {
        detail::check(shmon_monitor_end(handle_.get(), detail::text(key), exit_status ? &*exit_status : nullptr,
                                        duration ? &*duration : nullptr));
    }

#ifdef SHMON_WITH_NOTIFY
    /// Sends what is due now, and says how many messages went out.
    std::uint64_t deliver() const {
        std::uint64_t sent = 0;
        detail::check(shmon_monitor_deliver(handle_.get(), &sent));
        return sent;
    }
#endif

    shmon_monitor *get() const noexcept { return handle_.get(); }

private:
    static void tell(const shmon_event *event, const shmon_recorded *recorded, const shmon_verdict *verdict,
                     void *user) noexcept {
        (*static_cast<const Sink *>(user))(*event, *recorded, *verdict);
    }

    // Before the handle, so that they outlive it.
    std::vector<std::unique_ptr<Sink>> sinks_;
    detail::Handle<shmon_monitor, shmon_monitor_free> handle_;
};

#endif  // SHMON_WITH_STORE

}  // namespace shmon

#endif
