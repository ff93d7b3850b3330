//! Log output: to the program's logger, or to standard error if the program has none.
//!
//! Records go to the [`log`] crate, with targets such as `windrow::loader`. In a program without a
//! logger, windrow writes records to standard error as `WINDROW_LOG` allows; by default, warnings.
//! The variable's value is a level (`off`, `error`, `warn`, `info`, `debug`, `trace`), or several
//! `target=level` pairs separated by commas, such as `warn,threads=debug`.

use std::io::Write;
use std::sync::RwLock;

use log::{Level, LevelFilter};

/// The allowed values of a filter, for error messages.
pub(crate) const ALLOWED: &str =
    "a level (off, error, warn, info, debug, trace), or target=level pairs separated by commas";

/// A filter for log records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Levels {
    general: LevelFilter,
    rooms: Vec<(String, LevelFilter)>,
}

static LEVELS: RwLock<Levels> =
    RwLock::new(Levels { general: LevelFilter::Warn, rooms: Vec::new() });

impl Levels {
    /// Parses a filter; returns `None` if the text is invalid.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut filter = Self { general: LevelFilter::Warn, rooms: Vec::new() };
        for part in text.split(',') {
            match part.trim().split_once('=') {
                None => filter.general = part.trim().parse().ok()?,
                Some((room, name)) => {
                    filter.rooms.push((room.trim().into(), name.trim().parse().ok()?));
                }
            }
        }
        Some(filter)
    }

    /// Replaces the filter of this process.
    pub(crate) fn set(self) {
        if let Ok(mut current) = LEVELS.write() {
            *current = self;
        }
    }

    /// Returns whether records of this target and level pass the filter.
    fn lets_through(&self, room: &str, level: Level) -> bool {
        let own = self.rooms.iter().rev().find(|(name, _)| name == room);
        level <= own.map_or(self.general, |(_, level)| *level)
    }
}

/// Logs a warning.
pub(crate) fn warn(room: &str, text: impl FnOnce() -> String) {
    write(room, Level::Warn, text);
}

/// Logs a start or an end.
pub(crate) fn info(room: &str, text: impl FnOnce() -> String) {
    write(room, Level::Info, text);
}

/// Logs a backend's actions.
pub(crate) fn debug(room: &str, text: impl FnOnce() -> String) {
    write(room, Level::Debug, text);
}

fn write(room: &str, level: Level, text: impl FnOnce() -> String) {
    // A program with a logger has set its own maximum level.
    if log::max_level() != LevelFilter::Off {
        log::log!(target: &format!("windrow::{room}"), level, "{}", text());
    } else if LEVELS.read().is_ok_and(|levels| levels.lets_through(room, level)) {
        // A closed standard error is no reason to fail.
        _ = writeln!(std::io::stderr().lock(), "windrow {room}: {}", text());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_have_levels_of_their_own() {
        let filter = Levels::parse("warn,threads=debug").unwrap();
        assert!(filter.lets_through("threads", Level::Debug));
        assert!(filter.lets_through("loader", Level::Warn));
        assert!(!filter.lets_through("loader", Level::Info));
        let off = Levels::parse("info, loader = off").unwrap();
        assert!(!off.lets_through("loader", Level::Error));
        assert!(off.lets_through("processes", Level::Info));
        for none in ["loud", "", "threads=", "threads=loud"] {
            assert!(Levels::parse(none).is_none(), "{none:?}");
        }
    }
}
