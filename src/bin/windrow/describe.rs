//! `windrow describe`.

use windrow::{Loader, Result};

use crate::DONE;
use crate::input::Document;
use crate::output::print;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    document: Document,
    /// Prints a flowchart in the language of Mermaid
    #[arg(long)]
    mermaid: bool,
}

pub(crate) fn describe(arguments: &Arguments) -> Result<u8> {
    let tree = Loader::spec(&arguments.document.read()?, arguments.document.folder()).describe()?;
    print(&if arguments.mermaid { tree.to_mermaid() } else { tree.to_string() })?;
    Ok(DONE)
}
