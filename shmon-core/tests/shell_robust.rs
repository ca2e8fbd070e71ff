//! The analysis answers any bytes: it neither panics nor overflows the stack, and its work stays within its budget.

use shmon_core::shell::{self, Analysis, Dialect};

const DIALECTS: [Dialect; 4] = [Dialect::Bash, Dialect::Sh, Dialect::Zsh, Dialect::Fish];

fn analyze_all(command: &[u8], analysis: &mut Analysis) {
    for dialect in DIALECTS {
        shell::analyze(command, dialect, analysis);
        for invocation in analysis.invocations() {
            assert!(invocation.span().end as usize <= command.len());
            for word in invocation.argv() {
                assert!(word.span.start <= word.span.end && word.span.end as usize <= command.len());
            }
        }
        for issue in analysis.issues() {
            assert!(issue.span.end as usize <= command.len());
        }
    }
}

#[test]
fn repeated_openings_are_answered() {
    let pieces: &[&str] = &[
        "$(",
        "\"",
        "<<A ",
        "<<A\n",
        "{{{{",
        "((((",
        "`",
        "{a,b}",
        "eval ",
        "'",
        "${",
        "${x:-",
        "$((",
        "[[ ",
        "case ",
        "if ",
        "while ",
        "$[",
        "<(",
        "a[",
        "x=(",
        "@(",
        "f(){ ",
        "\\",
        "!",
        "| ",
        "&& ",
        "; ",
        "$'",
        "((",
        "for ",
        "bash -c '",
        "{ ",
        "$(( $(",
        "\"$(",
        "${x/",
        "do ",
        ") ",
        "} ",
        "time ",
        "! ",
        "$(<",
        ">(",
        "2>&1 ",
        "~",
        "a=b ",
        "sudo ",
        "\n",
        "x=$x$x;",
        "trap ",
        "{1..9}",
        "{a..z}",
        "[[ ( ",
        "a() ",
        "coproc ",
        "select ",
        "`\\`",
        "\\\n",
    ];
    let mut analysis = Analysis::new();
    for piece in pieces {
        for tail in ["", ")", "\"", "x"] {
            let command = format!("{}{tail}", piece.repeat(3_000));
            analyze_all(command.as_bytes(), &mut analysis);
        }
    }
}

#[test]
fn growth_ends_in_a_budget() {
    let mut analysis = Analysis::new();
    let bombs = [
        "x=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; while true; do x=$x$x; done; echo $x".to_owned(),
        format!("echo {}", "{a,b}".repeat(40)),
        "f() { f; f; }; f".to_owned(),
        ":(){ :|:& };:".to_owned(),
        "for ((i=0;;i++)); do echo $i; done".to_owned(),
        "a='eval $a'; eval $a".to_owned(),
        format!("x={}; {}", "a".repeat(4096), "y=${x//a*a*a*a*b/}; ".repeat(64)),
        "alias a='a a'; a a a; a".to_owned(),
        "printf '%s' {1..999}{1..999} | sh".to_owned(),
    ];
    for command in bombs {
        analyze_all(command.as_bytes(), &mut analysis);
    }
}

/// Random splices of shell's own pieces find what no one thinks of; the seed makes a failure repeatable.
#[test]
fn random_text_is_answered() {
    const PIECES: &[&str] = &[
        "a",
        "rm",
        " ",
        "\n",
        ";",
        "|",
        "&",
        "&&",
        "||",
        "(",
        ")",
        "{",
        "}",
        "<",
        ">",
        "<<",
        "<<<",
        "'",
        "\"",
        "`",
        "$",
        "$(",
        "${",
        "$((",
        "))",
        "[",
        "]",
        "[[",
        "]]",
        "*",
        "?",
        "~",
        "#",
        "=",
        "+=",
        "\\",
        "!",
        ",",
        "..",
        ":",
        "-",
        "%",
        "/",
        "^",
        "@",
        "0",
        "1",
        "x",
        "x=",
        "if ",
        "then ",
        "fi",
        "do ",
        "done",
        "case ",
        "esac",
        "in ",
        "for ",
        "while ",
        "eval ",
        "bash -c ",
        "echo ",
        "printf %s ",
        "xargs ",
        "find . -exec ",
        "sudo ",
        "env ",
        "trap ",
        "alias ",
        "$'\\x72'",
        "\0",
        "é",
        "declare -A ",
        "read ",
        "set -- ",
        "EOF",
        "A\n",
        "local ",
        "ssh h ",
        "docker exec c ",
        "su -c ",
        "crontab -",
        "base64 -d",
    ];
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut next = |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % bound as u64) as usize
    };
    let mut analysis = Analysis::new();
    for _ in 0..20_000 {
        let mut command: Vec<u8> = Vec::new();
        for _ in 0..1 + next(24) {
            if next(40) == 0 {
                command.push(next(256) as u8);
            } else {
                command.extend_from_slice(PIECES[next(PIECES.len())].as_bytes());
            }
        }
        let dialect = DIALECTS[next(4)];
        shell::analyze(&command, dialect, &mut analysis);
        let first = format!("{:?}", analysis.invocations().collect::<Vec<_>>());
        shell::analyze(&command, dialect, &mut analysis);
        let again = format!("{:?}", analysis.invocations().collect::<Vec<_>>());
        assert_eq!(first, again, "{:?}", String::from_utf8_lossy(&command));
    }
}
