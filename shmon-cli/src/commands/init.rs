//! `shmon init`: from nothing to a watched shell, and back.

use super::hook::{self, Shell};
use crate::context::{Globals, user_home};
use crate::setup::host::{self, Host};
use crate::setup::{Steps, config_file, rc};
use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use shmon_core::Monitor;
use shmon_core::config::{Config, Home, private_folder};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The hook for commands without a prompt, in the home's `scripts`.
const COMMAND_FILE: &str = "command.bash";

/// Set up the home, the configuration and the shell's hook; or take them away
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  shmon init\n  \
    shmon init --yes --chatwork-room 403373420 --chatwork-token-file token.txt --set name='Sharelab SSH Monitor'\n  \
    shmon init --system --ssh --audit        the whole host, as root\n  \
    shmon init --uninstall")]
pub(crate) struct Args {
    /// Ask nothing: what isn't told keeps its default
    #[arg(long, short)]
    yes: bool,
    /// Room that alerts go to: the number in the room's address
    #[arg(long, value_name = "ID", env = "SHMON_CHATWORK_ROOM")]
    chatwork_room: Option<String>,
    /// File that holds the API token; it is copied into the home, readable by you alone ($SHMON_CHATWORK_TOKEN does too)
    #[arg(long, value_name = "FILE")]
    chatwork_token_file: Option<PathBuf>,
    /// Set a key of config.toml; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Leave the shells' start-up files alone
    #[arg(long)]
    no_rc: bool,
    /// Shells to hook [default: bash, and zsh and fish where they are set up]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "SHELL")]
    shell: Vec<Shell>,
    /// Set up the whole host: the recorder's account, its unit, hooks of all users (root; --home where not /var/lib/shmon)
    #[arg(long, conflicts_with_all = ["no_rc", "shell", "systemd"])]
    system: bool,
    /// With --system: write the files below DIR, for a package, and do nothing else
    #[arg(long, value_name = "DIR", requires = "system")]
    root: Option<PathBuf>,
    /// Record commands without a prompt too: `ssh HOST COMMAND` by ~/.bashrc; with --system also scp and sftp, by sshd
    #[arg(long)]
    ssh: bool,
    /// With --system: record what the kernel's audit system sees executed
    #[arg(long, requires = "system")]
    audit: bool,
    /// Write a systemd user unit for the recorder, which shells start by themselves otherwise
    #[arg(long)]
    systemd: bool,
    /// Put bash_hook.py and database.py, for scripts that use the Python module, into the home's scripts
    #[arg(long)]
    scripts: bool,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Remove the hook from the shells' start-up files; database, log and configuration stay
    #[arg(long, conflicts_with_all = ["settings", "chatwork_room", "chatwork_token_file"])]
    uninstall: bool,
}

/// The drop-in scripts of the Python package.
const SCRIPTS: [(&str, &str); 2] = [
    ("bash_hook.py", include_str!("../setup/scripts/bash_hook.py")),
    ("database.py", include_str!("../setup/scripts/database.py")),
];

pub(crate) fn run(args: Args, globals: &Globals) -> Result<ExitCode> {
    if args.system {
        return host(&args, globals);
    }
    let home = globals.home()?;
    let user_home = user_home().context("no home folder: set HOME")?;
    let steps = Steps { dry_run: args.dry_run };
    if args.uninstall {
        return uninstall(&steps, &user_home, &home, &args.shell);
    }
    for folder in [
        home.root().to_path_buf(),
        home.root().join("db"),
        home.root().join("logs"),
        home.rules_dir(),
        home.scripts_dir(),
        home.spool_dir(),
        home.run_dir(),
    ] {
        steps.folder(&folder)?;
    }
    let config = configure(&steps, &args, &home)?;
    if !args.dry_run {
        Monitor::open(&home, config.clone()).context("the database could not be made")?;
        create_log(&home.log(&config))?;
    }
    steps.say(&format!("database      {}", home.database(&config).display()));
    steps.say(&format!("log           {}", home.log(&config).display()));
    let program = std::env::current_exe().context("cannot find this program's file")?;
    if args.scripts {
        for (name, text) in SCRIPTS {
            steps.file(&home.scripts_dir().join(name), text.as_bytes(), 0o700)?;
        }
    }
    let shells = chosen(&args.shell, &user_home);
    for shell in &shells {
        let file = rc::hook_file(*shell, &home.scripts_dir());
        steps.file(&file, hook::script(*shell, &program, home.root(), false).as_bytes(), 0o600)?;
        if !args.no_rc {
            steps.block(*shell, &rc::rc_file(*shell, &user_home), &file)?;
        }
    }
    if args.ssh {
        let file = home.scripts_dir().join(COMMAND_FILE);
        steps.file(&file, hook::command(&program, home.root(), false).as_bytes(), 0o600)?;
        steps.first_block(&rc::rc_file(Shell::Bash, &user_home), &file)?;
        steps.say(&format!("for cron and scripts: SHELL=/bin/bash and BASH_ENV={}", file.display()));
    }
    if args.systemd {
        let file = host::user_unit_file(&user_home);
        if let (Some(folder), false) = (file.parent(), args.dry_run) {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        steps.file(&file, host::user_unit(&program, home.root()).as_bytes(), 0o644)?;
        steps.say("start it: systemctl --user daemon-reload && systemctl --user enable --now shmon");
    }
    if args.dry_run {
        println!("nothing was changed (--dry-run)");
    } else {
        println!("done: new shells are recorded; `shmon doctor` checks it, `shmon log --follow` shows it");
        if config_file::get(&read(&home.config())?, "notify.chatwork.room_id").is_none() {
            println!("no ChatWork room is set: `shmon init --chatwork-room ID` sends alerts there");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn configure(steps: &Steps, args: &Args, home: &Home) -> Result<Config> {
    let path = home.config();
    let mut text = match path.exists() {
        true => read(&path)?,
        false => config_file::template(),
    };
    Config::parse(&text).map_err(|e| e.at(&path))?;
    let ask = !args.yes && !args.dry_run && std::io::stdin().is_terminal();
    let known_room = config_file::get(&text, "notify.chatwork.room_id");
    let mut room = args.chatwork_room.clone();
    if room.is_none() && known_room.is_none() && ask {
        room = question("ChatWork room ID (empty: no notifications)")?;
    }
    let mut settings: Vec<(&str, &str)> = Vec::new();
    if let Some(room) = &room {
        if room.is_empty() || !room.bytes().all(|b| b.is_ascii_digit()) {
            bail!("'{room}' is not a ChatWork room: use the digits after #!rid in the room's address");
        }
        settings.push(("notify.chatwork.room_id", room));
    }
    if let Some(token) = token(args, ask && room.is_some())? {
        let file = home.root().join("chatwork.token");
        steps.file(&file, format!("{token}\n").as_bytes(), 0o600)?;
        if !steps.dry_run {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600))?;
        }
        settings.push(("notify.chatwork.token_file", "chatwork.token"));
    }
    for setting in &args.settings {
        let (key, value) = setting
            .split_once('=')
            .with_context(|| format!("--set takes KEY=VALUE, as in --set lang=ja, not '{setting}'"))?;
        settings.push((key.trim(), value.trim()));
    }
    text = config_file::set(&text, &settings)?;
    steps.file(&path, text.as_bytes(), 0o600)?;
    Ok(Config::parse(&text).map_err(|e| e.at(&path))?)
}

/// The token from the file, the environment or the terminal; never from an argument, which others could see.
fn token(args: &Args, ask: bool) -> Result<Option<String>> {
    let token = if let Some(file) = &args.chatwork_token_file {
        read(file)?
    } else if let Some(token) = std::env::var("SHMON_CHATWORK_TOKEN").ok().filter(|t| !t.is_empty()) {
        token
    } else if ask {
        rpassword::prompt_password("ChatWork API token (not shown): ")?
    } else {
        return Ok(None);
    };
    let token = token.trim();
    if token.is_empty() {
        bail!("the ChatWork token is empty: put the token alone into the file");
    }
    if token.contains(char::is_whitespace) {
        bail!("the ChatWork token holds a space or newline: put the token alone into the file");
    }
    Ok(Some(token.to_owned()))
}

fn question(text: &str) -> Result<Option<String>> {
    print!("{text}: ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    let answer = answer.trim();
    Ok((!answer.is_empty()).then(|| answer.to_owned()))
}

fn create_log(path: &Path) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    if let Some(folder) = path.parent() {
        private_folder(folder)?;
    }
    std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot make the log {}", path.display()))?;
    Ok(())
}

/// The shells to hook: those named, or bash and whatever else has a start-up file or folder here, or is the login shell.
fn chosen(named: &[Shell], user_home: &Path) -> Vec<Shell> {
    if !named.is_empty() {
        return named.to_vec();
    }
    let login = std::env::var_os("SHELL").map(PathBuf::from);
    let login = login.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
    let here = |shell: Shell| {
        let file = rc::rc_file(shell, user_home);
        let set_up = match shell {
            Shell::Bash => true,
            Shell::Zsh => file.exists(),
            Shell::Fish => file.ancestors().nth(2).is_some_and(Path::is_dir),
        };
        set_up || login == Some(shell.name())
    };
    Shell::value_variants().iter().copied().filter(|s| here(*s)).collect()
}

fn uninstall(steps: &Steps, user_home: &Path, home: &Home, named: &[Shell]) -> Result<ExitCode> {
    let shells = if named.is_empty() { Shell::value_variants().to_vec() } else { named.to_vec() };
    for shell in shells {
        let path = rc::rc_file(shell, user_home);
        if path.exists() {
            steps.without_block(&path)?;
        }
        steps.remove(&rc::hook_file(shell, &home.scripts_dir()))?;
    }
    steps.remove(&home.scripts_dir().join(COMMAND_FILE))?;
    steps.remove(&host::user_unit_file(user_home))?;
    println!(
        "the record stays in {}; remove that folder yourself if it is no longer needed",
        home.root().display()
    );
    Ok(ExitCode::SUCCESS)
}

/// The whole host, or a package below `--root`.
fn host(args: &Args, globals: &Globals) -> Result<ExitCode> {
    let home = globals.system_home();
    let host = Host::new(args.root.clone(), &home, args.ssh, args.audit)?;
    let steps = Steps { dry_run: args.dry_run };
    if args.uninstall {
        host.take_away(&steps)?;
        println!("the record stays in {}", home.root().display());
        return Ok(ExitCode::SUCCESS);
    }
    host.set_up(&steps, || configure(&steps, args, &home).map(drop))?;
    println!(
        "{}",
        if args.dry_run { "nothing was changed (--dry-run)" } else { "done: new shells are recorded" }
    );
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
