//! What a commit adds to the rows of `sessions`, which count its commands.

use crate::Level;
use crate::record::{Event, UnixNanos};
use rusqlite::{Connection, Row, params};
use std::collections::HashMap;

/// So many rows may be committed without their sessions' counts, one [`Extent::Rows`](super::Extent) after the other.
pub(crate) const UNCOUNTED: usize = 64;

/// Sessions of one commit.
#[derive(Default)]
pub(super) struct SessionCounts(HashMap<String, Session>);

struct Session {
    /// Without its command.
    event: Event,
    first_id: i64,
    last_id: i64,
    last_at: UnixNanos,
    first_at: UnixNanos,
    /// Commands by level, lowest first.
    commands: [i64; 4],
    worst: Level,
}

impl SessionCounts {
    /// Counts a row.
    pub(super) fn note(&mut self, id: i64, event: &Event, level: Level) {
        let at = event.started_at;
        match self.0.get_mut(&event.session_id) {
            Some(session) => {
                session.first_id = session.first_id.min(id);
                session.last_id = session.last_id.max(id);
                session.last_at = session.last_at.max(at);
                session.first_at = session.first_at.min(at);
                session.commands[level as usize] += 1;
                session.worst = session.worst.max(level);
            }
            None => {
                let event = Event { command: Vec::new(), ..event.clone() };
                let mut commands = [0; 4];
                commands[level as usize] = 1;
                let session = Session {
                    event,
                    first_id: id,
                    last_id: id,
                    last_at: at,
                    first_at: at,
                    commands,
                    worst: level,
                };
                self.0.insert(session.event.session_id.clone(), session);
            }
        }
    }

    /// Counts the rows that [`Extent::Rows`](super::Extent) left out: the newest ones, since every other commit counts them
    /// first. A session says itself which of its rows it has counted last.
    pub(super) fn note_uncounted(&mut self, db: &Connection) -> rusqlite::Result<()> {
        let sql = "SELECT c.id, c.session_id, c.parent_session, c.user, c.uid, c.host, c.tty, c.pid, c.shell, c.ssh_client,
              c.started_at_ns, c.risk_level, c.session_id IS NULL OR c.id <= coalesce(s.last_id, 0)
            FROM command_logs c LEFT JOIN sessions s ON s.session_id = c.session_id ORDER BY c.id DESC LIMIT ?1";
        let mut statement = db.prepare_cached(sql)?;
        let mut rows = statement.query([i64::try_from(UNCOUNTED).unwrap_or(0)])?;
        while let Some(row) = rows.next()? {
            if row.get(12)? {
                break;
            }
            let level: Option<String> = row.get(11)?;
            let level = level.and_then(|level| level.parse().ok()).unwrap_or(Level::Low);
            self.note(row.get(0)?, &event(row)?, level);
        }
        Ok(())
    }

    /// Adds them to the table.
    pub(super) fn write(&self, db: &Connection) -> rusqlite::Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let sql =
            "INSERT INTO sessions (session_id, parent_session, user, uid, host, tty, pid, shell, ssh_client,
              first_id, last_id, started_at_ns, last_at_ns, commands, worst, medium, high, critical)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)
            ON CONFLICT (session_id) DO UPDATE SET
              last_id = excluded.last_id,
              started_at_ns = min(started_at_ns, excluded.started_at_ns),
              last_at_ns = max(last_at_ns, excluded.last_at_ns),
              commands = commands + excluded.commands,
              worst = max(worst, excluded.worst),
              medium = medium + excluded.medium,
              high = high + excluded.high,
              critical = critical + excluded.critical";
        let mut upsert = db.prepare_cached(sql)?;
        for session in self.0.values() {
            let e = &session.event;
            let [low, medium, high, critical] = session.commands;
            upsert.execute(params![
                e.session_id,
                e.parent_session,
                e.user,
                e.uid,
                e.host,
                e.tty,
                e.pid,
                e.shell,
                e.ssh_client,
                session.first_id,
                session.last_id,
                session.first_at,
                session.last_at,
                low + medium + high + critical,
                session.worst as u8,
                medium,
                high,
                critical
            ])?;
        }
        Ok(())
    }
}

/// Counts what a commit in haste left out, inside the caller's transaction.
pub(super) fn catch_up(db: &Connection) -> rusqlite::Result<()> {
    let mut counts = SessionCounts::default();
    counts.note_uncounted(db)?;
    counts.write(db)
}

/// The oldest row that isn't counted yet.
pub(super) fn first_uncounted(db: &Connection) -> rusqlite::Result<Option<i64>> {
    let mut counts = SessionCounts::default();
    counts.note_uncounted(db)?;
    Ok(counts.0.values().map(|session| session.first_id).min())
}

/// What a stored row tells of its session.
fn event(row: &Row<'_>) -> rusqlite::Result<Event> {
    let text = |at: usize| row.get::<_, Option<String>>(at).map(Option::unwrap_or_default);
    Ok(Event {
        session_id: text(1)?,
        parent_session: row.get(2)?,
        user: text(3)?,
        uid: row.get(4)?,
        host: text(5)?,
        tty: row.get(6)?,
        pid: row.get(7)?,
        shell: text(8)?,
        ssh_client: row.get(9)?,
        started_at: row.get::<_, Option<i64>>(10)?.unwrap_or(0),
        ..Event::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record;
    use crate::store::{Entry, Extent, Place, Prune, SessionQuery, Store, StoreOptions};
    use crate::verdict::Verdict;

    fn entry(n: u32, session: &str, level: Level) -> Entry {
        let event = Event {
            key: format!("key:{n}"),
            session_id: session.into(),
            command: b"ls".to_vec(),
            user: "ann".into(),
            started_at: i64::from(n) * 1_000_000_000,
            tty: Some("/dev/pts/1".into()),
            pid: Some(7),
            ..Event::default()
        };
        let verdict = Verdict { level, ..Verdict::default() };
        Entry::Command(Box::new(Record::new(event, verdict)), Vec::new())
    }

    /// Session, first and last row, commands by level, worst.
    fn sessions(store: &Store) -> Vec<(String, i64, i64, [u64; 4], Level)> {
        let mut found: Vec<_> = store
            .sessions(&SessionQuery::new())
            .unwrap()
            .into_iter()
            .map(|s| (s.session_id, s.first_id, s.last_id, s.counts, s.worst))
            .collect();
        found.sort();
        found
    }

    fn rows_alone(store: &mut Store, entries: &[Entry]) {
        store.commit_up_to(entries, Extent::Rows).unwrap();
    }

    #[test]
    fn the_next_commit_counts_what_was_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("monitor.db");
        let mut store = Store::open(&path, StoreOptions::default()).unwrap();
        store.commit(&[entry(1, "a", Level::Low)]).unwrap();
        rows_alone(&mut store, &[entry(2, "a", Level::High), entry(3, "b", Level::Low)]);
        rows_alone(&mut store, &[entry(4, "a", Level::Medium)]);
        // The same again changes nothing.
        rows_alone(&mut store, &[entry(4, "a", Level::Medium)]);
        assert_eq!(sessions(&store), [("a".into(), 1, 1, [1, 0, 0, 0], Level::Low)]);
        assert_eq!(store.session_differences().unwrap(), 0, "what waits is no difference");
        // Whoever left it out is gone.
        drop(store);
        let mut store = Store::open(&path, StoreOptions::default()).unwrap();
        store.commit(&[entry(5, "b", Level::Low)]).unwrap();
        let b = ("b".into(), 3, 5, [2, 0, 0, 0], Level::Low);
        assert_eq!(sessions(&store), [("a".into(), 1, 4, [1, 1, 1, 0], Level::High), b.clone()]);
        let described = &store.sessions(&SessionQuery::new()).unwrap()[0];
        assert_eq!(
            (described.user.as_str(), described.tty.as_deref(), described.pid),
            ("ann", Some("/dev/pts/1"), Some(7))
        );
        // A place alone, an end alone.
        rows_alone(&mut store, &[entry(6, "c", Level::Low)]);
        let place = Place { name: "7-8".into(), value: Some("1".into()) };
        store.commit_up_to(&[], Extent::All(&[place])).unwrap();
        assert_eq!(sessions(&store)[2], ("c".into(), 6, 6, [1, 0, 0, 0], Level::Low));
        rows_alone(&mut store, &[entry(7, "c", Level::Low)]);
        let ending = crate::record::Ending { key: "key:7".into(), exit_status: Some(0), duration: None };
        store.commit(&[Entry::End(ending)]).unwrap();
        assert_eq!(sessions(&store)[2].3, [2, 0, 0, 0]);
        assert_eq!(store.session_differences().unwrap(), 0);
        assert!(store.verify(&[], &mut |_, _| {}).unwrap().problems.is_empty());
    }

    #[test]
    fn what_is_removed_is_counted_first() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path().join("monitor.db"), StoreOptions::default()).unwrap();
        store.commit(&[entry(1, "a", Level::Low)]).unwrap();
        rows_alone(&mut store, &[entry(2, "a", Level::Low), entry(3, "a", Level::Low)]);
        store.prune(&Prune::new(2_500_000_000), &mut |_| {}).unwrap();
        assert_eq!(sessions(&store), [("a".into(), 1, 3, [1, 0, 0, 0], Level::Low)]);
        assert_eq!(store.session_differences().unwrap(), 0);
    }
}
