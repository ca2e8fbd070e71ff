//! `shmon guard`: answers the hooks with which coding agents ask before they run a command.
//!
//! The answer is `deny`, `ask` where the agent knows that, or silence, which means 'no opinion'. It is never `allow`: that
//! can skip the agent's own question. What can't be read is an error with exit status 2, which agents take for a refusal.

use crate::context::Globals;
use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use serde_json::{Value, json};
use shmon_core::verdict::VerdictRef;
use shmon_core::{Classifier, Lang, Level, Scratch};
use std::io::{Read, Write};
use std::process::ExitCode;

/// Answer a coding agent's hook before it runs a command
#[derive(clap::Args)]
#[command(
    after_help = "Reads the hook's JSON from standard input and prints the agent's form of 'deny' or 'ask', or nothing.\n\
    It never answers 'allow'.\n\nExample (Claude Code, .claude/settings.json):\n  \
    {\"hooks\": {\"PreToolUse\": [{\"matcher\": \"Bash\", \"hooks\": [{\"type\": \"command\", \"command\": \"shmon guard claude\"}]}]}}\n\n\
    docs/agents.md has the others."
)]
pub(crate) struct Args {
    /// The agent whose hook calls
    agent: Agent,
    /// Refuse commands from this level on
    #[arg(long, value_name = "LEVEL", default_value = "critical")]
    deny: Level,
    /// Have the agent ask its user from this level on, where it can
    #[arg(long, value_name = "LEVEL", default_value = "high")]
    ask: Level,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Agent {
    Claude,
    Codex,
    Gemini,
    Cursor,
    Copilot,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Decision {
    Silent,
    Ask,
    Deny,
}

/// No agent sends more than this for one call.
const LONGEST: u64 = 16 * 1024 * 1024;

pub(crate) fn run(args: &Args, globals: &Globals) -> Result<ExitCode> {
    let mut input = Vec::new();
    std::io::stdin().lock().take(LONGEST).read_to_end(&mut input)?;
    let call: Value = serde_json::from_slice(&input).context("standard input is not the hook's JSON")?;
    let Some(command) = command(args.agent, &call)? else {
        return Ok(ExitCode::SUCCESS);
    };
    // A broken configuration must not leave the agent unguarded: the built-in rules always work.
    let (classifier, lang) =
        match globals.config().and_then(|c| Ok((globals.classifier(&c)?, globals.lang(&c)))) {
            Ok(both) => both,
            Err(error) => {
                eprintln!("shmon: {error:#}; the built-in rules are used");
                (Classifier::builtin(), Lang::En)
            }
        };
    let context = globals.caller();
    let mut scratch = Scratch::default();
    let verdict = classifier.classify_into(command.as_bytes(), &context.of(), &mut scratch);
    let decision = if verdict.level() >= args.deny {
        Decision::Deny
    } else if verdict.level() >= args.ask {
        Decision::Ask
    } else {
        Decision::Silent
    };
    if let Some(answer) = answer(args.agent, decision, &reason(&verdict, lang)) {
        writeln!(std::io::stdout().lock(), "{answer}")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The command that the agent is about to run; `None` where the call is about another tool.
///
/// A call that doesn't look as documented is an error, and so a refusal: an agent that changed its hook would otherwise
/// run everything unseen.
fn command(agent: Agent, call: &Value) -> Result<Option<String>> {
    let (tool_key, arguments_key) = match agent {
        Agent::Claude | Agent::Codex | Agent::Gemini => ("tool_name", "tool_input"),
        Agent::Copilot => ("toolName", "toolArgs"),
        Agent::Cursor => {
            let command = call.get("command").and_then(Value::as_str);
            return Ok(Some(command.context("the hook's JSON has no text under \"command\"")?.to_owned()));
        }
    };
    let tool = call.get(tool_key).and_then(Value::as_str);
    let tool = tool.with_context(|| format!("the hook's JSON has no text under \"{tool_key}\""))?;
    let shells: &[&str] = match agent {
        Agent::Claude => &["Bash"],
        Agent::Codex => &["Bash", "bash", "shell", "exec_command", "local_shell"],
        Agent::Gemini => &["run_shell_command"],
        Agent::Cursor | Agent::Copilot => &["bash", "shell"],
    };
    if !shells.contains(&tool) {
        return Ok(None);
    }
    let arguments = match call.get(arguments_key) {
        // Copilot: JSON in a text.
        Some(Value::String(inner)) => serde_json::from_str(inner)
            .with_context(|| format!("the text under \"{arguments_key}\" is not JSON"))?,
        Some(other) => other.clone(),
        None => Value::Null,
    };
    let command = arguments.get("command").or_else(|| arguments.get("cmd"));
    match command {
        Some(Value::String(command)) => Ok(Some(command.clone())),
        // Codex: an argv.
        Some(Value::Array(argv)) => {
            let words: Option<Vec<_>> = argv.iter().map(|word| word.as_str().map(quote)).collect();
            Ok(Some(words.context("the call's \"command\" holds something that is no text")?.join(" ")))
        }
        _ => bail!("the call of '{tool}' has no \"command\""),
    }
}

/// A word as a shell reads it back.
fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

fn reason(verdict: &VerdictRef<'_>, lang: Lang) -> String {
    let mut text = format!("shmon: {}", verdict.level().label(lang));
    if let Some(rule) = verdict.findings().next().and_then(|f| f.rule()) {
        let (title, why) = (rule.title(), rule.reason());
        text = format!("{text}: {} ({}). {}", title.get(lang), rule.id(), why.get(lang));
        if let Some(alternative) = rule.alternative() {
            text = format!("{text} {}", alternative.get(lang));
        }
    }
    text
}

/// What the agent reads; `None` is silence.
fn answer(agent: Agent, decision: Decision, reason: &str) -> Option<Value> {
    let word = match decision {
        Decision::Silent => return None,
        Decision::Ask => "ask",
        Decision::Deny => "deny",
    };
    let permission = json!({"hookSpecificOutput": {
        "hookEventName": "PreToolUse", "permissionDecision": word, "permissionDecisionReason": reason}});
    match (agent, decision) {
        (Agent::Claude, _) | (Agent::Codex, Decision::Deny) => Some(permission),
        (Agent::Cursor, _) => {
            Some(json!({"permission": word, "user_message": reason, "agent_message": reason}))
        }
        (Agent::Gemini, Decision::Deny) => Some(json!({"decision": "deny", "reason": reason})),
        (Agent::Copilot, Decision::Deny) => {
            Some(json!({"permissionDecision": "deny", "permissionDecisionReason": reason}))
        }
        // These agents take an `ask` for 'go on': silence keeps their own question.
        (Agent::Codex | Agent::Gemini | Agent::Copilot, _) => None,
    }
}
