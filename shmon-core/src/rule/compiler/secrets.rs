//! Kinds of secrets, compiled.

use super::hash::{KEY_ENDS, gram, gram_hash, key_end};
use super::layout::*;
use super::lower::Lowerer;
use super::out::Out;
use super::schema::{SecretOption, SecretSpec};
use super::tables::{Programs, Writer};
use std::collections::BTreeMap;

/// The name of a key as it is compared: letters in lower case, without `_`, `-` and `.`.
fn plain_key(name: &str) -> String {
    name.bytes().filter(|b| !JOINTS.contains(b)).map(|b| b.to_ascii_lowercase() as char).collect()
}

/// A token's form.
struct Token {
    prefix: Vec<u8>,
    chars: [u32; 8],
    min: u32,
    max: u32,
    kind: u32,
}

/// Kinds that were read, to be written at the end.
#[derive(Default)]
pub(super) struct Secrets {
    kinds: Vec<[String; 3]>,
    keys: Vec<(String, u32, u32, Vec<String>)>,
    tokens: Vec<Token>,
    url: u32,
    blocks: Vec<(String, u32)>,
    /// (program, record without its place)
    options: Vec<(Vec<String>, Vec<u32>)>,
}

impl Secrets {
    /// Adds a kind.
    pub(super) fn add(
        &mut self,
        spec: &SecretSpec,
        lowerer: &mut Lowerer<'_>,
    ) -> Result<(), (String, String)> {
        let kind = self.kinds.len() as u32;
        let fault = |key: &str, message: String| Err((key.to_owned(), message));
        for key in &spec.key {
            let (name, exact) = match key.strip_prefix('=') {
                Some(name) => (name, KEY_EXACT),
                None => (key.as_str(), 0),
            };
            let plain = plain_key(name);
            if plain.len() < 4 {
                return fault("key", format!("'{key}': needs four letters or digits"));
            }
            self.keys.push((plain, kind, spec.min.unwrap_or(1) | exact, spec.scheme.clone()));
        }
        for token in &spec.token {
            let chars = class(&token.chars).map_err(|m| ("token".to_owned(), m))?;
            for prefix in &token.prefix.0 {
                let word = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
                if prefix.len() < 2 || !prefix.bytes().all(word) {
                    return fault(
                        "token",
                        format!("prefix '{prefix}': at least two letters, digits, '_', '-' or '.'"),
                    );
                }
                if prefix.len() + (token.min as usize) < LONG_RUN {
                    return fault(
                        "token",
                        format!("prefix '{prefix}': a token has at least {LONG_RUN} bytes"),
                    );
                }
                let max = token.max.unwrap_or(u32::MAX);
                self.tokens.push(Token {
                    prefix: prefix.clone().into_bytes(),
                    chars,
                    min: token.min,
                    max,
                    kind,
                });
            }
        }
        if spec.url {
            self.url = kind + 1;
        }
        for begin in &spec.block {
            if !begin.starts_with("--") {
                return fault("block", format!("'{begin}': begins with `--`"));
            }
            self.blocks.push((begin.clone(), kind));
        }
        for option in &spec.option {
            let record = record(option, kind, lowerer)?;
            self.options.push((lowerer.expand(&option.program.0, "option.program")?, record));
        }
        let title = &spec.title.0;
        self.kinds.push([spec.id.clone(), title.en.clone(), title.ja.clone().unwrap_or_default()]);
        Ok(())
    }

    /// Enters the options' records into the program table.
    pub(super) fn programs(&self, w: &mut Writer, programs: &mut Programs) {
        for (names, record) in &self.options {
            let at = w.list(record);
            for name in names {
                let key = match name.strip_suffix('*') {
                    Some(stem) => (stem.to_owned(), true),
                    None => (name.clone(), false),
                };
                programs.entry(key).or_default().secrets.push(at);
            }
        }
    }

    /// Writes everything else; 0 where there are no kinds.
    pub(super) fn write(&self, w: &mut Writer, pool: &mut super::Pool) -> u32 {
        if self.kinds.is_empty() {
            return 0;
        }
        let kinds: Vec<u32> = self.kinds.iter().flatten().flat_map(|s| pool.add(s.as_bytes())).collect();
        let kinds_at = w.append(&kinds);
        let mut by_end: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (key, kind, min, scheme) in &self.keys {
            let Some(end) = key.as_bytes().last_chunk::<4>() else { continue };
            let scheme_at = w.strings(scheme, pool);
            let [at, len] = pool.add(key.as_bytes());
            by_end.entry(gram(*end)).or_default().extend([at, len, *kind, *min, scheme_at]);
        }
        let slots = (by_end.len() * 4).max(1).next_power_of_two();
        let mut table = vec![0; slots * 3];
        for (end, entries) in &by_end {
            let mut slot = (gram_hash(*end) >> 16) as usize & (slots - 1);
            while table[slot * 3 + 1] != 0 {
                slot = (slot + 1) & (slots - 1);
            }
            let at = w.list(entries);
            table[slot * 3..slot * 3 + 3].copy_from_slice(&[
                *end,
                entries.len() as u32 / KEY_WORDS as u32,
                at,
            ]);
        }
        let table_at = w.append(&table);
        let ends_at = w.append(&self.key_ends());
        let mut first = vec![0u32; 512];
        for b in 0..=255u8 {
            let mut entries = Vec::new();
            for token in self.tokens.iter().filter(|t| t.prefix.first() == Some(&b)) {
                first[2 * usize::from(b)] |= 1 << (token.prefix[1] & 31);
                let chars_at = w.list(&token.chars);
                entries.extend(pool.add(&token.prefix));
                entries.extend([chars_at, token.min, token.max, token.kind]);
            }
            if !entries.is_empty() {
                first[2 * usize::from(b) + 1] = w.counted(entries.len() / TOKEN_WORDS, &entries);
            }
        }
        let first_at = w.append(&first);
        let blocks: Vec<u32> = self
            .blocks
            .iter()
            .flat_map(|(begin, kind)| {
                let [at, len] = pool.add(begin.as_bytes());
                [at, len, *kind]
            })
            .collect();
        let blocks_at = w.counted(self.blocks.len(), &blocks);
        w.append(&[
            self.kinds.len() as u32,
            kinds_at,
            slots as u32 - 1,
            table_at,
            ends_at,
            first_at,
            self.url,
            blocks_at,
        ])
    }

    /// The pairs of bytes that a name ends with, where it is a key's: the last two letters, or one and what counts for nothing.
    fn key_ends(&self) -> Vec<u32> {
        let mut ends = vec![0; KEY_ENDS / 32];
        let mut insert = |pair| {
            let bit = key_end(pair);
            ends[bit / 32] |= 1 << (bit % 32);
        };
        for (key, ..) in &self.keys {
            let Some(&[a, b]) = key.as_bytes().last_chunk::<2>() else { continue };
            insert([a, b]);
            for joint in JOINTS {
                insert([joint, b]);
                insert([b, joint]);
                JOINTS.into_iter().for_each(|other| insert([joint, other]));
            }
        }
        ends
    }
}

fn record(option: &SecretOption, kind: u32, lowerer: &mut Lowerer<'_>) -> Result<Vec<u32>, (String, String)> {
    let mut out = Out { words: vec![0; O_NAME], ..Out::default() };
    out.words[O_KIND] = kind;
    let fault = |message: &str| Err(("option".to_owned(), message.to_owned()));
    let forms = [
        (option.attached, FORM_ATTACHED),
        (option.flag, FORM_FLAG),
        (option.stdin, if option.name.is_some() { FORM_INPUT_IF } else { FORM_INPUT }),
        (option.prefix.is_some(), FORM_PREFIX),
        (option.names, FORM_NAMES),
        (option.operand.is_some() && option.name.is_some(), FORM_OPERAND_IF),
    ];
    let mut said = forms.iter().filter(|(is, _)| *is).map(|(_, form)| *form);
    out.words[O_FORM] = said.next().unwrap_or(0);
    if said.next().is_some() {
        return fault("`attached`, `flag`, `stdin`, `prefix` and `names` exclude each other");
    }
    if option.value.is_some() && out.words[O_FORM] != FORM_INPUT_IF {
        return fault("`value` stands beside `stdin` and `name`");
    }
    out.words[O_OPERAND] = option.operand.unwrap_or(0) as u32;
    let after = option.prefix.as_ref().or(option.after.as_ref());
    let before = option.value.as_ref().or(option.before.as_ref());
    for (at, text) in [(O_AFTER, after), (O_BEFORE, before), (O_UNTIL, option.until.as_ref())] {
        let place = lowerer.pool.add(text.map_or("", String::as_str).as_bytes());
        out.words[at..at + 2].copy_from_slice(&place);
    }
    match (&option.name, option.operand, &option.follows, out.words[O_FORM]) {
        (Some(_), None, None, FORM_PREFIX..) => {
            return fault("`name` stands alone, or beside `operand` or `stdin`");
        }
        (Some(_), Some(0), ..) => return fault("`operand` counts from 1, or from the end with -1"),
        (Some(name), _, None, _) => {
            lowerer.spellings(&name.0.join("|"), "option.name", &mut out)?;
        }
        (None, Some(n), None, 0) if n != 0 => {}
        (None, None, Some(before), 0) => {
            out.words[O_FOLLOWS] = out.words.len() as u32;
            out.words.push(before.0.len() as u32);
            for word in &before.0 {
                out.words.extend(lowerer.pool.add(word.as_bytes()));
            }
        }
        (None, None, None, FORM_INPUT | FORM_PREFIX | FORM_NAMES) => {}
        _ => return fault("needs one of `name`, `operand`, `follows`, `prefix`, `names` and `stdin`"),
    }
    if let Some(subcommand) = &option.subcommand {
        out.words[O_SUBCOMMAND] = out.words.len() as u32;
        lowerer.subcommands(subcommand, "option.subcommand", &mut out)?;
    }
    Ok(out.words)
}

/// `A-Za-z0-9_-` as 256 bits.
fn class(spec: &str) -> Result<[u32; 8], String> {
    let mut bits = [0u32; 8];
    let bytes = spec.as_bytes();
    let mut at = 0;
    while let Some(&from) = bytes.get(at) {
        let to = match (bytes.get(at + 1), bytes.get(at + 2)) {
            (Some(b'-'), Some(&to)) => {
                at += 3;
                to
            }
            _ => {
                at += 1;
                from
            }
        };
        if from > to {
            return Err(format!("chars '{spec}': a range goes upwards"));
        }
        for b in from..=to {
            bits[usize::from(b >> 5)] |= 1 << (b & 31);
        }
    }
    if bits == [0; 8] { Err("chars is empty".into()) } else { Ok(bits) }
}
