//! The filters that weigh pixels.

use serde::{Deserialize, Serialize};

/// A filter that weighs pixels by their distance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ResizeFilter {
    /// `bilinear`: a triangle over one pixel to either side, fast and soft.
    #[default]
    Bilinear,
    /// `lanczos3`: a sine in a window over three pixels to either side, slower and sharp, with
    /// slight halos.
    Lanczos3,
}
