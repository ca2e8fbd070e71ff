//! Many lines on all cores: pieces of the input go to worker threads, and what they make comes out in order. Memory stays
//! flat: only so many pieces are under way.

use anyhow::{Context as _, Result};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{IsTerminal, Read, Write};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex};

/// Bytes of a piece.
const PIECE: usize = 256 * 1024;
/// Input that comes in smaller pieces (a person, `tail -f`) is answered at once, without threads.
const SMALL: usize = 32 * 1024;

/// Turns one line into output.
pub(crate) trait Worker: Clone + Send + 'static {
    /// Appends the answer for `line`.
    fn line(&mut self, line: &[u8], out: &mut Vec<u8>) -> Result<()>;
}

/// What became of a piece.
struct Done {
    text: Vec<u8>,
    lines: usize,
    error: Option<anyhow::Error>,
}

/// Reads standard input up to its end, and writes the answer for each line in order.
pub(crate) fn run(end: u8, mut worker: impl Worker) -> Result<()> {
    let mut input = Pieces { input: std::io::stdin(), rest: Vec::new(), end, over: false };
    let mut out = std::io::stdout().lock();
    let mut lines = 0;
    let mut progress = Progress::new();
    while let Some(piece) = input.next()? {
        if piece.len() >= SMALL && !input.over {
            return parallel(piece, input, worker, &mut out, lines, progress);
        }
        let done = work(&mut worker, &piece, end);
        put(done, &mut lines, &mut out)?;
        out.flush()?;
        progress.add(piece.len());
    }
    progress.end();
    Ok(())
}

/// Writes an answer; the line that failed is named.
fn put(done: Done, lines: &mut usize, out: &mut impl Write) -> Result<()> {
    out.write_all(&done.text)?;
    *lines += done.lines;
    match done.error {
        Some(error) => Err(error).with_context(|| format!("standard input, line {lines}")),
        None => Ok(()),
    }
}

fn work(worker: &mut impl Worker, piece: &[u8], end: u8) -> Done {
    let mut done = Done { text: Vec::with_capacity(piece.len()), lines: 0, error: None };
    let piece = piece.strip_suffix(&[end]).unwrap_or(piece);
    for line in piece.split(|&b| b == end) {
        done.lines += 1;
        if let Err(error) = worker.line(line, &mut done.text) {
            done.error = Some(error);
            break;
        }
    }
    done
}

fn parallel(
    first: Vec<u8>,
    mut input: Pieces,
    worker: impl Worker,
    out: &mut impl Write,
    mut lines: usize,
    mut progress: Progress,
) -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (jobs, queue) = sync_channel::<(u64, Vec<u8>)>(cores);
    let queue = Arc::new(Mutex::new(queue));
    let (results, finished) = channel::<(u64, usize, Result<Done>)>();
    // A piece is read for each permit, and the permit comes back when its answer is written.
    let (permit, permits) = sync_channel::<()>(4 * cores);
    for _ in 0..4 * cores {
        permit.send(())?;
    }
    let end = input.end;
    for _ in 0..cores {
        let (queue, results, mut worker) = (Arc::clone(&queue), results.clone(), worker.clone());
        std::thread::Builder::new().name("classify".into()).spawn(move || {
            // A lock that another worker's panic left behind still guards a whole queue.
            while let Ok((number, piece)) =
                { queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).recv() }
            {
                let done = work(&mut worker, &piece, end);
                if results.send((number, piece.len(), Ok(done))).is_err() {
                    break;
                }
            }
        })?;
    }
    std::thread::Builder::new().name("read".into()).spawn(move || {
        if let Err((number, error)) = feed(first, &mut input, &jobs, &permits) {
            // Nobody listens any more where this fails.
            let _ = results.send((number, 0, Err(error)));
        }
    })?;
    let mut next = 0;
    let mut early = BTreeMap::new();
    while let Ok((number, size, done)) = finished.recv() {
        early.insert(number, (size, done));
        while let Some((size, done)) = early.remove(&next) {
            put(done?, &mut lines, out)?;
            // The reader is gone where the input is at its end.
            let _ = permit.try_send(());
            progress.add(size);
            next += 1;
        }
    }
    out.flush()?;
    progress.end();
    Ok(())
}

fn feed(
    first: Vec<u8>,
    input: &mut Pieces,
    jobs: &SyncSender<(u64, Vec<u8>)>,
    permits: &Receiver<()>,
) -> Result<(), (u64, anyhow::Error)> {
    let mut piece = Some(first);
    let mut number = 0;
    while let Some(bytes) = piece {
        if permits.recv().is_err() || jobs.send((number, bytes)).is_err() {
            return Ok(());
        }
        number += 1;
        piece = input.next().map_err(|e| (number, e))?;
    }
    Ok(())
}

/// Standard input in pieces that end at the end of a line.
struct Pieces {
    input: std::io::Stdin,
    /// The beginning of a line whose end hasn't come yet.
    rest: Vec<u8>,
    end: u8,
    over: bool,
}

impl Pieces {
    fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let mut piece = std::mem::take(&mut self.rest);
        loop {
            let at = piece.len();
            piece.resize(at + PIECE, 0);
            let read = self.input.lock().read(&mut piece[at..]);
            piece.truncate(at + *read.as_ref().unwrap_or(&0));
            let read = match read {
                Ok(n) => n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e).context("standard input"),
            };
            if read == 0 {
                self.over = true;
                return Ok((!piece.is_empty()).then_some(piece));
            }
            if let Some(last) = piece.iter().rposition(|&b| b == self.end) {
                self.rest = piece.split_off(last + 1);
                return Ok(Some(piece));
            }
        }
    }
}

/// A bar on the terminal, where standard input is a file and the answers go elsewhere.
struct Progress {
    total: u64,
    done: u64,
    shown: u64,
}

impl Progress {
    fn new() -> Self {
        let visible = std::io::stderr().is_terminal() && !std::io::stdout().is_terminal();
        let size = || File::open("/dev/stdin").ok()?.metadata().ok().filter(std::fs::Metadata::is_file);
        let total = if visible { size().map_or(0, |m| m.len()) } else { 0 };
        Progress { total, done: 0, shown: 0 }
    }

    fn add(&mut self, bytes: usize) {
        self.done += bytes as u64;
        if let Some(percent) = (self.done.min(self.total) * 100).checked_div(self.total)
            && percent > self.shown
        {
            self.shown = percent;
            let full = "█".repeat(percent as usize / 4);
            eprint!("\r{full:░<25} {percent:3} %");
        }
    }

    fn end(&self) {
        if self.shown > 0 {
            eprint!("\r{:34}\r", "");
        }
    }
}
