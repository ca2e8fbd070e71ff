//! The SQL of a query's pages: from what leads to its rows ([`Lead`]) to the order in which they are wanted.

use super::lead::Lead;
use super::query::{Cursor, Order, Query};
use super::row::COLUMNS;
use super::text_index;
use crate::Level;
use rusqlite::Connection;
use rusqlite::types::Value;

/// A condition in SQL with the values of its marks.
#[derive(Debug, Clone, Default)]
pub(super) struct Condition {
    pub(super) terms: Vec<String>,
    pub(super) values: Vec<Value>,
}

impl Condition {
    pub(super) fn add(&mut self, term: impl Into<String>, values: impl IntoIterator<Item = Value>) {
        self.terms.push(term.into());
        self.values.extend(values);
    }

    /// `WHERE …`, or nothing.
    pub(super) fn sql(&self) -> String {
        if self.terms.is_empty() { String::new() } else { format!(" WHERE {}", self.terms.join(" AND ")) }
    }
}

/// A query and what leads to its rows.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    query: Query,
    lead: Lead,
}

/// The levels that are wanted; `None` for all.
pub(super) fn levels(query: &Query) -> Option<Vec<Level>> {
    if query.level.is_none() && query.min_level.is_none_or(|min| min == Level::Low) {
        return None;
    }
    let min = query.min_level.unwrap_or_default();
    let wanted = |l: &Level| *l >= min && query.level.is_none_or(|only| only == *l);
    Some(Level::ALL.into_iter().filter(wanted).collect())
}

pub(super) fn level_term(levels: &[Level]) -> String {
    let names: Vec<String> = levels.iter().map(|l| format!("'{l}'")).collect();
    format!("risk_level IN ({})", names.join(", "))
}

/// The folder itself, and what is below it.
pub(super) fn directory_term(column: &str, directory: &str) -> (String, [Value; 3]) {
    let directory = directory.trim_end_matches('/');
    let own = if directory.is_empty() { "/" } else { directory };
    // '0' is the character after '/': everything below the folder, by the index.
    let term = format!("({column} = ? OR ({column} >= ? AND {column} < ?))");
    (term, [own.to_owned().into(), format!("{directory}/").into(), format!("{directory}0").into()])
}

/// The numbers of the rules that an id or its first parts name.
pub(super) fn rule_numbers(rule: &str) -> (&'static str, [Value; 3]) {
    // '/' is the character after '.'.
    let sql = "SELECT number FROM rules WHERE rule = ? OR (rule >= ? AND rule < ?)";
    (sql, [rule.to_owned().into(), format!("{rule}.").into(), format!("{rule}/").into()])
}

pub(super) fn time_terms(query: &Query, c: &mut Condition) {
    if let Some(since) = query.since {
        c.add("started_at_ns >= ?", [since.into()]);
    }
    if let Some(until) = query.until {
        c.add("started_at_ns < ?", [until.into()]);
    }
}

/// Everything but levels, rule, text index and cursor. A column with `+` before it leads to no index.
pub(super) fn condition(query: &Query) -> Condition {
    let mut c = Condition::default();
    for (column, value) in [("session_id", &query.session), ("user", &query.user), ("host", &query.host)] {
        if let Some(value) = value {
            c.add(format!("{column} = ?"), [value.clone().into()]);
        }
    }
    if let Some(directory) = &query.directory {
        let (term, values) = directory_term("+working_directory", directory);
        c.add(term, values);
    }
    time_terms(query, &mut c);
    if let Some(text) = &query.text {
        c.add("instr(lower(command_logs.command), lower(?)) > 0", [text.clone().into()]);
    }
    if let Some(status) = query.exit_status {
        c.add("+exit_status = ?", [i64::from(status).into()]);
    }
    if query.failed {
        c.add("+exit_status <> 0", []);
    }
    if query.hide_excluded {
        c.add("excluded = 0", []);
    }
    if let Some(id) = query.after_id {
        c.add("id > ?", [id.into()]);
    }
    if let Some(id) = query.before_id {
        c.add("id < ?", [id.into()]);
    }
    c
}

/// The whole condition without an order, for counting.
pub(super) fn whole(query: &Query, db: &Connection) -> rusqlite::Result<Condition> {
    let mut c = condition(query);
    if let Some(levels) = levels(query) {
        c.add(level_term(&levels), []);
    }
    if let Some(rule) = &query.rule {
        let (numbers, values) = rule_numbers(rule);
        c.add(format!("id IN (SELECT command_id FROM findings WHERE rule IN ({numbers}))"), values);
    }
    if let Some(text) = &query.text
        && let Some(question) = text_index::question(db, text, true)?
    {
        let found = "id IN (SELECT rowid FROM command_text WHERE command_text MATCH ?)";
        c.add(format!("(id > ? OR {found})"), [text_index::end(db)?.into(), question.into()]);
    }
    Ok(c)
}

impl Plan {
    pub(super) fn of(query: &Query, db: &Connection) -> rusqlite::Result<Plan> {
        Ok(Plan { query: query.clone(), lead: Lead::of(query, db)? })
    }

    /// One page in order, beginning after the cursor.
    pub(super) fn page(&self, cursor: Option<Cursor>, size: usize) -> (String, Vec<Value>) {
        let (compare, direction) = match self.query.order {
            Order::Newest => ("<", "DESC"),
            Order::Oldest => (">", "ASC"),
        };
        let mut c = condition(&self.query);
        let levels = levels(&self.query);
        if let (Some(rule), false) = (&self.query.rule, self.is_rule()) {
            let (numbers, values) = rule_numbers(rule);
            let found = format!("SELECT 1 FROM findings f WHERE f.command_id = id AND f.rule IN ({numbers})");
            c.add(format!("EXISTS ({found})"), values);
        }
        let by_id = by_id(&self.query);
        let order = if by_id {
            format!("id {direction}")
        } else {
            format!("started_at_ns {direction}, id {direction}")
        };
        match cursor {
            Some((_, id)) if by_id => c.add(format!("id {compare} ?"), [id.into()]),
            Some((at, id)) => c.add(format!("(started_at_ns, id) {compare} (?, ?)"), [at.into(), id.into()]),
            None => {}
        }
        let select = |from: &str, c: &Condition| {
            format!("SELECT {COLUMNS} FROM {from}{} ORDER BY {order} LIMIT {size}", c.sql())
        };
        // Levels one by one only where each has an index in the wanted order.
        let by_level = !by_id && matches!(self.lead, Lead::Order | Lead::Index("level"));
        if let (Some(levels), false) = (&levels, by_level) {
            c.add(level_term(levels), []);
        }
        match &self.lead {
            Lead::Few(ids, values) => {
                let mut all = Condition::default();
                all.add(format!("id IN ({ids})"), values.iter().cloned());
                all.terms.extend(c.terms);
                all.values.extend(c.values);
                (select("command_logs NOT INDEXED", &all), all.values)
            }
            Lead::Text(question, end) => {
                let mut new = c.clone();
                new.add("id > ?", [(*end).into()]);
                let mut old = Condition::default();
                old.add(
                    "command_text MATCH ? AND command_text.rowid <= ?",
                    [question.clone().into(), (*end).into()],
                );
                old.terms.extend(c.terms.into_iter().map(|term| by_rowid(&term)));
                old.values.extend(c.values);
                let from = "command_text CROSS JOIN command_logs ON id = command_text.rowid";
                let old_sql = format!(
                    "SELECT {COLUMNS} FROM {from}{} ORDER BY command_text.rowid {direction} LIMIT {size}",
                    old.sql()
                );
                let sql = format!(
                    "SELECT * FROM ({}) UNION ALL SELECT * FROM ({old_sql}) ORDER BY {order} LIMIT {size}",
                    select("command_logs NOT INDEXED", &new)
                );
                (sql, new.values.into_iter().chain(old.values).collect())
            }
            Lead::Order if by_id => (select("command_logs NOT INDEXED", &c), c.values),
            Lead::Index(index) if !by_level => {
                (select(&format!("command_logs INDEXED BY command_by_{index}"), &c), c.values)
            }
            Lead::Order | Lead::Index(_) => match levels {
                None => (select("command_logs", &c), c.values),
                // One ordered walk through the index per level, merged: no level's rows are sorted or skipped over.
                Some(levels) => {
                    let mut parts = Vec::with_capacity(levels.len());
                    let mut values = Vec::new();
                    let from = match &self.lead {
                        Lead::Index(_) => "command_logs INDEXED BY command_by_level",
                        _ => "command_logs",
                    };
                    for level in &levels {
                        let mut c = c.clone();
                        c.terms.insert(0, format!("risk_level = '{level}'"));
                        parts.push(format!("SELECT * FROM ({})", select(from, &c)));
                        values.extend(c.values);
                    }
                    if parts.is_empty() {
                        parts.push(format!("SELECT {COLUMNS} FROM command_logs WHERE 0"));
                    }
                    (format!("{} ORDER BY {order} LIMIT {size}", parts.join(" UNION ALL ")), values)
                }
            },
        }
    }

    /// Whether the few ids are those of the rule itself.
    fn is_rule(&self) -> bool {
        matches!(&self.lead, Lead::Few(sql, _) if sql.contains("findings"))
    }
}

/// Limits of ids reach the text index only under its own name.
fn by_rowid(term: &str) -> String {
    if term.starts_with("id ") { format!("command_text.row{term}") } else { term.to_owned() }
}

/// Whether rows come in the order of ids.
pub(super) fn by_id(query: &Query) -> bool {
    query.text.is_some() || query.rule.is_some() || query.after_id.is_some() || query.before_id.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;
    use crate::record::{Event, Record};
    use crate::store::{Entry, Store, StoreOptions};
    use rusqlite::params_from_iter;

    /// 8,000 rows, of which ann has 300 and bob the rest; 7,000 are in the text index.
    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path().join("monitor.db"), StoreOptions::default()).unwrap();
        let findings = crate::Classifier::builtin().classify(b"nmap host").findings;
        assert!(findings[0].rule.starts_with("reconnaissance."));
        for from in (0..8000).step_by(1000) {
            let entries: Vec<Entry> = (from..from + 1000)
                .map(|n: usize| {
                    let event = Event {
                        command: format!("git status number {n}").into_bytes(),
                        user: if n.is_multiple_of(27) { "ann" } else { "bob" }.into(),
                        session_id: format!("s{}", n % 2),
                        host: "host-a".into(),
                        working_directory: "/home/bob".into(),
                        started_at: n as i64,
                        exit_status: Some(i32::from(!n.is_multiple_of(5))),
                        ..Event::default()
                    };
                    let found = if n.is_multiple_of(10) { Vec::new() } else { findings.clone() };
                    let verdict = Verdict { level: Level::ALL[n % 4], findings: found, ..Verdict::default() };
                    Entry::Command(Box::new(Record::new(event, verdict)), Vec::new())
                })
                .collect();
            store.commit(&entries).unwrap();
        }
        (folder, store)
    }

    /// What SQLite does for a first page and for a later one.
    fn explain(store: &Store, query: &Query) -> String {
        let plan = Plan::of(query, &store.db).unwrap();
        let mut said = String::new();
        for cursor in [None, Some((4000, 4000))] {
            let (sql, values) = plan.page(cursor, 64);
            let mut statement = store.db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let rows = statement.query_map(params_from_iter(values), |row| row.get::<_, String>(3)).unwrap();
            for row in rows {
                said.push_str(&row.unwrap());
                said.push('\n');
            }
        }
        said
    }

    type Change = fn(&mut Query);

    #[test]
    fn no_query_sorts_or_scans_what_may_be_millions() {
        let (_folder, store) = store();
        // What SQLite's plan must hold for queries that many rows answer.
        let many: [(&str, Change, &str); 12] = [
            ("all", |_| {}, "SCAN command_logs USING INDEX command_by_time"),
            ("user", |q| q.user = Some("bob".into()), "USING INDEX command_by_user (user=?"),
            ("session", |q| q.session = Some("s1".into()), "USING INDEX command_by_session (session_id=?"),
            ("host", |q| q.host = Some("host-a".into()), "USING INDEX command_by_host (host=?"),
            ("level", |q| q.level = Some(Level::High), "USING INDEX command_by_level (risk_level=?"),
            ("levels", |q| q.min_level = Some(Level::Medium), "USING INDEX command_by_level (risk_level=?"),
            ("time", |q| q.since = Some(10), "USING INDEX command_by_time (started_at_ns>?"),
            (
                "user and time",
                |q| (q.user, q.since) = (Some("bob".into()), Some(10)),
                "command_by_user (user=? AND",
            ),
            (
                "directory",
                |q| q.directory = Some("/home".into()),
                "SCAN command_logs USING INDEX command_by_time",
            ),
            ("failed", |q| q.failed = true, "SCAN command_logs USING INDEX command_by_time"),
            ("rule", |q| q.rule = Some("reconnaissance".into()), "SCAN command_logs"),
            ("text", |q| q.text = Some("status".into()), "SCAN command_text VIRTUAL TABLE INDEX"),
        ];
        for (name, change, wanted) in many {
            for order in [Order::Newest, Order::Oldest] {
                let mut query = Query { order, ..Query::default() };
                change(&mut query);
                let said = explain(&store, &query);
                assert!(said.contains(wanted), "{name}: {said}");
                // Pages of several parts are merged, each part being a page at most.
                let count = |what: &str| said.matches(what).count();
                assert!(count("TEMP B-TREE FOR ORDER BY") <= count("CO-ROUTINE"), "{name}: {said}");
            }
        }
    }

    #[test]
    fn a_filter_that_few_rows_pass_leads() {
        let (_folder, store) = store();
        let few: [(&str, Change, &str); 5] = [
            ("user", |q| q.user = Some("ann".into()), "COVERING INDEX command_by_user"),
            ("time", |q| q.until = Some(300), "COVERING INDEX command_by_time"),
            ("level", |q| q.level = Some(Level::Critical), "COVERING INDEX command_by_level"),
            ("directory", |q| q.directory = Some("/none".into()), "COVERING INDEX command_by_directory"),
            ("rule", |q| q.rule = Some("z".into()), "COVERING INDEX finding_by_rule"),
        ];
        for (name, change, wanted) in few {
            let mut query = Query { text: Some("status".into()), ..Query::default() };
            change(&mut query);
            let said = explain(&store, &query);
            assert!(said.contains(wanted) && !said.contains("command_text"), "{name}: {said}");
            assert!(said.contains("SEARCH command_logs USING INTEGER PRIMARY KEY"), "{name}: {said}");
        }
    }

    #[test]
    fn counting_goes_by_the_text_index() {
        let (_folder, store) = store();
        let query = Query { text: Some("number 4242".into()), ..Query::default() };
        let condition = whole(&query, &store.db).unwrap();
        let sql = format!("EXPLAIN QUERY PLAN SELECT count(*) FROM command_logs{}", condition.sql());
        let mut statement = store.db.prepare(&sql).unwrap();
        let rows =
            statement.query_map(params_from_iter(condition.values), |r| r.get::<_, String>(3)).unwrap();
        let said: Vec<String> = rows.map(Result::unwrap).collect();
        assert!(said.iter().any(|line| line.contains("command_text VIRTUAL TABLE INDEX")), "{said:?}");
        assert!(!said.iter().any(|line| line == "SCAN command_logs"), "{said:?}");
        assert_eq!(store.count(&query).unwrap(), 1);
    }
}
