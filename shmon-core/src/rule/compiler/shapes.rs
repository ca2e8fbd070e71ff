//! How the TOML form reads values of several shapes: a string, a list or a table, with messages that say what is allowed.

use super::schema::{
    AssignTest, Cond, Count, Example, NotTest, OneOrMany, OperandTest, RedirectTest, StrTable, StrTest,
    TextSpec,
};
use crate::Text;
use serde::Deserialize;
use serde::de::{
    self, DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer,
};
use std::fmt;
use std::marker::PhantomData;

/// Reads a value that may be a string, a list or a table, with messages that say what is allowed.
struct Flexible<T> {
    expecting: &'static str,
    string: Option<fn(String) -> T>,
    list: Option<fn(Vec<String>) -> T>,
    integer: Option<fn(i64) -> Option<T>>,
    table: Option<fn(MapReader<'_>) -> Result<T, String>>,
    _of: PhantomData<T>,
}

impl<T> Flexible<T> {
    fn new(expecting: &'static str) -> Self {
        Flexible { expecting, string: None, list: None, integer: None, table: None, _of: PhantomData }
    }
}

/// The content of a table, to be read as a struct.
struct MapReader<'m>(&'m toml::Table);

impl MapReader<'_> {
    fn read<S: DeserializeOwned>(self) -> Result<S, String> {
        self.0.clone().try_into().map_err(|e: toml::de::Error| e.message().to_owned())
    }
}

impl<'de, T> Visitor<'de> for Flexible<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expecting)
    }

    fn visit_str<E: de::Error>(self, v: &str) -> Result<T, E> {
        match self.string {
            Some(make) => Ok(make(v.to_owned())),
            None => Err(E::invalid_type(de::Unexpected::Str(v), &self)),
        }
    }

    fn visit_i64<E: de::Error>(self, v: i64) -> Result<T, E> {
        let bad = || E::invalid_value(de::Unexpected::Signed(v), &self);
        self.integer.and_then(|make| make(v)).ok_or_else(bad)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<T, A::Error> {
        let Some(make) = self.list else {
            return Err(de::Error::invalid_type(de::Unexpected::Seq, &self));
        };
        let mut all = Vec::new();
        while let Some(s) = seq.next_element::<String>()? {
            all.push(s);
        }
        Ok(make(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        let Some(make) = self.table else {
            return Err(de::Error::invalid_type(de::Unexpected::Map, &self));
        };
        let table = toml::Table::deserialize(MapAccessDeserializer::new(map))?;
        make(MapReader(&table)).map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let mut v = Flexible::new("a string or a list of strings");
        v.string = Some(|s| OneOrMany(vec![s]));
        v.list = Some(OneOrMany);
        d.deserialize_any(v)
    }
}

impl<'de> Deserialize<'de> for TextSpec {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let mut v = Flexible::new("a string or { en = …, ja = … }");
        v.string = Some(|s| TextSpec(Text { en: s, ja: None }));
        v.table = Some(|m| m.read().map(TextSpec));
        d.deserialize_any(v)
    }
}

impl<'de> Deserialize<'de> for StrTest {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let mut v = Flexible::new("a pattern, a list of patterns, or a table of tests");
        v.string = Some(|s| StrTest::patterns(vec![s]));
        v.list = Some(StrTest::patterns);
        v.table = Some(|m| m.read().map(StrTest));
        d.deserialize_any(v)
    }
}

impl StrTest {
    /// The short form.
    pub fn patterns(all: Vec<String>) -> Self {
        StrTest(StrTable { pattern: Some(OneOrMany(all)), ..StrTable::default() })
    }
}

impl<'de> Deserialize<'de> for OperandTest {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let mut v = Flexible::new("a pattern, a list of patterns, or a table of tests");
        v.string = Some(|s| OperandTest { test: StrTest::patterns(vec![s]), ..OperandTest::default() });
        v.list = Some(|l| OperandTest { test: StrTest::patterns(l), ..OperandTest::default() });
        v.table = Some(|m| {
            let mut table = m.0.clone();
            let mut number = |key: &str| match table.remove(key) {
                None => Ok(None),
                Some(toml::Value::Integer(n)) if n != 0 && n.unsigned_abs() < 1000 => Ok(Some(n as i32)),
                Some(_) => Err(format!("`{key}` must be a number other than 0: 1 is the first, -1 the last")),
            };
            let (nth, from) = (number("nth")?, number("from")?);
            let every = match table.remove("every") {
                None => false,
                Some(toml::Value::Boolean(b)) => b,
                Some(_) => return Err("`every` must be true or false".to_owned()),
            };
            let test = MapReader(&table).read().map(StrTest).map_err(|e| {
                if e.contains("unknown field") {
                    e.replace("expected one of", "expected one of `nth`, `from`, `every`,")
                } else {
                    e
                }
            })?;
            Ok(OperandTest { test, nth, from, every })
        });
        d.deserialize_any(v)
    }
}

impl<'de> Deserialize<'de> for RedirectTest {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            kind: Option<OneOrMany>,
            fd: Option<i32>,
            target: Option<StrTest>,
        }
        let mut v = Flexible::new(
            "a pattern or list of patterns for the target, or { kind = …, fd = …, target = … }",
        );
        v.string =
            Some(|s| RedirectTest { target: Some(StrTest::patterns(vec![s])), ..RedirectTest::default() });
        v.list = Some(|l| RedirectTest { target: Some(StrTest::patterns(l)), ..RedirectTest::default() });
        v.table = Some(|m| {
            let t: Table = m.read()?;
            Ok(RedirectTest { kind: t.kind, fd: t.fd, target: t.target })
        });
        d.deserialize_any(v)
    }
}

impl<'de> Deserialize<'de> for AssignTest {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            name: Option<StrTest>,
            value: Option<StrTest>,
        }
        let mut v = Flexible::new("a pattern or list of patterns for the name, or { name = …, value = … }");
        v.string = Some(|s| AssignTest { name: Some(StrTest::patterns(vec![s])), value: None });
        v.list = Some(|l| AssignTest { name: Some(StrTest::patterns(l)), value: None });
        v.table = Some(|m| {
            let t: Table = m.read()?;
            Ok(AssignTest { name: t.name, value: t.value })
        });
        d.deserialize_any(v)
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            #[serde(default)]
            min: u32,
            max: Option<u32>,
        }
        let mut v = Flexible::new("a number or { min = …, max = … }");
        v.integer = Some(|n| u32::try_from(n).ok().map(|n| Count { min: n, max: Some(n) }));
        v.table = Some(|m| {
            let t: Table = m.read()?;
            Ok(Count { min: t.min, max: t.max })
        });
        d.deserialize_any(v)
    }
}

impl<'de> Deserialize<'de> for Example {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            command: String,
            root: Option<bool>,
            ssh: Option<bool>,
            user: Option<String>,
            shell: Option<String>,
            #[serde(default)]
            found: Vec<String>,
        }
        let mut v =
            Flexible::new("a command, or { command = …, root = …, ssh = …, user = …, shell = …, found = … }");
        v.string = Some(|s| Example { command: s, ..Example::default() });
        v.table = Some(|m| {
            let t: Table = m.read()?;
            let Table { command, root, ssh, user, shell, found } = t;
            Ok(Example { command, root, ssh, user, shell, found })
        });
        d.deserialize_any(v)
    }
}

impl<'de> Deserialize<'de> for NotTest {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Conds;
        impl<'de> Visitor<'de> for Conds {
            type Value = NotTest;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a condition or a list of conditions")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<NotTest, A::Error> {
                let mut all = Vec::new();
                while let Some(c) = seq.next_element::<Cond>()? {
                    all.push(c);
                }
                Ok(NotTest(all))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<NotTest, A::Error> {
                Cond::deserialize(MapAccessDeserializer::new(map)).map(|c| NotTest(vec![c]))
            }
        }
        d.deserialize_any(Conds)
    }
}
