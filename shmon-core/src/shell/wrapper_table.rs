//! The programs of which the evaluation knows what they do, one entry each.

use super::analysis::ViaKind;
use super::code::Language;
use super::interpret::Code;
use super::wrappers::{Action, Builtin, Rest, Wrapper};
use crate::hash::head;

const PLAIN: Wrapper = Wrapper {
    short: "",
    long: "",
    skip: 0,
    inert: "",
    assignments: false,
    rest: Rest::Argv,
    via: ViaKind::Wrapper,
};

const fn wrap(short: &'static str, long: &'static str) -> Action {
    Action::Wrap(Wrapper { short, long, ..PLAIN })
}

const fn skip(short: &'static str, long: &'static str, skip: u8) -> Action {
    Action::Wrap(Wrapper { short, long, skip, ..PLAIN })
}

const fn inert(short: &'static str, long: &'static str, skip: u8, inert: &'static str) -> Action {
    Action::Wrap(Wrapper { short, long, skip, inert, ..PLAIN })
}

const fn joined(short: &'static str, long: &'static str, skip: u8, rest: Rest) -> Action {
    Action::Wrap(Wrapper { short, long, skip, rest, via: ViaKind::ShellString, ..PLAIN })
}

const fn builtin(b: Builtin) -> Action {
    Action::Builtin(b)
}

const TAR: &[&str] = &["--to-command", "--checkpoint-action", "--use-compress-program", "-I"];
const COMPOSE: Wrapper = Wrapper {
    short: "eulwvp",
    long: "env user index workdir entrypoint name volume publish label",
    skip: 1,
    via: ViaKind::Container,
    ..PLAIN
};
const PERF: Wrapper = Wrapper {
    short: "eopCtrFcmGx",
    long: "event output pid tid cpu repeat freq count mmap-pages cgroup delay timeout field-separator call-graph",
    ..PLAIN
};

/// Text for the shells of other hosts, after options and operands of the runner's own.
const fn remote(short: &'static str, long: &'static str, skip: u8) -> Wrapper {
    Wrapper { short, long, skip, rest: Rest::Joined, via: ViaKind::Remote, ..PLAIN }
}

/// A program inside what has been started before: the name comes first.
const fn inside(short: &'static str, long: &'static str, via: ViaKind) -> Wrapper {
    Wrapper { short, long, skip: 1, via, ..PLAIN }
}

const PSSH: Action = Action::Wrap(remote(
    "hHlpoetOxXg",
    "hosts host user par outdir errdir timeout option extra-args extra-arg askpass-file host-strings hosts-file",
    0,
));
const SALT: Action = Action::After(&[
    ("cmd.run", remote("", "", 0)),
    ("cmd.run_all", remote("", "", 0)),
    ("cmd.shell", remote("", "", 0)),
]);

/// The dynamic loader, which runs a program that it is given.
const LOADER: Action = inert("", "library-path inhibit-rpath audit argv0 preload", 0, "- list verify");
const PYTHON: Action = Action::Code(Code::After(Language::Python, "c", &[]));
const RUBY: Action = Action::Code(Code::After(Language::Ruby, "e", &[]));
const PHP: Action = Action::Code(Code::After(Language::Php, "r", &["--run"]));
const NODE: Action = Action::Code(Code::After(Language::Node, "ep", &["--eval", "--print"]));
const LUA: Action = Action::Code(Code::After(Language::Lua, "e", &[]));
const TCL: Action = Action::Code(Code::After(Language::Tcl, "c", &[]));
const EDITOR: Action = Action::Code(Code::Editor);
const FTP: Action = Action::Code(Code::Lines(&["!"]));

/// One program.
pub(super) struct Entry {
    pub(super) name: &'static str,
    /// The name's [`head`].
    pub(super) head: u64,
    pub(super) action: Action,
}

const fn e(name: &'static str, action: Action) -> Entry {
    Entry { name, head: head(name.as_bytes()), action }
}

const SUDO_LONG: &str = "user group host prompt close-from chdir chroot role type other-user command-timeout";
pub(super) static ENTRIES: &[Entry] = &[
    // Another identity.
    e(
        "sudo",
        Action::Wrap(Wrapper {
            short: "ugpCchrtTUDR",
            long: SUDO_LONG,
            inert: "lveKV list validate edit remove-timestamp version help",
            assignments: true,
            ..PLAIN
        }),
    ),
    e("doas", inert("uCa", "", 0, "L")),
    e("pkexec", wrap("", "user")),
    e("gksudo", wrap("ug", "user")),
    e("gksu", wrap("ug", "user")),
    e("kdesudo", wrap("u", "")),
    e("gosu", skip("", "", 1)),
    e("su-exec", skip("", "", 1)),
    e(
        "setpriv",
        inert(
            "",
            "reuid regid groups inh-caps ambient-caps bounding-set securebits pdeathsig selinux-label apparmor-profile",
            0,
            "d dump",
        ),
    ),
    e("runcon", skip("turlc", "type user role range", 1)),
    e("su", Action::Su),
    e("runuser", Action::Su),
    e("sg", joined("", "", 1, Rest::Joined)),
    e("newgrp", Action::Silent),
    e("capsh", Action::Capsh),
    // Priority, time, signals, sessions.
    e("nohup", wrap("", "")),
    e("openvt", wrap("c", "console")),
    e("nice", wrap("n", "adjustment")),
    e("ionice", inert("cnpPu", "class classdata", 0, "pPu")),
    e("chrt", inert("TPDp", "sched-runtime sched-period sched-deadline", 1, "pm pid max")),
    e("taskset", inert("p", "", 1, "p pid")),
    e("setsid", wrap("", "")),
    e("timeout", skip("ks", "kill-after signal", 1)),
    e("time", wrap("fo", "format output")),
    e("gtime", wrap("fo", "format output")),
    e("stdbuf", wrap("ioe", "input output error")),
    e("unbuffer", wrap("", "")),
    e("script", Action::OptionText("c command")),
    e("split", Action::OptionText("filter")),
    e("chronic", wrap("", "")),
    e("ifne", wrap("", "")),
    e("faketime", skip("f", "", 1)),
    e("datefudge", skip("", "", 1)),
    e("caffeinate", wrap("tw", "")),
    e("systemd-inhibit", inert("", "what who why mode", 0, "- list")),
    e("choom", wrap("np", "adjust pid")),
    e("prlimit", inert("p", "pid", 0, "p pid")),
    e("softlimit", wrap("acdflmoprst", "")),
    e("cpulimit", wrap("lcpe", "limit pid exe")),
    e("numactl", wrap("CNimp", "interleave membind cpunodebind physcpubind preferred")),
    e("cgexec", wrap("g", "")),
    e("setarch", skip("", "", 1)),
    e("linux32", wrap("", "")),
    e("linux64", wrap("", "")),
    e("eatmydata", wrap("", "")),
    e("flock", Action::Flock),
    e("start-stop-daemon", Action::StartStopDaemon),
    e("daemonize", wrap("acopulE", "")),
    e(
        "rlwrap",
        wrap(
            "bCDfgHlOPqsStwz",
            "break-chars command-name histsize file forget-matching history-filename logfile only-cook pre-given \
            quote-characters history-size substitute-prompt set-terminal-name wait-before-prompt filter",
        ),
    ),
    e("entr", wrap("", "")),
    e(
        "watch",
        Action::Wrap(Wrapper {
            rest: Rest::Joined,
            via: ViaKind::ShellString,
            short: "nq",
            long: "interval equexit",
            ..PLAIN
        }),
    ),
    e(
        "hyperfine",
        joined(
            "wrmMnpscLSuNPDiox",
            "warmup runs min-runs max-runs command-name prepare setup cleanup conclude parameter-scan parameter-list parameter-step-size shell time-unit export-json export-csv export-markdown export-asciidoc export-orgmode output input style sort reference ignore-failure",
            0,
            Rest::Each,
        ),
    ),
    // Other roots, name spaces, environments.
    e("chroot", skip("", "userspec groups", 1)),
    e("arch-chroot", skip("uN", "", 1)),
    e("unshare", wrap("SGRw", "setuid setgid root wd propagation")),
    e("nsenter", wrap("tSGFW", "target setuid setgid")),
    e("fakeroot", wrap("lsib", "lib faked")),
    e("fakechroot", wrap("", "")),
    e("proot", wrap("rbqwkR0", "rootfs bind qemu cwd kernel-release")),
    e("bwrap", Action::Silent),
    e("firejail", wrap("", "")),
    e("aa-exec", wrap("pn", "profile namespace")),
    e("with-contenv", wrap("", "")),
    e("proxychains", wrap("f", "")),
    e("proxychains4", wrap("f", "")),
    e("torsocks", wrap("", "")),
    e("torify", wrap("", "")),
    e("tsocks", wrap("", "")),
    e("dbus-run-session", wrap("", "config-file dbus-daemon")),
    e("dbus-launch", wrap("", "")),
    e("xvfb-run", wrap("enfswp", "error-file server-num auth-file server-args wait xauth-protocol")),
    e("ssh-agent", inert("aEtOP", "", 0, "k")),
    e("env", Action::Env),
    e("genv", Action::Env),
    e("busybox", Action::Busybox),
    e("toybox", Action::Busybox),
    // Watching what a program does.
    e(
        "strace",
        Action::Wrap(Wrapper {
            short: "abeEIoOpPsSuUX",
            long: "output expr attach string-limit trace columns user",
            inert: "p",
            assignments: true,
            ..PLAIN
        }),
    ),
    e("ltrace", inert("aAeDFlnopsuwx", "output", 0, "p")),
    e("valgrind", wrap("", "")),
    e("perf", Action::After(&[("stat", PERF), ("record", PERF), ("trace", PERF)])),
    e("gdb", Action::After(&[("--args", PLAIN), ("-args", PLAIN)])),
    // Ends of containers, supervisors, logs.
    e("tini", wrap("pe", "")),
    e("dumb-init", wrap("r", "rewrite")),
    e("chpst", wrap("ueUbnmdopfct/0", "")),
    e("setuidgid", skip("", "", 1)),
    e("envuidgid", skip("", "", 1)),
    e("envdir", skip("", "", 1)),
    e("systemd-cat", wrap("tp", "identifier priority stderr-priority level-prefix")),
    e("logsave", skip("", "", 1)),
    e(
        "run0",
        inert(
            "ugDp",
            "user group nice chdir setenv slice property description unit machine background",
            0,
            "h help version",
        ),
    ),
    e("dtach", skip("rz", "", 1)),
    e("sem", Action::Parallel),
    e("docker-compose", Action::After(&[("exec", COMPOSE), ("run", COMPOSE)])),
    e("vagrant", Action::OptionText("c command")),
    // Text for a shell among other options.
    e("tar", Action::Embedded(TAR)),
    e("gtar", Action::Embedded(TAR)),
    e("bsdtar", Action::Embedded(TAR)),
    e("git", Action::Embedded(&["foreach", "run", "-x", "--exec"])),
    e("catchsegv", wrap("", "")),
    e("ld.so", LOADER),
    e("ld-linux.so.2", LOADER),
    e("ld-linux-x86-64.so.2", LOADER),
    // Code of other languages, and commands of their own.
    e("python", PYTHON),
    e("python2", PYTHON),
    e("python3", PYTHON),
    e("python2.7", PYTHON),
    e("python3.8", PYTHON),
    e("python3.9", PYTHON),
    e("python3.10", PYTHON),
    e("python3.11", PYTHON),
    e("python3.12", PYTHON),
    e("python3.13", PYTHON),
    e("python3.14", PYTHON),
    e("pypy3", PYTHON),
    e("ruby", RUBY),
    e("php", PHP),
    e("node", NODE),
    e("nodejs", NODE),
    e("lua", LUA),
    e("lua5.1", LUA),
    e("lua5.3", LUA),
    e("lua5.4", LUA),
    e("luajit", LUA),
    e("tclsh", TCL),
    e("expect", TCL),
    e("vi", EDITOR),
    e("vim", EDITOR),
    e("nvim", EDITOR),
    e("view", EDITOR),
    e("ex", EDITOR),
    e("rvim", EDITOR),
    e("vimdiff", EDITOR),
    e("ed", EDITOR),
    e("ftp", FTP),
    e("sftp", FTP),
    e("lftp", FTP),
    e("sqlite3", Action::Code(Code::Lines(&[".shell ", ".system "]))),
    e("psql", Action::Code(Code::Lines(&["\\!"]))),
    e("mysql", Action::Code(Code::Lines(&["\\!", "system "]))),
    e("mariadb", Action::Code(Code::Lines(&["\\!", "system "]))),
    // Lists of arguments.
    e("find", Action::Find),
    e("gfind", Action::Find),
    e("xargs", Action::Xargs),
    e("gxargs", Action::Xargs),
    e("parallel", Action::Parallel),
    // Later, elsewhere.
    e("at", Action::Deferred),
    e("batch", Action::Deferred),
    e("crontab", Action::Crontab),
    e(
        "systemd-run",
        Action::Wrap(Wrapper {
            short: "pHMEu",
            long: "property host machine setenv unit description slice uid gid nice working-directory on-active on-boot on-startup on-unit-active on-unit-inactive on-calendar timer-property path-property socket-property service-type background",
            via: ViaKind::Scheduled,
            ..PLAIN
        }),
    ),
    e("ssh", Action::Ssh),
    e("autossh", Action::Ssh),
    e("sshpass", wrap("fdpP", "")),
    e("mosh", Action::Ssh),
    e("dbclient", Action::Ssh),
    e("rsh", Action::Wrap(remote("l", "", 1))),
    e("pssh", PSSH),
    e("parallel-ssh", PSSH),
    e("pdsh", Action::Wrap(Wrapper { inert: "qVL", ..remote("wxltufRMgXPF", "", 0) })),
    e(
        "clush",
        Action::Wrap(Wrapper {
            inert: "chG copy rcopy help version",
            ..remote(
                "wxgXsltufoOR",
                "group exclude groupsource hostfile topology pick fanout user options connect_timeout command_timeout \
                mode remote color nodes",
                0,
            )
        }),
    ),
    e(
        "dsh",
        Action::Wrap(remote(
            "mgfFNrot",
            "machine group file forklimit num-topology remoteshell remoteshellopt",
            0,
        )),
    ),
    e("salt", SALT),
    e("salt-ssh", SALT),
    e("salt-call", SALT),
    e(
        "knife",
        Action::After(&[(
            "ssh",
            Wrapper { skip: 1, ..remote("xPiaCpGkA", "ssh-user ssh-password ssh-port identity-file", 1) },
        )]),
    ),
    e("ansible", Action::Ansible),
    e(
        "runc",
        Action::After(&[(
            "exec",
            inside("eud", "env user cwd process pid-file console-socket cap", ViaKind::Container),
        )]),
    ),
    e(
        "crun",
        Action::After(&[(
            "exec",
            inside("eucp", "env user cwd process pid-file console-socket cap", ViaKind::Container),
        )]),
    ),
    e("crictl", Action::After(&[("exec", inside("er", "env timeout transport", ViaKind::Container))])),
    e("ctr", Action::After(&[("exec", inside("", "exec-id cwd user fifo-dir log-uri", ViaKind::Container))])),
    e("multipass", Action::After(&[("exec", inside("d", "working-directory", ViaKind::Container))])),
    e("ip", Action::After(&[("exec", inside("", "", ViaKind::Wrapper))])),
    e("docker", Action::Container),
    e("podman", Action::Container),
    e("nerdctl", Action::Container),
    e("kubectl", Action::Container),
    e("oc", Action::Container),
    e("lxc", Action::Container),
    e("lxc-attach", Action::Container),
    e("distrobox-enter", Action::Container),
    e("machinectl", Action::Silent),
    e("xterm", Action::Terminal),
    e("uxterm", Action::Terminal),
    e("konsole", Action::Terminal),
    e("lxterminal", Action::Terminal),
    e("xfce4-terminal", Action::Terminal),
    e("gnome-terminal", Action::Terminal),
    e("urxvt", Action::Terminal),
    e("rxvt", Action::Terminal),
    e("st", Action::Terminal),
    e("alacritty", Action::Terminal),
    e("kitty", Action::Terminal),
    e("screen", Action::Multiplexer),
    e("tmux", Action::Multiplexer),
    // Shells.
    e("sh", Action::Shell),
    e("bash", Action::Shell),
    e("rbash", Action::Shell),
    e("dash", Action::Shell),
    e("ash", Action::Shell),
    e("zsh", Action::Shell),
    e("ksh", Action::Shell),
    e("ksh93", Action::Shell),
    e("mksh", Action::Shell),
    e("lksh", Action::Shell),
    e("yash", Action::Shell),
    e("fish", Action::Shell),
    e("csh", Action::Shell),
    e("tcsh", Action::Shell),
    // Built into the shell.
    e("eval", builtin(Builtin::Eval)),
    e("source", builtin(Builtin::Source)),
    e(".", builtin(Builtin::Source)),
    e("exec", builtin(Builtin::Exec)),
    e("command", builtin(Builtin::Command)),
    e("builtin", builtin(Builtin::Run)),
    e("-", builtin(Builtin::Run)),
    e("sched", Action::Wrap(Wrapper { skip: 1, rest: Rest::Joined, via: ViaKind::Scheduled, ..PLAIN })),
    e("noglob", builtin(Builtin::Run)),
    e("nocorrect", builtin(Builtin::Run)),
    e("trap", builtin(Builtin::Trap)),
    e("alias", builtin(Builtin::Alias)),
    e("unalias", builtin(Builtin::Unalias)),
    e("export", builtin(Builtin::Export)),
    e("declare", builtin(Builtin::Export)),
    e("typeset", builtin(Builtin::Export)),
    e("integer", builtin(Builtin::Export)),
    e("local", builtin(Builtin::Export)),
    e("readonly", builtin(Builtin::Export)),
    e("unset", builtin(Builtin::Unset)),
    e("set", builtin(Builtin::Set)),
    e("shift", builtin(Builtin::Shift)),
    e("read", builtin(Builtin::Read)),
    e("mapfile", builtin(Builtin::Mapfile)),
    e("readarray", builtin(Builtin::Mapfile)),
    e("echo", builtin(Builtin::Echo)),
    e("printf", builtin(Builtin::Printf)),
    e("print", builtin(Builtin::Echo)),
    e("true", builtin(Builtin::True)),
    e(":", builtin(Builtin::True)),
    e("false", builtin(Builtin::False)),
    e("exit", builtin(Builtin::Exit)),
    e("return", builtin(Builtin::Return)),
    e("break", builtin(Builtin::Break)),
    e("continue", builtin(Builtin::Continue)),
    e("let", builtin(Builtin::Let)),
    e("test", builtin(Builtin::Test)),
    e("[", builtin(Builtin::Test)),
    e("cd", builtin(Builtin::Other)),
    e("shopt", builtin(Builtin::Shopt)),
    e("enable", builtin(Builtin::Other)),
    e("psub", builtin(Builtin::Psub)),
    e("string", builtin(Builtin::Strings)),
    e("count", builtin(Builtin::Count)),
    e("math", builtin(Builtin::Math)),
    e("jobs", builtin(Builtin::Jobs)),
    e("wait", builtin(Builtin::Other)),
    e("kill", builtin(Builtin::Other)),
    e("umask", builtin(Builtin::Other)),
    e("pushd", builtin(Builtin::Other)),
    e("popd", builtin(Builtin::Other)),
    e("bind", builtin(Builtin::Other)),
    e("disown", builtin(Builtin::Other)),
    e("hash", builtin(Builtin::Other)),
    e("getopts", builtin(Builtin::Other)),
    // Text in, text out.
    e("cat", Action::Cat),
    e("tee", Action::Tee),
    e("mkdir", Action::Mkdir),
    e("rm", Action::Rm),
    e("cp", Action::Copy),
    e("mv", Action::Copy),
    e("rmdir", Action::Silent),
    e("touch", Action::Silent),
    e("chmod", Action::Silent),
    e("chown", Action::Silent),
    e("ln", Action::Silent),
    e("sleep", Action::Silent),
    e("sync", Action::Silent),
    e("which", Action::Which),
    e("type", Action::Which),
    e("readlink", Action::Which),
    e("realpath", Action::Which),
    e("fold", Action::Filter),
    e("paste", Action::Filter),
    e("tac", Action::Filter),
    e("rev", Action::Filter),
    e("tr", Action::Filter),
    e("cut", Action::Filter),
    e("head", Action::Filter),
    e("tail", Action::Filter),
    e("sed", Action::Filter),
    e("awk", Action::Filter),
    e("gawk", Action::Filter),
    e("mawk", Action::Filter),
    e("nawk", Action::Filter),
    e("egrep", Action::Filter),
    e("fgrep", Action::Filter),
    e("sort", Action::Filter),
    e("uniq", Action::Filter),
    e("grep", Action::Filter),
    e("base64", Action::Filter),
    e("base32", Action::Filter),
    e("xxd", Action::Filter),
    e("openssl", Action::Filter),
    e("printenv", Action::Printenv),
    e("gunzip", Action::Filter),
    e("gzip", Action::Filter),
    e("zcat", Action::Filter),
    e("bunzip2", Action::Filter),
    e("bzip2", Action::Filter),
    e("bzcat", Action::Filter),
    e("unxz", Action::Filter),
    e("xz", Action::Filter),
    e("xzcat", Action::Filter),
    e("basenc", Action::Filter),
    e("md5sum", Action::Filter),
    e("sha1sum", Action::Filter),
    e("sha256sum", Action::Filter),
    e("seq", Action::Filter),
    e("basename", Action::Filter),
    e("dirname", Action::Filter),
    e("perl", Action::Filter),
    e("expr", Action::Filter),
];
