//! The long answer for one command: findings, invocations, what is unresolved.

use crate::classifier::{free, make, shmon_classifier};
use crate::status::shmon_status;
use crate::types::{self, handle, shmon_context, shmon_level, shmon_span, shmon_summary, shmon_text};
use shmon_core::verdict::VerdictRef;
use shmon_core::{self as core, Scratch, Text};
use std::ffi::c_char;

/// One rule that matched. Belongs to its verdict; later versions add fields at the end.
#[repr(C)]
pub struct shmon_finding {
    /// The rule's level, after overrides.
    pub level: shmon_level,
    /// Where, in bytes of the command.
    pub span: shmon_span,
    /// The rule's id, such as `destruction.rm-recursive-force`.
    pub rule: shmon_text,
    /// The rule's category, such as `destruction`.
    pub category: shmon_text,
    /// The rule's title in English.
    pub title_en: shmon_text,
    /// The rule's title in Japanese; in English where there is no translation.
    pub title_ja: shmon_text,
    /// Why this is dangerous, in English.
    pub reason_en: shmon_text,
    /// Why this is dangerous, in Japanese; in English where there is no translation.
    pub reason_ja: shmon_text,
    /// ATT&CK technique ids.
    pub attack: *const shmon_text,
    /// How many they are.
    pub attack_len: usize,
    /// The program and arguments that matched; none where the rule matched the text alone.
    pub argv: *const shmon_text,
    /// How many they are.
    pub argv_len: usize,
    /// How the program was reached, outermost first.
    pub via: *const shmon_text,
    /// How many steps that are.
    pub via_len: usize,
    /// How many findings this one stands for: those of a loop that differ only in its values are told once.
    pub count: u32,
}

/// A program that would run. Belongs to its verdict; later versions add fields at the end.
#[repr(C)]
pub struct shmon_invocation {
    /// Where, in bytes of the command.
    pub span: shmon_span,
    /// Program and arguments after quote removal and expansion, as UTF-8 (invalid bytes are replaced).
    pub argv: *const shmon_text,
    /// How many they are.
    pub argv_len: usize,
    /// How the program was reached, outermost first.
    pub via: *const shmon_text,
    /// How many steps that are.
    pub via_len: usize,
}

/// A part of the command that could not be resolved. Belongs to its verdict; later versions add fields at the end.
#[repr(C)]
pub struct shmon_unresolved {
    /// Where, in bytes of the command.
    pub span: shmon_span,
    /// What it was: `unset-variable`, `command-output`, `depth`, …
    pub reason: shmon_text,
}

/// The long answer for one command. Immutable: any number of threads may read one at once.
pub struct shmon_verdict {
    summary: shmon_summary,
    findings: Vec<shmon_finding>,
    invocations: Vec<shmon_invocation>,
    unresolved: Vec<shmon_unresolved>,
    redacted: shmon_text,
    // The pointers above lead into these; their heap blocks stay where they are when the handle moves.
    _lists: Vec<Box<[shmon_text]>>,
    _command: Box<[u8]>,
    _verdict: core::Verdict,
}

/// Keeps lists of texts, and gives out pointers to them.
#[derive(Default)]
struct Lists(Vec<Box<[shmon_text]>>);

impl Lists {
    fn add(&mut self, texts: &[String]) -> (*const shmon_text, usize) {
        let list: Box<[shmon_text]> = texts.iter().map(|t| shmon_text::of(t)).collect();
        let place = (list.as_ptr(), list.len());
        self.0.push(list);
        place
    }
}

fn both(text: &Text) -> (shmon_text, shmon_text) {
    (shmon_text::of(&text.en), shmon_text::of(text.get(core::Lang::Ja)))
}

impl shmon_verdict {
    pub(crate) fn new(borrowed: VerdictRef<'_>, command: &[u8]) -> Box<Self> {
        let summary = shmon_summary::of(&borrowed);
        let verdict = borrowed.to_verdict();
        let mut lists = Lists::default();
        let findings = verdict.findings.iter().map(|finding| {
            let (title_en, title_ja) = both(&finding.title);
            let (reason_en, reason_ja) = both(&finding.reason);
            let (attack, attack_len) = lists.add(&finding.attack);
            let (argv, argv_len) = lists.add(&finding.argv);
            let (via, via_len) = lists.add(&finding.via);
            shmon_finding {
                level: finding.level.into(),
                span: finding.span.into(),
                rule: shmon_text::of(&finding.rule),
                category: shmon_text::of(&finding.category),
                title_en,
                title_ja,
                reason_en,
                reason_ja,
                attack,
                attack_len,
                argv,
                argv_len,
                via,
                via_len,
                count: finding.count,
            }
        });
        let findings = findings.collect();
        let invocations = verdict.invocations.iter().map(|invocation| {
            let (argv, argv_len) = lists.add(&invocation.argv);
            let (via, via_len) = lists.add(&invocation.via);
            shmon_invocation { span: invocation.span.into(), argv, argv_len, via, via_len }
        });
        let invocations = invocations.collect();
        let unresolved = verdict.unresolved.iter().map(|unresolved| shmon_unresolved {
            span: unresolved.span.into(),
            reason: shmon_text::of(&unresolved.reason),
        });
        let command: Box<[u8]> = command.into();
        let redacted = match &verdict.redacted {
            Some(redacted) => shmon_text::of(redacted),
            None => shmon_text::of_bytes(&command),
        };
        Box::new(shmon_verdict {
            summary,
            findings,
            invocations,
            unresolved: unresolved.collect(),
            redacted,
            _lists: lists.0,
            _command: command,
            _verdict: verdict,
        })
    }
}

/// Classifies one command of `len` bytes and makes the long answer, to be freed with `shmon_verdict_free`.
///
/// The verdict keeps copies of all that it needs: the command may go, and so may the classifier. `context` may be NULL.
///
/// # Safety
/// `classifier` is of this library; `command` has `len` readable bytes; `context` is NULL or begins with its size; `out`
/// is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmon_verdict_new(
    classifier: *const shmon_classifier,
    command: *const c_char,
    len: usize,
    context: *const shmon_context,
    out: *mut *mut shmon_verdict,
) -> shmon_status {
    let classify = || {
        // SAFETY: the caller promises classifier, text and context.
        let (classifier, command, context) = unsafe {
            (
                handle(classifier, "classifier")?,
                types::bytes(command, len, "command")?,
                types::context(context)?,
            )
        };
        let mut scratch = Scratch::default();
        let verdict = classifier.inner.classify_into(command, &context, &mut scratch);
        Ok(shmon_verdict::new(verdict, command))
    };
    // SAFETY: the caller promises `out`.
    unsafe { make(out, classify) }
}

/// Frees a verdict and all that it gave out; NULL does nothing.
///
/// # Safety
/// `verdict` is NULL, or came from this library, wasn't freed, and nobody uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmon_verdict_free(verdict: *mut shmon_verdict) {
    // SAFETY: passed on from the caller.
    unsafe { free(verdict) }
}

/// The short answer; level low and no flags when `verdict` is NULL.
///
/// # Safety
/// `verdict` is NULL or of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmon_verdict_summary(verdict: *const shmon_verdict) -> shmon_summary {
    // SAFETY: passed on from the caller.
    match unsafe { verdict.as_ref() } {
        Some(verdict) => verdict.summary,
        None => shmon_summary { level: shmon_level::SHMON_LOW, flags: 0, findings: 0, reserved: 0 },
    }
}

/// The command with its secrets replaced; the command itself where there are none. Belongs to the verdict.
///
/// # Safety
/// `verdict` is NULL or of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmon_verdict_redacted(verdict: *const shmon_verdict) -> shmon_text {
    // SAFETY: passed on from the caller.
    unsafe { verdict.as_ref() }.map_or(shmon_text { data: std::ptr::null(), len: 0 }, |v| v.redacted)
}

/// The finding with this index, highest level first; NULL past the last one. Belongs to the verdict.
///
/// # Safety
/// `verdict` is NULL or of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmon_verdict_finding(
    verdict: *const shmon_verdict,
    index: usize,
) -> *const shmon_finding {
    // SAFETY: passed on from the caller.
    at(unsafe { verdict.as_ref() }.map(|v| &v.findings[..]), index)
}

/// The invocation with this index, in the order in which they were found; NULL past the last one. Belongs to the verdict.
///
/// # Safety
/// `verdict` is NULL or of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmon_verdict_invocation(
    verdict: *const shmon_verdict,
    index: usize,
) -> *const shmon_invocation {
    // SAFETY: passed on from the caller.
    at(unsafe { verdict.as_ref() }.map(|v| &v.invocations[..]), index)
}

/// What could not be resolved, by index; NULL past the last one. Belongs to the verdict.
///
/// # Safety
/// `verdict` is NULL or of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmon_verdict_unresolved(
    verdict: *const shmon_verdict,
    index: usize,
) -> *const shmon_unresolved {
    // SAFETY: passed on from the caller.
    at(unsafe { verdict.as_ref() }.map(|v| &v.unresolved[..]), index)
}

fn at<T>(all: Option<&[T]>, index: usize) -> *const T {
    all.and_then(|all| all.get(index)).map_or(std::ptr::null(), std::ptr::from_ref)
}
