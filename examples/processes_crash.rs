//! Runs a C library that crashes, in worker processes, and loses no other sample.
//!
//! What the example shows:
//! - a sample that kills its worker once: another worker makes the sample again
//! - a sample that kills every worker: one error, in the sample's place in the order
//! - samples after both, which come as if nothing had happened
//!
//! The "C library" is the `strlen` of the system's C library, given a null pointer: `strlen` reads
//! address 0, and the system ends the process (SIGSEGV on Unix). On a thread the same call would end
//! the whole program.
//!
//! ```sh
//! cargo run --example processes_crash
//! ```
#![allow(unsafe_code, reason = "the example calls a function of C, and makes it crash")]

use std::ffi::{CStr, CString, c_char};
use std::fs::File;
use std::hint::black_box;
use std::path::PathBuf;
use std::ptr;

use windrow::{Backend, Dataset, Error, Fault, Loader, Result, WorkerContext, range};

unsafe extern "C" {
    fn strlen(text: *const c_char) -> usize;
}

/// Returns the length of a text, by C.
fn length(text: &CStr) -> usize {
    // SAFETY: a `CStr` ends with a zero byte.
    unsafe { strlen(text.as_ptr()) }
}

/// Calls C as a program with a bug does.
fn crash() {
    // `black_box` keeps the compiler from seeing the null pointer, and from what it may make of it.
    let nowhere: *const c_char = black_box(ptr::null());
    // SAFETY: none. The call breaks the contract of `strlen`, which is what the example is about:
    // nothing in this process is used after it.
    black_box(unsafe { strlen(nowhere) });
}

/// The recipe: a function that makes the pipeline, here and in each worker process.
fn lengths(folder: PathBuf, context: &WorkerContext) -> Result<impl Dataset<Sample = u64>> {
    let may_crash = context.is_process();
    Ok(range(0..20).try_map(move |x| {
        // Sample 7 crashes the first worker that makes it; the file tells the second one.
        if may_crash && (x == 13 || x == 7 && File::create_new(folder.join("crashed")).is_ok()) {
            crash();
        }
        let text = CString::new("x".repeat(x as usize)).map_err(Fault::other)?;
        Ok::<_, Fault>(length(&text) as u64)
    }))
}

fn main() -> Result<()> {
    windrow::init(); // first line of main; a worker process does not return from it
    let folder = tempfile::tempdir()?;
    let loader = Loader::recipe(lengths, folder.path().to_owned())
        .backend(Backend::Processes)
        .workers(2)
        .build()?;

    let mut errors = Vec::new();
    for (position, sample) in loader.enumerate() {
        match sample {
            Ok(length) => {
                assert_eq!(*length, position as u64, "each sample is in its place");
                println!("{position}: {}", *length);
            }
            Err(error) => {
                println!("{position}: {error}");
                errors.push((position, error));
            }
        }
    }

    let [(13, Error::SampleLost { attempts, .. })] = &errors[..] else {
        panic!("expected one error, at position 13: {errors:?}");
    };
    assert_eq!(attempts.len(), 2, "a sample that loses two workers is not tried again");
    #[cfg(unix)]
    assert!(attempts.iter().all(|loss| loss.how.contains("SIGSEGV")), "{attempts:?}");
    Ok(())
}
