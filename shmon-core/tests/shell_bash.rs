//! Generated commands against real bash: the programs that bash would run are those that the analysis lists. Bash runs
//! inside bubblewrap without programs, network or a file system that it could change; each name that it doesn't find is
//! handed to a function that writes the words down. Skipped, visibly, where there is no bash or no sandbox.

#[path = "support/sandbox.rs"]
mod sandbox;

use shmon_core::shell::{self, Analysis, Dialect};
use std::collections::BTreeSet;

/// A small generator with a fixed seed (xorshift64*), so that every run sees the same commands.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % n
    }

    fn pick<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}

const NAMES: [&str; 4] = ["alpha", "beta", "gamma", "delta"];
const PLAIN: [&str; 6] = ["one", "two", "x1", "-f", "a.b", "k=v"];

fn word(r: &mut Random, depth: u32) -> String {
    let plain = r.pick(&PLAIN);
    match r.below(if depth > 2 { 8 } else { 22 }) {
        0 | 1 => plain.to_owned(),
        2 => format!("'{plain} y'"),
        3 => format!("\"{plain}  z\""),
        4 => format!("{plain}''"),
        5 => format!("$'{plain}\\x41\\t'"),
        6 => format!("\\{plain}"),
        7 => "\"\"".to_owned(),
        8 => format!("$(echo {})", word(r, depth + 1)),
        9 => format!("\"$(printf '%s-' {plain} b)\""),
        10 => format!("`echo {plain} c`"),
        11 => format!("$(( {} + {} * 2 ))", r.below(9), r.below(9)),
        12 => format!("{{{plain},b}}c"),
        13 => format!("{{1..{}}}", 1 + r.below(3)),
        14 => "$v".to_owned(),
        15 => "\"$v\"".to_owned(),
        16 => format!("${{v{}}}", r.pick(&["#l", "%t", "//e/E", "^^", ":1:2", "/two/2", "##* ", "%% *"])),
        17 => format!("${{n{}}}", r.pick(&[":-none", "+set", "-d e f", ":+g"])),
        18 => format!("\"${{a[{}]}}\"", r.pick(&["0", "1", "@", "*", "-1", "n+1"])),
        19 => format!("${{{}}}", r.pick(&["#v", "#a[@]", "!a[@]", "a[@]:1"])),
        20 => format!("{}{}", word(r, depth + 1), word(r, depth + 1)),
        _ => "$@".to_owned(),
    }
}

fn simple(r: &mut Random, depth: u32) -> String {
    let name = match r.below(8) {
        0 => "al''pha".to_owned(),
        1 => "\"beta\"".to_owned(),
        2 => "$'\\x67amma'".to_owned(),
        3 => "$(echo delta)".to_owned(),
        4 => "${p#x}".to_owned(),
        _ => r.pick(&NAMES).to_owned(),
    };
    let words: Vec<String> = (0..r.below(4)).map(|_| word(r, depth)).collect();
    let tail = r.pick(&["", "", "", "", " </dev/null", " 2>&1", " <<< text", " >/dev/null"]);
    format!("{name} {}{tail}", words.join(" "))
}

fn command(r: &mut Random, depth: u32) -> String {
    if depth > 3 {
        return simple(r, depth);
    }
    let mut sub = || command(r, depth + 1);
    let (a, b) = (sub(), sub());
    let (w, x) = (word(r, 3), word(r, 3));
    match r.below(26) {
        0 => format!("{a}; {b}"),
        1 => format!("{a} && {b}"),
        2 => format!("true || {a}; {b}"),
        3 => format!("false && {a} || {b}"),
        4 => format!("{a} | {b}"),
        5 => format!("! {a}"),
        6 => format!("( {a} )"),
        7 => format!("{{ {a}; {b}; }}"),
        8 => format!("if true; then {a}; else {b}; fi"),
        9 => format!("if false; then {a}; elif true; then {b}; fi"),
        10 => format!("for i in {w} {x}; do alpha \"$i\"; done"),
        11 => format!("case {} in o*|x) {a};; *) {b};; esac", r.pick(&["one", "x", "two", "\"$v\""])),
        12 => {
            // A name of its own: in a branch that isn't taken it must not mean a function around it.
            let f = format!("f{}", r.below(1_000_000));
            format!("{f}() {{ {a}; beta \"$1\" $#; }}; {f} {w} {x}")
        }
        13 => format!("v={w}; alpha \"$v\" $v"),
        14 => format!("a=({w} {x}); beta \"${{a[@]}}\" ${{#a[@]}}"),
        15 => format!("while read -r l; do gamma \"$l\"; done <<< {w}"),
        16 => format!("eval '{}'", r.pick(&["alpha e", "beta \"$v\"", "gamma; delta"])),
        17 => {
            format!("[[ {} ]] && {{ {a}; }}", r.pick(&["one == o*", "one != one", "-n x", "-z x", "3 -gt 2"]))
        }
        18 => format!("set -- {w} {x}; alpha \"$@\" $#"),
        19 => format!("n={}; ((n > 3)) && {{ {a}; }}", r.below(7)),
        20 => format!("for ((k=0; k<{}; k++)); do delta $k; done", r.below(3)),
        21 => {
            format!("cat() {{ while read -r l; do alpha \"$l\"; done; }}; cat <<END\n$v {}\nEND\n{b}", "text")
        }
        22 => format!("v={w} {}", simple(r, depth)),
        23 => format!("{a} & {b}"),
        _ => simple(r, depth),
    }
}

const START: &str = "unset n; v='val two' p=xalpha a=(first 'sec ond')\n";

/// What bash would run for each command: sets of words. `None` where it can't be asked.
fn bash(commands: &[String]) -> Option<Vec<BTreeSet<Vec<String>>>> {
    const SCRIPT: &str = r#"
        exec 9>&1
        ulimit -t 20
        FUNCNEST=16
        # The command's number goes first: what a subshell left in the background may speak when the next command runs.
        command_not_found_handle() { printf '%s\0' "$command_number" "$@" $'\x02' >&9; }
        command_number=0
        while IFS= read -r -d '' command; do
            ( set --; eval "$command"; wait ) </dev/null >/dev/null 2>&1
            ((++command_number))
        done
        printf '\x01\0' >&9"#;
    let inputs: Vec<String> = commands.iter().map(|command| format!("{START}{command}")).collect();
    sandbox::ran(&["/bin/bash", "--norc", "--noprofile", "-c", SCRIPT], &[("PATH", "/none")], &inputs)
}

#[test]
fn programs_are_those_of_bash() {
    let mut random = Random(0x5EED);
    let commands: Vec<String> = (0..1500).map(|_| command(&mut random, 0)).collect();
    let Some(ran) = bash(&commands) else {
        println!("skipped: bash can't be run inside bubblewrap here");
        return;
    };
    assert!(ran.iter().any(|set| set.len() > 3), "bash ran nothing: the sandbox is broken");
    let mut analysis = Analysis::new();
    let (mut wrong, mut strict) = (Vec::new(), 0);
    for (command, ran) in commands.iter().zip(&ran) {
        let text = format!("{START}{command}");
        shell::analyze(text.as_bytes(), Dialect::Bash, &mut analysis);
        let listed: BTreeSet<Vec<String>> = analysis
            .invocations()
            .map(|i| i.argv().map(|w| String::from_utf8_lossy(w.bytes).into_owned()).collect::<Vec<_>>())
            .filter(|argv| argv.first().is_some_and(|name| NAMES.contains(&name.as_str())))
            .collect();
        let ran: BTreeSet<Vec<String>> =
            ran.iter().filter(|argv| NAMES.contains(&argv[0].as_str())).cloned().collect();
        // The status of a program isn't known: what depends on it is listed either way, and what it changes counts as
        // changed. What runs at once writes at once. There the names alone are compared.
        let open = ["&", "|", "! "].iter().any(|sign| command.contains(sign));
        let names =
            |set: &BTreeSet<Vec<String>>| set.iter().map(|argv| argv[0].clone()).collect::<BTreeSet<_>>();
        let fits = if open { names(&ran).is_subset(&names(&listed)) } else { ran == listed };
        strict += usize::from(!open);
        if !fits && shell::syntax_error(text.as_bytes(), Dialect::Bash, &mut analysis).is_none() {
            let only = |a: &BTreeSet<Vec<String>>, b| a.difference(b).cloned().collect::<Vec<_>>();
            wrong.push(format!(
                "{command}\n  bash alone: {:?}\n  shmon alone: {:?}",
                only(&ran, &listed),
                only(&listed, &ran)
            ));
        }
    }
    assert!(strict > commands.len() / 5, "{strict} of {} are compared word for word", commands.len());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), commands.len(), wrong.join("\n"));
}
