//! Checkpoints as text: C2SP's tlog-checkpoint in a signed note (<https://c2sp.org/tlog-checkpoint>,
//! <https://c2sp.org/signed-note>), signed with Ed25519.

use super::canonical::Hash;
use crate::store::anchor::JOINT;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// Algorithm byte of Ed25519 in a signed note's key id.
const ED25519: u8 = 1;

/// What a checkpoint says: so many entries, this root, and the key that signs the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct Checkpoint {
    /// `shmon/EPOCH`: which database.
    pub(in crate::store) origin: String,
    /// How many entries of the evidence.
    pub(in crate::store) size: i64,
    /// The root of the Merkle tree over them.
    pub(in crate::store) root: Hash,
    /// Which checkpoint, counted from 1.
    pub(in crate::store) number: i64,
    /// The last row's id among the entries.
    pub(in crate::store) row: i64,
    /// UTC, RFC 3339.
    pub(in crate::store) time: String,
    /// The public key that the next checkpoint is signed with.
    pub(in crate::store) next_key: [u8; 32],
}

impl Checkpoint {
    /// The note's text, which is what is signed.
    fn body(&self) -> String {
        format!(
            "{}\n{}\n{}\nnumber {}\nrow {}\ntime {}\nnext {}\n",
            self.origin,
            self.size,
            BASE64.encode(self.root),
            self.number,
            self.row,
            self.time,
            BASE64.encode(self.next_key),
        )
    }

    /// The signed note.
    pub(in crate::store) fn sign(&self, key: &SigningKey) -> String {
        let body = self.body();
        let signature = key.sign(body.as_bytes());
        let mut blob = key_id(&self.origin, key.verifying_key().as_bytes()).to_vec();
        blob.extend_from_slice(&signature.to_bytes());
        format!("{body}\n— {} {}\n", self.origin, BASE64.encode(blob))
    }
}

/// First four bytes of the hash of the key's name and the key.
fn key_id(name: &str, key: &[u8; 32]) -> [u8; 4] {
    let mut hasher = Sha256::new();
    hasher.update(name.as_bytes());
    hasher.update([b'\n', ED25519]);
    hasher.update(key);
    let hash: Hash = hasher.finalize().into();
    [hash[0], hash[1], hash[2], hash[3]]
}

/// The key as signed notes write it: `NAME+ID+BASE64`.
pub(in crate::store) fn verifier_key(name: &str, key: &[u8; 32]) -> String {
    let mut blob = vec![ED25519];
    blob.extend_from_slice(key);
    format!("{name}+{}+{}", crate::store::commit::hex(&key_id(name, key)), BASE64.encode(blob))
}

/// Name and key of what [`verifier_key`] wrote.
pub(in crate::store) fn read_verifier_key(text: &str) -> Result<(String, [u8; 32]), String> {
    let parts: Vec<&str> = text.splitn(3, '+').collect();
    let [name, id, blob] = parts[..] else { return Err(format!("'{text}' is no key of a signed note")) };
    let blob = bytes::<33>(blob)?;
    let mut key = [0; 32];
    key.copy_from_slice(&blob[1..]);
    if blob[0] != ED25519 || id != crate::store::commit::hex(&key_id(name, &key)) {
        return Err(format!("'{text}' is no Ed25519 key of a signed note"));
    }
    Ok((name.to_owned(), key))
}

/// A checkpoint read from text, with its signatures not yet checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct Note {
    pub(in crate::store) checkpoint: Checkpoint,
    body: String,
    signatures: Vec<([u8; 4], [u8; 64])>,
}

impl Note {
    /// Reads every signed note in a text: a file to which checkpoints were appended holds many.
    pub(in crate::store) fn parse_all(text: &str) -> Result<Vec<Note>, String> {
        let text = unjoined(text);
        let lines: Vec<&str> = text.lines().collect();
        let starts: Vec<usize> = (0..lines.len()).filter(|i| is_origin(bare(lines[*i]))).collect();
        if starts.len() < 2 {
            return Note::parse(&text).map(|note| vec![note]);
        }
        let ends = starts.iter().skip(1).copied().chain([lines.len()]);
        starts.iter().zip(ends).map(|(start, end)| Note::parse(&lines[*start..end].join("\n"))).collect()
    }

    /// Reads a signed note. Text around it, as a chat or a mail adds it, is skipped.
    pub(in crate::store) fn parse(text: &str) -> Result<Note, String> {
        let text = unjoined(text);
        let lines: Vec<&str> = text.lines().map(bare).collect();
        let start = lines
            .iter()
            .position(|line| is_origin(line))
            .ok_or("no checkpoint in the text: no line begins with 'shmon/'")?;
        let lines = &lines[start..];
        let field = |i: usize, name: &str| {
            let line = lines.get(i).copied().unwrap_or_default();
            line.strip_prefix(name).ok_or_else(|| format!("line {} of the checkpoint is no '{name}'", i + 1))
        };
        let checkpoint = Checkpoint {
            origin: lines[0].to_owned(),
            size: number(field(1, "")?)?,
            root: bytes(field(2, "")?)?,
            number: number(field(3, "number ")?)?,
            row: number(field(4, "row ")?)?,
            time: field(5, "time ")?.to_owned(),
            next_key: bytes(field(6, "next ")?)?,
        };
        let mut signatures = Vec::new();
        for line in lines.iter().skip(7) {
            let Some((_, blob)) = line.strip_prefix("— ").and_then(|rest| rest.split_once(' ')) else {
                continue;
            };
            if let Ok(blob) = bytes::<68>(blob) {
                let (id, signature) = blob.split_at(4);
                signatures.push((
                    id.try_into().unwrap_or_default(),
                    signature.try_into().map_err(|_| "a signature is too short")?,
                ));
            }
        }
        if signatures.is_empty() {
            return Err(
                "the checkpoint is not signed: its last line, which begins with '—', is missing".into()
            );
        }
        // What is signed is written anew from the fields: text that differs in anything else fails the signature.
        let body = checkpoint.body();
        Ok(Note { checkpoint, body, signatures })
    }

    /// The note alone, without what stood around it.
    pub(in crate::store) fn text(&self) -> String {
        let mut text = format!("{}\n", self.body);
        for (id, signature) in &self.signatures {
            let blob = [&id[..], &signature[..]].concat();
            text.push_str(&format!("— {} {}\n", self.checkpoint.origin, BASE64.encode(blob)));
        }
        text
    }

    /// Whether `key` signed it.
    pub(in crate::store) fn signed_by(&self, key: &[u8; 32]) -> bool {
        let Ok(verifier) = VerifyingKey::from_bytes(key) else { return false };
        let id = key_id(&self.checkpoint.origin, key);
        self.signatures.iter().any(|(signer, signature)| {
            *signer == id
                && verifier.verify_strict(self.body.as_bytes(), &Signature::from_bytes(signature)).is_ok()
        })
    }
}

/// A line without what quoting in a chat or a mail puts before it.
fn bare(line: &str) -> &str {
    line.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '>' | '＞' | '|')).trim_end()
}

/// The fields of a note whose lines became one, as where a shell or a form takes line ends for spaces.
fn in_lines(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let start = words.iter().position(|word| is_origin(word))?;
    let [
        origin,
        size,
        root,
        "number",
        number,
        "row",
        row,
        "time",
        time,
        "next",
        next,
        "—",
        name,
        signature,
        ..,
    ] = words[start..]
    else {
        return None;
    };
    Some(format!(
        "{origin}\n{size}\n{root}\nnumber {number}\nrow {row}\ntime {time}\nnext {next}\n\n— {name} {signature}\n"
    ))
}

/// A note in one line, as syslog has it, in lines again; what stands before it in its line goes.
fn unjoined(text: &str) -> Cow<'_, str> {
    if !text.contains(JOINT) {
        let whole = text.lines().any(|line| is_origin(bare(line)));
        return if whole { None } else { in_lines(text) }.map_or(Cow::Borrowed(text), Cow::Owned);
    }
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let line = match line.find("shmon/").filter(|_| line.contains(JOINT)) {
            Some(start) => &line[start..],
            None => line,
        };
        out.push_str(&line.replace(JOINT, "\n"));
        out.push('\n');
    }
    Cow::Owned(out)
}

fn is_origin(line: &str) -> bool {
    line.strip_prefix("shmon/")
        .is_some_and(|epoch| epoch.len() == 16 && epoch.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn number(text: &str) -> Result<i64, String> {
    let decimal = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| decimal).ok_or_else(|| format!("'{text}' in the checkpoint is no number"))
}

fn bytes<const N: usize>(text: &str) -> Result<[u8; N], String> {
    let decoded = BASE64.decode(text).map_err(|_| format!("'{text}' in the checkpoint is no base64"))?;
    decoded.try_into().map_err(|_| format!("'{text}' in the checkpoint has the wrong length"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        Checkpoint {
            origin: "shmon/0123456789abcdef".into(),
            size: 42,
            root: [7; 32],
            number: 3,
            row: 20,
            time: "2025-06-28T08:50:30Z".into(),
            next_key: [9; 32],
        }
    }

    #[test]
    fn a_note_is_read_back_also_out_of_a_message() {
        let key = SigningKey::from_bytes(&[1; 32]);
        let public = key.verifying_key().to_bytes();
        let text = checkpoint().sign(&key);
        for text in [
            text.clone(),
            format!("⚠️ HIGH RISK\n\n  {}\nbye", text.replace('\n', "\n  ")),
            text.replace('\n', "\r\n"),
            format!("ann wrote:\n> {}", text.replace('\n', "\n> ")),
            text.replace("\n\n", "\n"),
            format!("keep this: {}", text.replace('\n', " ")),
            format!("Jun 28 08:50:30 web shmon: {}", text.lines().collect::<Vec<_>>().join(JOINT)),
        ] {
            let note = Note::parse(&text).unwrap();
            assert_eq!(note.checkpoint, checkpoint());
            assert_eq!(note.text(), checkpoint().sign(&key));
            assert!(note.signed_by(&public));
            assert!(!note.signed_by(&[3; 32]));
        }
    }

    #[test]
    fn every_note_of_a_text_is_read() {
        let key = SigningKey::from_bytes(&[1; 32]);
        let text = checkpoint().sign(&key);
        let line = text.lines().collect::<Vec<_>>().join(JOINT);
        for (many, count) in [
            (format!("{text}\n{text}\n"), 2),
            (format!("a {line}\nb {line}\nc {line}\n"), 3),
            (text.clone(), 1),
        ] {
            let notes = Note::parse_all(&many).unwrap();
            assert_eq!(notes.len(), count, "{many}");
            assert!(notes.iter().all(|note| note.checkpoint == checkpoint()));
        }
        assert!(Note::parse_all(&format!("{text}\n{}", &text[..100])).is_err());
        assert!(Note::parse_all("nothing").is_err());
    }

    #[test]
    fn a_changed_note_is_not_signed() {
        let key = SigningKey::from_bytes(&[1; 32]);
        let public = key.verifying_key().to_bytes();
        let text = checkpoint().sign(&key);
        for (from, to) in [
            ("\n42\n", "\n43\n"),
            ("number 3", "number 4"),
            ("row 20", "row 21"),
            ("08:50:30", "08:50:31"),
            ("shmon/0", "shmon/1"),
            ("BwcH", "BwcI"),
            ("CQkJ", "CQkK"),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text);
            assert!(!Note::parse(&changed).is_ok_and(|note| note.signed_by(&public)), "{from} to {to}");
        }
        assert!(Note::parse("").is_err());
        assert!(Note::parse(&text.replace('—', "-")).is_err());
        assert!(Note::parse(&text.replace("\n42\n", "\n042\n")).is_err());
    }

    #[test]
    fn the_verifier_key_has_the_form_of_signed_notes() {
        let text = verifier_key("shmon/0123456789abcdef", &[1; 32]);
        let parts: Vec<&str> = text.splitn(3, '+').collect();
        assert_eq!((parts[0], parts[1].len()), ("shmon/0123456789abcdef", 8));
        assert_eq!(bytes::<33>(parts[2]).unwrap()[0], 1);
        assert_eq!(read_verifier_key(&text), Ok(("shmon/0123456789abcdef".into(), [1; 32])));
        assert!(read_verifier_key(&text.replace("0123", "0124")).is_err());
        assert!(read_verifier_key("shmon").is_err());
    }
}
