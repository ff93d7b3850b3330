//! Programs that use worker processes rightly and wrongly, each run as a user would run it.
//!
//! This test is all of these programs: the variable `ROLE` says which one it is. Without it, it
//! runs them one after another and looks at what they print and leave behind.
#![allow(unsafe_code)]

#[cfg(unix)]
mod hardships;
#[cfg(unix)]
mod hosts;
#[cfg(unix)]
mod roles;
#[cfg(unix)]
mod runs;

fn main() {
    #[cfg(unix)]
    match std::env::var("ROLE") {
        Ok(role) => roles::play(&role),
        Err(_) => runs::all(),
    }
    #[cfg(not(unix))]
    println!("skipped: there are no worker processes on this platform yet");
}
