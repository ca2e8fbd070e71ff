// shmon: classifies shell commands by risk, keeps a tamper-evident record of them, and tells people at once.
//
// Made by cbindgen from shmon-ffi/src: don't edit.
//
// Ownership   A function that writes through `T **out` makes a handle, which its `_free` function ends. Whatever else
//             a function gives out belongs to the handle that it came from. What a caller passes in is copied, and may
//             go when the call returns.
// Text        `shmon_text` and `char *` with a length are bytes, in lengths of bytes; a `const char *` without a
//             length ends with NUL.
// Errors      Functions that can fail answer a `shmon_status`, and `shmon_last_error` has the message. Outputs are
//             only written on SHMON_OK, unless a function says otherwise; a handle that can't be made is NULL.
// Threads     Handles say how they may be shared. There is no global state.
// Versions    Structures that the caller allocates begin with `struct_size` and have an `_init` function. Structures
//             that the library allocates grow at their end. Numbers never change.


#ifndef SHMON_H
#define SHMON_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
// A library that was built to classify only has no monitor: define this before including the header.
#ifndef SHMON_CLASSIFY_ONLY
#define SHMON_WITH_STORE 1
#define SHMON_WITH_NOTIFY 1
#endif

#if defined(SHMON_WITH_STORE)
// `present` of `shmon_event`: `exit_status` is known.
#define SHMON_HAS_EXIT_STATUS 1
#endif

#if defined(SHMON_WITH_STORE)
// `present` of `shmon_event`: `duration` is known.
#define SHMON_HAS_DURATION 2
#endif

#if defined(SHMON_WITH_STORE)
// `present` of `shmon_event`: `uid` is known (0 is root's).
#define SHMON_HAS_UID 4
#endif

#if defined(SHMON_WITH_STORE)
// `flags` of `shmon_recorded`: the same event was recorded before; nothing was changed, logged or sent.
#define SHMON_DUPLICATE 8
#endif

#if defined(SHMON_WITH_STORE)
// `flags` of `shmon_monitor_open`: a thread of this process sends notifications while it goes on. Without it they wait
// in the outbox for `shmon_monitor_deliver`, `shmon daemon` or `shmon notify flush`.
#define SHMON_DELIVER 1
#endif

// `flags` of `shmon_summary`: every program of the line is on the exclusion list, and no rule matched.
#define SHMON_EXCLUDED 1

// `flags` of `shmon_summary`: level high or critical, or a secret is in the text.
#define SHMON_SENSITIVE 2

// `flags` of `shmon_summary`: something could not be resolved.
#define SHMON_PARTIAL 4

// What a function answers; the numbers never change, and new ones may be added.
enum shmon_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Done.
    SHMON_OK = 0,
    // The configuration can't be read, or a key or value in it isn't allowed.
    SHMON_CONFIG = 1,
    // A rule file can't be read, or a rule in it is wrong.
    SHMON_RULE = 2,
    // The database can't be opened, read or written.
    SHMON_STORE = 3,
    // The database was made by a newer version of shmon.
    SHMON_NEWER_VERSION = 4,
    // The file is not a database, or its content is damaged.
    SHMON_CORRUPT = 5,
    // A file or folder can't be read or written.
    SHMON_IO = 6,
    // A notification can't be prepared or delivered.
    SHMON_NOTIFY = 7,
    // An argument is wrong: NULL where that isn't allowed, an unknown number, text that isn't UTF-8 where it must be.
    SHMON_INVALID = 8,
    // A buffer of the caller is too small; the needed size was told.
    SHMON_BUFFER = 9,
    // A defect of shmon: the call was stopped, and handles that it could change must be freed.
    SHMON_PANIC = 10,
    // The database was made by an older version of shmon: recording a command brings it up to date.
    SHMON_OLD_VERSION = 11,
    // There is no room left on the device.
    SHMON_FULL = 12,
    // The database's file or file system can't be written.
    SHMON_READ_ONLY = 13,
    // Another process kept the database for longer than a write waits.
    SHMON_LOCKED = 14,
    // Something that this list has no number for.
    SHMON_OTHER = 99,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum shmon_status shmon_status;
#else
typedef int32_t shmon_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// How dangerous a command is; ordered.
enum shmon_level
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // No rule matched, or only one that is worth a note.
    SHMON_LOW = 0,
    // Worth a look in a review.
    SHMON_MEDIUM = 1,
    // Security or network relevant: people are told.
    SHMON_HIGH = 2,
    // Destruction or loss of data: people are told at once.
    SHMON_CRITICAL = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum shmon_level shmon_level;
#else
typedef int32_t shmon_level;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// The shell whose grammar is applied.
enum shmon_dialect
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // GNU bash.
    SHMON_BASH = 0,
    // POSIX sh, dash, ash.
    SHMON_SH = 1,
    // zsh, as typed interactively.
    SHMON_ZSH = 2,
    // fish, as typed interactively.
    SHMON_FISH = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum shmon_dialect shmon_dialect;
#else
typedef int32_t shmon_dialect;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// A fact that may be unknown.
enum shmon_answer
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Not known.
    SHMON_UNKNOWN = 0,
    // Yes.
    SHMON_YES = 1,
    // No.
    SHMON_NO = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum shmon_answer shmon_answer;
#else
typedef int32_t shmon_answer;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Collects rules and changes to them, until `shmon_builder_build`. For one thread at a time.
typedef struct shmon_builder shmon_builder;

// Rules, compiled. Immutable: any number of threads may use one at once.
typedef struct shmon_classifier shmon_classifier;

#if defined(SHMON_WITH_STORE)
// Records commands into one home's database. Any number of threads may use one at once; after `fork` the child must
// open another one, since it may not share the database's connection.
typedef struct shmon_monitor shmon_monitor;
#endif

// Buffers that are reused from command to command. For one thread at a time: make one for each.
typedef struct shmon_scratch shmon_scratch;

// The long answer for one command. Immutable: any number of threads may read one at once.
typedef struct shmon_verdict shmon_verdict;

// Text, or any bytes: `len` bytes at `data`, without a NUL at the end. `data` may be NULL when `len` is 0.
typedef struct shmon_text {
    // The first byte.
    const char *data;
    // The length in bytes.
    size_t len;
} shmon_text;

// Facts about who runs the command, for rules that ask. Make one with `shmon_context_init`; NULL in its place means that
// nothing is known.
typedef struct shmon_context {
    // The size of this structure, as `shmon_context_init` sets it.
    size_t struct_size;
    // The user's login name, in UTF-8.
    struct shmon_text user;
    // A number of `shmon_dialect`.
    int32_t dialect;
    // A number of `shmon_answer`: the command runs as root.
    int32_t root;
    // A number of `shmon_answer`: the session came in over SSH.
    int32_t ssh;
} shmon_context;

// The short answer for one command; its size never changes.
typedef struct shmon_summary {
    // The highest level of all findings; `SHMON_LOW` where there is none.
    shmon_level level;
    // Any of `SHMON_EXCLUDED`, `SHMON_SENSITIVE`, `SHMON_PARTIAL`; unknown bits may come later.
    uint32_t flags;
    // How many findings there are.
    uint32_t findings;
    // Zero.
    uint32_t reserved;
} shmon_summary;

#if defined(SHMON_WITH_STORE)
// One command and what is known of it. Make one with `shmon_event_init`; what isn't set becomes this process's own
// (session, folder, time, user, host), or stays unknown. Names are UTF-8; other bytes in them are replaced.
typedef struct shmon_event {
    // The size of this structure, as `shmon_event_init` sets it.
    size_t struct_size;
    // The command as typed; any bytes, not only spaces.
    struct shmon_text command;
    // The shell session. Empty: this process's id.
    struct shmon_text session_id;
    // The folder in which it was typed. Empty: this process's.
    struct shmon_text working_directory;
    // Login name. Empty: that of `uid`, or this process's.
    struct shmon_text user;
    // Name of the host. Empty: this one.
    struct shmon_text host;
    // Terminal, such as `/dev/pts/3`.
    struct shmon_text tty;
    // `bash`, `zsh`, `fish`, `sh`, or what else captured it. Empty: bash.
    struct shmon_text shell;
    // Address and port of the SSH client.
    struct shmon_text ssh_client;
    // The session that this one was started from.
    struct shmon_text parent_session;
    // A key under which a repeated delivery of the same event is recognised and changes nothing.
    struct shmon_text key;
    // When it was accepted, in nanoseconds since the Unix epoch. 0: now.
    int64_t started_at;
    // How long it ran, in nanoseconds.
    int64_t duration;
    // Any of `SHMON_HAS_EXIT_STATUS`, `SHMON_HAS_DURATION`, `SHMON_HAS_UID`.
    uint32_t present;
    // Its exit status.
    int32_t exit_status;
    // User id.
    uint32_t uid;
    // Process id of the shell; 0: unknown.
    uint32_t pid;
    // Process id of the shell's parent; 0: unknown.
    uint32_t ppid;
} shmon_event;
#endif

#if defined(SHMON_WITH_STORE)
// What became of one event; its size never changes.
typedef struct shmon_recorded {
    // The row, the `Database ID` of notifications; 0 for an excluded command that the configuration drops.
    int64_t id;
    // The command's level.
    shmon_level level;
    // Any of `SHMON_EXCLUDED`, `SHMON_DUPLICATE`; unknown bits may come later.
    uint32_t flags;
    // How many notifications went into the outbox with it.
    uint32_t notifications;
    // Zero.
    uint32_t reserved;
} shmon_recorded;
#endif

#if defined(SHMON_WITH_STORE)
// A sink of the caller's own, told of each command after it was stored.
//
// It runs on the thread that records, without any lock held, so it may use the monitor (but not free it), and several
// threads may be in it at once. A command that a sink records is stored and told to no sink of the same monitor. No C++
// exception and no `longjmp` may leave it: the process would be ended.
//
// `event` is what was stored, with nothing empty that could be filled in; it, `recorded` and `verdict` are valid until
// the callback returns. `user` is what `shmon_monitor_add_sink` was given.
typedef void (*shmon_sink)(const struct shmon_event *event,
                           const struct shmon_recorded *recorded,
                           const struct shmon_verdict *verdict,
                           void *user);
#endif

// A range in bytes of the command: from `start` to before `end`.
typedef struct shmon_span {
    // First byte.
    uint32_t start;
    // One past the last byte.
    uint32_t end;
} shmon_span;

// One rule that matched. Belongs to its verdict; later versions add fields at the end.
typedef struct shmon_finding {
    // The rule's level, after overrides.
    shmon_level level;
    // Where, in bytes of the command.
    struct shmon_span span;
    // The rule's id, such as `destruction.rm-recursive-force`.
    struct shmon_text rule;
    // The rule's category, such as `destruction`.
    struct shmon_text category;
    // The rule's title in English.
    struct shmon_text title_en;
    // The rule's title in Japanese; in English where there is no translation.
    struct shmon_text title_ja;
    // Why this is dangerous, in English.
    struct shmon_text reason_en;
    // Why this is dangerous, in Japanese; in English where there is no translation.
    struct shmon_text reason_ja;
    // ATT&CK technique ids.
    const struct shmon_text *attack;
    // How many they are.
    size_t attack_len;
    // The program and arguments that matched; none where the rule matched the text alone.
    const struct shmon_text *argv;
    // How many they are.
    size_t argv_len;
    // How the program was reached, outermost first.
    const struct shmon_text *via;
    // How many steps that are.
    size_t via_len;
    // How many findings this one stands for: those of a loop that differ only in its values are told once.
    uint32_t count;
} shmon_finding;

// A program that would run. Belongs to its verdict; later versions add fields at the end.
typedef struct shmon_invocation {
    // Where, in bytes of the command.
    struct shmon_span span;
    // Program and arguments after quote removal and expansion, as UTF-8 (invalid bytes are replaced).
    const struct shmon_text *argv;
    // How many they are.
    size_t argv_len;
    // How the program was reached, outermost first.
    const struct shmon_text *via;
    // How many steps that are.
    size_t via_len;
} shmon_invocation;

// A part of the command that could not be resolved. Belongs to its verdict; later versions add fields at the end.
typedef struct shmon_unresolved {
    // Where, in bytes of the command.
    struct shmon_span span;
    // What it was: `unset-variable`, `command-output`, `depth`, …
    struct shmon_text reason;
} shmon_unresolved;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Classifies `len` commands and writes their summaries to `out`, in order.
//
// Uses up to `threads` threads, the calling one among them; 0 means as many as there are cores. A few commands are
// classified on the calling thread alone. `context` may be NULL. When an argument is wrong, nothing is classified.
//
// The caller promises:
// `classifier` is of this library; `commands` has `len` texts whose bytes are readable and don't change meanwhile;
// `context` is NULL or begins with its size; `out` has room for `len` summaries.
shmon_status shmon_classify_batch(const struct shmon_classifier *classifier,
                                  const struct shmon_text *commands,
                                  size_t len,
                                  const struct shmon_context *context,
                                  uint32_t threads,
                                  struct shmon_summary *out);

// Makes a classifier with the built-in rules, to be freed with `shmon_classifier_free`.
//
// The caller promises:
// `out` is writable.
shmon_status shmon_classifier_new(struct shmon_classifier **out);

// Frees a classifier; NULL does nothing. Verdicts that it made stay valid.
//
// The caller promises:
// `classifier` is NULL, or came from this library, wasn't freed, and no thread uses it.
void shmon_classifier_free(struct shmon_classifier *classifier);

// Makes a builder that starts with the built-in rules, to be freed with `shmon_builder_free`.
//
// The caller promises:
// `out` is writable.
shmon_status shmon_builder_new(struct shmon_builder **out);

// Frees a builder; NULL does nothing.
//
// The caller promises:
// `builder` is NULL, or came from this library and wasn't freed.
void shmon_builder_free(struct shmon_builder *builder);

// Leaves the built-in rules out.
//
// The caller promises:
// `builder` is a builder of this library.
shmon_status shmon_builder_without_builtin(struct shmon_builder *builder);

// Adds a rule file, or every `*.toml` of a folder in order of name. Files are read by `shmon_builder_build`.
//
// The caller promises:
// `builder` is a builder of this library, `file` ends with NUL.
shmon_status shmon_builder_rules_path(struct shmon_builder *builder, const char *file);

// Adds rules from TOML text in UTF-8, `len` bytes long; `source` stands for the file in messages and ends with NUL.
//
// The caller promises:
// `builder` is a builder of this library, `source` ends with NUL, `toml` has `len` readable bytes.
shmon_status shmon_builder_rules_text(struct shmon_builder *builder,
                                      const char *source,
                                      const char *toml,
                                      size_t len);

// Switches a rule off by its id, or all rules whose ids begin with what stands before `*`.
//
// The caller promises:
// `builder` is a builder of this library, `id` ends with NUL.
shmon_status shmon_builder_disable(struct shmon_builder *builder, const char *id);

// Gives a rule another level, a number of `shmon_level`.
//
// The caller promises:
// `builder` is a builder of this library, `id` ends with NUL.
shmon_status shmon_builder_level(struct shmon_builder *builder, const char *id, int32_t level);

// Adds a program (its name, without folder) to the exclusion list; the first call replaces the built-in list.
//
// The caller promises:
// `builder` is a builder of this library, `program` ends with NUL.
shmon_status shmon_builder_exclude(struct shmon_builder *builder, const char *program);

// The day on which allow entries are checked for expiry, such as 2026, 11, 23. Without it, entries that expire don't
// hold: the library reads no clock to classify.
//
// The caller promises:
// `builder` is a builder of this library.
shmon_status shmon_builder_today(struct shmon_builder *builder,
                                 uint16_t year,
                                 uint8_t month,
                                 uint8_t day);

// Compiles the rules. The builder stays as it is, may be changed and used again, and must be freed by itself.
//
// On `SHMON_RULE` the message of `shmon_last_error` names file, line, rule and key.
//
// The caller promises:
// `builder` is a builder of this library, `out` is writable.
shmon_status shmon_builder_build(const struct shmon_builder *builder, struct shmon_classifier **out);

// Makes buffers, to be freed with `shmon_scratch_free`.
//
// The caller promises:
// `out` is writable.
shmon_status shmon_scratch_new(struct shmon_scratch **out);

// Frees buffers; NULL does nothing.
//
// The caller promises:
// `scratch` is NULL, or came from this library and wasn't freed.
void shmon_scratch_free(struct shmon_scratch *scratch);

// Classifies one command of `len` bytes and writes the short answer.
//
// Pure: nothing is executed, recorded or looked up. Any bytes are a command, NUL and invalid UTF-8 too. With a
// `scratch` that has seen commands of this size nothing is allocated. `scratch` and `context` may be NULL.
//
// The caller promises:
// `classifier` is of this library; `scratch` is NULL or of this library and used by no other thread; `command` has `len`
// readable bytes; `context` is NULL or begins with its size; `out` is writable.
shmon_status shmon_classify(const struct shmon_classifier *classifier,
                            struct shmon_scratch *scratch,
                            const char *command,
                            size_t len,
                            const struct shmon_context *context,
                            struct shmon_summary *out);

// Writes the command with its secrets replaced into `buffer`, without a NUL at the end.
//
// `size` is the room in `buffer` in bytes; `*needed` becomes the length of the text. `SHMON_BUFFER` means that it didn't
// fit and nothing was written: call again with `*needed` bytes. `buffer` may be NULL when `size` is 0. Bytes that aren't
// UTF-8 are replaced where there was a secret, and kept where there was none.
//
// The caller promises:
// `classifier` is of this library, `command` has `len` readable bytes, `buffer` has `size` writable ones that don't
// overlap the command, `needed` is writable.
shmon_status shmon_redact(const struct shmon_classifier *classifier,
                          const char *command,
                          size_t len,
                          char *buffer,
                          size_t size,
                          size_t *needed);

// The level's name in lower case, "low" to "critical"; static text that ends with NUL, empty for an unknown number.
const char *shmon_level_name(int32_t level);

// Writes the level with this name, in any case: what a configuration of the caller's own says.
//
// The caller promises:
// `name` ends with NUL, `out` is writable.
shmon_status shmon_level_parse(const char *name, shmon_level *out);

#if defined(SHMON_WITH_STORE)
// Opens the home folder's database, to be freed with `shmon_monitor_free`; makes what is missing.
//
// `home` is the folder with `config.toml`, `rules.d` and the database, `~/monitor` by custom; the library reads no
// environment to find it. `flags` is 0 or `SHMON_DELIVER`. Rule files that are wrong don't stop the record: the
// built-in rules are used, and the log says so.
//
// The caller promises:
// `home` ends with NUL, `out` is writable.
shmon_status shmon_monitor_open(const char *home,
                                uint32_t flags,
                                struct shmon_monitor **out);
#endif

#if defined(SHMON_WITH_STORE)
// Sends what is due (a few seconds at most), closes the database and frees the monitor; NULL does nothing.
//
// In a forked child it does nothing: the delivery's thread isn't there, and closing the connection would drop the
// parent's locks. The memory goes with the process.
//
// The caller promises:
// `monitor` is NULL, or came from this library, wasn't freed, and no thread uses it.
void shmon_monitor_free(struct shmon_monitor *monitor);
#endif

#if defined(SHMON_WITH_STORE)
// The classifier with the home's rules; belongs to the monitor. NULL when `monitor` is.
//
// The caller promises:
// `monitor` is NULL or of this library.
const struct shmon_classifier *shmon_monitor_classifier(const struct shmon_monitor *monitor);
#endif

#if defined(SHMON_WITH_STORE)
// Adds a sink of the caller's own: `told` is called for each stored command of at least `min_level`, a number of
// `shmon_level`, unless it is excluded, a duplicate, or was recorded by a sink.
//
// It is called once, after the commit, and a process that dies in between doesn't call it; for a sink that is tried
// again until it takes the message, configure `[notify.command]`. The monitor keeps `user` and gives it back.
//
// The caller promises:
// `monitor` is of this library; `told` may be called with `user` on any thread that records, as long as the monitor
// lives, and doesn't unwind.
shmon_status shmon_monitor_add_sink(const struct shmon_monitor *monitor,
                                    int32_t min_level,
                                    shmon_sink told,
                                    void *user);
#endif

#if defined(SHMON_WITH_STORE)
// Records one command: classifies it, stores it with its notifications, logs it, and tells the caller's sinks.
//
// `SHMON_OK` means that it is stored: it survives the death of any process. After an error nothing of it was recorded,
// and it may be tried again. `out` may be NULL.
//
// The caller promises:
// `monitor` is of this library; `event` begins with its size and its texts are readable; `out` is NULL or writable.
shmon_status shmon_monitor_record(const struct shmon_monitor *monitor,
                                  const struct shmon_event *event,
                                  struct shmon_recorded *out);
#endif

#if defined(SHMON_WITH_STORE)
// Records `len` commands in one transaction, in order: all of them, or none after an error. `out` may be NULL.
//
// The caller promises:
// `monitor` is of this library; `events` has `len` pointers as `shmon_monitor_record` takes them; `out` is NULL or has
// room for `len` answers.
shmon_status shmon_monitor_record_batch(const struct shmon_monitor *monitor,
                                        const struct shmon_event *const *events,
                                        size_t len,
                                        struct shmon_recorded *out);
#endif

#if defined(SHMON_WITH_STORE)
// Adds the end of a command that was recorded with this `key` when it began; does nothing for an unknown key.
//
// `exit_status` and `duration` (nanoseconds) may be NULL.
//
// The caller promises:
// `monitor` is of this library; `key` is readable; the others are NULL or readable.
shmon_status shmon_monitor_end(const struct shmon_monitor *monitor,
                               struct shmon_text key,
                               const int32_t *exit_status,
                               const int64_t *duration);
#endif

#if (defined(SHMON_WITH_STORE) && defined(SHMON_WITH_NOTIFY))
// Sends what is due in the outbox now, and writes to `sent` how many messages went out; `sent` may be NULL.
//
// It waits for the services' answers. What can't be sent stays in the outbox; `shmon notify status` shows it.
//
// The caller promises:
// `monitor` is of this library; `sent` is NULL or writable.
shmon_status shmon_monitor_deliver(const struct shmon_monitor *monitor, uint64_t *sent);
#endif

// The message of the last call of this thread that failed: UTF-8, ends with NUL, in lower case, names the file, rule
// or argument at fault. Empty where none failed.
//
// The text belongs to the thread and stays as it is until the next call on the same thread that fails.
const char *shmon_last_error(void);

// The library's version, such as "0.1.0"; static text that ends with NUL.
const char *shmon_version(void);

#if defined(SHMON_TEST_PANIC)
// Panics on purpose, so that a test sees what becomes of it. `kind` 0 is a text, 1 a formatted text, 2 an object.
shmon_status shmon_test_panic(int32_t kind);
#endif

// Classifies one command of `len` bytes and makes the long answer, to be freed with `shmon_verdict_free`.
//
// The verdict keeps copies of all that it needs: the command may go, and so may the classifier. `context` may be NULL.
//
// The caller promises:
// `classifier` is of this library; `command` has `len` readable bytes; `context` is NULL or begins with its size; `out`
// is writable.
shmon_status shmon_verdict_new(const struct shmon_classifier *classifier,
                               const char *command,
                               size_t len,
                               const struct shmon_context *context,
                               struct shmon_verdict **out);

// Frees a verdict and all that it gave out; NULL does nothing.
//
// The caller promises:
// `verdict` is NULL, or came from this library, wasn't freed, and nobody uses it.
void shmon_verdict_free(struct shmon_verdict *verdict);

// The short answer; level low and no flags when `verdict` is NULL.
//
// The caller promises:
// `verdict` is NULL or of this library.
struct shmon_summary shmon_verdict_summary(const struct shmon_verdict *verdict);

// The command with its secrets replaced; the command itself where there are none. Belongs to the verdict.
//
// The caller promises:
// `verdict` is NULL or of this library.
struct shmon_text shmon_verdict_redacted(const struct shmon_verdict *verdict);

// The finding with this index, highest level first; NULL past the last one. Belongs to the verdict.
//
// The caller promises:
// `verdict` is NULL or of this library.
const struct shmon_finding *shmon_verdict_finding(const struct shmon_verdict *verdict, size_t index);

// The invocation with this index, in the order in which they were found; NULL past the last one. Belongs to the verdict.
//
// The caller promises:
// `verdict` is NULL or of this library.
const struct shmon_invocation *shmon_verdict_invocation(const struct shmon_verdict *verdict,
                                                        size_t index);

// What could not be resolved, by index; NULL past the last one. Belongs to the verdict.
//
// The caller promises:
// `verdict` is NULL or of this library.
const struct shmon_unresolved *shmon_verdict_unresolved(const struct shmon_verdict *verdict, size_t index);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SHMON_H */

#ifndef SHMON_INIT_H
#define SHMON_INIT_H

#include <string.h>

// A context in which nothing is known.
static inline shmon_context shmon_context_init(void) {
    shmon_context context;
    memset(&context, 0, sizeof context);
    context.struct_size = sizeof context;
    return context;
}

#ifdef SHMON_WITH_STORE
// An event of which nothing is known; set at least `command`.
static inline shmon_event shmon_event_init(void) {
    shmon_event event;
    memset(&event, 0, sizeof event);
    event.struct_size = sizeof event;
    return event;
}
#endif

// A text that ends with NUL as a `shmon_text`; NULL gives the empty one.
static inline shmon_text shmon_text_of(const char *text) {
    shmon_text result;
    result.data = text;
    result.len = text == NULL ? 0 : strlen(text);
    return result;
}

#endif /* SHMON_INIT_H */
