//! Counts work in tests: bytes and entries that loops look at. Elsewhere it is nothing at all.

/// Adds to the count, in tests.
#[inline(always)]
pub(super) fn worked(amount: usize) {
    #[cfg(test)]
    WORK.with(|work| work.set(work.get() + amount as u64));
    #[cfg(not(test))]
    let _ = amount;
}

#[cfg(test)]
#[path = "../../tests/support/adversarial.rs"]
mod adversarial;

#[cfg(test)]
thread_local! {
    static WORK: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
mod tests {
    use super::super::{Analysis, Dialect, analyze};
    use super::WORK;
    use super::adversarial;

    fn work(text: &[u8], analysis: &mut Analysis) -> f64 {
        WORK.with(|work| work.set(0));
        analyze(text, Dialect::Bash, analysis);
        WORK.with(std::cell::Cell::get) as f64 / text.len() as f64
    }

    /// Eight times the text costs at most eight times the work, and half as much again for what grows in steps.
    #[test]
    fn work_is_linear_in_the_text() {
        const SIZES: [usize; 2] = [16 << 10, 128 << 10];
        let mut analysis = Analysis::new();
        let mut wrong = Vec::new();
        for ((name, small), (_, large)) in adversarial::inputs(SIZES[0]).zip(adversarial::inputs(SIZES[1])) {
            let (small, large) = (work(&small, &mut analysis), work(&large, &mut analysis));
            assert!(small > 0.0, "{name}: nothing was counted");
            println!("{name}: {small:.1} and {large:.1} per byte, {:.2}", large / small);
            if large > small * 1.5 || small > 1000.0 {
                wrong.push(format!("{name}: {small:.1} and {large:.1} per byte"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
