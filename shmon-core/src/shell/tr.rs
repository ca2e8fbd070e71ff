//! `tr`: characters in place of others, or taken away.

/// The bytes that a set of `tr` names.
fn tr_set(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with(b"[:") {
            let rest = &text[at + 2..];
            let len = rest.windows(2).position(|w| w == b":]")?;
            let class = &rest[..len];
            out.extend((0..=127u8).filter(|&b| super::pattern::class(class, b)));
            at += len + 4;
            continue;
        }
        let (low, used) = tr_char(&text[at..]);
        at += used;
        if text.get(at) == Some(&b'-') && at + 1 < text.len() {
            let (high, used) = tr_char(&text[at + 1..]);
            if high < low {
                return None;
            }
            out.extend(low..=high);
            at += 1 + used;
        } else {
            out.push(low);
        }
    }
    Some(out)
}

fn tr_char(text: &[u8]) -> (u8, usize) {
    match text {
        [b'\\', next, rest @ ..] => match next {
            b'n' => (b'\n', 2),
            b't' => (b'\t', 2),
            b'r' => (b'\r', 2),
            b'0'..=b'7' => {
                let more = rest.iter().take(2).take_while(|b| (b'0'..=b'7').contains(b)).count();
                let value = text[1..2 + more].iter().fold(0u32, |n, b| n * 8 + u32::from(b - b'0'));
                (value as u8, 2 + more)
            }
            _ => (*next, 2),
        },
        [b, ..] => (*b, 1),
        [] => (0, 1),
    }
}

pub(super) fn tr(words: &[&[u8]], input: &[u8]) -> Option<Vec<u8>> {
    let (mut delete, mut squeeze, mut complement) = (false, false, false);
    let mut sets = Vec::new();
    for word in words {
        match *word {
            [b'-', letters @ ..] if sets.is_empty() && !letters.is_empty() => {
                for b in letters {
                    match b {
                        b'd' => delete = true,
                        b's' => squeeze = true,
                        b'c' | b'C' => complement = true,
                        _ => return None,
                    }
                }
            }
            set => sets.push(tr_set(set)?),
        }
    }
    let first = sets.first()?;
    if delete {
        return Some(input.iter().copied().filter(|b| first.contains(b) == complement).collect());
    }
    if complement {
        return None;
    }
    let Some(second) = sets.get(1) else {
        if !squeeze {
            return None;
        }
        let mut out = input.to_vec();
        out.dedup_by(|a, b| a == b && first.contains(a));
        return Some(out);
    };
    let last = *second.last()?;
    let mut table: [u8; 256] = std::array::from_fn(|i| i as u8);
    for (i, &b) in first.iter().enumerate() {
        table[b as usize] = second.get(i).copied().unwrap_or(last);
    }
    let mut out: Vec<u8> = input.iter().map(|&b| table[b as usize]).collect();
    if squeeze {
        out.dedup_by(|a, b| a == b && second.contains(a));
    }
    Some(out)
}
