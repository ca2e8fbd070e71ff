//! A loadable builtin of bash: `enable -f libshmon_bash.so shmon_hook; shmon_hook SPOOL HOME PROGRAM DURABILITY [ACK]`.
//! ACK is how long a command waits in milliseconds until the recorder has committed it; 0 not at all.
//!
//! It appends one record to the spool before each command line runs and one after, without a fork, a trap or a change to the
//! user's prompt. Whatever goes wrong in here stays in here: no panic reaches bash, nothing is called that may `longjmp`, no
//! thread is started, and after a fork nothing is done.

mod ack;
mod bash;
mod spool;
mod watch;

use bash::{Bash, Builtin, Variable, WordList};
use spool::Spool;
use std::cell::{RefCell, UnsafeCell};
use std::ffi::{CStr, c_char, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};
use watch::Watch;

thread_local! {
    // bash has one thread; `try_borrow_mut` refuses what would call back into us.
    static WATCH: RefCell<Option<Watch>> = const { RefCell::new(None) };
}

fn with(action: impl FnOnce(&mut Watch)) {
    let _ = catch_unwind(AssertUnwindSafe(|| {
        let _ = WATCH.try_with(|watch| {
            if let Ok(mut watch) = watch.try_borrow_mut()
                && let Some(watch) = watch.as_mut()
            {
                action(watch);
            }
        });
    }));
}

extern "C" fn on_prepare(meta: c_int) {
    let mut original = None;
    with(|watch| {
        original = watch.original_prepare();
        watch.prompt();
    });
    if let Some(original) = original {
        original(meta);
    }
}

extern "C" fn on_restore() {
    let mut original = None;
    with(|watch| original = watch.original_restore());
    if let Some(original) = original {
        original();
    }
    with(Watch::line);
}

pub(crate) extern "C" fn on_ps0(variable: *mut Variable) -> *mut Variable {
    with(Watch::accepted);
    variable
}

pub(crate) extern "C" fn on_prompt_command(variable: *mut Variable) -> *mut Variable {
    with(Watch::prompt_command);
    variable
}

/// Returns 0 when the shell is watched from now on.
extern "C" fn run(mut words: *mut WordList) -> c_int {
    let mut arguments: Vec<&CStr> = Vec::new();
    while !words.is_null() && arguments.len() < 8 {
        // SAFETY: bash's list of the words after the builtin's name, which lives during the call.
        unsafe {
            if !(*words).word.is_null() && !(*(*words).word).word.is_null() {
                arguments.push(CStr::from_ptr((*(*words).word).word));
            }
            words = (*words).next;
        }
    }
    let started = catch_unwind(|| {
        let [path, home, program, durability, ref rest @ ..] = arguments[..] else { return false };
        let Ok(bash) = Bash::find() else { return false };
        let wait = rest.first().copied().unwrap_or(c"0");
        let Some(spool) = Spool::new(path, home, program, durability == c"full", wait) else { return false };
        let mut watch = Watch::new(bash, spool);
        watch.attach(on_prepare, on_restore);
        WATCH.with(|slot| *slot.borrow_mut() = Some(watch));
        true
    });
    c_int::from(!started.unwrap_or(false))
}

/// Called by `enable -f`: refuses where bash lacks what is needed, and the hook takes its other way.
#[unsafe(no_mangle)]
pub extern "C" fn shmon_hook_builtin_load(_name: *const c_char) -> c_int {
    // A panic says nothing on the user's terminal.
    let _ = catch_unwind(|| std::panic::set_hook(Box::new(|_| {})));
    c_int::from(catch_unwind(|| Bash::find().is_ok()).unwrap_or(false))
}

struct Texts([*const c_char; 2]);

// SAFETY: pointers to constants.
unsafe impl Sync for Texts {}

/// bash writes flags and handle into it.
#[repr(transparent)]
pub struct Slot(UnsafeCell<Builtin>);

// SAFETY: bash has one thread.
unsafe impl Sync for Slot {}

static LONG: Texts = Texts([c"Lets shmon record this shell's commands.".as_ptr(), std::ptr::null()]);

/// What `enable -f` looks for.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals, reason = "bash asks for this name")]
pub static shmon_hook_struct: Slot = Slot(UnsafeCell::new(Builtin {
    name: c"shmon_hook".as_ptr(),
    function: run,
    // BUILTIN_ENABLED of builtins.h
    flags: 1,
    long_doc: LONG.0.as_ptr(),
    short_doc: c"shmon_hook SPOOL HOME PROGRAM DURABILITY [ACK]".as_ptr(),
    handle: std::ptr::null(),
}));
