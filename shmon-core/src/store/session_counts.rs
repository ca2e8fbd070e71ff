//! What commits add to the rows of `sessions`, which count its commands.
//!
//! A commit that a shell waits for leaves them out, and `meta` says from which row on; the next one that nobody waits for, in
//! whatever process, makes up for it. Until then `sessions` is behind by those rows, and nothing else is.

use crate::Level;
use crate::record::{Event, UnixNanos};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::HashMap;

/// The first row that isn't counted, in `meta`; absent where all are.
const LEFT: &str = "uncounted_from";

/// Sessions of one commit.
#[derive(Default)]
pub(super) struct SessionCounts(HashMap<String, Session>);

struct Session {
    /// The first of them, without its command.
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
    /// Counts a row; they come in the order of their ids.
    pub(super) fn note(&mut self, id: i64, event: &Event, level: Level) {
        let at = event.started_at;
        match self.0.get_mut(&event.session_id) {
            Some(session) => {
                session.last_id = id;
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

    /// Counts the rows that were left, however many; from here on none is, unless the transaction fails.
    pub(super) fn note_left(&mut self, db: &Connection) -> rusqlite::Result<()> {
        let Some(from) = first_left(db)? else { return Ok(()) };
        let sql = "SELECT id, session_id, parent_session, user, uid, host, tty, pid, shell, ssh_client, started_at_ns,
              risk_level FROM command_logs WHERE id >= ?1 AND session_id IS NOT NULL ORDER BY id";
        let mut statement = db.prepare_cached(sql)?;
        let mut rows = statement.query([from])?;
        while let Some(row) = rows.next()? {
            let level = text(row, 11)?.and_then(|level| level.parse().ok()).unwrap_or(Level::Low);
            self.note(row.get(0)?, &event(row)?, level);
        }
        db.prepare_cached("DELETE FROM meta WHERE name = ?1")?.execute([LEFT])?;
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

/// Says that rows from this one on aren't counted, where none before it is left.
pub(super) fn leave(db: &Connection, first: i64) -> rusqlite::Result<()> {
    let sql = "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING";
    db.prepare_cached(sql)?.execute((LEFT, first)).map(drop)
}

/// Counts what was left, inside the caller's transaction.
pub(super) fn catch_up(db: &Connection) -> rusqlite::Result<()> {
    let mut counts = SessionCounts::default();
    counts.note_left(db)?;
    counts.write(db)
}

/// The first row that isn't counted.
pub(super) fn first_left(db: &Connection) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT value FROM meta WHERE name = ?1";
    // Where somebody made it something else, nobody knows, and commits go on.
    let read = |row: &Row<'_>| Ok(integer(row, 0)?.unwrap_or(i64::MAX));
    db.prepare_cached(sql)?.query_row([LEFT], read).optional()
}

/// What a stored row tells of its session. Somebody may have edited it: what has another type than was written counts as
/// absent, and keeps no commit from being made.
fn event(row: &Row<'_>) -> rusqlite::Result<Event> {
    let number = |at: usize| -> rusqlite::Result<Option<u32>> {
        Ok(integer(row, at)?.and_then(|number| u32::try_from(number).ok()))
    };
    Ok(Event {
        session_id: text(row, 1)?.unwrap_or_default(),
        parent_session: text(row, 2)?,
        user: text(row, 3)?.unwrap_or_default(),
        uid: number(4)?,
        host: text(row, 5)?.unwrap_or_default(),
        tty: text(row, 6)?,
        pid: number(7)?,
        shell: text(row, 8)?.unwrap_or_default(),
        ssh_client: text(row, 9)?,
        started_at: integer(row, 10)?.unwrap_or(0),
        ..Event::default()
    })
}

fn text(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<String>> {
    Ok(match row.get_ref(at)? {
        ValueRef::Text(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    })
}

fn integer(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<i64>> {
    Ok(match row.get_ref(at)? {
        ValueRef::Integer(number) => Some(number),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::record::{Ending, Record};
    use crate::store::{Entry, Pace, Place, Prune, SessionQuery, Store, StoreOptions};
    use crate::verdict::Verdict;
    use std::path::PathBuf;
    use std::time::Duration;

    struct Scene {
        store: Store,
        path: PathBuf,
        _folder: tempfile::TempDir,
    }

    impl Scene {
        fn new() -> Scene {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("monitor.db");
            let options =
                StoreOptions { lock_timeout: Some(Duration::from_millis(50)), ..StoreOptions::default() };
            Scene { store: Store::open(&path, options).unwrap(), path, _folder: folder }
        }

        /// Somebody waits for these.
        fn hurry(&mut self, entries: &[Entry]) {
            self.store.commit_up_to(entries, &[], Pace::Hurried).unwrap();
        }

        /// Session, first and last row, commands by level, worst.
        fn sessions(&self) -> Vec<(String, i64, i64, [u64; 4], Level)> {
            let all = self.store.sessions(&SessionQuery::new()).unwrap().into_iter();
            let mut found: Vec<_> =
                all.map(|s| (s.session_id, s.first_id, s.last_id, s.counts, s.worst)).collect();
            found.sort();
            found
        }

        fn is_whole(&self) {
            assert_eq!(self.store.session_differences().unwrap(), 0);
            assert!(self.store.verify(&[], &mut |_, _| {}).unwrap().problems.is_empty());
        }
    }

    fn entry(n: u32, session: &str, level: Level) -> Entry {
        let event = Event {
            key: format!("key:{n}"),
            session_id: session.into(),
            command: b"ls".to_vec(),
            user: "ann".into(),
            started_at: i64::from(n) * 1_000_000_000,
            tty: Some(format!("/dev/pts/{n}")),
            pid: Some(n),
            ..Event::default()
        };
        let verdict = Verdict { level, ..Verdict::default() };
        Entry::Command(Box::new(Record::new(event, verdict)), Vec::new())
    }

    fn low(n: u32, session: &str) -> Entry {
        entry(n, session, Level::Low)
    }

    #[test]
    fn the_next_commit_that_nobody_waits_for_counts_what_was_left() {
        let mut scene = Scene::new();
        scene.store.commit(&[low(1, "a")]).unwrap();
        scene.hurry(&[entry(2, "a", Level::High), low(3, "b")]);
        scene.hurry(&[entry(4, "a", Level::Medium)]);
        // The same again changes nothing.
        scene.hurry(&[entry(4, "a", Level::Medium)]);
        assert_eq!(scene.sessions(), [("a".into(), 1, 1, [1, 0, 0, 0], Level::Low)]);
        scene.is_whole();
        // Whoever left it is gone.
        scene.store = Store::open(&scene.path, StoreOptions::default()).unwrap();
        scene.store.commit(&[low(5, "b"), low(4, "a")]).unwrap();
        let all =
            [("a".into(), 1, 4, [1, 1, 1, 0], Level::High), ("b".into(), 3, 5, [2, 0, 0, 0], Level::Low)];
        assert_eq!(scene.sessions(), all);
        // An end alone.
        scene.hurry(&[low(6, "c")]);
        let ending = Ending { key: "key:6".into(), exit_status: Some(0), duration: None };
        scene.store.commit(&[Entry::End(ending)]).unwrap();
        assert_eq!(scene.sessions()[2], ("c".into(), 6, 6, [1, 0, 0, 0], Level::Low));
        // Nothing at all.
        scene.hurry(&[low(7, "c")]);
        scene.store.catch_up().unwrap();
        scene.store.catch_up().unwrap();
        assert_eq!(scene.sessions()[2], ("c".into(), 6, 7, [2, 0, 0, 0], Level::Low));
        scene.is_whole();
    }

    #[test]
    fn however_many_are_left_they_are_counted_and_the_first_describes_its_session() {
        let mut scene = Scene::new();
        for n in 1..=300 {
            scene.hurry(&[low(n, if n % 3 == 0 { "a" } else { "b" })]);
        }
        scene.is_whole();
        scene.store.commit(&[low(301, "a")]).unwrap();
        let all = [
            ("a".into(), 3, 301, [101, 0, 0, 0], Level::Low),
            ("b".into(), 1, 299, [200, 0, 0, 0], Level::Low),
        ];
        assert_eq!(scene.sessions(), all);
        let first = scene.store.session("a").unwrap().unwrap();
        assert_eq!(
            (first.tty.as_deref(), first.pid, first.user.as_str()),
            (Some("/dev/pts/3"), Some(3), "ann")
        );
        assert_eq!((first.started_at, first.last_at), (3_000_000_000, 301_000_000_000));
        scene.is_whole();
    }

    #[test]
    fn a_row_that_cannot_be_read_stops_no_commit() {
        let edits = [
            "UPDATE command_logs SET uid = 'x', pid = -1, user = x'ff', tty = 7, started_at_ns = 'then' WHERE id = 2",
            "UPDATE command_logs SET risk_level = 9, parent_session = x'00ff', host = 1.5 WHERE id = 2",
            "UPDATE command_logs SET session_id = NULL WHERE id = 2",
            "UPDATE command_logs SET session_id = 5 WHERE id = 2",
            "DELETE FROM command_logs WHERE id = 2",
            "UPDATE meta SET value = 'what' WHERE name = 'uncounted_from'",
        ];
        for edit in edits {
            let mut scene = Scene::new();
            scene.hurry(&[low(1, "a"), low(2, "a"), low(3, "b")]);
            let changed = Connection::open(&scene.path).unwrap().execute(edit, []).unwrap();
            assert_eq!(changed, 1, "{edit}");
            scene.hurry(&[low(4, "c")]);
            scene.store.commit(&[low(5, "d")]).unwrap();
            scene.store.commit(&[low(6, "d")]).unwrap();
            assert!(scene.sessions().contains(&("d".into(), 5, 6, [2, 0, 0, 0], Level::Low)), "{edit}");
        }
    }

    #[test]
    fn a_failure_leaves_it_for_the_next_time() {
        let mut scene = Scene::new();
        scene.hurry(&[low(1, "a")]);
        let other = Connection::open(&scene.path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        scene.store.connection().busy_timeout(Duration::ZERO).unwrap();
        assert_eq!(scene.store.catch_up().unwrap_err().kind(), ErrorKind::Locked);
        assert_eq!(scene.store.commit(&[low(2, "a")]).unwrap_err().kind(), ErrorKind::Locked);
        other.execute_batch("ROLLBACK").unwrap();
        scene.store.catch_up().unwrap();
        assert_eq!(scene.sessions(), [("a".into(), 1, 1, [1, 0, 0, 0], Level::Low)]);
    }

    #[test]
    fn the_place_is_committed_with_the_rows() {
        let mut scene = Scene::new();
        for n in 1..=3 {
            let place = Place { name: "7-8".into(), value: Some(n.to_string()) };
            scene.store.commit_up_to(&[low(n, "a")], &[place], Pace::Hurried).unwrap();
            let other = Store::open_read(&scene.path).unwrap();
            assert_eq!(other.places().unwrap(), [("7-8".to_owned(), n.to_string())]);
        }
    }

    #[test]
    fn what_is_removed_is_counted_first() {
        let mut scene = Scene::new();
        scene.store.commit(&[low(1, "a")]).unwrap();
        scene.hurry(&[low(2, "a"), low(3, "a")]);
        scene.store.prune(&Prune::new(2_500_000_000), &mut |_| {}).unwrap();
        assert_eq!(scene.sessions(), [("a".into(), 1, 3, [1, 0, 0, 0], Level::Low)]);
        scene.is_whole();
    }
}
