//! Which filter leads to the rows of a query.
//!
//! SQLite keeps no statistics here (gathering them would stop writers), so it can't tell a user with three commands from
//! one with three million. We look ourselves: a filter that few rows pass leads, because those few are soon read and
//! sorted; where every filter lets many rows through, rows are read in the wanted order until the page is full. Where
//! that would take long, because hardly a row passes all of them together, the rarest filter leads though it lets many
//! through.

use super::plan::{
    Condition, by_id, condition, directory_term, level_term, levels, rule_numbers, time_terms,
};
use super::query::{Order, Query};
use super::text_index;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

/// So many rows are few: reading and sorting them takes some milliseconds.
const FEW: i64 = if cfg!(test) { 2500 } else { 5000 };
/// So many are still sooner read than millions walked through …
const SOME: i64 = if cfg!(test) { 3000 } else { 50_000 };
/// … and so many are sooner looked up in another filter's index than read.
const MANY: i64 = 500_000;
/// The newest rows that are looked at, to know how many pass all filters together …
const NEWEST: i64 = 2000;
/// … and how many must pass for a page to be found soon.
const DENSE: i64 = 8;

/// What leads to the rows.
#[derive(Debug, Clone)]
pub(super) enum Lead {
    /// An index in the wanted order, or the table itself in the order of ids.
    Order,
    /// This index of a filter, which is in the wanted order.
    Index(&'static str),
    /// A list of few ids.
    Few(String, Vec<Value>),
    /// The text index up to this id, and each row after it.
    Text(String, i64),
}

impl Lead {
    /// The lead of a query in this database.
    pub(super) fn of(query: &Query, db: &Connection) -> rusqlite::Result<Lead> {
        let filters = filters(query);
        let ordered = filters.len() <= 1 && query.text.is_none() && query.rule.is_none() && !by_id(query);
        let mut best = None;
        // One filter with an index in the order of time needs no look.
        if !(ordered && query.directory.is_none() && !query.failed && query.exit_status.is_none()) {
            best = match rarest(filters.iter(), FEW, db)? {
                Some(few) => Some(few.lead()),
                None => lead_among_many(query, &filters, db)?,
            };
        }
        Ok(match (best, &query.text) {
            (Some(lead), _) => lead,
            (None, Some(text)) => match text_index::question(db, text, false)? {
                Some(question) => Lead::Text(question, text_index::end(db)?),
                None => Lead::Order,
            },
            (None, None) => Lead::Order,
        })
    }
}

/// Whether rows that pass all filters stand so close together that a page of them is soon found.
fn is_dense(query: &Query, db: &Connection) -> rusqlite::Result<bool> {
    let mut c = condition(query);
    if let Some(levels) = levels(query) {
        c.add(level_term(&levels), []);
    }
    if let Some(rule) = &query.rule {
        let (numbers, values) = rule_numbers(rule);
        c.add(
            format!("EXISTS (SELECT 1 FROM findings f WHERE f.command_id = id AND f.rule IN ({numbers}))"),
            values,
        );
    }
    // From where a page is read: the end that the limits of ids or of time leave.
    let limit = match (query.order, query.before_id, query.after_id, query.until, query.since) {
        (Order::Newest, Some(id), ..) => format!("WHERE id < {id} ORDER BY id DESC"),
        (Order::Oldest, _, Some(id), ..) => format!("WHERE id > {id} ORDER BY id"),
        (Order::Newest, _, _, Some(at), _) => {
            format!("WHERE started_at_ns < {at} ORDER BY started_at_ns DESC")
        }
        (Order::Oldest, _, _, _, Some(at)) => format!("WHERE started_at_ns >= {at} ORDER BY started_at_ns"),
        (Order::Newest, ..) => "ORDER BY id DESC".to_owned(),
        (Order::Oldest, ..) => "ORDER BY id".to_owned(),
    };
    let sql = format!(
        "SELECT count(*) FROM (SELECT 1 FROM (SELECT * FROM command_logs {limit} LIMIT {NEWEST}) AS command_logs{} LIMIT {DENSE})",
        c.sql()
    );
    let count: i64 = db.prepare_cached(&sql)?.query_row(params_from_iter(c.values), |row| row.get(0))?;
    Ok(count == DENSE)
}

/// The filter that fewest rows pass, where these are `most` at most.
fn rarest<'f>(
    filters: impl Iterator<Item = &'f Filter>,
    most: i64,
    db: &Connection,
) -> rusqlite::Result<Option<&'f Filter>> {
    let mut best: Option<(i64, &Filter)> = None;
    for filter in filters {
        let probe = format!("SELECT count(*) FROM (SELECT 1 {} LIMIT {})", filter.from, most + 1);
        let values = params_from_iter(filter.values.iter());
        let count: i64 = db.prepare_cached(&probe)?.query_row(values, |row| row.get(0))?;
        if count <= most && best.is_none_or(|(least, _)| count < least) {
            best = Some((count, filter));
        }
    }
    Ok(best.map(|(_, filter)| filter))
}

/// Two filters that many rows pass: the ids of the one are looked up in the index of the other, so that rows need not be
/// read. In the order of time, neighbours in the one are neighbours in the other.
fn both(filters: &[Filter], db: &Connection) -> rusqlite::Result<Option<Lead>> {
    let other = |n: usize| filters.iter().enumerate().find_map(|(m, f)| f.lookup.as_ref().filter(|_| m != n));
    let scanned = filters.iter().enumerate().filter(|(n, _)| other(*n).is_some()).map(|(_, filter)| filter);
    let Some(rare) = rarest(scanned, MANY, db)? else { return Ok(None) };
    let place = filters.iter().position(|filter| std::ptr::eq(filter, rare));
    let Some((index, term, value)) = place.and_then(other) else { return Ok(None) };
    let ((id, at), from) = (rare.columns, &rare.from);
    let sql = format!(
        "SELECT a.id FROM (SELECT {id} AS id, {at} AS started_at_ns {from} ORDER BY 2) AS a CROSS JOIN \
         command_logs AS b INDEXED BY command_by_{index} \
         ON {term} AND b.started_at_ns IS a.started_at_ns AND b.id = a.id"
    );
    Ok(Some(Lead::Few(sql, rare.values.iter().cloned().chain([value.clone()]).collect())))
}

/// What leads where no filter lets few rows through.
fn lead_among_many(query: &Query, filters: &[Filter], db: &Connection) -> rusqlite::Result<Option<Lead>> {
    if filters.is_empty() || is_dense(query, db)? {
        return Ok(None);
    }
    if let Some(text) = &query.text
        && let Some(question) = text_index::question(db, text, false)?
    {
        let sql = format!(
            "SELECT count(*) FROM (SELECT 1 FROM command_text WHERE command_text MATCH ? LIMIT {})",
            FEW + 1
        );
        let count: i64 = db.prepare_cached(&sql)?.query_row([&question], |row| row.get(0))?;
        if count <= FEW {
            return Ok(Some(Lead::Text(question, text_index::end(db)?)));
        }
    }
    match rarest(filters.iter(), SOME, db)? {
        // In the order of time a page may be full long before all of them were read.
        Some(some) => {
            Ok(Some(some.ordered.filter(|_| !by_id(query)).map_or_else(|| some.lead(), Lead::Index)))
        }
        None => both(filters, db),
    }
}

/// One filter with an index.
struct Filter {
    /// The columns of a row's id and of its time, NULL where the index has none.
    columns: (&'static str, &'static str),
    /// `FROM …` the index, narrowed to the rows that pass.
    from: String,
    values: Vec<Value>,
    /// The index, where its rows are in the order of time.
    ordered: Option<&'static str>,
    /// How another's row is looked up in this index: its name, and a condition on `b` with its value.
    lookup: Option<(&'static str, String, Value)>,
}

impl Filter {
    fn lead(&self) -> Lead {
        Lead::Few(format!("SELECT {} {}", self.columns.0, self.from), self.values.clone())
    }
}

/// The filters that have an index, each narrowed by the time's limits.
fn filters(query: &Query) -> Vec<Filter> {
    let mut filters = Vec::new();
    let mut filter = |index: &'static str,
                      term: Option<(String, Vec<Value>)>,
                      lookup: Option<&'static str>| {
        let lookup = lookup.zip(term.as_ref().and_then(|(_, values)| values.first().cloned()));
        let lookup = lookup.map(|(column, value)| (index, format!("b.{column} = ?"), value));
        let ordered = Some(index).filter(|index| lookup.is_some() || matches!(*index, "level" | "time"));
        let mut c = Condition::default();
        if let Some((term, values)) = term {
            c.add(term, values);
        }
        time_terms(query, &mut c);
        let from = format!("FROM command_logs INDEXED BY command_by_{index}{}", c.sql());
        filters.push(Filter { columns: ("id", "started_at_ns"), from, values: c.values, ordered, lookup });
    };
    let is = |column: &str, value: &String| Some((format!("{column} = ?"), vec![value.clone().into()]));
    if let Some(session) = &query.session {
        filter("session", is("session_id", session), Some("session_id"));
    }
    if let Some(user) = &query.user {
        filter("user", is("user", user), Some("user"));
    }
    if let Some(host) = &query.host {
        filter("host", is("host", host), Some("host"));
    }
    if let Some(directory) = &query.directory {
        let (term, values) = directory_term("working_directory", directory);
        filter("directory", Some((term, values.to_vec())), None);
    }
    if let Some(status) = query.exit_status.filter(|status| *status != 0) {
        let term = "exit_status = ? AND exit_status <> 0".to_owned();
        filter("failure", Some((term, vec![i64::from(status).into()])), None);
    } else if query.failed {
        filter("failure", Some(("exit_status <> 0".to_owned(), Vec::new())), None);
    }
    if let Some(levels) = levels(query) {
        filter("level", Some((level_term(&levels), Vec::new())), None);
    }
    if query.since.is_some() || query.until.is_some() {
        filter("time", None, None);
    }
    if let Some(rule) = &query.rule {
        let (numbers, values) = rule_numbers(rule);
        let from = format!("FROM findings INDEXED BY finding_by_rule WHERE rule IN ({numbers})");
        filters.push(Filter {
            columns: ("command_id", "NULL"),
            from,
            values: values.to_vec(),
            ordered: None,
            lookup: None,
        });
    }
    filters
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Event, Record};
    use crate::store::{Entry, Row, Store, StoreOptions};
    use crate::{Level, Verdict};

    /// 8,000 rows. Many pass each filter, and of some pairs nobody passes both: ann is never in bob's folder.
    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path().join("monitor.db"), StoreOptions::default()).unwrap();
        let findings = crate::Classifier::builtin().classify(b"nmap host").findings;
        for from in (0..8000).step_by(2000) {
            let entries: Vec<Entry> = (from..from + 2000)
                .map(|n: usize| {
                    let user = ["ann", "bob"][n % 2];
                    let event = Event {
                        command: format!("make {} number {n}", ["install", "設定"][n / 2 % 2]).into_bytes(),
                        user: user.into(),
                        session_id: format!("{user}-{}", n / 4000),
                        host: ["a", "b"][usize::from(n % 8 < 3)].into(),
                        working_directory: format!("/home/{user}/{}", n % 30),
                        // Some came late, as histories do.
                        started_at: if n.is_multiple_of(50) { n as i64 / 2 } else { n as i64 + 1 },
                        exit_status: Some(i32::from(n % 16 < 7)),
                        ..Event::default()
                    };
                    let found = if n % 8 < 3 { findings.clone() } else { Vec::new() };
                    let level = if n.is_multiple_of(3) { Level::High } else { Level::Low };
                    let verdict = Verdict {
                        level,
                        findings: found,
                        excluded: n.is_multiple_of(5),
                        ..Verdict::default()
                    };
                    Entry::Command(Box::new(Record::new(event, verdict)), Vec::new())
                })
                .collect();
            store.commit(&entries).unwrap();
        }
        (folder, store)
    }

    type Change = fn(&mut Query);
    type Keep = fn(&Row) -> bool;

    /// What narrows a query, and the rows that pass.
    const FILTERS: [(Change, Keep); 17] = [
        (|_| {}, |_| true),
        (|q| q.user = Some("ann".into()), |r| r.user == "ann"),
        (|q| q.session = Some("bob-1".into()), |r| r.session_id == "bob-1"),
        (|q| q.host = Some("a".into()), |r| r.host == "a"),
        (|q| q.host = Some("b".into()), |r| r.host == "b"),
        (|q| q.directory = Some("/home/bob".into()), |r| r.working_directory.starts_with("/home/bob/")),
        (|q| q.directory = Some("/home/bob/7".into()), |r| r.working_directory == "/home/bob/7"),
        (|q| q.level = Some(Level::High), |r| r.level == Level::High),
        (|q| q.rule = Some("reconnaissance".into()), |r| !r.rules.is_empty()),
        (|q| q.exit_status = Some(1), |r| r.exit_status == Some(1)),
        (|q| q.failed = true, |r| r.exit_status != Some(0)),
        (|q| q.until = Some(4000), |r| r.started_at < 4000),
        (|q| q.since = Some(6000), |r| r.started_at >= 6000),
        (|q| q.text = Some("install".into()), |r| r.command.starts_with(b"make install")),
        (|q| q.text = Some("設定".into()), |r| !r.command.starts_with(b"make install")),
        (|q| q.before_id = Some(4000), |r| r.id < 4000),
        (|q| q.hide_excluded = true, |r| !r.excluded),
    ];

    #[test]
    fn every_pair_of_filters_finds_what_a_look_at_every_row_finds() {
        let (_folder, store) = store();
        let all: Vec<Row> = store.rows(&Query::new()).unwrap().map(Result::unwrap).collect();
        for (n, (first, keep)) in FILTERS.into_iter().enumerate() {
            for (second, too) in FILTERS.into_iter().skip(n) {
                for order in [Order::Newest, Order::Oldest] {
                    let mut query = Query { order, ..Query::default() };
                    first(&mut query);
                    second(&mut query);
                    // Two of a kind: the second is the one that counts.
                    let mut only = Query { order, ..Query::default() };
                    second(&mut only);
                    let replaced = query == only;
                    let mut wanted: Vec<&Row> =
                        all.iter().filter(|row| too(row) && (replaced || keep(row))).collect();
                    if by_id(&query) {
                        wanted.sort_by_key(|row| row.id);
                    } else {
                        wanted.sort_by_key(|row| (row.started_at, row.id));
                    }
                    if order == Order::Newest {
                        wanted.reverse();
                    }
                    let wanted: Vec<i64> = wanted.iter().map(|row| row.id).collect();
                    let found: Vec<i64> = store.rows(&query).unwrap().map(|row| row.unwrap().id).collect();
                    assert_eq!(found, wanted, "{query:?}");
                    query.limit = Some(50);
                    query.page_after = wanted.get(100).copied();
                    let page: Vec<i64> = store.rows(&query).unwrap().map(|row| row.unwrap().id).collect();
                    let next = wanted.iter().skip(if wanted.len() > 100 { 101 } else { 0 }).take(50);
                    assert_eq!(page, next.copied().collect::<Vec<_>>(), "{query:?}");
                }
            }
        }
    }

    #[test]
    fn filters_that_exclude_each_other_meet_in_their_indexes() {
        let (_folder, store) = store();
        let query =
            Query { user: Some("ann".into()), directory: Some("/home/bob".into()), ..Query::default() };
        let Lead::Few(ids, values) = Lead::of(&query, &store.db).unwrap() else { panic!("no filter leads") };
        let mut statement = store.db.prepare(&format!("EXPLAIN QUERY PLAN {ids}")).unwrap();
        let plan = statement.query_map(params_from_iter(values), |row| row.get::<_, String>(3)).unwrap();
        let plan: Vec<String> = plan.map(Result::unwrap).collect();
        let rows = |step: &&String| step.starts_with("SEARCH");
        assert!(plan.iter().filter(rows).all(|step| step.contains("COVERING INDEX")), "{plan:?}");
        assert!(
            plan.iter().any(|step| step.contains("command_by_user (user=? AND started_at_ns=? AND rowid=?)")),
            "{plan:?}"
        );
        // What many rows pass together is read in the wanted order.
        let query = Query { user: Some("ann".into()), level: Some(Level::High), ..Query::default() };
        assert!(matches!(Lead::of(&query, &store.db).unwrap(), Lead::Order));
    }
}
