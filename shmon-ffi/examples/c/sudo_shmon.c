// An audit plugin for sudo: every command that sudo accepts or refuses is classified, recorded, and told.
//
//   make -C shmon-ffi examples                     with the library in it, into target/c/examples
//   install -m 644 target/c/examples/shmon_sudo.so /usr/libexec/sudo/
//   echo 'Plugin shmon_audit /usr/libexec/sudo/shmon_sudo.so home=/var/lib/shmon' >> /etc/sudo.conf
//
// A command is stored before it runs, and its exit status when it ended. A record that fails is told in one line and
// never keeps sudo from its work. Notifications are sent by a process of their own, so that nobody waits for them.
// sudo_plugin(5) describes the interface.
#include <fcntl.h>
#include <shmon.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sudo_plugin.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct {
    sudo_printf_t print;
    char *const *user_info;
    char *const *argv;
    const char *home;
    char key[64];
    struct timespec started;
    int accepted;
} state;

// The value of `name=` in a list of sudo's; NULL where there is none.
static const char *value_of(char *const *list, const char *name) {
    const size_t len = strlen(name);
    for (; list != NULL && *list != NULL; list++) {
        if (strncmp(*list, name, len) == 0 && (*list)[len] == '=') return *list + len + 1;
    }
    return NULL;
}

static uint32_t number_of(const char *name) {
    const char *value = value_of(state.user_info, name);
    return value == NULL ? 0 : (uint32_t)strtoul(value, NULL, 10);
}

static void complain(const char *what) {
    if (state.print != NULL) state.print(SUDO_CONV_ERROR_MSG, "shmon: %s: %s\n", what, shmon_last_error());
}

// `argv` as one would type it; NULL when there is no memory.
static char *quoted(char *const *argv) {
    size_t room = 1;
    for (char *const *word = argv; *word != NULL; word++) room += 4 * strlen(*word) + 3;
    char *line = malloc(room), *at = line;
    if (line == NULL) return NULL;
    for (char *const *word = argv; *word != NULL; word++) {
        static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%^";
        const char *c = *word;
        if (at != line) *at++ = ' ';
        if (*c != '\0' && c[strspn(c, plain)] == '\0') {
            at = stpcpy(at, c);
            continue;
        }
        *at++ = '\'';
        for (; *c != '\0'; c++) {
            if (*c == '\'') {
                at = stpcpy(at, "'\\''");
            } else {
                *at++ = *c;
            }
        }
        *at++ = '\'';
    }
    *at = '\0';
    return line;
}

// Sends what is in the outbox from a process that belongs to nobody.
static void deliver(void) {
    const pid_t child = fork();
    if (child > 0) waitpid(child, NULL, 0);
    if (child != 0) return;
    if (setsid() < 0 || fork() != 0) _exit(0);
    const int null = open("/dev/null", O_RDWR);
    for (int fd = 0; null >= 0 && fd < 3; fd++) dup2(null, fd);
    shmon_monitor *monitor = NULL;
    if (shmon_monitor_open(state.home, 0, &monitor) == SHMON_OK) shmon_monitor_deliver(monitor, NULL);
    _exit(0);
}

// The monitor is open for a moment only: sudo forks, and a database's connection must not be shared with a child.
static void record(const char *shell) {
    char *command = quoted(state.argv);
    shmon_monitor *monitor = NULL;
    shmon_recorded recorded = {0, SHMON_LOW, 0, 0, 0};
    if (command == NULL) {
        complain("cannot record: no memory");
    } else if (shmon_monitor_open(state.home, 0, &monitor) != SHMON_OK) {
        complain("cannot record");
    } else {
        shmon_event event = shmon_event_init();
        event.command = shmon_text_of(command);
        event.session_id = shmon_text_of(value_of(state.user_info, "sid"));
        event.working_directory = shmon_text_of(value_of(state.user_info, "cwd"));
        event.user = shmon_text_of(value_of(state.user_info, "user"));
        event.host = shmon_text_of(value_of(state.user_info, "host"));
        event.tty = shmon_text_of(value_of(state.user_info, "tty"));
        event.shell = shmon_text_of(shell);
        event.key = shmon_text_of(state.key);
        event.pid = number_of("pid");
        event.ppid = number_of("ppid");
        event.uid = number_of("uid");
        event.present = SHMON_HAS_UID;
        if (shmon_monitor_record(monitor, &event, &recorded) != SHMON_OK) complain("cannot record");
    }
    shmon_monitor_free(monitor);
    free(command);
    if (recorded.notifications > 0) deliver();
}

static int audit_open(unsigned int version, sudo_conv_t conversation, sudo_printf_t print, char *const settings[],
                      char *const user_info[], int submit_optind, char *const submit_argv[], char *const submit_envp[],
                      char *const options[], const char **error) {
    (void)conversation, (void)settings, (void)submit_optind, (void)submit_envp;
    state.print = print;
    state.user_info = user_info;
    state.argv = submit_argv;
    state.home = value_of(options, "home");
    if (SUDO_API_VERSION_GET_MAJOR(version) != SUDO_API_VERSION_MAJOR) {
        *error = "shmon: this sudo speaks another version of the plugin interface";
        return -1;
    }
    if (state.home == NULL || *state.home != '/') {
        *error = "shmon: say where to record in sudo.conf: home=/var/lib/shmon";
        return -1;
    }
    clock_gettime(CLOCK_REALTIME, &state.started);
    snprintf(state.key, sizeof state.key, "sudo:%lld.%09ld:%ld", (long long)state.started.tv_sec,
             state.started.tv_nsec, (long)getpid());
    return 1;
}

// Other plugins say their word first; the front end's is the last, and comes once.
static int audit_accept(const char *plugin, unsigned int type, char *const command_info[], char *const run_argv[],
                        char *const run_envp[], const char **error) {
    (void)plugin, (void)command_info, (void)run_argv, (void)run_envp, (void)error;
    if (type != SUDO_FRONT_END) return 1;
    state.accepted = 1;
    record("sudo");
    return 1;
}

// A refusal, and an error such as a password that nobody could be asked for. Where both come, the key makes them one.
static int audit_reject(const char *plugin, unsigned int type, const char *message, char *const command_info[],
                        const char **error) {
    (void)plugin, (void)type, (void)message, (void)command_info, (void)error;
    record("sudo:refused");
    return 1;
}

static void audit_close(int status_type, int status) {
    if (!state.accepted || (status_type != SUDO_PLUGIN_WAIT_STATUS && status_type != SUDO_PLUGIN_EXEC_ERROR)) return;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    const int64_t duration =
        (int64_t)(now.tv_sec - state.started.tv_sec) * 1000000000 + (now.tv_nsec - state.started.tv_nsec);
    int32_t code = 127;
    if (status_type == SUDO_PLUGIN_WAIT_STATUS) {
        code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    shmon_monitor *monitor = NULL;
    if (shmon_monitor_open(state.home, 0, &monitor) != SHMON_OK ||
        shmon_monitor_end(monitor, shmon_text_of(state.key), &code, &duration) != SHMON_OK) {
        complain("cannot record the exit status");
    }
    shmon_monitor_free(monitor);
}

static int audit_show_version(int verbose) {
    (void)verbose;
    state.print(SUDO_CONV_INFO_MSG, "shmon audit plugin version %s\n", shmon_version());
    return 1;
}

__attribute__((visibility("default"))) struct audit_plugin shmon_audit = {
    .type = SUDO_AUDIT_PLUGIN,
    .version = SUDO_API_VERSION,
    .open = audit_open,
    .close = audit_close,
    .accept = audit_accept,
    .reject = audit_reject,
    .error = audit_reject,
    .show_version = audit_show_version,
};
