//! How pixels are weighed.

use serde::{Deserialize, Serialize};

/// How pixels are weighed by their distance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ResizeFilter {
    /// A triangle, one pixel to either side: fast and soft.
    #[default]
    Bilinear,
    /// A sine in a window, three pixels to either side: slower and sharp, with slight halos.
    Lanczos3,
}
