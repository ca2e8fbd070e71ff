//! Commands given to a real shell in a sandbox, and what it ran.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

/// Runs `program` in a sandbox with the variables of `env` alone, and gives it `inputs`, each ended by NUL. It prints fields ended
/// by NUL: an input's number and the words of a program that it ran, each such list ended by the field 2, and the field 1 at the
/// end of all. Returns the programs of each input; `None` where the sandbox or the shell can't be had.
pub(crate) fn ran(
    program: &[&str],
    env: &[(&str, &str)],
    inputs: &[String],
) -> Option<Vec<BTreeSet<Vec<String>>>> {
    let mut child = Command::new("bwrap")
        .args(["--unshare-all", "--die-with-parent", "--new-session", "--ro-bind", "/", "/", "--dev", "/dev"])
        .args(["--proc", "/proc", "--tmpfs", "/tmp", "--chdir", "/tmp", "--clearenv"])
        .args(env.iter().flat_map(|(name, value)| ["--setenv", name, value]))
        .args(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut stdin = child.stdin.take()?;
    let input: Vec<u8> = inputs.iter().flat_map(|c| [c.as_bytes(), b"\0"].concat()).collect();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().ok()?;
    if writer.join().ok()?.is_err() || !output.status.success() {
        return None;
    }
    let mut all = vec![BTreeSet::new(); inputs.len()];
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
