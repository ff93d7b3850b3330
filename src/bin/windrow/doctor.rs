//! `windrow doctor`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use windrow::loader::preflight;
use windrow::{Error, Loader, Result};

use crate::{DONE, SAMPLE_FAILED, print, run};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The pipeline document; files in it are relative to its folder
    spec: PathBuf,
    /// How long each backend is tried, in seconds
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Prints the report as one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn examine(arguments: &Arguments) -> Result<u8> {
    let spec = run::read(&arguments.spec)?;
    let folder = arguments.spec.parent().unwrap_or(Path::new(""));
    let each = Duration::try_from_secs_f64(arguments.seconds).map_err(|error| Error::Setting {
        name: "--seconds".into(),
        value: arguments.seconds.to_string(),
        allowed: format!("a number of seconds ({error})"),
    })?;
    let report = preflight(|| Loader::spec(&spec, windrow::source::Folder::unconfined(folder)), each)?;
    if arguments.json {
        print(&serde_json::to_string(&report).map_err(|error| {
            Error::io("write the report as JSON", std::io::Error::other(error))
        })?)?;
    } else {
        print(&report.to_string())?;
    }
    let good = report.errors.is_empty() && report.crosses.is_ok();
    Ok(if good { DONE } else { SAMPLE_FAILED })
}
