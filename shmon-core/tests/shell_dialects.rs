//! zsh and fish themselves, asked in a sandbox: the programs that they run are those that the analysis lists. The commands
//! are the lines of `data/shell/zsh_live.txt` and `fish_live.txt` (`⏎` newline); `alpha` to `delta` are programs that
//! write their words down. Skipped, visibly, where the shell or bubblewrap isn't there.

#[path = "support/sandbox.rs"]
mod sandbox;

use shmon_core::shell::{self, Analysis, Dialect};
use std::collections::BTreeSet;

const NAMES: [&str; 4] = ["alpha", "beta", "gamma", "delta"];

/// Makes the programs, gives each command to a shell of its own, and prints what was written down.
const SCRIPT: &str = r#"
    mkdir /tmp/bin /tmp/work
    printf '#!/bin/bash\nprintf "%%s\\0" "$number" "${0##*/}" "$@" $'"'\\\\x02'"' >> /tmp/log\n' > /tmp/bin/alpha
    /bin/chmod +x /tmp/bin/alpha
    for name in beta gamma delta; do /bin/cp /tmp/bin/alpha /tmp/bin/$name; done
    : > /tmp/log
    cd /tmp/work
    export number=0
    while IFS= read -r -d '' command; do
        PATH=/tmp/bin "$@" "$command" </dev/null >/dev/null 2>&1
        ((++number))
    done
    /bin/cat /tmp/log
    printf '\x01\0'"#;

/// What the shell ran for each command, or `None` where it can't be asked.
fn ran(shell: &[&str], commands: &[String]) -> Option<Vec<BTreeSet<Vec<String>>>> {
    if !std::path::Path::new(shell[0]).exists() {
        return None;
    }
    let program = [&["/bin/bash", "--norc", "--noprofile", "-c", SCRIPT, "-"], shell].concat();
    sandbox::ran(&program, &[("PATH", "/usr/bin:/bin"), ("HOME", "/tmp")], commands)
}

fn compare(table: &str, shell: &[&str], dialect: Dialect) {
    let commands: Vec<String> = table
        .lines()
        .filter(|l| !l.is_empty() && !l.starts_with("## "))
        .map(|l| l.replace('⏎', "\n"))
        .collect();
    assert!(commands.len() >= 60, "{} commands", commands.len());
    let Some(ran) = ran(shell, &commands) else {
        println!("skipped: {} can't be run inside bubblewrap here", shell[0]);
        return;
    };
    let answered = ran.iter().filter(|set| !set.is_empty()).count();
    assert!(
        answered * 10 > commands.len() * 8,
        "{answered} of {} ran anything: is the sandbox broken?",
        commands.len()
    );
    let mut analysis = Analysis::new();
    let mut wrong = Vec::new();
    for (command, ran) in commands.iter().zip(&ran) {
        shell::analyze(command.as_bytes(), dialect, &mut analysis);
        let listed: BTreeSet<Vec<String>> = analysis
            .invocations()
            .map(|i| i.argv().map(|w| String::from_utf8_lossy(w.bytes).into_owned()).collect::<Vec<_>>())
            .filter(|argv| argv.first().is_some_and(|name| NAMES.contains(&name.as_str())))
            .collect();
        if *ran != listed {
            wrong.push(format!("{command}\n  {}: {ran:?}\n  shmon: {listed:?}", shell[0]));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), commands.len(), wrong.join("\n"));
}

#[test]
fn zsh_runs_what_is_listed() {
    compare(include_str!("data/shell/zsh_live.txt"), &["/usr/bin/zsh", "-f", "-c"], Dialect::Zsh);
}

#[test]
fn fish_runs_what_is_listed() {
    compare(include_str!("data/shell/fish_live.txt"), &["/usr/bin/fish", "-N", "-c"], Dialect::Fish);
}
