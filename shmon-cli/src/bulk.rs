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

/// A piece of the input and its answers. Buffers go round: what is written is filled again.
#[derive(Default)]
struct Piece {
    /// Longer than what was read, so that nothing is cleared before it is read into.
    input: Vec<u8>,
    filled: usize,
    answers: Vec<u8>,
    lines: usize,
    error: Option<anyhow::Error>,
}

impl Piece {
    fn answer(&mut self, worker: &mut impl Worker, end: u8) {
        (self.lines, self.error) = (0, None);
        self.answers.clear();
        let text = &self.input[..self.filled];
        let text = text.strip_suffix(&[end]).unwrap_or(text);
        let mut from = 0;
        for to in memchr::memchr_iter(end, text).chain(std::iter::once(text.len())) {
            self.lines += 1;
            if let Err(error) = worker.line(&text[from..to], &mut self.answers) {
                self.error = Some(error);
                return;
            }
            from = to + 1;
        }
    }

    /// Writes the answers; the line that failed is named.
    fn put(&mut self, lines: &mut usize, out: &mut impl Write) -> Result<()> {
        out.write_all(&self.answers)?;
        *lines += self.lines;
        match self.error.take() {
            Some(error) => Err(error).with_context(|| format!("standard input, line {lines}")),
            None => Ok(()),
        }
    }
}

/// Reads standard input up to its end, and writes the answer for each line in order.
pub(crate) fn run(end: u8, mut worker: impl Worker) -> Result<()> {
    let mut input = Pieces { input: std::io::stdin(), rest: Vec::new(), end, over: false };
    let mut out = std::io::stdout().lock();
    let mut lines = 0;
    let mut progress = Progress::new();
    let mut piece = Piece::default();
    while input.fill(&mut piece)? {
        if piece.filled >= SMALL && !input.over {
            return parallel(piece, input, worker, &mut out, lines, progress);
        }
        piece.answer(&mut worker, end);
        piece.put(&mut lines, &mut out)?;
        out.flush()?;
        progress.add(piece.filled);
    }
    progress.end();
    Ok(())
}

fn parallel(
    first: Piece,
    mut input: Pieces,
    worker: impl Worker,
    out: &mut impl Write,
    mut lines: usize,
    mut progress: Progress,
) -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (jobs, queue) = sync_channel::<(u64, Piece)>(cores);
    let queue = Arc::new(Mutex::new(queue));
    let (results, finished) = channel::<(u64, Result<Piece>)>();
    // Only so many pieces are under way: one is read into each of these, and comes back when its answers are written.
    let (free, pieces) = sync_channel::<Piece>(4 * cores);
    for piece in std::iter::once(first).chain((1..4 * cores).map(|_| Piece::default())) {
        free.send(piece)?;
    }
    let end = input.end;
    for _ in 0..cores {
        let (queue, results, mut worker) = (Arc::clone(&queue), results.clone(), worker.clone());
        std::thread::Builder::new().name("classify".into()).spawn(move || {
            // A lock that another worker's panic left behind still guards a whole queue.
            while let Ok((number, mut piece)) =
                { queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).recv() }
            {
                piece.answer(&mut worker, end);
                if results.send((number, Ok(piece))).is_err() {
                    break;
                }
            }
        })?;
    }
    std::thread::Builder::new().name("read".into()).spawn(move || {
        if let Err((number, error)) = feed(&mut input, &jobs, &pieces) {
            // Nobody listens any more where this fails.
            let _ = results.send((number, Err(error)));
        }
    })?;
    let mut next = 0;
    let mut early = BTreeMap::new();
    while let Ok((number, piece)) = finished.recv() {
        early.insert(number, piece);
        while let Some(piece) = early.remove(&next) {
            let mut piece = piece?;
            piece.put(&mut lines, out)?;
            progress.add(piece.filled);
            // The reader is gone where the input is at its end.
            let _ = free.try_send(piece);
            next += 1;
        }
    }
    out.flush()?;
    progress.end();
    Ok(())
}

/// Hands out pieces; the first of `pieces` is filled already.
fn feed(
    input: &mut Pieces,
    jobs: &SyncSender<(u64, Piece)>,
    pieces: &Receiver<Piece>,
) -> Result<(), (u64, anyhow::Error)> {
    for number in 0.. {
        let Ok(mut piece) = pieces.recv() else { break };
        if number > 0 && !input.fill(&mut piece).map_err(|e| (number, e))? {
            break;
        }
        if jobs.send((number, piece)).is_err() {
            break;
        }
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
    /// Reads the next piece; `false` at the end of the input.
    fn fill(&mut self, piece: &mut Piece) -> Result<bool> {
        let Piece { input, filled, answers, .. } = piece;
        // One endless line must not keep its memory for all that follow.
        for buffer in [&mut *input, answers] {
            if buffer.capacity() > 8 * PIECE {
                *buffer = Vec::new();
            }
        }
        *filled = self.rest.len();
        input.resize((*filled + PIECE).max(input.len()), 0);
        input[..*filled].copy_from_slice(&self.rest);
        self.rest.clear();
        loop {
            if *filled == input.len() {
                input.resize(*filled + PIECE, 0);
            }
            let read = match self.input.lock().read(&mut input[*filled..]) {
                Ok(n) => n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e).context("standard input"),
            };
            if read == 0 {
                self.over = true;
                return Ok(*filled > 0);
            }
            let begin = *filled;
            *filled += read;
            if let Some(last) = memchr::memrchr(self.end, &input[begin..*filled]) {
                self.rest.extend_from_slice(&input[begin + last + 1..*filled]);
                *filled = begin + last + 1;
                return Ok(true);
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
