//! Recipes in a library. A program that knows nothing of windrow loads it and calls [`play`].

use std::io::Write;
use std::path::PathBuf;

use windrow::backend::Hooks;
use windrow::source::{FromSource, Range};
use windrow::{Backend, Dataset, Loader, Result, WorkerContext, range};

fn squares(end: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    Ok(range(0..end).shuffle(7).map(|x| x * x))
}

windrow::register!("squares", squares);

fn noted(end: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    Ok(range(0..end))
}

fn at_start(_: &'static WorkerContext) -> Result<()> {
    note("start");
    Ok(())
}

fn at_exit(_: &'static WorkerContext) {
    note("exit");
}

windrow::register!("noted", noted, Hooks::NONE.on_start(at_start).on_exit(at_exit));

/// Writes a line to the file `NOTES`.
fn note(word: &str) {
    let path = PathBuf::from(std::env::var_os("NOTES").expect("a file for notes"));
    let mut file = std::fs::File::options().create(true).append(true).open(path).unwrap();
    file.write_all(format!("{word}\n").as_bytes()).unwrap();
}

/// Says what a loader gives, or why there is none.
#[macro_export]
macro_rules! say {
    ($builder:expr) => {
        match $builder.workers(2).build() {
            Ok(loader) => {
                let name = loader.backend().name;
                let samples: Vec<u64> = loader.map(|x| x.unwrap().into_inner()).collect();
                println!("{name}: {samples:?}");
            }
            Err(error) => println!("error: {error}"),
        }
    };
}

/// Does what the variable `ROLE` says, with the program in `WORKER`, an argument a line.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
pub extern "C" fn play() {
    let worker = std::env::var("WORKER").unwrap_or_default();
    let mut worker = worker.lines().map(ToOwned::to_owned);
    let program = worker.next().unwrap_or_default();
    let squares = || Loader::recipe(squares, 100);
    match std::env::var("ROLE").as_deref() {
        Ok("inline") => say!(squares().backend(Backend::Inline)),
        Ok("auto") => say!(squares()),
        Ok("by place") => say!(squares().backend(Backend::Processes)),
        Ok("by name here") => {
            say!(squares().backend(Backend::Processes).registered_as("squares"));
        }
        Ok("by name") => say!(squares().registered_as("squares").worker_program(program, worker)),
        Ok("noted") => {
            let loader = Loader::recipe(noted, 9).registered_as("noted");
            say!(loader.worker_program(program, worker).max_samples_per_worker(3));
        }
        role => panic!("no role {role:?}"),
    }
}

/// Is a worker, in whatever program this is.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
pub extern "C" fn serve() {
    windrow::init();
    println!("this is no worker");
}

/// A recipe that a program with a windrow of its own may take from this library.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
pub fn lent(end: u64, _: &'static WorkerContext) -> Result<FromSource<Range>> {
    Ok(range(0..end))
}

#[cfg(test)]
mod tests {
    use super::*;

    windrow::test_entry!();

    #[test]
    fn tests_inside_a_library_have_workers() {
        let loader = Loader::recipe(squares, 100).backend(Backend::Processes).workers(2);
        assert_eq!(loader.build().unwrap().filter(Result::is_ok).count(), 100);
    }
}
