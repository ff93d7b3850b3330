//! `windrow backends`.

use windrow::backend::registry;

use crate::DONE;
use crate::output::print;

pub(crate) fn list() -> windrow::Result<u8> {
    for info in registry() {
        let availability = match (info.available)() {
            Ok(()) => "available".to_owned(),
            Err(why) => format!("not available: {why}"),
        };
        let can = info.capabilities;
        let abilities = [
            (can.runs_ahead, "runs ahead of the caller"),
            (can.shares_memory, "shares memory"),
            (can.isolates_crashes, "isolates crashes"),
            (can.kills_stuck_samples, "stops stuck samples"),
        ];
        let abilities: Vec<&str> =
            abilities.iter().filter(|(can, _)| *can).map(|(_, what)| *what).collect();
        print(&format!(
            "{:<10} {availability}\n           {}\n           needs: {}\n           can: {}",
            info.name,
            info.description,
            info.requires,
            abilities.join(", ")
        ))?;
    }
    Ok(DONE)
}
