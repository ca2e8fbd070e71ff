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

/// Whole calls, as each agent's documentation shows them, with a place for the command.
fn documented(agent: &str, arguments: Value) -> Value {
    let copilot = |arguments: Value| match arguments {
        Value::Object(_) => Value::String(arguments.to_string()),
        other => other,
    };
    match agent {
        "claude" => json!({"session_id": "abc123", "transcript_path": "/home/u/t.jsonl", "cwd": "/home/u",
            "permission_mode": "default", "hook_event_name": "PreToolUse", "tool_name": "Bash",
            "tool_input": arguments, "tool_use_id": "toolu_01"}),
        "codex" => json!({"session_id": "abc123", "turn_id": "t1", "cwd": "/home/u", "model": "m",
            "hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": arguments, "tool_use_id": "c1"}),
        "gemini" => json!({"session_id": "abc123", "transcript_path": "/home/u/t.json", "cwd": "/home/u",
            "hook_event_name": "BeforeTool", "timestamp": "2026-11-28T00:00:00Z",
            "tool_name": "run_shell_command", "tool_input": arguments}),
        "cursor" => {
            let mut call = json!({"conversation_id": "c", "generation_id": "g", "cwd": "/home/u",
                "hook_event_name": "beforeShellExecution", "workspace_roots": ["/home/u"]});
            if let Value::Object(arguments) = arguments {
                call.as_object_mut().unwrap().extend(arguments);
            }
            call
        }
        _ => json!({"timestamp": 1_764_000_000_000_u64, "cwd": "/home/u", "toolName": "bash",
            "toolArgs": copilot(arguments)}),
    }
}

const AGENTS: [&str; 5] = ["claude", "codex", "gemini", "cursor", "copilot"];

#[test]
fn documented_calls_are_understood_and_nothing_is_ever_allowed() {
    for agent in AGENTS {
        for (command, denied) in [
            ("rm -rf /srv", true),
            ("cd /tmp && sudo sh -c 'r\u{27}\u{27}m -rf /srv' 2>&1", true),
            ("cat <<EOF | bash\nrm -rf /srv\nEOF", true),
            ("git commit -m 'rm -rf / is dangerous'", false),
            ("", false),
            ("cargo test", false),
        ] {
            let arguments = json!({"command": command, "description": "allow", "timeout": 1000});
            let out = shmon(&["guard", agent], &documented(agent, arguments).to_string());
            let (text, told) =
                (String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap());
            assert!(out.status.success(), "{agent}: {command}: {told}");
            assert_eq!(text.is_empty(), !denied, "{agent}: {command}: {text}");
            if denied {
                // One JSON object and nothing else: some agents take any other output for consent.
                let answer: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(decision(agent, &answer), "deny", "{agent}: {command}");
            }
            assert!(!text.contains("allow") && !text.contains("approve"), "{agent}: {command}: {text}");
        }
    }
}

#[test]
fn an_argv_is_a_command_too() {
    for (key, command, denied) in [
        ("command", json!(["bash", "-lc", "rm -rf /srv"]), true),
        ("command", json!(["/bin/bash", "-l", "-c", "ls; rm -rf /srv"]), true),
        ("command", json!(["rm", "-rf", "/srv/it's"]), true),
        ("command", json!(["echo", "rm -rf /srv; $(rm -rf /srv)"]), false),
        ("command", json!([]), false),
        ("cmd", json!("rm -rf /srv"), true),
    ] {
        let call = json!({"tool_name": "exec_command", "tool_input": {key: command}}).to_string();
        let out = shmon(&["guard", "codex"], &call);
        assert!(out.status.success());
        assert_eq!(!out.stdout.is_empty(), denied, "{call}");
    }
}

#[test]
fn other_tools_are_left_alone() {
    for (agent, call) in [
        ("claude", json!({"tool_name": "Read", "tool_input": {"file_path": "/etc/passwd"}})),
        (
            "claude",
            json!({"tool_name": "Write", "tool_input": {"content": "rm -rf /", "command": "rm -rf /"}}),
        ),
        ("claude", json!({"tool_name": "mcp__files__run", "tool_input": {}})),
        ("codex", json!({"tool_name": "apply_patch", "tool_input": {"command": "rm -rf /"}})),
        ("gemini", json!({"tool_name": "write_file", "tool_input": {"content": "rm -rf /"}})),
        ("copilot", json!({"toolName": "edit", "toolArgs": "not even JSON"})),
    ] {
        let out = shmon(&["guard", agent], &call.to_string());
        assert!(out.status.success() && out.stdout.is_empty() && out.stderr.is_empty(), "{agent}: {call}");
    }
}

/// Status 2 and one line on standard error: agents take that for a refusal, and show the line.
#[test]
fn what_is_not_as_documented_is_refused() {
    for agent in AGENTS {
        let no_command = documented(agent, json!({"description": "x"})).to_string();
        let number = documented(agent, json!({"command": 7})).to_string();
        let null = documented(agent, json!({"command": null})).to_string();
        let text = documented(agent, json!("rm -rf /srv")).to_string();
        let cut = documented(agent, json!({"command": "rm -rf /srv"})).to_string();
        let cut = &cut[..cut.len() - 3];
        let bad =
            ["", " ", "null", "[]", "{}", "7", "not json", "{}{}", &no_command, &number, &null, &text, cut];
        for bad in bad {
            let out = shmon(&["guard", agent], bad);
            let told = String::from_utf8(out.stderr).unwrap();
            assert_eq!(out.status.code(), Some(2), "{agent}: {bad}: {told}");
            assert!(out.stdout.is_empty(), "{agent}: {bad}");
            assert_eq!(told.lines().count(), 1, "{agent}: {bad}: {told}");
        }
    }
    let mixed = json!({"tool_name": "shell", "tool_input": {"command": ["rm", "-rf", 7]}}).to_string();
    assert_eq!(shmon(&["guard", "codex"], &mixed).status.code(), Some(2));
    assert_eq!(shmon(&["guard", "nobody"], "{}").status.code(), Some(2));
}

/// A broken configuration leaves no agent unguarded.
#[test]
fn the_built_in_rules_hold_without_a_configuration() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("config.toml"), "nmae = 'x'\n").unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_shmon"))
        .args(["guard", "claude"])
        .env("SHMON_HOME", home.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(call("claude", "rm -rf /srv").to_string().as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    assert_eq!(decision("claude", &serde_json::from_slice(&out.stdout).unwrap()), "deny");
    assert!(String::from_utf8(out.stderr).unwrap().contains("nmae"));
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

/// The configurations of docs/agents.md are JSON, and name each agent once.
#[test]
fn the_documented_configurations_are_right() {
    fn commands(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::String(text) if text.starts_with("shmon guard ") => found.push(text[12..].to_owned()),
            Value::Array(all) => all.iter().for_each(|v| commands(v, found)),
            Value::Object(all) => all.values().for_each(|v| commands(v, found)),
            _ => {}
        }
    }
    let page = include_str!("../../docs/agents.md");
    let mut found = Vec::new();
    for block in page.split("```json\n").skip(1) {
        let json = block.split("```").next().unwrap();
        commands(&serde_json::from_str(json).unwrap(), &mut found);
    }
    assert_eq!(found, AGENTS);
    // The two lines to try.
    for line in page.lines().filter(|line| line.starts_with("echo '")) {
        let (call, agent) = line[6..].split_once("' | shmon guard ").unwrap();
        assert!(!shmon(&["guard", agent], call).stdout.is_empty(), "{line}");
    }
}
