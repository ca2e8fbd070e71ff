//! Which alerts a sink is told.

/// Which alerts: each list that isn't empty is asked, `*` stands for any characters.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Filter {
    /// Rule ids, such as `destruction.*`.
    pub rules: Vec<String>,
    /// Categories.
    pub categories: Vec<String>,
    /// Login names.
    pub users: Vec<String>,
    /// Host names.
    pub hosts: Vec<String>,
}

/// What a filter is asked about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) rules: &'a [&'a str],
    pub(crate) categories: &'a [&'a str],
    pub(crate) user: &'a str,
    pub(crate) host: &'a str,
}

impl Filter {
    fn lists<'a>(&'a self, s: &Subject<'a>) -> [(&'a [String], Vec<&'a str>); 4] {
        [
            (&self.rules, s.rules.to_vec()),
            (&self.categories, s.categories.to_vec()),
            (&self.users, vec![s.user]),
            (&self.hosts, vec![s.host]),
        ]
    }

    /// Whether every list that isn't empty has a pattern that fits.
    pub(crate) fn takes(&self, subject: &Subject<'_>) -> bool {
        self.lists(subject).iter().all(|(patterns, values)| patterns.is_empty() || any(patterns, values))
    }

    /// Whether any list has a pattern that fits.
    pub(crate) fn hits(&self, subject: &Subject<'_>) -> bool {
        self.lists(subject).iter().any(|(patterns, values)| any(patterns, values))
    }
}

fn any(patterns: &[String], values: &[&str]) -> bool {
    patterns.iter().any(|p| values.iter().any(|v| glob(p, v)))
}

/// `*` stands for any characters; linear in pattern and text but for the last star tried.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let Some(last) = pattern.rsplit('*').next().filter(|_| pattern.contains('*')) else {
        return rest.is_empty();
    };
    let middle: Vec<&str> = parts.collect();
    for part in &middle[..middle.len() - 1] {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, text, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c", false),
            ("ab*b", "ab", false),
            ("network.*", "network.nmap", true),
            ("network.*", "networks", false),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
    }
}
