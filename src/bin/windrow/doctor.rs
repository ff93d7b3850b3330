//! `windrow doctor`.

use std::time::Duration;

use windrow::loader::preflight;
use windrow::{Error, Loader, Result};

use crate::input::Document;
use crate::output::{print, print_json};
use crate::{DONE, SAMPLE_FAILED};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    document: Document,
    /// The time to try each backend, in seconds
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Prints the report as one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn examine(arguments: &Arguments) -> Result<u8> {
    let (spec, folder) = (arguments.document.read()?, arguments.document.folder());
    let each = Duration::try_from_secs_f64(arguments.seconds).map_err(|error| Error::Setting {
        name: "--seconds".into(),
        value: arguments.seconds.to_string(),
        allowed: format!("a number of seconds of at least 0 ({error})"),
    })?;
    let report = preflight(|| Loader::spec(&spec, folder.clone()), each)?;
    if arguments.json {
        print_json(&report)?;
    } else {
        print(&report.to_string())?;
    }
    let good = report.errors.is_empty() && report.crosses.is_ok();
    Ok(if good { DONE } else { SAMPLE_FAILED })
}
