//! A clean command, with pipelines and lists, costs no allocation once the buffers have grown.

use shmon_core::{Classifier, Context, Scratch};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator as it is; only a counter of this thread is raised besides.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|c| c.set(c.get() + 1));
        // SAFETY: the caller keeps the promises that `alloc` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: `at` came from `System` with this layout.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.with(|c| c.set(c.get() + 1));
        // SAFETY: `at` came from `System` with this layout.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn clean_commands_allocate_nothing() {
    let classifier = Classifier::builtin();
    let mut scratch = Scratch::default();
    let commands: [&[u8]; 12] = [
        b"ls -la /srv",
        b"git commit -m 'a message'",
        b"find . -name '*.rs' -newer Makefile",
        b"make -j8 all && ./run --fast > out.log 2>&1",
        b"cp -a src docs /srv/backup",
        b"echo \"hello world\"; date",
        b"sed -i 's/a/b/' f.txt",
        b"awk '{print $1}' data.csv",
        b"ls -l | grep -v '^d' | sort -k5 -n | head -20",
        b"find . -type f -name '*.log' | xargs wc -l | sort -n",
        b"cd build && cmake .. && make -j4 2>&1 | tee build.log",
        b"du -sh * | sort -h; df -h",
    ];
    let mut run = |command: &[u8]| {
        let verdict = classifier.classify_into(command, &Context::default(), &mut scratch);
        verdict.findings().len() + usize::from(verdict.sensitive())
    };
    // The buffers grow once.
    for command in commands.into_iter().cycle().take(4 * commands.len()) {
        assert_eq!(run(command), 0, "{} is clean", String::from_utf8_lossy(command));
    }
    for command in commands {
        let before = COUNT.with(Cell::get);
        run(command);
        let made = COUNT.with(Cell::get) - before;
        assert_eq!(made, 0, "allocations for {}", String::from_utf8_lossy(command));
    }
}
