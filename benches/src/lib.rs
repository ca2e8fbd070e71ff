//! Shared parts of the benchmarks: the seeded corpus, the generated rules, and the peer's patterns.

pub mod plot;
pub mod raw;

use std::path::PathBuf;

/// Whether this is the short run (`cargo bench … -- --test`), which shows that everything works and measures nothing.
pub fn short() -> bool {
    std::env::args().any(|a| a == "--test")
}

/// The command line that is measured: `SHMON_BIN`, or `shmon` in the target folder that this program was built in.
pub fn program() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("SHMON_BIN") {
        return Some(PathBuf::from(named));
    }
    let here = std::env::current_exe().ok()?;
    here.ancestors().map(|folder| folder.join("shmon")).find(|file| file.is_file())
}

/// A small generator with a fixed seed (xorshift64*), so that every run sees the same commands.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A generator; equal seeds give equal numbers.
    pub fn new(seed: u64) -> Self {
        Random(seed.max(1))
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % n.max(1)
    }

    fn pick<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}

const PROGRAMS: &[&str] = &[
    "ls",
    "find",
    "grep",
    "sed",
    "awk",
    "cat",
    "tar",
    "git",
    "docker",
    "cp",
    "mv",
    "rm",
    "mkdir",
    "sort",
    "uniq",
    "head",
    "tail",
    "xargs",
    "cut",
    "tr",
    "wc",
    "du",
    "df",
    "ps",
    "kill",
    "chmod",
    "chown",
    "curl",
    "wget",
    "ssh",
    "scp",
    "rsync",
    "systemctl",
    "journalctl",
    "apt-get",
    "python3",
    "make",
    "cargo",
    "npm",
    "vim",
    "less",
    "diff",
    "tee",
    "touch",
    "ln",
    "echo",
    "printf",
    "date",
    "sudo",
    "kubectl",
    "mysql",
    "psql",
    "openssl",
    "ffmpeg",
    "convert",
    "zip",
    "unzip",
    "gzip",
];
const WORDS: &[&str] = &[
    "-l",
    "-a",
    "-r",
    "-n",
    "-v",
    "-i",
    "-name",
    "-type f",
    "-exec",
    "--all",
    "--verbose",
    "--output",
    "-o",
    "file.txt",
    "'*.txt'",
    "\"*.c\"",
    "/var/log/syslog",
    "/etc/hosts",
    "src/main.rs",
    "../build",
    "user@host.example",
    "10",
    "100M",
    "'s/foo/bar/g'",
    "'{print $1}'",
    "\"hello world\"",
    "https://example.com/file.tar.gz",
    ".",
    "/tmp/data",
    "*.log",
    "--color=auto",
    "-print0",
    "-0",
    "main",
    "origin",
    "status",
    "$HOME/bin",
    "\"$file\"",
    "{}",
    "2024-01-01",
    "日本語.txt",
];
const JOINS: &[&str] = &[" | ", " | ", " | ", " && ", "; ", " || "];

/// `count` one-line commands like those that people type: mean 45 bytes, one in a hundred not ASCII.
pub fn commands(count: usize, seed: u64) -> Vec<String> {
    let mut random = Random::new(seed);
    (0..count)
        .map(|_| {
            let mut command = String::new();
            let stages = 1 + random.below(10) / 7;
            for stage in 0..stages {
                if stage > 0 {
                    command.push_str(random.pick(JOINS));
                }
                command.push_str(random.pick(PROGRAMS));
                for _ in 0..1 + random.below(5) {
                    let mut word = random.pick(WORDS);
                    if !word.is_ascii() && random.below(10) > 0 {
                        word = "notes.txt";
                    }
                    command.push(' ');
                    command.push_str(word);
                }
            }
            if random.below(12) == 0 {
                command.push_str(random.pick(&[" > out.txt", " 2>/dev/null", " >> log 2>&1", " < input"]));
            }
            command
        })
        .collect()
}

/// A corpus of real commands beside the project (`SHMON_SHARED`, or `../shared` from its root), where there is one.
pub fn corpus(name: &str) -> Option<Vec<String>> {
    let shared = std::env::var_os("SHMON_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")), PathBuf::from);
    let text = std::fs::read_to_string(shared.join(format!("corpora/{name}.jsonl"))).ok()?;
    let rows = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    Some(rows.filter_map(|row| row["cmd"].as_str().map(str::to_owned)).collect())
}

/// 150 patterns of the kind that a script holds: program names as words, and some with arguments.
pub fn patterns() -> Vec<String> {
    let names = "mail sendmail mutt curl wget ftp sftp scp rsync nmap masscan nc netcat netstat ss ssh telnet ps lsof who w \
        last passwd su sudo mysql psql mongo redis-cli fdisk iptables mkfs";
    let mut all: Vec<String> = names.split_whitespace().map(|n| format!(r"(?-u:\b){n}(?-u:\b)")).collect();
    let shapes = [
        r"(?-u:\b)NAME(?-u:\s)+-rf",
        r"(?-u:\b)NAME(?-u:\s)+.*--force",
        r"(?-u:\b)NAME(?-u:\s)+/etc/(?-u:\w)+",
        r"NAME=[^ ]+",
    ];
    let more = "rm dd chmod chown useradd usermod crontab systemctl service kill pkill insmod modprobe mount umount \
        nft ufw docker kubectl base64 python perl ruby php socat tcpdump strace gdb setcap visudo";
    for name in more.split_whitespace() {
        for shape in shapes {
            if all.len() < 150 {
                all.push(shape.replace("NAME", name));
            }
        }
    }
    all
}

/// `count` rules in TOML: most name a program, one in ten a text.
pub fn rules(count: usize, seed: u64) -> String {
    let mut random = Random::new(seed);
    let mut toml = String::new();
    for n in 0..count {
        let word = |random: &mut Random| -> String {
            (0..4 + random.below(6)).map(|_| char::from(b'a' + random.below(26) as u8)).collect()
        };
        let condition = match random.below(10) {
            0 => format!("{{ arg = {{ contains = \"/{}-{}/\" }} }}", word(&mut random), word(&mut random)),
            1..=3 => format!("{{ program = \"{}{n}\" }}", word(&mut random)),
            4..=6 => {
                let program =
                    if random.below(4) == 0 { random.pick(PROGRAMS).to_owned() } else { word(&mut random) };
                format!(
                    "{{ program = \"{program}\", flags = [\"-q|--{}\"], operand = \"/{}/*\" }}",
                    word(&mut random),
                    word(&mut random)
                )
            }
            _ => format!("{{ program = \"{}\", subcommand = \"{}\" }}", word(&mut random), word(&mut random)),
        };
        toml.push_str(&format!(
            "[[rule]]\nid = \"generated.r{n}\"\nlevel = \"high\"\ntitle = {{ en = \"Rule {n}\", ja = \"規則{n}\" }}\n\
             reason = \"It was generated to measure.\"\nattack = [\"T1059\"]\nmatch = {condition}\n\
             hits = [\"a b\", \"c d\"]\nmisses = [\"e f\", \"g h\"]\n"
        ));
    }
    toml
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corpus_is_always_the_same_and_like_real_ones() {
        let all = commands(10_000, 1);
        assert_eq!(all, commands(10_000, 1));
        let mean = all.iter().map(String::len).sum::<usize>() / all.len();
        assert!((35..60).contains(&mean), "{mean}");
        assert_eq!(patterns().len(), 150);
    }

    #[test]
    fn generated_rules_compile() {
        let built = shmon_core::Classifier::builder().rules_text("generated", rules(500, 7)).build();
        assert_eq!(built.unwrap().rules().rules().filter(|r| !r.is_builtin()).count(), 500);
    }
}
