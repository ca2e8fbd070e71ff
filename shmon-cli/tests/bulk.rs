//! `shmon classify` on many lines: every line is answered, in order, whatever the size of the input.

use std::io::Write;
use std::process::{Command, Output, Stdio};

fn shmon(args: &[&str], input: Vec<u8>) -> Output {
    let home = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_shmon"))
        .args(args)
        .env("SHMON_HOME", home.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        // The command stops reading at a line that it can't read.
        let _ = stdin.write_all(&input);
    });
    let out = child.wait_with_output().unwrap();
    writer.join().unwrap();
    out
}

fn line(n: usize) -> String {
    match n % 3 {
        0 => format!("echo {n}"),
        1 => format!("nmap 10.0.{}.{}", n / 256 % 256, n % 256),
        _ => format!("rm -rf /tmp/{n}"),
    }
}

#[test]
fn levels_come_in_order() {
    for (count, end, args) in [(10, "\n", &[][..]), (40_000, "\n", &[]), (40_000, "\0", &["--null"])] {
        let input: String = (0..count).map(|n| line(n) + end).collect();
        let args = [&["classify", "--format", "level"], args].concat();
        let out = shmon(&args, input.into_bytes());
        assert!(out.status.success());
        let levels: Vec<&str> = std::str::from_utf8(&out.stdout).unwrap().lines().collect();
        let wanted: Vec<&str> = (0..count).map(|n| ["low", "high", "critical"][n % 3]).collect();
        assert!(levels == wanted, "{count} {args:?}");
    }
}

#[test]
fn objects_carry_their_keys_and_a_bad_line_is_named() {
    let mut input: String =
        (0..20_000).map(|n| format!("{{\"n\":{n},\"command\":\"{}\"}}\n", line(n))).collect();
    let out = shmon(&["classify", "--format", "jsonl", "--input", "jsonl"], input.clone().into_bytes());
    assert!(out.status.success());
    for (n, text) in std::str::from_utf8(&out.stdout).unwrap().lines().enumerate() {
        let object: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(object["n"], n);
        assert_eq!(object["command"], line(n));
    }
    input.push_str("{\"n\":1}\n");
    let out = shmon(&["classify", "--format", "jsonl", "--input", "jsonl"], input.into_bytes());
    assert_eq!(out.status.code(), Some(2));
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(said.contains("standard input, line 20001") && said.contains("\"command\""), "{said}");
}

#[test]
fn a_last_line_without_an_end_counts() {
    let out = shmon(&["classify", "--format", "level"], b"ls\nrm -rf /".to_vec());
    assert_eq!(out.stdout, b"low\ncritical\n");
    let out = shmon(&["classify", "--format", "level"], b"ls\n\nls\n".to_vec());
    assert_eq!(out.stdout, b"low\nlow\nlow\n", "an empty line is a command too");
    assert!(shmon(&["classify", "--format", "level"], Vec::new()).stdout.is_empty());
}
