//! Programs that use worker processes rightly and wrongly, each run as a user would run it.
//!
//! This test is all of these programs: the variable `ROLE` says which one it is. Without it, it
//! runs them one after another and looks at what they print and leave behind.
#![allow(unsafe_code)]

mod effects;
#[cfg(target_os = "linux")]
mod hosts;
mod ranks;
#[cfg(target_os = "linux")]
mod resource_limits;
#[cfg(not(target_os = "linux"))]
#[path = "resource_limits_absent.rs"]
mod resource_limits;
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
use resource_limits as hosts;

fn main() {
    match std::env::var("ROLE") {
        Ok(role) => roles::play(&role),
        Err(_) => runs::all(),
    }
}
