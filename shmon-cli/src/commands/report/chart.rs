//! Levels over time as bars, in SVG.

use shmon_core::Level;
use shmon_core::store::Slot;
use std::fmt::Write as _;

/// Size of the drawing, in units of its own.
const WIDTH: usize = 960;
const HEIGHT: usize = 200;
/// Room for the numbers at its left, and for the hours or days below.
const LEFT: usize = 52;
const BELOW: usize = 26;
const ABOVE: usize = 10;

/// Bars of these levels, the lowest at the bottom; nothing where there is nothing to draw.
pub(crate) fn bars(slots: &[Slot], levels: &[Level], label: &str) -> String {
    let count = |slot: &Slot, level: &Level| slot.levels[*level as usize];
    let sum = |slot: &Slot| levels.iter().map(|level| count(slot, level)).sum::<u64>();
    let most = slots.iter().map(sum).max().unwrap_or(0);
    if most == 0 {
        return String::new();
    }
    let step = step(most);
    let top = most.div_ceil(step) * step;
    let (plot_width, plot_height) = ((WIDTH - LEFT) as f64, (HEIGHT - BELOW - ABOVE) as f64);
    let y = |value: u64| ABOVE as f64 + plot_height * (1.0 - value as f64 / top as f64);
    let mut svg =
        format!("<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{label}\">");
    for line in 0..=top / step {
        let (value, at) = (line * step, y(line * step));
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text class=\"axis\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>",
            LEFT - 8,
            at + 4.0
        );
    }
    let room = plot_width / slots.len() as f64;
    // With many bars not every one has room for its name.
    let every = slots.len().div_ceil(16);
    for (n, slot) in slots.iter().enumerate() {
        let x = LEFT as f64 + room * n as f64;
        let mut told = slot.name.clone();
        let mut base = 0;
        let mut bar = String::new();
        for level in levels {
            let value = count(slot, level);
            if value == 0 {
                continue;
            }
            let _ = write!(told, "  {level} {value}");
            // What is there is seen, however little it is.
            let height = (y(base) - y(base + value)).max(1.5);
            let _ = write!(
                bar,
                "<rect class=\"{level}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\"/>",
                x + room * 0.12,
                y(base) - height,
                room * 0.76
            );
            base += value;
        }
        if !bar.is_empty() {
            let _ = write!(svg, "<g><title>{told}</title>{bar}</g>");
        }
        if n % every == 0 {
            // The hour, or the day of the month.
            let short = &slot.name[slot.name.len().saturating_sub(2)..];
            let _ = write!(
                svg,
                "<text class=\"axis\" x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{short}</text>",
                x + room / 2.0,
                HEIGHT - 6
            );
        }
    }
    svg.push_str("</svg>");
    svg
}

/// The distance of the lines: 1, 2 or 5 times a power of ten, of which four or so are needed.
fn step(most: u64) -> u64 {
    let mut power = 1;
    loop {
        for factor in [1, 2, 5] {
            if most <= power * factor * 4 {
                return power * factor;
            }
        }
        power *= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stand_at_round_numbers() {
        assert_eq!([1, 4, 5, 8, 9, 37, 400, 401].map(step), [1, 1, 2, 2, 5, 10, 100, 200]);
    }

    #[test]
    fn bars_stand_on_each_other() {
        let mut slot = Slot::new("2025-06-28 08");
        slot.levels = [6, 0, 2, 0];
        let svg = bars(&[slot, Slot::new("2025-06-28 09")], &Level::ALL, "x");
        assert!(svg.contains("<title>2025-06-28 08  low 6  high 2</title>"), "{svg}");
        assert_eq!(svg.matches("<rect").count(), 2);
        // 8 of 8, of which 6 are at the bottom: 164 units, and a quarter of them above.
        assert!(
            svg.contains("class=\"low\" x=\"106.5\" y=\"51.0\" width=\"345.0\" height=\"123.0\""),
            "{svg}"
        );
        assert!(svg.contains("y=\"10.0\" width=\"345.0\" height=\"41.0\""), "{svg}");
        assert_eq!(bars(&[Slot::new("2025-06-28")], &Level::ALL, "x"), "");
    }
}
