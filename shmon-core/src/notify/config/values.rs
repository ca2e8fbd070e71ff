//! Values of the configuration that are more than text: one table or several, spans of time, hours, addresses, numbers.

use serde::de::{self, Deserialize, Deserializer};
use std::time::Duration;

/// One table (`[notify.slack]`) or several (`[[notify.slack]]`).
#[derive(Debug, Clone)]
pub struct Many<T>(pub Vec<T>);

impl<T> Default for Many<T> {
    fn default() -> Self {
        Many(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        struct Visitor<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Visitor<T> {
            type Value = Many<T>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a table, or an array of tables")
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> std::result::Result<Many<T>, A::Error> {
                T::deserialize(de::value::MapAccessDeserializer::new(map)).map(|one| Many(vec![one]))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<Many<T>, A::Error> {
                let mut all = Vec::new();
                while let Some(one) = seq.next_element()? {
                    all.push(one);
                }
                Ok(Many(all))
            }
        }
        d.deserialize_any(Visitor(std::marker::PhantomData))
    }
}

/// A length of time, as `90s`, `5m`, `2h`, `3d`, or a number of seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

impl Span {
    /// In nanoseconds.
    pub(crate) fn nanos(self) -> i64 {
        i64::try_from(self.0.as_nanos()).unwrap_or(i64::MAX)
    }
}

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let factor = match text[digits..].trim() {
            "s" | "" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => 0,
        };
        match text[..digits].parse::<u64>() {
            Ok(n) if factor > 0 && n <= 36_500 * 86_400 / factor => Ok(Span(Duration::from_secs(n * factor))),
            _ => Err(format!("'{text}' is no length of time: write 90s, 5m, 2h or 3d")),
        }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(untagged, expecting = "a length of time: write 90s, 5m, 2h or 3d")]
        enum Form {
            Seconds(u32),
            Text(String),
        }
        match Form::deserialize(d)? {
            Form::Seconds(n) => Ok(Span(Duration::from_secs(n.into()))),
            Form::Text(text) => text.parse().map_err(de::Error::custom),
        }
    }
}

/// A time of day in minutes after midnight, local time.
fn minutes(text: &str) -> Option<u16> {
    let (h, m) = text.trim().split_once(':')?;
    let (h, m) = (h.parse::<u16>().ok()?, m.parse::<u16>().ok()?);
    (h < 24 && m < 60).then_some(h * 60 + m)
}

/// Hours of the day, local time: `22:00-07:00`, or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QuietHours {
    /// First minute after midnight, and first minute that isn't quiet any more; equal where there are no quiet hours.
    pub(crate) from: u16,
    pub(crate) until: u16,
}

impl<'de> Deserialize<'de> for QuietHours {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        if text == "off" {
            return Ok(QuietHours::default());
        }
        text.split_once('-')
            .and_then(|(from, until)| Some(QuietHours { from: minutes(from)?, until: minutes(until)? }))
            .ok_or_else(|| de::Error::custom(format!("'{text}' are no hours: write 22:00-07:00, or off")))
    }
}

/// A time of day, local time: `09:00`, or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DailyAt(pub(crate) Option<u16>);

impl<'de> Deserialize<'de> for DailyAt {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        if text == "off" {
            return Ok(DailyAt(None));
        }
        minutes(&text)
            .map(|at| DailyAt(Some(at)))
            .ok_or_else(|| de::Error::custom(format!("'{text}' is no time of day: write 09:00, or off")))
    }
}

/// An address that tokens may be sent to: https, or http to this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(pub(crate) String);

impl BaseUrl {
    /// Checks scheme and host; a slash at the end is taken off.
    pub(crate) fn parse(text: &str) -> std::result::Result<BaseUrl, String> {
        let uri: ureq::http::Uri =
            text.parse().map_err(|_| "not an address: write https://host/path".to_owned())?;
        if uri.authority().is_some_and(|a| a.as_str().contains('@')) {
            return Err("the address holds a password: it would be seen, so put it where secrets are".into());
        }
        let host = uri.host().unwrap_or("").trim_start_matches('[').trim_end_matches(']');
        let here = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|a| a.is_loopback());
        match uri.scheme_str() {
            Some("https") if !host.is_empty() => {}
            Some("http") if here => {}
            _ => return Err("the address has to begin with https:// (http:// is for loopback only)".into()),
        }
        Ok(BaseUrl(text.trim_end_matches('/').to_owned()))
    }

    /// The address without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for BaseUrl {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        BaseUrl::parse(&text).map_err(de::Error::custom)
    }
}

/// A proxy's address, which may hold a password: never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl(pub(crate) String);

impl std::fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ProxyUrl(…)")
    }
}

impl<'de> Deserialize<'de> for ProxyUrl {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(d).map(ProxyUrl)
    }
}

/// A number that services write as text of digits: a room, a chat, an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Id(pub(crate) String);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(untagged, expecting = "a number")]
        enum Form {
            Number(i64),
            Text(String),
        }
        let text = match Form::deserialize(d)? {
            Form::Number(n) => n.to_string(),
            Form::Text(text) => text,
        };
        let digits = text.strip_prefix('-').unwrap_or(&text);
        if digits.is_empty() || digits.len() > 20 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(de::Error::custom(format!("'{text}' is no number")));
        }
        Ok(Id(text))
    }
}
