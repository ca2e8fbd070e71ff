//! Sizes as people write them in the configuration: `500MB`, `2 GiB`, `1048576`.

use serde::{Deserialize, Deserializer};

/// A number of bytes. `K`, `M`, `G` and `T` are powers of 1024, with or without `B` or `iB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl std::str::FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Bytes, String> {
        let wrong = || format!("'{text}' is no size: write a number of bytes, or one with KB, MB, GB or TB");
        let trimmed = text.trim();
        let digits = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(digits);
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let shift = match unit.trim().to_ascii_uppercase().trim_end_matches('B').trim_end_matches('I') {
            "" if !unit.trim().eq_ignore_ascii_case("i") => 0,
            "K" => 10,
            "M" => 20,
            "G" => 30,
            "T" => 40,
            _ => return Err(wrong()),
        };
        number.checked_shl(shift).filter(|n| n >> shift == number).map(Bytes).ok_or_else(wrong)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Number(u64),
            Text(String),
        }
        match Form::deserialize(deserializer)? {
            Form::Number(bytes) => Ok(Bytes(bytes)),
            Form::Text(text) => text.parse().map_err(serde::de::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Bytes;

    #[test]
    fn sizes_as_people_write_them() {
        let read = |text: &str| text.parse::<Bytes>().map(|b| b.0);
        assert_eq!(read("1048576"), Ok(1 << 20));
        assert_eq!(
            (read("500MB"), read("500 m"), read("500MiB")),
            (Ok(500 << 20), Ok(500 << 20), Ok(500 << 20))
        );
        assert_eq!((read("2GB"), read("1T"), read("0")), (Ok(2 << 30), Ok(1 << 40), Ok(0)));
        for bad in ["", "GB", "-1", "1.5GB", "2 parsecs", "99999999T", "1i"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
