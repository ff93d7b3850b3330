//! Each worker has a connection of its own, which its hooks open and close.
//!
//! Samples come out of the database and leave a trace in it, so the tests see who made what through
//! which connection, and what was still open in the end.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rusqlite::{Connection, params};
use windrow::{Backend, Dataset, Error, Loader, Result, WorkerContext, range};

windrow::test_entry!();

/// The connection of this process.
static OPEN: Mutex<Option<Connection>> = Mutex::new(None);

/// Where the database lies: known to this test binary, and so to its workers.
fn path() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("rows.db")
}

fn connect() -> rusqlite::Result<Connection> {
    let connection = Connection::open(path())?;
    connection.busy_timeout(std::time::Duration::from_secs(30))?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    Ok(connection)
}

fn at_start(_: &'static WorkerContext) -> Result<()> {
    let connection = connect().and_then(|connection| {
        connection.execute("INSERT INTO opened VALUES (?1)", [std::process::id()])?;
        Ok(connection)
    });
    let connection = connection.map_err(|error| Error::Workers { why: error.to_string() })?;
    let before = OPEN.lock().unwrap().replace(connection);
    assert!(before.is_none(), "a worker has one connection");
    Ok(())
}

fn at_exit(_: &'static WorkerContext) {
    let connection = OPEN.lock().unwrap().take().expect("it is open");
    connection.execute("INSERT INTO closed VALUES (?1)", [std::process::id()]).unwrap();
    connection.close().map_err(|(_, error)| error).unwrap();
}

fn texts(rows: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = String> + use<>> {
    Ok(range(0..rows).shuffle(3).try_map(|id| {
        let open = OPEN.lock().unwrap();
        let connection = open.as_ref().expect("it is open");
        let process = std::process::id();
        connection.execute("INSERT INTO made VALUES (?1, ?2)", params![id as i64, process])?;
        let text = "SELECT text FROM rows WHERE id = ?1";
        connection.query_row(text, [id as i64], |row| row.get::<_, String>(0))
    }))
}

/// A new database with so many rows.
fn fill(rows: u64) {
    for end in ["", "-wal", "-shm"] {
        _ = std::fs::remove_file(path().with_extension(format!("db{end}")));
    }
    let mut connection = connect().unwrap();
    let tables = "CREATE TABLE rows (id INTEGER PRIMARY KEY, text TEXT);
                  CREATE TABLE opened (process INTEGER); CREATE TABLE closed (process INTEGER);
                  CREATE TABLE made (id INTEGER, process INTEGER);";
    connection.execute_batch(tables).unwrap();
    let all = connection.transaction().unwrap();
    for id in 0..rows {
        let text = format!("row {id}");
        all.execute("INSERT INTO rows VALUES (?1, ?2)", params![id as i64, text]).unwrap();
    }
    all.commit().unwrap();
}

fn run(backend: Backend) -> Vec<String> {
    let loader = Loader::recipe(texts, 200).backend(backend).workers(3).max_samples_per_worker(20);
    let loader = loader.on_worker_start(at_start).on_worker_exit(at_exit).build().unwrap();
    loader.map(|text| text.unwrap().into_inner()).collect()
}

fn column(query: &str) -> Vec<u32> {
    let connection = connect().unwrap();
    let mut statement = connection.prepare(query).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(|row| row.unwrap()).collect()
}

#[test]
fn each_worker_opens_one_connection_and_closes_it_and_the_samples_are_those_of_inline() {
    fill(200);
    let inline = run(Backend::Inline);
    assert_eq!(column("SELECT DISTINCT process FROM made"), [std::process::id()]);

    fill(200);
    let got = run(Backend::Processes);
    // The last to close a database in order leaves no log behind.
    assert!(!path().with_extension("db-wal").exists(), "a connection was left open");
    assert_eq!(got, inline);

    let opened = column("SELECT process FROM opened ORDER BY process");
    assert!(opened.len() >= 10, "20 samples a process at most: {opened:?}");
    assert!(opened.is_sorted_by(|a, b| a < b), "a connection a process: {opened:?}");
    assert!(!opened.contains(&std::process::id()));
    assert_eq!(column("SELECT process FROM closed ORDER BY process"), opened);
    let by = column("SELECT DISTINCT process FROM made");
    assert!(by.iter().all(|process| opened.contains(process)), "{by:?}");
    assert_eq!(column("SELECT count(*) FROM made GROUP BY process ORDER BY 1 DESC LIMIT 1"), [20]);
    assert_eq!(column("SELECT count(DISTINCT id) FROM made"), [200]);
    assert_eq!(column("SELECT count(*) FROM made"), [200]);
}
