//! Options and subcommands to bytecode: how a rule spells them, and by what words they may be given.

use super::features::head_bit;
use super::hash::letter_bit;
use super::layout::op;
use super::lower::{Fault, Lowerer, fault};
use super::out::Out;
use super::schema::OneOrMany;

impl Lowerer<'_> {
    /// `-r|-R|--r[ecursive]|-delete`: a mask of letters, then long spellings as (string, least length, kind).
    pub(super) fn spellings(&mut self, spec: &str, key: &str, out: &mut Out) -> Result<(), Fault> {
        let mut mask = 0u64;
        let mut longs = Vec::new();
        for one in spec.split('|').map(str::trim) {
            if let Some(long) = one.strip_prefix("--") {
                let (least, name) = match long.split_once('[') {
                    Some((short, rest)) => match rest.strip_suffix(']') {
                        Some(rest) => (short.len(), format!("{short}{rest}")),
                        None => return fault(key, format!("'{one}': '[' without ']' at the end")),
                    },
                    None => (long.len().min(3), long.to_owned()),
                };
                if name.is_empty() || name.contains('=') {
                    return fault(key, format!("'{one}' is no option"));
                }
                longs.extend(self.pool.add(name.as_bytes()));
                longs.push(least as u32);
            } else if let Some(short) = one.strip_prefix('-') {
                match short.as_bytes() {
                    [b] => match letter_bit(*b) {
                        Some(bit) => mask |= 1 << bit,
                        None => {
                            return fault(
                                key,
                                format!("'{one}': the letter of an option is a letter or digit"),
                            );
                        }
                    },
                    [] => return fault(key, "'-' is no option: test `arg` instead"),
                    _ => {
                        longs.extend(self.pool.add(one.as_bytes()));
                        longs.push(u32::MAX);
                    }
                }
            } else if one.starts_with('+') && one.len() > 1 {
                longs.extend(self.pool.add(one.as_bytes()));
                longs.push(u32::MAX);
            } else {
                return fault(key, format!("'{one}': an option begins with `-`"));
            }
        }
        let heads = longs.chunks_exact(3).fold(0, |all, long| all | self.head(long));
        out.words.extend([mask as u32, (mask >> 32) as u32, heads as u32, (heads >> 32) as u32]);
        out.words.push((longs.len() / 3) as u32);
        out.words.extend(longs);
        Ok(())
    }

    /// The heads of words that may spell a long option (string, least length).
    fn head(&self, long: &[u32]) -> u64 {
        let name = &self.pool.bytes[long[0] as usize..][..long[1] as usize];
        match (long[2], name.first()) {
            _ if self.plain => u64::MAX,
            (u32::MAX, _) => head_bit(name),
            (1.., Some(&first)) => head_bit(&[b'-', b'-', first]),
            _ => u64::MAX,
        }
    }

    pub(super) fn subcommands(&mut self, specs: &OneOrMany, key: &str, out: &mut Out) -> Result<(), Fault> {
        let any = out.open(op::ANY);
        for spec in self.expand(&specs.0, key)? {
            let node = out.open(op::SUBCOMMAND);
            for word in spec.split_whitespace() {
                let count = out.words.len();
                out.words.push(0);
                for alternative in word.split('|') {
                    let (stem, prefix) = match alternative.strip_suffix('*') {
                        Some(stem) => (stem, 1),
                        None => (alternative, 0),
                    };
                    out.words.extend(self.pool.add(stem.as_bytes()));
                    out.words.push(prefix);
                    out.words[count] += 1;
                }
            }
            if out.words.len() == node + 1 {
                return fault(key, "is empty");
            }
            out.close(node);
        }
        out.close(any);
        Ok(())
    }
}
