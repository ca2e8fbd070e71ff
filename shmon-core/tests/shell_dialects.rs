//! zsh and fish themselves, asked in a sandbox: the programs that they run are those that the analysis lists. The commands
//! are the lines of `data/shell/zsh_live.txt` and `fish_live.txt` (`⏎` newline); `alpha` to `delta` are programs that
//! write their words down. Skipped, visibly, where the shell or bubblewrap isn't there.

use shmon_core::shell::{self, Analysis, Dialect};
use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

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
    let mut child = Command::new("bwrap")
        .args(["--unshare-all", "--die-with-parent", "--new-session", "--ro-bind", "/", "/", "--dev", "/dev"])
        .args(["--proc", "/proc", "--tmpfs", "/tmp", "--chdir", "/tmp", "--clearenv"])
        .args(["--setenv", "PATH", "/usr/bin:/bin", "--setenv", "HOME", "/tmp"])
        .args(["/bin/bash", "--norc", "--noprofile", "-c", SCRIPT, "-"])
        .args(shell)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut stdin = child.stdin.take()?;
    let input: Vec<u8> = commands.iter().flat_map(|c| [c.as_bytes(), b"\0"].concat()).collect();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().ok()?;
    if writer.join().ok()?.is_err() || !output.status.success() {
        return None;
    }
    let mut all = vec![BTreeSet::new(); commands.len()];
    let (mut ended, mut words) = (false, Vec::<String>::new());
    for field in output.stdout.split(|&b| b == 0) {
        match field {
            b"\x01" => ended = true,
            b"\x02" => {
                let argv = words.split_off(1);
                let number: usize = words.pop()?.parse().ok()?;
                all.get_mut(number)?.insert(argv);
            }
            word => words.push(String::from_utf8_lossy(word).into_owned()),
        }
    }
    ended.then_some(all)
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
