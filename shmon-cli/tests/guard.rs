//! `shmon guard` and `shmon check`: what agents and scripts read.

use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Output, Stdio};

fn shmon(args: &[&str], input: &str) -> Output {
    let home = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_shmon"))
        .args(args)
        .env("SHMON_HOME", home.path())
        .env("SHMON_LANG", "en")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that doesn't read may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// The call of an agent for a command.
fn call(agent: &str, command: &str) -> Value {
    match agent {
        "claude" | "codex" => json!({"session_id": "s", "cwd": "/", "hook_event_name": "PreToolUse",
            "tool_name": "Bash", "tool_input": {"command": command}, "tool_use_id": "t"}),
        "gemini" => json!({"tool_name": "run_shell_command", "tool_input": {"command": command}, "cwd": "/"}),
        "cursor" => json!({"command": command, "cwd": "/"}),
        _ => json!({"toolName": "bash", "toolArgs": json!({"command": command}).to_string()}),
    }
}

fn decision(agent: &str, answer: &Value) -> String {
    let found = match agent {
        "claude" | "codex" => &answer["hookSpecificOutput"]["permissionDecision"],
        "gemini" => &answer["decision"],
        "cursor" => &answer["permission"],
        _ => &answer["permissionDecision"],
    };
    found.as_str().unwrap_or("none").to_owned()
}

#[test]
fn each_agent_gets_its_own_form() {
    for (agent, asks) in
        [("claude", true), ("codex", false), ("gemini", false), ("cursor", true), ("copilot", false)]
    {
        for (command, want) in [
            ("rm -rf /srv", "deny"),
            ("nmap 192.0.2.1", if asks { "ask" } else { "" }),
            ("cargo test", ""),
            ("ls", ""),
        ] {
            let out = shmon(&["guard", agent], &call(agent, command).to_string());
            assert!(out.status.success(), "{agent}: {command}");
            let text = String::from_utf8(out.stdout).unwrap();
            if want.is_empty() {
                assert_eq!(text, "", "{agent}: {command}");
            } else {
                let answer: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(decision(agent, &answer), want, "{agent}: {command}");
            }
            assert!(!text.contains("allow"), "{agent}: {command}: {text}");
        }
    }
}

#[test]
fn the_reason_names_the_rule() {
    let out = shmon(&["guard", "claude"], &call("claude", "rm -rf build").to_string());
    let answer: Value = serde_json::from_slice(&out.stdout).unwrap();
    let reason = answer["hookSpecificOutput"]["permissionDecisionReason"].as_str().unwrap();
    assert!(reason.contains("destruction.rm-recursive-force"), "{reason}");
}

#[test]
fn other_tools_are_left_alone_and_nonsense_is_refused() {
    let read = json!({"tool_name": "Read", "tool_input": {"file_path": "/etc/passwd"}}).to_string();
    let out = shmon(&["guard", "claude"], &read);
    assert!(out.status.success() && out.stdout.is_empty());
    for bad in ["", "not json", "{\"tool_name\":\"Bash\",\"tool_input\":{}}"] {
        assert_eq!(shmon(&["guard", "claude"], bad).status.code(), Some(2), "{bad}");
    }
}

#[test]
fn levels_are_chosen_by_the_user() {
    let nmap = call("claude", "nmap 192.0.2.1").to_string();
    let out = shmon(&["guard", "claude", "--deny", "high"], &nmap);
    let answer: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(decision("claude", &answer), "deny");
    assert!(shmon(&["guard", "claude", "--ask", "critical"], &nmap).stdout.is_empty());
}

#[test]
fn check_says_it_by_its_status() {
    assert_eq!(shmon(&["check", "ls"], "").status.code(), Some(0));
    assert_eq!(shmon(&["check", "rm -rf /x"], "").status.code(), Some(1));
    assert_eq!(shmon(&["check", "--fail-on", "critical", "nmap x"], "").status.code(), Some(0));
    assert_eq!(shmon(&["check", "--fail-on", "urgent", "ls"], "").status.code(), Some(2));
    let out = shmon(&["check"], "ls\nmysql -pSecret1\n");
    assert_eq!(out.status.code(), Some(1));
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(text.contains("mysql -p****") && !text.contains("Secret1"), "{text}");
    assert!(shmon(&["check", "-q", "rm -rf /x"], "").stdout.is_empty());
}
