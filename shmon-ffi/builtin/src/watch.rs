//! What is watched: readline hands over a line, bash expands PS0 just before it runs it, and asks for PROMPT_COMMAND (or
//! readline prepares the terminal again) just after.

use crate::bash::{Bash, Prepare, Restore, Variable};
use crate::spool::Spool;
use std::ffi::{CStr, CString, c_char, c_int};

const PS0: &CStr = c"_shmon_ps0";
const PS0_USE: &[u8] = b"${_shmon_ps0}";
/// How many entries that appeared in the history while a line was being edited are taken.
const EDITED: c_int = 16;

pub(crate) struct Watch {
    bash: Bash,
    spool: Spool,
    pid: libc::pid_t,
    prepare: Option<Prepare>,
    restore: Option<Restore>,
    sequence: u64,
    open: Option<Open>,
    /// What readline returned since the last prompt and has not been recorded yet.
    lines: Vec<u8>,
    /// Readline returned several lines at once: a pasted block, which is one event with all its lines, recorded before the first
    /// of them runs and ended when the last has. (bash sets `ps0_prompt` anew between them, so nothing tells them apart.)
    block: bool,
    /// The newest history entry at the last prompt, or when the last command began.
    newest: Option<(c_int, Vec<u8>)>,
    /// The command number for which PS0 was last expanded.
    number: c_int,
    ps0: CString,
}

/// A command that runs.
struct Open {
    sequence: u64,
    began: String,
    /// The text has the word `fc`, which runs lines of the history.
    fc: bool,
}

impl Watch {
    pub(crate) fn new(bash: Bash, spool: Spool) -> Watch {
        // SAFETY: asks for this process.
        let pid = unsafe { libc::getpid() };
        Watch {
            bash,
            spool,
            pid,
            prepare: None,
            restore: None,
            sequence: 0,
            open: None,
            lines: Vec::new(),
            block: false,
            newest: None,
            number: -1,
            ps0: CString::default(),
        }
    }

    /// Puts itself between bash and the terminal.
    pub(crate) fn attach(&mut self, prepare: Prepare, restore: Restore) {
        // SAFETY: readline's hooks, which it calls on this thread only.
        unsafe {
            self.prepare = (*self.bash.rl_prep_term_function).filter(|&f| !std::ptr::fn_addr_eq(f, prepare));
            self.restore =
                (*self.bash.rl_deprep_term_function).filter(|&f| !std::ptr::fn_addr_eq(f, restore));
            *self.bash.rl_prep_term_function = Some(prepare);
            *self.bash.rl_deprep_term_function = Some(restore);
        }
    }

    pub(crate) fn original_prepare(&self) -> Option<Prepare> {
        self.prepare
    }

    pub(crate) fn original_restore(&self) -> Option<Restore> {
        self.restore
    }

    /// This process is the shell that was hooked, and readline works for its prompt, not for `read -e`.
    fn ours(&self) -> bool {
        // SAFETY: asks for this process; a counter of bash.
        unsafe { libc::getpid() == self.pid && *self.bash.executing_builtin == 0 }
    }

    /// Readline is about to read a line.
    pub(crate) fn prompt(&mut self) {
        // SAFETY: counters of bash.
        if !self.ours() || unsafe { *self.bash.current_command_line_count } != 0 {
            return;
        }
        self.end();
        self.lines.clear();
        self.block = false;
        self.watch_prompt_command();
        self.newest = self.bash.newest();
    }

    /// bash looks PROMPT_COMMAND up: the command is over, and what follows belongs to the prompt.
    pub(crate) fn prompt_command(&mut self) {
        // SAFETY: a flag of bash; while a command runs, it is only the user who looks.
        if self.ours() && !self.block && unsafe { *self.bash.executing } == 0 {
            self.end();
        }
    }

    /// Readline gives the terminal back: with a line, or after a signal.
    pub(crate) fn line(&mut self) {
        // SAFETY: readline's flag, bash's counter, readline's buffer, which both end with NUL.
        let (done, count, line) = unsafe {
            (
                *self.bash.rl_done,
                *self.bash.current_command_line_count,
                Bash::bytes(*self.bash.rl_line_buffer),
            )
        };
        if done == 0 || !self.ours() {
            return;
        }
        if count == 0 {
            self.lines.clear();
            self.edited();
        } else {
            self.lines.push(b'\n');
        }
        match self.bash.expanded(line) {
            Some(text) => self.lines.extend(text),
            // bash tells the error, or prints the line, and runs nothing.
            None => return,
        }
        self.block = self.block && count != 0 || line.contains(&b'\n');
        self.number = -1;
        // SAFETY: a flag of bash.
        if unsafe { *self.bash.promptvars } == 0 {
            // Nothing would expand our variable: the line is recorded as it is read.
            if self.lines.iter().any(|b| !b.is_ascii_whitespace()) {
                let text = std::mem::take(&mut self.lines);
                self.begin(&text, "readline");
            }
            return;
        }
        self.watch_ps0();
    }

    /// PS0 is being expanded: what was read runs now.
    pub(crate) fn accepted(&mut self) {
        // SAFETY: a counter of bash.
        let number = unsafe { *self.bash.current_command_number };
        if !self.ours() || number == self.number {
            return;
        }
        if !self.lines.is_empty() {
            self.number = number;
            let text = std::mem::take(&mut self.lines);
            self.begin(&text, "readline");
        }
    }

    /// Entries that appeared in the history while the line was edited: `C-x C-e` runs what the editor leaves.
    fn edited(&mut self) {
        let before = self.newest.as_ref().map_or(0, |(number, _)| *number);
        let Some((now, _)) = self.bash.newest() else { return };
        if before == 0 || now <= before {
            return;
        }
        for number in (before + 1).max(now - EDITED)..=now {
            if let Some(text) = self.bash.entry(number) {
                self.begin(&text, "edit");
                self.close(None);
            }
        }
    }

    fn begin(&mut self, text: &[u8], source: &str) {
        self.close_now();
        let text = trim(text);
        self.sequence += 1;
        let (seconds, began) = now();
        let header = format!("b1 {} {began} {source}", self.sequence);
        // SAFETY: bash's own string, copied before anything else runs.
        let folder = unsafe { Bash::bytes((self.bash.get_string_value)(c"PWD".as_ptr())) }.to_vec();
        self.spool.put(&header, self.sequence, &folder, text);
        self.open = Some(Open { sequence: self.sequence, began, fc: has_word(text, b"fc") });
        // Who has answered runs.
        if !self.spool.confirm(self.sequence) {
            self.spool.wake(seconds);
        }
        self.newest = self.bash.newest();
    }

    /// The command is over.
    fn end(&mut self) {
        let Some(open) = &self.open else { return };
        let fc = open.fc;
        self.close_now();
        if !fc {
            return;
        }
        // `fc` has put what it ran in its own place.
        let newest = self.bash.newest();
        if newest.is_some()
            && newest != self.newest
            && let Some((_, text)) = newest
        {
            self.begin(&text, "history");
            self.close_now();
        }
    }

    fn close_now(&mut self) {
        // SAFETY: bash's status of the last command.
        let status = unsafe { *self.bash.last_command_exit_value };
        self.close(Some(status));
    }

    fn close(&mut self, status: Option<c_int>) {
        if let Some(open) = self.open.take() {
            let status = status.map_or_else(|| "-".to_owned(), |s| s.to_string());
            let header = format!("e1 {} {} {status} {}", open.sequence, now().1, open.began);
            self.spool.put(&header, open.sequence, b"", b"");
        }
    }

    /// What PS0 is to bash for this line: the user's own, and our variable. The variable `PS0` is not touched.
    fn watch_ps0(&mut self) {
        let mut variable = self.bash.global(PS0);
        if variable.is_null() {
            variable = (self.bash.bind_variable)(PS0.as_ptr(), c"".as_ptr().cast_mut(), 0);
        }
        if variable.is_null() {
            return;
        }
        // SAFETY: a variable of bash that exists; its name and value stay as they are.
        unsafe {
            (*variable).dynamic_value = Some(crate::on_ps0);
            (*variable).attributes |= crate::bash::READONLY.cast_signed();
            let current: *mut c_char = *self.bash.ps0_prompt;
            if std::ptr::eq(current, self.ps0.as_ptr()) && !current.is_null() {
                return;
            }
            let mut text = Bash::bytes(current).to_vec();
            text.extend_from_slice(PS0_USE);
            // bash fetches PS0 anew at each prompt and never frees this pointer.
            if let Ok(text) = CString::new(text) {
                self.ps0 = text;
                *self.bash.ps0_prompt = self.ps0.as_ptr().cast_mut();
            }
        }
    }

    /// bash looks PROMPT_COMMAND up right after a command: a dynamic value tells us when.
    fn watch_prompt_command(&self) {
        let variable = self.bash.global(c"PROMPT_COMMAND");
        // SAFETY: a variable of bash that exists; another's dynamic value is left alone.
        unsafe {
            if !variable.is_null() && (*variable).dynamic_value.is_none() {
                (*variable).dynamic_value =
                    Some(crate::on_prompt_command as extern "C" fn(*mut Variable) -> *mut Variable);
            }
        }
    }
}

/// Without line ends at its end.
fn trim(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|&b| b != b'\n').map_or(0, |at| at + 1);
    &text[..end]
}

fn has_word(text: &[u8], word: &[u8]) -> bool {
    text.split(|b| !b.is_ascii_alphanumeric() && *b != b'_').any(|part| part == word)
}

/// Seconds since the epoch, and with microseconds as the spool has them.
fn now() -> (i64, String) {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is writable.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut time) };
    (time.tv_sec, format!("{}.{:06}", time.tv_sec, time.tv_nsec / 1000))
}
