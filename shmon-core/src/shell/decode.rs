//! Encodings that hide text: base64, base32, hex, gzip, digests.

use std::io::Read;

/// The output of a decoding program, or `None` where it isn't one or can't be computed.
pub(super) fn run(name: &str, words: &[&[u8]], input: Option<&[u8]>, most: usize) -> Option<Vec<u8>> {
    let has = |names: &[&[u8]]| words.iter().any(|w| names.contains(w));
    let flag = |letter: u8| {
        words.iter().any(|w| w.len() > 1 && w[0] == b'-' && w[1] != b'-' && w[1..].contains(&letter))
    };
    let input = input?;
    match name {
        "base64" if flag(b'd') || flag(b'D') || has(&[b"--decode"]) => base64(input),
        "base32" if flag(b'd') || has(&[b"--decode"]) => base32(input),
        "base64" if words.is_empty() || has(&[b"-w0"]) => Some(to_base64(input, words.is_empty())),
        "xxd" if flag(b'r') => {
            if flag(b'p') {
                hex(input)
            } else {
                hex_dump(input)
            }
        }
        "openssl" => {
            let base = has(&[b"base64", b"-base64", b"-a", b"-A"]);
            (base && has(&[b"-d"]) && !words.iter().any(|w| w.starts_with(b"-aes") || *w == b"-k"))
                .then(|| base64(input))
                .flatten()
        }
        "gunzip" | "zcat" => gunzip(input, most),
        "gzip" if flag(b'd') || has(&[b"--decompress"]) => gunzip(input, most),
        "bunzip2" | "bzcat" => bunzip2(input, most),
        "bzip2" if flag(b'd') || has(&[b"--decompress"]) => bunzip2(input, most),
        "unxz" | "xzcat" => unxz(input, most),
        "xz" if flag(b'd') || has(&[b"--decompress", b"--uncompress"]) => unxz(input, most),
        "basenc" if flag(b'd') || has(&[b"--decode"]) => {
            let base = |name: &[u8]| has(&[name]);
            if base(b"--base64") {
                base64(input)
            } else if base(b"--base32") {
                base32(input)
            } else if base(b"--base16") {
                hex(input)
            } else {
                None
            }
        }
        "md5sum" => {
            use md5::Digest as _;
            Some(digest_line(&md5::Md5::digest(input)))
        }
        "sha256sum" => {
            use sha2::Digest as _;
            Some(digest_line(&sha2::Sha256::digest(input)))
        }
        _ => None,
    }
}

fn digest_line(digest: &[u8]) -> Vec<u8> {
    let mut line: Vec<u8> = digest.iter().flat_map(|b| format!("{b:02x}").into_bytes()).collect();
    line.extend_from_slice(b"  -\n");
    line
}

/// Decodes base64, padding or not; what comes after a foreign byte is dropped, as GNU `base64` does.
fn base64(input: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(input.len() * 3 / 4);
    let (mut bits, mut count) = (0u32, 0);
    for &b in input {
        let value = match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'\n' | b'\r' => continue,
            _ => break,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    Some(out)
}

fn to_base64(input: &[u8], wrap: bool) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = Vec::with_capacity(input.len() * 4 / 3 + 4);
    for (i, chunk) in input.chunks(3).enumerate() {
        if wrap && i > 0 && i % 19 == 0 {
            out.push(b'\n');
        }
        let at = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for (n, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            out.push(if n <= chunk.len() { DIGITS[(bits >> shift) as usize & 63] } else { b'=' });
        }
    }
    if wrap {
        out.push(b'\n');
    }
    out
}

fn base32(input: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(input.len() * 5 / 8);
    let (mut bits, mut count) = (0u32, 0);
    for &b in input {
        let value = match b {
            b'A'..=b'Z' => b - b'A',
            b'2'..=b'7' => b - b'2' + 26,
            b'\n' | b'\r' => continue,
            _ => break,
        };
        bits = (bits << 5) | u32::from(value);
        count += 5;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    Some(out)
}

/// Plain hex, blanks between.
fn hex(input: &[u8]) -> Option<Vec<u8>> {
    let digits: Vec<u32> = input.iter().filter_map(|&b| char::from(b).to_digit(16)).collect();
    Some(digits.chunks_exact(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect())
}

/// `xxd`'s own dump: offset, hex in groups, text.
fn hex_dump(input: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for line in input.split(|&b| b == b'\n') {
        let Some(colon) = line.iter().position(|&b| b == b':') else { continue };
        let rest = line.get(colon + 1..)?;
        let end = rest.windows(2).skip(1).position(|w| w == b"  ").map_or(rest.len(), |at| at + 1);
        out.extend(hex(&rest[..end])?);
    }
    Some(out)
}

/// The first member of a gzip file.
fn gunzip(input: &[u8], most: usize) -> Option<Vec<u8>> {
    let [0x1f, 0x8b, 8, flags, ..] = input else { return None };
    let mut at = 10;
    if flags & 4 != 0 {
        let len = usize::from(*input.get(at)?) | usize::from(*input.get(at + 1)?) << 8;
        at += 2 + len;
    }
    for flag in [8, 16] {
        if flags & flag != 0 {
            at += input.get(at..)?.iter().position(|&b| b == 0)? + 1;
        }
    }
    if flags & 2 != 0 {
        at += 2;
    }
    miniz_oxide::inflate::decompress_to_vec_with_limit(input.get(at..)?, most).ok()
}

/// Memory for the dictionary of an xz file, in KiB: what `xz -9` asks for.
const MAX_DICTIONARY: u32 = 66 << 10;

fn bunzip2(input: &[u8], most: usize) -> Option<Vec<u8>> {
    limited(bzip2::read::BzDecoder::new(input), most)
}

fn unxz(input: &[u8], most: usize) -> Option<Vec<u8>> {
    limited(lzma_rust2::XzReader::new_mem_limit(input, false, MAX_DICTIONARY), most)
}

/// All that the reader gives, unless it is broken or more than `most` bytes.
fn limited(reader: impl Read, most: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let len = reader.take(most as u64 + 1).read_to_end(&mut out).ok()?;
    (len <= most).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_decoded() {
        let decoded = |name, list: &[&str], input: &[u8]| {
            let words: Vec<&[u8]> = list.iter().map(|w| w.as_bytes()).collect();
            run(name, &words, Some(input), 4096)
        };
        assert_eq!(decoded("base64", &["-d"], b"cm0gLXJm\n").as_deref(), Some(&b"rm -rf"[..]));
        assert_eq!(decoded("base32", &["-d"], b"OJWSA===").as_deref(), Some(&b"rm "[..]));
        assert_eq!(decoded("xxd", &["-r", "-p"], b"726d\n").as_deref(), Some(&b"rm"[..]));
        assert_eq!(
            decoded("xxd", &["-r"], b"00000000: 726d 0a          rm.\n").as_deref(),
            Some(&b"rm\n"[..])
        );
        let bzipped =
            base64(b"QlpoOTFBWSZTWdZ3nisAAAPRgAAQQAIBAhBAIAAiDTNCGAJGYH0XckU4UJDWd54r").unwrap_or_default();
        assert_eq!(decoded("bunzip2", &["-c"], &bzipped).as_deref(), Some(&b"rm -rf x\n"[..]));
        let xzipped = base64(
            b"/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQAIcm0gLXJmIHgKAAAAALYY+BYiMjiqAAEhCWwYxdUftvN9AQAAAAAEWVo=",
        )
        .unwrap_or_default();
        assert_eq!(decoded("xz", &["-dc"], &xzipped).as_deref(), Some(&b"rm -rf x\n"[..]));
        assert_eq!(decoded("basenc", &["-d", "--base16"], b"726D").as_deref(), Some(&b"rm"[..]));
        assert_eq!(run("bzcat", &[], Some(&bzipped), 8), None);
        assert_eq!(decoded("base64", &["-w0"], b"rm").as_deref(), Some(&b"cm0="[..]));
        assert_eq!(
            decoded("md5sum", &[], b"").as_deref(),
            Some(&b"d41d8cd98f00b204e9800998ecf8427e  -\n"[..])
        );
    }
}
