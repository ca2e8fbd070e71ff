//! What each shell's hook sees, in a real pseudo-terminal: the cases are `data/capture/*.toml`, the same for every shell
//! and tier. Each case runs without the hook too, and the terminal must show the same.

mod pty;

use pty::{PROMPT, SHMON, Target, build_builtin, plain, targets};
use serde::Deserialize;
use shmon_core::spool::{Kind, Piece, Reader, SUFFIX};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    case: Vec<Case>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What is tried, as in the table.
    name: String,
    /// Files and programs of others that it takes: without them it is left out.
    #[serde(default)]
    needs: Vec<String>,
    /// The shells in which it is typed: bash, zsh, fish.
    shells: Vec<String>,
    /// Lines of the start-up file before the hook.
    #[serde(default)]
    before: String,
    /// Lines of the start-up file after the hook.
    #[serde(default)]
    after: String,
    /// What is typed: each entry, then the prompt is awaited. An Enter is added unless it ends with `\u0003`. After an
    /// Enter inside an entry the shell is given the time to ask for more.
    keys: Vec<String>,
    /// The lines of an entry are typed without waiting.
    #[serde(default)]
    typed_ahead: bool,
    /// The commands that must be recorded, in order, once each.
    recorded: Vec<String>,
    /// Exit statuses that must be recorded with them; `-1` for an end that may be seen or not.
    #[serde(default)]
    status: Option<Vec<i32>>,
    /// What hooks must notice, in order.
    #[serde(default)]
    notes: Vec<String>,
    /// The shell is gone after the keys: otherwise it is left with Ctrl-D.
    #[serde(default)]
    ends: bool,
    /// The terminal is closed while the last line runs, when it has said `started`.
    #[serde(default)]
    hangs_up: bool,
    /// The terminal shows other things than without the hook, for this reason.
    #[serde(default)]
    screen_differs: Option<String>,
    /// Tiers that don't see all of it: what they record instead.
    #[serde(default)]
    instead: BTreeMap<String, Vec<String>>,
    /// Tiers that know when a command ended only because the next begins: no duration may be recorded.
    #[serde(default)]
    timeless: Vec<String>,
    /// Why.
    #[serde(default)]
    reason: Option<String>,
}

/// What a shell left behind.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    commands: Vec<String>,
    status: Vec<i32>,
    notes: Vec<String>,
    /// Whether each end has its time.
    timed: Vec<bool>,
    screen: String,
}

/// What bash and zsh ask with when a command goes on.
const MORE: &str = "more> ";
/// The key that runs a line as Enter does, and is asked for the next with that one already typed.
const OPERATE_AND_GET_NEXT: char = '\u{f}';

struct Place {
    _folder: tempfile::TempDir,
    root: PathBuf,
    home: PathBuf,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let home = root.join("monitor");
    std::fs::create_dir_all(home.join("run")).unwrap();
    // A recorder seems to run (this test), so no shell starts one.
    std::fs::write(home.join("run/awake"), format!("{}\n", std::process::id())).unwrap();
    Place { _folder: folder, root, home }
}

fn run(target: &Target, case: &Case, hooked: bool) -> Result<Seen, String> {
    let place = place();
    let hook = if hooked {
        let out =
            Command::new(SHMON).arg("--home").arg(&place.home).args(["hook", target.shell]).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let hook = String::from_utf8(out.stdout).unwrap();
        if target.name == WITHOUT_CLOCK { without_clock(&hook) } else { hook }
    } else {
        String::new()
    };
    let hook_file = place.home.join("scripts").join(format!("hook.{}", target.shell));
    std::fs::create_dir_all(place.home.join("scripts")).unwrap();
    std::fs::write(&hook_file, hook).unwrap();
    let rc = match target.shell {
        "bash" => format!("PS1='{PROMPT}'\nPS2='{MORE}'\nHISTFILE={}/history\n", place.root.display()),
        "zsh" => {
            format!(
                "PS1='{PROMPT}' PS2='{MORE}' HISTSIZE=100\nsetopt no_prompt_sp no_prompt_cr interactive_comments\n"
            )
        }
        // Its own colours and suggestions come when they come: the screen wouldn't be the same twice.
        "fish" => format!(
            "function fish_prompt; echo -n '{PROMPT}'; end\nset -g fish_greeting\n\
             set -g fish_autosuggestion_enabled 0\n"
        ),
        other => unreachable!("{other}"),
    };
    let source = if target.shell == "fish" { "source" } else { "." };
    let rc = format!("{rc}{}\n{source} '{}'\n{}\n", case.before, hook_file.display(), case.after);
    // The name that each shell reads for itself, and that the cases know.
    let rc_file = place.root.join("rc");
    std::fs::write(&rc_file, rc).unwrap();
    std::fs::create_dir_all(place.root.join("fish")).unwrap();
    for name in [".zshrc", "fish/config.fish"] {
        std::os::unix::fs::symlink(&rc_file, place.root.join(name)).unwrap();
    }
    let mut pty = target.open(&place.root, Some(&rc_file));
    let mut begun = Vec::new();
    pty.prompt(0)?;
    for (at, keys) in case.keys.iter().enumerate() {
        let from = pty.length();
        if case.hangs_up && at + 1 == case.keys.len() {
            pty.send(&format!("{keys}\r"));
            pty.runs(from, "\nstarted\n")?;
            pty.hang_up();
            break;
        }
        if let Some(text) = keys.strip_suffix('\u{3}') {
            // The terminal throws away what waits when the key comes.
            pty.send(text);
            pty.asks(from, text)?;
            pty.send("\u{3}");
        } else if case.typed_ahead {
            pty.send(keys);
        } else {
            // Keys that come between two lines are echoed by the terminal itself.
            let mut lines = keys.split('\r').peekable();
            while let Some(line) = lines.next() {
                let from = pty.length();
                pty.send(line);
                if lines.peek().is_some() {
                    pty.send("\r");
                    pty.asks(from, if target.shell == "fish" { "" } else { MORE })?;
                } else if line.ends_with(OPERATE_AND_GET_NEXT) {
                    pty.asks(from, "")?;
                }
            }
        }
        if !keys.ends_with(['\u{3}', '\n']) {
            pty.send("\r");
        }
        pty.prompt(from)?;
        read_spool(&place.home, &mut begun);
    }
    if !case.ends {
        pty.send("\u{4}");
    }
    pty.gone()?;
    let mut seen = read_spool(&place.home, &mut begun);
    // Both runs have their own folder, and processes their own numbers.
    let screen = plain(&pty.text())
        .replace(place.root.to_str().unwrap(), "ROOT")
        .replace(&pty.pid().to_string(), "PID");
    // What a shell says as it goes may come or not before its terminal is closed.
    let end = if case.ends { screen.len() } else { screen.rfind(PROMPT).unwrap_or(0) };
    seen.screen = screen[..end].to_owned();
    if target.shell == "fish" {
        // How often it draws the lines that are typed, and how much of each, depends on how many keys it finds waiting.
        let further: Vec<&str> = case.keys.iter().flat_map(|keys| keys.split('\r').skip(1)).collect();
        let drawn = |line: &&str| {
            let part = further.iter().any(|typed| typed.starts_with(line.trim()));
            part || line.contains(PROMPT) || line.contains('⏎')
        };
        seen.screen = seen.screen.lines().filter(|line| !drawn(line)).collect::<Vec<_>>().join("\n");
    }
    Ok(seen)
}

/// bash 4.4 has no EPOCHREALTIME, and isn't to be had: the newer one takes the way that the hook has for it.
const WITHOUT_CLOCK: &str = "bash without EPOCHREALTIME";

fn without_clock(hook: &str) -> String {
    let older = hook.replace("BASH_VERSINFO[0] >= 5", "0").replace("BASH_VERSINFO[0] < 5", "1");
    assert_eq!(hook.len() - older.len(), 2 * 20 - 1, "the hook asks for the version in two places");
    format!("unset EPOCHREALTIME\n{older}")
}

/// A command's file, sequence number and text.
type Begun = (String, u64, String);

/// Commands of all shells, in the order of their beginning, each sequence number of a shell once: `begun` holds those of the looks
/// before this one, because the clocks of two shells don't tell which came first.
fn read_spool(home: &Path, begun: &mut Vec<Begun>) -> Seen {
    let mut fresh = Vec::new();
    let mut ends = BTreeMap::new();
    let mut timed = Vec::new();
    let mut notes = Vec::new();
    for entry in std::fs::read_dir(home.join("spool")).into_iter().flatten().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if !name.ends_with(SUFFIX) {
            continue;
        }
        let bytes = std::fs::read(entry.path()).unwrap();
        let mut reader = Reader::new(&bytes);
        for piece in reader.by_ref() {
            let Piece::Entry(entry) = piece else { panic!("torn record in {name}: {piece:?}") };
            let text = String::from_utf8_lossy(entry.command()).into_owned();
            let known = begun.iter().chain(&fresh).any(|b: &Begun| b.0 == name && b.1 == entry.sequence);
            match entry.kind {
                Kind::Begin => {
                    assert!(entry.time.is_some(), "{text} began at no time");
                    if !known {
                        fresh.push((name.clone(), entry.sequence, text));
                    }
                }
                Kind::End => {
                    timed.push(entry.time.is_some());
                    ends.insert((name.clone(), entry.sequence), entry.words[0].parse::<i32>().unwrap());
                }
                Kind::Note => notes.push(String::from_utf8_lossy(entry.first).into_owned()),
                _ => {}
            }
        }
        assert_eq!(reader.consumed(), bytes.len(), "the end of {name} is torn");
    }
    fresh.sort();
    begun.append(&mut fresh);
    let status = begun.iter().map(|b| ends.get(&(b.0.clone(), b.1)).copied().unwrap_or(-1)).collect();
    let commands = begun.iter().map(|b| b.2.clone()).collect();
    Seen { commands, status, notes, timed, screen: String::new() }
}

fn load() -> Vec<(String, Case)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/capture");
    let mut cases = Vec::new();
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let file: Cases = toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        cases.extend(file.case.into_iter().map(|case| (name.clone(), case)));
    }
    cases
}

/// One case in one shell: what is wrong, or the cell of the table.
fn check(target: &Target, case: &Case) -> Result<&'static str, String> {
    let seen = run(target, case, true)?;
    let instead = case.instead.get(target.kind);
    let wanted = instead.unwrap_or(&case.recorded);
    if seen.commands != *wanted {
        return Err(format!("recorded {:#?}\nwanted   {wanted:#?}\nscreen:\n{}", seen.commands, seen.screen));
    }
    if let (Some(status), None) = (&case.status, instead)
        && !(seen.status.len() == status.len()
            && seen.status.iter().zip(status).all(|(seen, wanted)| seen == wanted || *wanted == -1))
    {
        return Err(format!("statuses {:?}, wanted {status:?}", seen.status));
    }
    let timeless = case.timeless.iter().any(|kind| kind == target.kind);
    if seen.timed.contains(&timeless) {
        return Err(format!("ends with a time: {:?}", seen.timed));
    }
    // The builtin needs neither traps nor PROMPT_COMMAND, so nobody can take them away.
    if seen.notes != case.notes && instead.is_none() && target.tier == "shell" {
        return Err(format!("notes {:?}, wanted {:?}", seen.notes, case.notes));
    }
    if case.screen_differs.is_none() {
        let without = run(target, case, false)?;
        if seen.screen != without.screen {
            return Err(format!("with the hook:\n{}\n--- without:\n{}", seen.screen, without.screen));
        }
    }
    Ok(if instead.is_some() { "partly" } else { "yes" })
}

#[test]
fn every_shell_records_what_is_typed_and_shows_nothing_of_it() {
    build_builtin();
    let only = std::env::var("CASE").ok();
    let cases: Vec<_> = load()
        .into_iter()
        .filter(|(_, c)| c.needs.is_empty() && only.as_ref().is_none_or(|only| c.name.contains(only)))
        .collect();
    let only = std::env::var("TARGET").ok();
    let mut targets = targets();
    if let Some(mut older) = targets.iter().find(|target| target.name == "bash").cloned() {
        older.name = WITHOUT_CLOCK.into();
        targets.push(older);
    }
    let targets: Vec<Target> =
        targets.into_iter().filter(|t| only.as_ref().is_none_or(|only| t.name == *only)).collect();
    let results = try_all(&cases, &targets);
    let failures = failures(&cases, &targets, &results);
    let table = table(&cases, &targets, &results);
    println!("{table}");
    assert!(failures.is_empty(), "{failures}");
    let whole =
        ["bash", "bash+builtin", "zsh", "fish"].iter().all(|kind| targets.iter().any(|t| t.name == *kind));
    if whole && std::env::var_os("CASE").is_none() {
        documented(&table);
    }
}

#[test]
fn what_others_have_packaged_works_beside_it() {
    build_builtin();
    let folder = Path::new(SHMON).ancestors().nth(2).unwrap().join("neighbours/bin");
    // The shells of the system.
    let targets: Vec<Target> =
        targets().into_iter().filter(|t| t.name == t.kind).map(|t| t.with(&folder)).collect();
    let only = std::env::var("CASE").ok();
    let mut cases = load();
    cases.retain(|(_, case)| {
        let missing = case.needs.iter().find(|need| !is_there(need, &folder));
        if let Some(missing) = missing {
            println!("SKIPPED: {}: {missing} is not installed (.ci/setup does it)", case.name);
        }
        missing.is_none()
            && !case.needs.is_empty()
            && only.as_ref().is_none_or(|only| case.name.contains(only))
    });
    let results = try_all(&cases, &targets);
    let failures = failures(&cases, &targets, &results);
    assert!(failures.is_empty(), "{failures}");
}

/// A file, or a program that PATH or the folder has.
fn is_there(need: &str, folder: &Path) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).chain([folder.to_path_buf()]).any(|folder| folder.join(need).exists())
}

/// Each case in each of its shells.
fn try_all(cases: &[(String, Case)], targets: &[Target]) -> Results {
    let jobs: Vec<(usize, usize)> =
        (0..cases.len()).flat_map(|c| (0..targets.len()).map(move |t| (c, t))).collect();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let results = std::sync::Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Some(&(c, t)) = jobs.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    let (case, target) = (&cases[c].1, &targets[t]);
                    if case.shells.iter().any(|s| s == target.shell) {
                        let result = check(target, case);
                        results.lock().unwrap().insert((c, t), result);
                    }
                }
            });
        }
    });
    results.into_inner().unwrap()
}

fn failures(cases: &[(String, Case)], targets: &[Target], results: &Results) -> String {
    let mut failures = String::new();
    for ((c, t), result) in results {
        if let Err(error) = result {
            let (file, case) = &cases[*c];
            let _ = writeln!(failures, "\n=== {}: {} ({file}.toml)\n{error}", targets[*t].name, case.name);
        }
    }
    failures
}

type Results = BTreeMap<(usize, usize), Result<&'static str, String>>;

/// What each shell of the system sees of each case; other versions see the same, or the test fails.
fn table(cases: &[(String, Case)], targets: &[Target], results: &Results) -> String {
    let own: Vec<usize> = (0..targets.len()).filter(|t| targets[*t].name == targets[*t].kind).collect();
    let mut table = String::from("| case |");
    for t in &own {
        let _ = write!(table, " {} |", targets[*t].name);
    }
    let _ = write!(table, " |\n|{}", " --- |".repeat(own.len() + 2));
    for (c, (_, case)) in cases.iter().enumerate() {
        let _ = write!(table, "\n| {} |", case.name.replace('|', "\\|"));
        for t in &own {
            let cell =
                results.get(&(c, *t)).map_or("", |result| result.as_ref().map_or("FAILED", |cell| *cell));
            let _ = write!(table, " {cell} |");
        }
        let _ = write!(table, " {} |", case.reason.as_deref().unwrap_or(""));
    }
    table
}

/// The table stands in the documentation; with `UPDATE=1` it is put there.
fn documented(table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/capture.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once("| case |").expect("the table's place");
    let end = rest.find("\n\n").expect("the table's end");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, format!("{before}{table}{}", &rest[end..])).unwrap();
    } else {
        let now = format!("| case |{}", &rest[..end]);
        assert_eq!(now, table, "docs/capture.md: run this test with UPDATE=1");
    }
}
