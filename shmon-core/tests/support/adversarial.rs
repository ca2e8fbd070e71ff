//! Inputs that are made to cost: nesting and repetition of everything that a shell's grammar knows. Shared by the test
//! that counts work and by the benchmark that measures time.

/// What stands at the beginning, how it goes on (repeated), and what closes it (repeated as often).
type Shape = (&'static str, &'static str, &'static str, &'static str);

const SHAPES: &[Shape] = &[
    ("words", "", "word ", ""),
    ("commands", "", "a b; ", ""),
    ("substitutions open", "", "$(", ""),
    ("substitutions nested", "", "$(", ")"),
    ("substitutions in a row", "", "$(a)", ""),
    ("quoted substitutions", "", "\"$(", ")\""),
    ("backquotes", "", "`", ""),
    ("escaped backquotes", "", "`\\`a\\``", ""),
    ("single quotes", "", "'", ""),
    ("single quotes in a row", "", "''", ""),
    ("double quotes", "", "\"", ""),
    ("ansi-c quotes", "", "$'\\x41'", ""),
    ("backslashes", "", "\\", ""),
    ("line continuations", "a", "\\\n", ""),
    ("heredocs open", "", "<<A ", ""),
    ("heredocs of a line", "", "cat <<A\nx\nA\n", ""),
    ("heredocs without end", "", "cat <<A\n", ""),
    ("heredocs with expansions", "cat <<A\n", "$x $(a) ", ""),
    ("here-strings", "", "a <<<b;", ""),
    ("braces nested", "echo ", "{a,", "}"),
    ("braces open", "echo ", "{a,", ""),
    ("braces in a row", "echo ", "{a,b}", ""),
    ("ranges", "echo ", "{1..9} ", ""),
    ("arithmetic open", "", "((", ""),
    ("arithmetic substitutions", "echo ", "$((1+", "))"),
    ("arithmetic in a row", "echo ", "$((1+1))", ""),
    ("arithmetic parentheses", "echo $((", "(", ")"),
    ("arithmetic operators", "echo $((1", "+1", ""),
    ("old arithmetic", "echo ", "$[", "]"),
    ("subshells", "", "(", ")"),
    ("groups", "", "{ ", "; }"),
    ("conditionals open", "", "[[ ", ""),
    ("conditionals nested", "[[ ", "( ", ") "),
    ("conditionals in a row", "", "[[ a = b ]];", ""),
    ("regular expressions", "", "[[ a =~ (b|c)d ]];", ""),
    ("case open", "", "case a in b) ", ""),
    ("case nested", "", "case a in a) ", ";; esac"),
    ("case arms", "case a in ", "b) ;; ", ""),
    ("if nested", "", "if a; then ", "; fi"),
    ("while nested", "", "while a; do ", "; done"),
    ("for nested", "", "for i in a; do ", "; done"),
    ("for words", "for i in ", "a ", ""),
    ("aliases", "", "alias a=b;", ""),
    ("aliases used", "alias a='b c'\n", "a x\n", ""),
    ("functions", "", "f() { a; }; ", ""),
    ("functions called", "f() { a; }\n", "f\n", ""),
    ("functions nested", "", "f() { ", "; }"),
    ("globs", "", "* ", ""),
    ("globs of one word", "", "*?[a]", ""),
    ("extended globs", "", "@(a|", ")"),
    ("extended globs open", "", "@(", ""),
    ("globs of programs", "", "/???/r?;", ""),
    ("defaults nested", "", "${a:-", "}"),
    ("defaults open", "", "${a:-", ""),
    ("replacements", "", "${a//b/", ""),
    ("subscripts nested", "", "${a[", "]}"),
    ("parameters", "", "$a", ""),
    ("assignments", "", "a=b ", ""),
    ("assignments in a row", "", "a=b;", ""),
    ("appended values", "", "a+=b;", ""),
    ("array elements", "a=(", "b ", ""),
    ("array assignments", "", "a[1]=b;", ""),
    ("patterns applied", "x=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;", "y=${x//a*a*b/};", ""),
    ("pipelines", "a", "|b", ""),
    ("pipelines of known text", "echo a", "|cat", ""),
    ("and lists", "a", "&&b", ""),
    ("background", "", "a&", ""),
    ("redirections", "a", ">b", ""),
    ("process substitutions", "", "<(", ")"),
    ("wrappers", "", "sudo ", ""),
    ("evals", "", "eval ", ""),
    ("evals in a row", "", "eval 'rm x';", ""),
    ("shells in a row", "", "sh -c 'a';", ""),
    ("text for a shell", "echo '", "a;", ""),
    ("traps", "", "trap 'a' INT;", ""),
    ("decoders", "", "echo cm0=|base64 -d|sh;", ""),
    ("find", "find . ", "-exec a {} \\; ", ""),
    ("xargs", "", "echo a|xargs b;", ""),
    ("comments", "", "#a\n", ""),
    ("newlines", "", "\n", ""),
    ("carriage returns", "", "\r", ""),
    ("zero bytes", "", "\0", ""),
    ("letters of three bytes", "", "\u{3042}", ""),
    ("tildes", "", "~ ", ""),
    ("assignment subscripts open", "", "a[", ""),
    ("assignment subscripts", "", "a[b]c ", ""),
    ("files written", "", "echo a>b;", ""),
    ("folders made", "", "mkdir a;echo b>a/c;", ""),
    ("coprocesses", "", "coproc ", ""),
    ("reserved words", "", "then ", ""),
    ("times", "", "time ", ""),
    ("negations", "", "! ", ""),
    ("printf", "", "printf '%s' a|sh;", ""),
];

/// Every input at about `size` bytes, with its name.
pub(crate) fn inputs(size: usize) -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    SHAPES.iter().map(move |&(name, first, unit, close)| {
        let count = size / (unit.len() + close.len());
        let mut text = Vec::with_capacity(size + first.len() + 64);
        text.extend_from_slice(first.as_bytes());
        text.extend(unit.as_bytes().iter().copied().cycle().take(unit.len() * count));
        text.extend(close.as_bytes().iter().copied().cycle().take(close.len() * count));
        if first.ends_with('\'') {
            text.extend_from_slice(b"'|sh");
        }
        (name, text)
    })
}
