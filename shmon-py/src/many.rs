//! `classify_many`: commands are copied out of Python into chunks, and chunks are classified on all cores.
//!
//! The calling thread reads the iterable, which needs the interpreter; worker threads classify full chunks, which
//! doesn't. When the workers have enough to do, the caller lets go of the interpreter and classifies too, so all
//! cores are busy from the second chunk on and other Python threads run meanwhile.

use crate::verdict::{Brief, Facts, Verdict};
use crate::{argument, level, text};
use pyo3::exceptions::{PyIndexError, PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PySlice, PyTuple};
use shmon_core::{Classifier, Level, Scratch};
use std::collections::VecDeque;
use std::num::NonZero;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Commands in a chunk: enough that handing it over costs nothing per command, few enough to spread.
const CHUNK: usize = 1024;
/// Bytes after which a chunk ends early, so that a few huge commands are spread too.
const CHUNK_BYTES: usize = 256 * 1024;

/// A run of commands and their verdicts.
#[derive(Default)]
struct Chunk {
    text: Vec<u8>,
    ends: Vec<usize>,
    briefs: Vec<Brief>,
}

impl Chunk {
    fn push(&mut self, command: &[u8]) {
        self.text.extend_from_slice(command);
        self.ends.push(self.text.len());
    }

    fn command(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.text[start..self.ends[index]]
    }

    fn classify(&mut self, classifier: &Classifier, facts: &Facts, scratch: &mut Scratch) {
        let context = facts.context();
        self.briefs.reserve_exact(self.ends.len());
        for index in 0..self.ends.len() {
            let brief = Brief::of(&classifier.classify_into(self.command(index), &context, scratch));
            self.briefs.push(brief);
        }
    }
}

/// The classified commands of one call.
pub(crate) struct Batch {
    classifier: Classifier,
    facts: Facts,
    chunks: Vec<Chunk>,
    /// The number of commands before each chunk.
    starts: Vec<usize>,
    len: usize,
}

impl Batch {
    fn find(&self, index: usize) -> (&Chunk, usize) {
        // Most chunks are full, so this is nearly always the one; those that ended early shift the others.
        let guess = index / CHUNK;
        let next = self.starts.get(guess + 1).copied().unwrap_or(self.len);
        let chunk = match self.starts.get(guess) {
            Some(&start) if (start..next).contains(&index) => guess,
            _ => self.starts.partition_point(|&start| start <= index) - 1,
        };
        (&self.chunks[chunk], index - self.starts[chunk])
    }

    pub(crate) fn classifier(&self) -> &Classifier {
        &self.classifier
    }

    pub(crate) fn facts(&self) -> &Facts {
        &self.facts
    }

    pub(crate) fn command(&self, index: usize) -> &[u8] {
        let (chunk, index) = self.find(index);
        chunk.command(index)
    }

    fn brief(&self, index: usize) -> Brief {
        let (chunk, index) = self.find(index);
        chunk.briefs[index]
    }

    fn briefs(&self) -> impl Iterator<Item = Brief> + '_ {
        self.chunks.iter().flat_map(|chunk| chunk.briefs.iter().copied())
    }
}

/// Chunks on their way to the workers and back.
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<(usize, Chunk)>,
    done: Vec<Option<Chunk>>,
    closed: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a chunk and tells how many are waiting.
    fn add(&self, chunk: Chunk) -> usize {
        let mut state = self.lock();
        let index = state.done.len();
        state.done.push(None);
        state.waiting.push_back((index, chunk));
        self.changed.notify_one();
        state.waiting.len()
    }

    fn finish(&self, index: usize, chunk: Chunk) {
        self.lock().done[index] = Some(chunk);
    }

    fn try_take(&self) -> Option<(usize, Chunk)> {
        self.lock().waiting.pop_front()
    }

    /// The next chunk; `None` when no more will come.
    fn take(&self) -> Option<(usize, Chunk)> {
        let mut state = self.lock();
        loop {
            if let Some(next) = state.waiting.pop_front() {
                return Some(next);
            }
            if state.closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// No more chunks will come; `abandon` forgets those that wait.
    fn close(&self, abandon: bool) {
        let mut state = self.lock();
        if abandon {
            state.waiting.clear();
        }
        state.closed = true;
        self.changed.notify_all();
    }
}

/// Closes the queue on every way out, so that no worker waits for ever.
struct Closer<'a>(&'a Queue);

impl Drop for Closer<'_> {
    fn drop(&mut self) {
        self.0.close(true);
    }
}

/// More threads than this are of no use anywhere, and may be more than the system allows.
const MOST_THREADS: usize = 1024;

/// As many threads as the caller says, or (0 and `None`) as there are cores.
pub(crate) fn threads(threads: Option<&Bound<'_, PyAny>>) -> PyResult<usize> {
    let cores = || std::thread::available_parallelism().ok();
    let wanted = argument::optional(threads, "threads")?.and_then(NonZero::new);
    Ok(wanted.or_else(cores).map_or(1, NonZero::get).min(MOST_THREADS))
}

/// Hands over each command of an iterable.
fn each(
    commands: &Bound<'_, PyAny>,
    push: &mut impl FnMut(&Bound<'_, PyAny>) -> PyResult<()>,
) -> PyResult<()> {
    if let Ok(list) = commands.cast::<PyList>() {
        list.iter().try_for_each(|command| push(&command))
    } else if let Ok(tuple) = commands.cast::<PyTuple>() {
        tuple.iter().try_for_each(|command| push(&command))
    } else {
        commands.try_iter()?.try_for_each(|command| push(&command?))
    }
}

pub(crate) fn classify_many(
    classifier: &Classifier,
    commands: &Bound<'_, PyAny>,
    threads: Option<&Bound<'_, PyAny>>,
    facts: Facts,
) -> PyResult<Verdicts> {
    let py = commands.py();
    if text::is_one(commands) {
        return Err(PyTypeError::new_err(
            "classify_many takes an iterable of commands, not one command: use classify, or put it into a list",
        ));
    }
    let threads = self::threads(threads)?;
    let queue = Queue { state: Mutex::default(), changed: Condvar::new() };
    std::thread::scope(|scope| {
        let closer = Closer(&queue);
        let mut workers = Vec::new();
        let mut scratch = Scratch::default();
        let mut chunk = Chunk::default();
        let mut read = 0;
        let mut push = |command: &Bound<'_, PyAny>| -> PyResult<()> {
            chunk.push(&text::command(command).map_err(|e| argument::at(py, e, "commands", read))?);
            read += 1;
            if chunk.ends.len() < CHUNK && chunk.text.len() < CHUNK_BYTES {
                return Ok(());
            }
            let capacity = chunk.text.len() + chunk.text.len() / 8;
            let next = Chunk {
                text: Vec::with_capacity(capacity),
                ends: Vec::with_capacity(CHUNK),
                briefs: Vec::new(),
            };
            let waiting = queue.add(std::mem::replace(&mut chunk, next));
            // Ctrl-C is heard here: a list is read without running any Python.
            py.check_signals()?;
            // A small batch is done before a thread would have started.
            if workers.len() + 1 < threads && waiting > workers.len() {
                let (queue, facts) = (&queue, &facts);
                let work = move || {
                    let mut scratch = Scratch::default();
                    while let Some((index, mut chunk)) = queue.take() {
                        chunk.classify(classifier, facts, &mut scratch);
                        queue.finish(index, chunk);
                    }
                };
                // A thread that can't be started isn't needed: the others take its share.
                workers.extend(std::thread::Builder::new().spawn_scoped(scope, work));
            } else if waiting > 2 * workers.len() {
                py.detach(|| {
                    if let Some((index, mut chunk)) = queue.try_take() {
                        chunk.classify(classifier, &facts, &mut scratch);
                        queue.finish(index, chunk);
                    }
                });
            }
            Ok(())
        };
        let answer = each(commands, &mut push);
        let abandon = answer.is_err();
        if !chunk.ends.is_empty() {
            queue.add(chunk);
        }
        py.detach(|| {
            while let Some((index, mut chunk)) = (!abandon).then(|| queue.try_take()).flatten() {
                chunk.classify(classifier, &facts, &mut scratch);
                queue.finish(index, chunk);
            }
            queue.close(abandon);
            // Here, since the end of the scope would wait for them with the interpreter held.
            for worker in workers {
                if let Err(panic) = worker.join() {
                    std::panic::resume_unwind(panic);
                }
            }
        });
        drop(closer);
        answer
    })?;
    let state = queue.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    let chunks: Vec<Chunk> = state.done.into_iter().flatten().collect();
    let mut len = 0;
    let mut starts = Vec::with_capacity(chunks.len());
    for chunk in &chunks {
        starts.push(len);
        len += chunk.ends.len();
    }
    let batch = Batch { classifier: classifier.clone(), facts, chunks, starts, len };
    Ok(Verdicts { batch: Arc::new(batch) })
}

/// The verdicts of `classify_many`: a sequence whose members are made when they are asked for.
///
/// >>> import shmon
/// >>> verdicts = shmon.classify_many(["ls", "rm -rf /srv/data"])
/// >>> len(verdicts), verdicts[-1].level
/// (2, <Level.CRITICAL: 3>)
/// >>> bytes(verdicts.levels())
/// b'\x00\x03'
#[pyclass(frozen, sequence, module = "shmon")]
pub(crate) struct Verdicts {
    batch: Arc<Batch>,
}

impl Verdicts {
    fn at(&self, index: usize) -> Verdict {
        Verdict::many(self.batch.brief(index), Arc::clone(&self.batch), index)
    }
}

#[pymethods]
impl Verdicts {
    fn __len__(&self) -> usize {
        self.batch.len
    }

    fn __getitem__<'py>(&self, py: Python<'py>, index: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let len = isize::try_from(self.batch.len)
            .map_err(|_| PyOverflowError::new_err("more verdicts than an index can name"))?;
        if let Ok(slice) = index.cast::<PySlice>() {
            let bounds = slice.indices(len)?;
            let list = PyList::empty(py);
            let mut at = bounds.start;
            for _ in 0..bounds.slicelength {
                list.append(self.at(at.cast_unsigned()))?;
                at += bounds.step;
            }
            return Ok(list.into_any());
        }
        let index: isize = index.extract()?;
        let index = if index < 0 { index + len } else { index };
        if !(0..len).contains(&index) {
            return Err(PyIndexError::new_err("verdict index out of range"));
        }
        Ok(Bound::new(py, self.at(index.cast_unsigned()))?.into_any())
    }

    fn __iter__(slf: Bound<'_, Self>) -> VerdictsIter {
        VerdictsIter { batch: Arc::clone(&slf.get().batch), next: std::sync::atomic::AtomicUsize::new(0) }
    }

    /// The level of each command as one byte (0 is low, 3 is critical): feeds `numpy.frombuffer`, `array` or a column.
    fn levels<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        PyBytes::new_with(py, self.batch.len, |out| {
            for (byte, brief) in out.iter_mut().zip(self.batch.briefs()) {
                *byte = brief.level as u8;
            }
            Ok(())
        })
    }

    /// How many commands have each level.
    ///
    /// >>> import shmon
    /// >>> shmon.classify_many(["ls", "pwd", "rm -rf /srv/data"]).counts()[shmon.Level.LOW]
    /// 2
    fn counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let mut counts = [0_usize; Level::ALL.len()];
        for brief in self.batch.briefs() {
            counts[brief.level as usize] += 1;
        }
        let dict = PyDict::new(py);
        for level in Level::ALL {
            dict.set_item(level::to_python(py, level)?, counts[level as usize])?;
        }
        Ok(dict)
    }

    /// The first place of an equal verdict, as for any sequence.
    ///
    /// :raises ValueError: when there is none.
    #[pyo3(signature = (value, start=0, stop=isize::MAX, /))]
    fn index(&self, value: &Bound<'_, PyAny>, start: isize, stop: isize) -> PyResult<usize> {
        let len = self.batch.len;
        let place = |at: isize| match usize::try_from(at) {
            Ok(at) => at.min(len),
            Err(_) => len.saturating_sub(at.unsigned_abs()),
        };
        let wanted = value.cast::<Verdict>().ok().map(Bound::get);
        let found = wanted.and_then(|w| (place(start)..place(stop)).find(|&i| self.at(i).is(w)));
        found.ok_or_else(|| PyValueError::new_err("there is no such verdict"))
    }

    /// How many verdicts are equal to this one, as for any sequence; `counts()` counts levels.
    fn count(&self, value: &Bound<'_, PyAny>) -> usize {
        let Ok(wanted) = value.cast::<Verdict>() else { return 0 };
        (0..self.batch.len).filter(|&i| self.at(i).is(wanted.get())).count()
    }

    fn __repr__(&self) -> String {
        format!("<shmon.Verdicts of {} commands>", self.batch.len)
    }
}

/// Goes through the verdicts of `Verdicts`.
#[pyclass(frozen, module = "shmon")]
pub(crate) struct VerdictsIter {
    batch: Arc<Batch>,
    next: std::sync::atomic::AtomicUsize,
}

#[pymethods]
impl VerdictsIter {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self) -> Option<Verdict> {
        let index = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        (index < self.batch.len)
            .then(|| Verdict::many(self.batch.brief(index), Arc::clone(&self.batch), index))
    }
}
