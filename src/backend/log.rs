//! The life-cycle log on stderr, filtered by `WINDROW_LOG`.
//!
//! A filter is a level (`off`, `error`, `warn`, `info`, `debug`, `trace`), or several
//! `room=level` with commas between them, such as `warn,threads=debug`. Without the variable,
//! warnings are written.

use std::sync::RwLock;

/// How much is worth writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing.
    Off,
    /// What made something fail.
    Error,
    /// What a user should look at.
    Warn,
    /// Beginnings and ends.
    Info,
    /// What backends do.
    Debug,
    /// Every task.
    Trace,
}

const LEVELS: [(&str, Level); 6] = [
    ("off", Level::Off),
    ("error", Level::Error),
    ("warn", Level::Warn),
    ("info", Level::Info),
    ("debug", Level::Debug),
    ("trace", Level::Trace),
];

/// What is allowed in a filter, in words.
pub const ALLOWED: &str =
    "a level (off, error, warn, info, debug, trace), or room=level, with commas between several";

/// Which lines are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    general: Level,
    rooms: Vec<(String, Level)>,
}

impl Filter {
    /// Reads a filter; `None` when it is not one.
    ///
    /// ```
    /// use windrow::backend::log::{Filter, Level};
    /// let filter = Filter::parse("warn,threads=debug").unwrap();
    /// assert!(filter.lets_through("threads", Level::Debug));
    /// assert!(!filter.lets_through("loader", Level::Info));
    /// assert!(Filter::parse("loud").is_none());
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let level = |name: &str| LEVELS.iter().find(|(known, _)| *known == name).map(|l| l.1);
        let mut filter = Self { general: Level::Warn, rooms: Vec::new() };
        for part in text.split(',') {
            match part.trim().split_once('=') {
                None => filter.general = level(part.trim())?,
                Some((room, name)) => filter.rooms.push((room.trim().into(), level(name.trim())?)),
            }
        }
        Some(filter)
    }

    /// Whether a line of this room and level is written.
    #[must_use]
    pub fn lets_through(&self, room: &str, level: Level) -> bool {
        let own = self.rooms.iter().rev().find(|(name, _)| name == room);
        level <= own.map_or(self.general, |(_, level)| *level)
    }
}

static FILTER: RwLock<Filter> = RwLock::new(Filter { general: Level::Warn, rooms: Vec::new() });

/// Sets the filter for this process.
pub fn set(filter: Filter) {
    if let Ok(mut current) = FILTER.write() {
        *current = filter;
    }
}

/// Writes a warning.
pub fn warn(room: &str, text: impl FnOnce() -> String) {
    write(room, Level::Warn, text);
}

/// Writes what began or ended.
pub fn info(room: &str, text: impl FnOnce() -> String) {
    write(room, Level::Info, text);
}

/// Writes what a backend does.
pub fn debug(room: &str, text: impl FnOnce() -> String) {
    write(room, Level::Debug, text);
}

fn write(room: &str, level: Level, text: impl FnOnce() -> String) {
    if FILTER.read().is_ok_and(|filter| filter.lets_through(room, level)) {
        use std::io::Write;
        // A closed stderr is no reason to fail.
        _ = writeln!(std::io::stderr().lock(), "windrow {room}: {}", text());
    }
}
