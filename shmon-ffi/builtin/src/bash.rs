//! The parts of bash and readline that the builtin touches: found by name in the running shell, so that one file serves
//! bash 4.4 to 5.3.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};

/// `struct word_desc` of bash's command.h.
#[repr(C)]
pub(crate) struct WordDesc {
    pub(crate) word: *mut c_char,
    pub(crate) flags: c_int,
}

/// `struct word_list` of bash's command.h.
#[repr(C)]
pub(crate) struct WordList {
    pub(crate) next: *mut WordList,
    pub(crate) word: *mut WordDesc,
}

/// `struct builtin` of bash's builtins.h.
#[repr(C)]
pub(crate) struct Builtin {
    pub(crate) name: *const c_char,
    pub(crate) function: extern "C" fn(*mut WordList) -> c_int,
    pub(crate) flags: c_int,
    pub(crate) long_doc: *const *const c_char,
    pub(crate) short_doc: *const c_char,
    pub(crate) handle: *const c_char,
}

/// `struct variable` of bash's variables.h; the same since 4.0.
#[repr(C)]
pub(crate) struct Variable {
    pub(crate) name: *mut c_char,
    pub(crate) value: *mut c_char,
    pub(crate) exportstr: *mut c_char,
    pub(crate) dynamic_value: Option<extern "C" fn(*mut Variable) -> *mut Variable>,
    pub(crate) assign_func: *mut c_void,
    pub(crate) attributes: c_int,
    pub(crate) context: c_int,
}

/// `HIST_ENTRY` of readline's history.h.
#[repr(C)]
pub(crate) struct HistEntry {
    pub(crate) line: *mut c_char,
    pub(crate) timestamp: *mut c_char,
    pub(crate) data: *mut c_void,
}

/// `rl_prep_term_function`'s type.
pub(crate) type Prepare = extern "C" fn(c_int);
/// `rl_deprep_term_function`'s type.
pub(crate) type Restore = extern "C" fn();

macro_rules! symbols {
    ($($name:ident: $type:ty,)*) => {
        /// Addresses of bash's variables and functions.
        pub(crate) struct Bash { $(pub(crate) $name: $type,)* }

        impl Bash {
            /// Finds every symbol, or tells which is missing.
            pub(crate) fn find() -> Result<Bash, &'static CStr> {
                Ok(Bash { $($name: {
                    const NAME: &CStr = match CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                        Ok(name) => name,
                        Err(_) => panic!("a symbol's name"),
                    };
                    // SAFETY: `NAME` ends with NUL; the running program and its libraries are searched.
                    let address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, NAME.as_ptr()) };
                    if address.is_null() {
                        return Err(NAME);
                    }
                    // SAFETY: the name has this type in bash 4.4 to 5.3; a pointer or `extern "C" fn` has a pointer's size.
                    unsafe { std::mem::transmute_copy::<*mut c_void, $type>(&address) }
                },)* })
            }
        }
    };
}

symbols! {
    rl_line_buffer: *mut *mut c_char,
    rl_done: *mut c_int,
    rl_prep_term_function: *mut Option<Prepare>,
    rl_deprep_term_function: *mut Option<Restore>,
    executing_builtin: *mut c_int,
    last_command_exit_value: *mut c_int,
    current_command_line_count: *mut c_int,
    current_command_number: *mut c_int,
    executing: *mut c_int,
    promptvars: *mut c_int,
    ps0_prompt: *mut *mut c_char,
    global_variables: *mut *mut c_void,
    var_lookup: extern "C" fn(*const c_char, *mut c_void) -> *mut Variable,
    bind_variable: extern "C" fn(*const c_char, *mut c_char, c_int) -> *mut Variable,
    get_string_value: extern "C" fn(*const c_char) -> *mut c_char,
    history_expansion: *mut c_int,
    history_expansion_inhibited: *mut c_int,
    history_expansion_char: *mut c_char,
    history_expand: extern "C" fn(*mut c_char, *mut *mut c_char) -> c_int,
    history_get: extern "C" fn(c_int) -> *mut HistEntry,
    history_base: *mut c_int,
    history_length: *mut c_int,
    free: extern "C" fn(*mut c_void),
}

/// `att_readonly` of bash's variables.h.
pub(crate) const READONLY: c_uint = 0x2;

impl Bash {
    /// The bytes of a C string of bash's, empty for none.
    ///
    /// # Safety
    /// `text` is null or points to a string that lives until the result is used.
    pub(crate) unsafe fn bytes<'a>(text: *const c_char) -> &'a [u8] {
        if text.is_null() {
            return &[];
        }
        // SAFETY: not null, and a string as the caller promises.
        unsafe { CStr::from_ptr(text) }.to_bytes()
    }

    /// A variable of the global scope, without calling its dynamic value.
    pub(crate) fn global(&self, name: &CStr) -> *mut Variable {
        // SAFETY: bash's own table, which exists as long as the shell.
        let table = unsafe { *self.global_variables };
        if table.is_null() { std::ptr::null_mut() } else { (self.var_lookup)(name.as_ptr(), table) }
    }

    /// Number of the newest history entry, and its text; `None` for an empty history.
    pub(crate) fn newest(&self) -> Option<(c_int, Vec<u8>)> {
        // SAFETY: readline's counters.
        let (base, length) = unsafe { (*self.history_base, *self.history_length) };
        self.entry(base + length - 1).map(|text| (base + length - 1, text))
    }

    /// The text of a history entry.
    pub(crate) fn entry(&self, number: c_int) -> Option<Vec<u8>> {
        let entry = (self.history_get)(number);
        if entry.is_null() {
            return None;
        }
        // SAFETY: readline owns the entry; its text is copied before anything else runs.
        Some(unsafe { Bash::bytes((*entry).line) }.to_vec())
    }

    /// The line as bash will read it: history references replaced; `None` when that fails, or only prints.
    pub(crate) fn expanded(&self, line: &[u8]) -> Option<Vec<u8>> {
        // SAFETY: flags of bash and readline.
        let (on, inhibited, mark) = unsafe {
            (*self.history_expansion, *self.history_expansion_inhibited, *self.history_expansion_char)
        };
        let quick = line.first() == Some(&b'^');
        if on == 0 || inhibited != 0 || !(quick || line.contains(&mark.cast_unsigned())) {
            return Some(line.to_vec());
        }
        let mut text: Vec<u8> = line.to_vec();
        text.push(0);
        let mut out = std::ptr::null_mut();
        // history_expand reads the text, and changes nothing but what it remembers of the last search.
        let result = (self.history_expand)(text.as_mut_ptr().cast(), &raw mut out);
        // SAFETY: the function stores a string that the caller frees.
        let expanded = unsafe { Bash::bytes(out) }.to_vec();
        if !out.is_null() {
            (self.free)(out.cast());
        }
        // 0 and 1: the text as it is and as it became; -1 an error, 2 print only (`:p`).
        matches!(result, 0 | 1).then_some(expanded)
    }
}
