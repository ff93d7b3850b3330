//! A program that loads the library: it knows nothing of windrow, unless it is to `borrow`.
#![allow(unsafe_code)]

use windrow::backend::Factory;
use windrow::source::{FromSource, Range};
use windrow::{Backend, Loader};

fn main() {
    let library = std::env::var_os("LIBRARY").expect("a library");
    // SAFETY: it is the library of this package, built with this program.
    let library = unsafe { libloading::Library::new(library).expect("it can be loaded") };
    if std::env::var("ROLE").is_ok_and(|role| role == "borrow") {
        windrow::init();
        // SAFETY: it has this type.
        let lent = unsafe { *library.get::<Factory<u64, FromSource<Range>>>(b"lent").unwrap() };
        return recipes::say!(Loader::recipe(lent, 9).backend(Backend::Processes));
    }
    // SAFETY: it has this type.
    let play = unsafe { *library.get::<extern "C" fn()>(b"play").unwrap() };
    play();
}
