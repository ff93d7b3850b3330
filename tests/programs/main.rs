//! Programs that use worker processes rightly and wrongly, each run as a user would run it.
//!
//! This test is all of these programs: the variable `ROLE` says which one it is. Without it, it
//! runs them one after another and looks at what they print and leave behind.
#![allow(unsafe_code)]

#[cfg(target_os = "linux")]
mod hardships;
#[cfg(not(target_os = "linux"))]
#[path = "hardships_absent.rs"]
mod hardships;
#[cfg(target_os = "linux")]
mod hosts;
mod roles;
mod runs;
#[cfg(target_os = "linux")]
mod servers;
#[cfg(target_os = "linux")]
mod strays;
#[cfg(target_os = "linux")]
mod suspended;
#[path = "../common/system/mod.rs"]
mod system;

#[cfg(not(target_os = "linux"))]
use hardships as hosts;

fn main() {
    match std::env::var("ROLE") {
        Ok(role) => roles::play(&role),
        Err(_) => runs::all(),
    }
}
