//! Whatever of shmon is broken, the prompt comes as without it, one line tells of it once, and what could be kept is kept.

mod pty;

use pty::{PROMPT, SHMON, Target, build_builtin, plain, targets};
use shmon_core::spool::{Kind, Piece, Reader, SUFFIX};
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// The program was removed, and no recorder runs.
    NoProgram,
    /// The program starts and ends at once with an error.
    Crashes,
    /// The loadable builtin is a file of something else.
    NotALibrary,
    /// The recorder is stopped (SIGSTOP).
    Stopped,
    /// The spool's folder is none.
    NoFolder,
    /// No byte can be written any more, until it can again.
    DiskFull,
    /// The whole home goes away while the shell runs.
    NoHome,
    /// What the start-up file reads is gone.
    NoHook,
}

const FAULTS: [Fault; 8] = [
    Fault::NoProgram,
    Fault::Crashes,
    Fault::NotALibrary,
    Fault::Stopped,
    Fault::NoFolder,
    Fault::DiskFull,
    Fault::NoHome,
    Fault::NoHook,
];

struct Place {
    folder: tempfile::TempDir,
    /// Stands for a recorder that runs.
    recorder: Child,
}

impl Place {
    /// A home with a program (that does nothing) and the builtin in a folder of its own, where they can be broken.
    fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let recorder = Command::new("sleep").arg("600").spawn().unwrap();
        let place = Place { folder, recorder };
        for folder in ["bin", "monitor/run", "monitor/spool", "monitor/scripts", "fish"] {
            std::fs::create_dir_all(place.at(folder)).unwrap();
        }
        let built = Path::new(SHMON).parent().unwrap();
        std::fs::write(place.at("bin/shmon"), "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(place.at("bin/shmon"), std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::copy(built.join("libshmon_bash.so"), place.at("bin/libshmon_bash.so")).unwrap();
        std::fs::write(place.at("monitor/run/awake"), format!("{}\n", place.recorder.id())).unwrap();
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The hook, and a start-up file that reads it as `shmon init` has it.
    fn install(&self, target: &Target) {
        let ask = |arguments: &[&str]| {
            let mut command = Command::new(SHMON);
            let output = command.arg("--home").arg(self.at("monitor")).args(arguments).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap().replace(SHMON, self.at("bin/shmon").to_str().unwrap())
        };
        let hook = self.at("monitor/scripts").join(format!("hook.{}", target.shell));
        std::fs::write(hook, ask(&["hook", target.shell])).unwrap();
        let block = ask(&["hook", target.shell, "--block"]);
        let start = match target.shell {
            "fish" => format!(
                "function fish_prompt; echo -n '{PROMPT}'; end\nset -g fish_greeting\n\
                 set -g fish_autosuggestion_enabled 0\n"
            ),
            "zsh" => format!("PS1='{PROMPT}'\nsetopt no_prompt_sp no_prompt_cr\n"),
            _ => format!("PS1='{PROMPT}'\n"),
        };
        for file in [".bashrc", ".zshrc", "fish/config.fish"] {
            std::fs::write(self.at(file), format!("{start}{block}")).unwrap();
        }
    }

    fn signal(&self, name: &str) {
        let pid = self.recorder.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// The shell's spool, and where it is put aside.
    fn spool(&self) -> (PathBuf, PathBuf) {
        let files = std::fs::read_dir(self.at("monitor/spool")).unwrap();
        let mut files =
            files.map(|file| file.unwrap().path()).filter(|file| file.to_str().unwrap().ends_with(SUFFIX));
        let file = files.next().expect("a spool");
        let aside = self.at(file.file_name().unwrap().to_str().unwrap());
        (file, aside)
    }

    fn recorded(&self) -> Vec<String> {
        let mut commands = Vec::new();
        for file in std::fs::read_dir(self.at("monitor/spool")).into_iter().flatten().flatten() {
            let bytes = std::fs::read(file.path()).unwrap();
            for piece in Reader::new(&bytes) {
                if let Piece::Entry(entry) = piece
                    && entry.kind == Kind::Begin
                {
                    commands.push(String::from_utf8_lossy(entry.command()).into_owned());
                }
            }
        }
        commands
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.recorder.kill();
        let _ = self.recorder.wait();
    }
}

const BEFORE: [&str; 2] = ["echo one", "false"];
const DURING: [&str; 3] = ["echo $?two", "(exit 4)", "echo three | cat"];
const AFTER: [&str; 2] = ["echo four", "echo five"];

/// fish has no `$?`, and runs what is in parentheses otherwise.
fn line<'a>(target: &Target, line: &'a str) -> &'a str {
    match (target.shell, line) {
        ("fish", "echo $?two") => "echo two",
        ("fish", "(exit 4)") => "sh -c 'exit 4'",
        _ => line,
    }
}

/// What is on the screen, and what was recorded.
fn run(target: &Target, fault: Option<Fault>) -> Result<(String, Vec<String>), String> {
    let place = Place::new();
    let hooked = fault.is_some();
    place.install(target);
    let program = place.at("bin/shmon");
    let awake = place.at("monitor/run/awake");
    match fault {
        Some(Fault::NoProgram) => {
            std::fs::remove_file(&program).unwrap();
            std::fs::remove_file(&awake).unwrap();
        }
        Some(Fault::Crashes) => {
            std::fs::write(&program, "#!/bin/sh\necho loud; echo louder >&2; kill -11 $$\n").unwrap();
            std::fs::remove_file(&awake).unwrap();
        }
        Some(Fault::NotALibrary) => std::fs::write(place.at("bin/libshmon_bash.so"), "no library").unwrap(),
        Some(Fault::Stopped) => place.signal("-STOP"),
        Some(Fault::NoHook) => std::fs::remove_dir_all(place.at("monitor/scripts")).unwrap(),
        _ => {}
    }
    if !hooked {
        std::fs::remove_dir_all(place.at("monitor")).unwrap();
    }
    let mut pty = target.open(place.folder.path(), None);
    pty.prompt(0)?;
    let mut type_all = |lines: &[&str]| {
        lines.iter().try_for_each(|text| {
            let from = pty.length();
            pty.send(&format!("{}\r", line(target, text)));
            pty.prompt(from)
        })
    };
    type_all(&BEFORE)?;
    let mut aside = None;
    match fault {
        Some(Fault::NoFolder) => {
            let (spool, kept) = place.spool();
            std::fs::rename(&spool, &kept).unwrap();
            std::fs::remove_dir_all(place.at("monitor/spool")).unwrap();
            std::fs::write(place.at("monitor/spool"), "").unwrap();
            aside = Some((spool, kept));
        }
        Some(Fault::DiskFull) => {
            let (spool, kept) = place.spool();
            std::fs::rename(&spool, &kept).unwrap();
            std::os::unix::fs::symlink("/dev/full", &spool).unwrap();
            aside = Some((spool, kept));
        }
        Some(Fault::NoHome) => {
            // A recorder would make it anew.
            std::fs::write(&program, "#!/bin/sh\n").unwrap();
            std::fs::remove_dir_all(place.at("monitor")).unwrap();
        }
        _ => {}
    }
    type_all(&DURING)?;
    if let Some((spool, kept)) = aside {
        std::fs::remove_file(if fault == Some(Fault::NoFolder) {
            place.at("monitor/spool")
        } else {
            spool.clone()
        })
        .unwrap();
        std::fs::create_dir_all(place.at("monitor/spool")).unwrap();
        std::fs::rename(kept, spool).unwrap();
    }
    type_all(&AFTER)?;
    pty.send("\u{4}");
    pty.gone()?;
    if fault == Some(Fault::Stopped) {
        place.signal("-CONT");
    }
    let mut screen = plain(&pty.text()).replace(place.folder.path().to_str().unwrap(), "ROOT");
    screen.truncate(screen.rfind(PROMPT).unwrap_or(0));
    if target.shell == "fish" {
        // How often it draws the line that is typed depends on how many keys it finds waiting.
        let drawn = |line: &&str| line.contains(PROMPT) || line.contains('⏎');
        screen = screen.lines().filter(|line| !drawn(line)).collect::<Vec<_>>().join("\n");
    }
    Ok((screen, place.recorded()))
}

/// Without our lines, and without the one that bash or fish says itself of a disk that is full; and how many of ours there were.
fn without_ours(screen: &str, fault: Fault) -> (String, usize) {
    let (mut told, mut full) = (0, fault == Fault::DiskFull);
    let mut rest = String::new();
    for line in screen.lines() {
        if line.starts_with("shmon: ") {
            told += 1;
        } else if full && line.contains("No space left on device") {
            full = false;
        } else {
            let _ = writeln!(rest, "{line}");
        }
    }
    (rest, told)
}

fn check(target: &Target, fault: Fault, plain_screen: &str) -> Result<(), String> {
    let (screen, recorded) = run(target, Some(fault))?;
    let (rest, told) = without_ours(&screen, fault);
    if rest.trim_end() != plain_screen.trim_end() {
        return Err(format!("the terminal shows:\n{screen}\n--- without us:\n{plain_screen}"));
    }
    // One line tells what waits or may be lost.
    let lines = match fault {
        Fault::NoProgram | Fault::NoFolder | Fault::DiskFull | Fault::NoHome => 1,
        Fault::Crashes | Fault::NotALibrary | Fault::Stopped | Fault::NoHook => 0,
    };
    if told != lines {
        return Err(format!("told {told} times, not {lines}:\n{screen}"));
    }
    let typed: Vec<&str> =
        BEFORE.iter().chain(&DURING).chain(&AFTER).map(|text| line(target, text)).collect();
    let wanted: &[&str] = match fault {
        Fault::NoHome | Fault::NoHook => &[],
        _ => &typed,
    };
    if recorded != wanted {
        return Err(format!("recorded {recorded:?}, not {wanted:?}:\n{screen}"));
    }
    Ok(())
}

#[test]
fn the_prompt_comes_whatever_is_broken() {
    build_builtin();
    let only = std::env::var("TARGET").ok();
    // One version of each suffices: the rest is the same code.
    let targets: Vec<Target> = targets()
        .into_iter()
        .filter(|target| target.name == target.kind && only.as_ref().is_none_or(|only| target.name == *only))
        .collect();
    let failures = std::sync::Mutex::new(String::new());
    std::thread::scope(|scope| {
        for target in &targets {
            let (screen, _) = run(target, None).unwrap();
            for pair in FAULTS.chunks(2) {
                let (screen, failures) = (screen.clone(), &failures);
                scope.spawn(move || {
                    for fault in pair {
                        if let Err(error) = check(target, *fault, &screen) {
                            let _ =
                                writeln!(failures.lock().unwrap(), "=== {}, {fault:?}: {error}", target.name);
                        }
                    }
                });
            }
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{failures}");
}
