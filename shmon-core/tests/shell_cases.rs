//! The tables of `data/shell/`: which programs a command runs, how each was reached and where it stands, and what stays
//! open. Columns: command (`⏎` newline, `⇥` tab), programs, notes. A program is `WORDS < VIA > VIA @ START..END`; notes
//! are issues and signs of hiding with their places.

use shmon_core::shell::{self, Analysis, Dialect};

/// A word as a shell would take it.
fn quoted(word: &[u8]) -> String {
    let text = String::from_utf8_lossy(word).replace('\n', "⏎").replace('\t', "⇥").replace('\0', "␀");
    let plain = |c: char| !c.is_whitespace() && !"'\";<>@".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text } else { format!("'{text}'") }
}

/// What the tables say about a command: programs and notes.
fn told(command: &[u8], dialect: Dialect, analysis: &mut Analysis) -> (String, String) {
    shell::analyze(command, dialect, analysis);
    let mut runs = Vec::new();
    for invocation in analysis.invocations().filter(|i| i.argv().len() > 0) {
        let mut text = invocation.argv().map(|w| quoted(w.bytes)).collect::<Vec<_>>().join(" ");
        if !invocation.via().is_empty() {
            let via: Vec<&str> = invocation.via().iter().map(|v| v.name).collect();
            text += &format!(" < {}", via.join(" > "));
        }
        let span = invocation.span();
        runs.push(format!("{text} @ {}..{}", span.start, span.end));
    }
    let mut notes = Vec::new();
    let mut note =
        |kind: &str, span: shell::Span| notes.push(format!("{kind} @ {}..{}", span.start, span.end));
    analysis.issues().iter().for_each(|issue| note(issue.kind.as_str(), issue.span));
    analysis.obfuscations().iter().for_each(|sign| note(sign.kind, sign.span));
    (if runs.is_empty() { "-".to_owned() } else { runs.join(" ; ") }, notes.join(" ; "))
}

fn check(table: &str, dialect: Dialect) {
    let mut analysis = Analysis::new();
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in table.lines() {
        let mut columns = line.split('\t');
        let [Some(command), Some(programs), Some(notes)] = [columns.next(), columns.next(), columns.next()]
        else {
            panic!("three columns: {line}");
        };
        let text = command.replace('⏎', "\n").replace('⇥', "\t");
        let found = told(text.as_bytes(), dialect, &mut analysis);
        if (found.0.as_str(), found.1.as_str()) != (programs, notes) {
            wrong.push(format!(
                "{command}\n  expected {programs}   {notes}\n  found    {}   {}",
                found.0, found.1
            ));
        }
        count += 1;
    }
    assert!(count >= 30, "{count} cases");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}

macro_rules! tables {
    ($($name:ident: $dialect:ident,)*) => {
        $(#[test]
        fn $name() {
            check(include_str!(concat!("data/shell/", stringify!($name), ".tsv")), Dialect::$dialect);
        })*
    };
}

tables! {
    code: Bash,
    commands: Bash,
    expansions: Bash,
    quoting: Bash,
    texts: Bash,
    wrappers: Bash,
    zsh: Zsh,
    fish: Fish,
}
