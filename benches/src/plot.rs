//! What a command costs by the number of rules and by its length: measured, and drawn as SVG.

use crate::{commands, rules};
use shmon_core::{Classifier, Context, Scratch};
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

/// A measured point: where it lies, and nanoseconds per command.
pub type Point = (f64, f64);

/// Nanoseconds per command. The commands are measured in small groups whose best times are added, so that what runs
/// beside this counts little.
pub fn per_command<T: AsRef<[u8]>>(all: &[T], rounds: usize, mut run: impl FnMut(&[u8])) -> f64 {
    let mut sum = 0;
    for group in all.chunks(40) {
        let best = (0..rounds).map(|_| {
            let start = Instant::now();
            for command in group {
                run(command.as_ref());
            }
            start.elapsed().as_nanos()
        });
        sum += best.min().unwrap_or(0);
    }
    sum as f64 / all.len().max(1) as f64
}

fn classify(classifier: &Classifier, all: &[String], rounds: usize) -> f64 {
    let mut scratch = Scratch::default();
    per_command(all, rounds, |command| {
        black_box(classifier.classify_into(command, &Context::default(), &mut scratch).sensitive());
    })
}

/// By the number of generated rules beside the built-in ones, with compile time in ms and memory in KiB.
pub fn by_rules(counts: &[usize], rounds: usize) -> Vec<(usize, f64, f64, usize)> {
    let all = commands(2_000, 1);
    let measure = |&count: &usize| {
        let toml = rules(count, 7);
        let start = Instant::now();
        let classifier = Classifier::builder().rules_text("generated", toml).build().expect("valid rules");
        let compiled = start.elapsed().as_secs_f64() * 1e3;
        (count, classify(&classifier, &all, rounds), compiled, classifier.rules().memory() / 1024)
    };
    counts.iter().map(measure).collect()
}

/// By length in bytes: commands joined with `; ` up to each length.
pub fn by_length(lengths: &[usize], rounds: usize) -> Vec<Point> {
    let classifier = Classifier::builtin();
    let single = commands(20_000, 3);
    let mut next = single.iter().cycle();
    let measure = |&length: &usize| {
        let all: Vec<String> = (0..400)
            .map(|_| {
                let mut command = String::new();
                while command.len() < length {
                    if !command.is_empty() {
                        command.push_str("; ");
                    }
                    command.push_str(next.next().map_or("", String::as_str));
                }
                command
            })
            .collect();
        let mean = all.iter().map(String::len).sum::<usize>() as f64 / all.len() as f64;
        (mean, classify(&classifier, &all, rounds))
    };
    lengths.iter().map(measure).collect()
}

/// Two panels with a line each.
pub fn svg(rules: &[Point], lengths: &[Point]) -> String {
    let mut out = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"880\" height=\"320\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"880\" height=\"320\" fill=\"white\"/>\n",
    );
    panel(&mut out, 0.0, "ns per command by number of user rules", rules);
    panel(&mut out, 440.0, "ns per command by its length in bytes", lengths);
    out.push_str("</svg>\n");
    out
}

fn panel(out: &mut String, left: f64, title: &str, points: &[Point]) {
    let most = |of: fn(&Point) -> f64| points.iter().map(of).fold(1.0, f64::max);
    let (width, height) = (most(|p| p.0), most(|p| p.1) * 1.1);
    let x = |v: f64| left + 60.0 + v / width * 350.0;
    let y = |v: f64| 270.0 - v / height * 220.0;
    let _ = writeln!(out, "<text x=\"{}\" y=\"30\" font-weight=\"bold\">{title}</text>", left + 60.0);
    let _ = writeln!(
        out,
        "<path d=\"M{0} 50V270H{1}\" fill=\"none\" stroke=\"black\"/>",
        left + 60.0,
        left + 410.0
    );
    let line: Vec<String> = points.iter().map(|p| format!("{:.1},{:.1}", x(p.0), y(p.1))).collect();
    let _ = writeln!(
        out,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"#1f6feb\" stroke-width=\"2\"/>",
        line.join(" ")
    );
    for &(at, value) in points {
        let _ = writeln!(
            out,
            "<circle cx=\"{0:.1}\" cy=\"{1:.1}\" r=\"3\" fill=\"#1f6feb\"/><text x=\"{0:.1}\" y=\"{2:.1}\" text-anchor=\"middle\">{value:.0}</text><text x=\"{0:.1}\" y=\"288\" text-anchor=\"middle\">{at:.0}</text>",
            x(at),
            y(value),
            y(value) - 8.0
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_drawn() {
        let drawn = svg(&[(0.0, 100.0), (500.0, 120.0)], &[(40.0, 90.0)]);
        assert_eq!(drawn.matches("<circle").count(), 3);
        assert!(drawn.contains(">120<") && drawn.starts_with("<svg") && drawn.ends_with("</svg>\n"));
    }

    #[test]
    fn longer_commands_and_more_rules_are_measured() {
        let lengths = by_length(&[20, 200], 1);
        assert!(lengths[0].0 < lengths[1].0, "{lengths:?}");
        let rules = by_rules(&[10], 1);
        assert_eq!(rules[0].0, 10);
        assert!(rules[0].3 > 100, "{rules:?}");
    }
}
