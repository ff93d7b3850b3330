//! Programs whose samples write where they must not: to descriptors that are not theirs, and over
//! the page on which a worker says what it does.

use std::path::Path;
use std::time::Duration;

use rustix::io::Errno;
use windrow::dataset::{Dtype, Tensor};
use windrow::{Backend, Dataset, Error, Fault, Loader, Result, WorkerContext, init, range};

/// Descriptors below this are where stray writes go.
const LOW: i32 = 64;
const PAGE: usize = 4096;

/// Each sample writes a line to each of these descriptors, and says which of them are open.
fn writing(spare: Vec<i32>, _: &WorkerContext) -> Result<impl Dataset<Sample = Tensor> + use<>> {
    Ok(range(0..60).try_map(move |x| {
        let mut open = [0u8; LOW as usize];
        for &number in &spare {
            // SAFETY: it is not; that is the point.
            let descriptor = unsafe { std::os::fd::BorrowedFd::borrow_raw(number) };
            let line = b"debug: a C library talks\n";
            if !matches!(rustix::io::write(descriptor, line), Err(Errno::BADF)) {
                open[number as usize] = 1;
            }
        }
        Tensor::build(Dtype::U8, [20_000], |out| {
            out.fill(x as u8);
            out[..open.len()].copy_from_slice(&open);
            Ok(())
        })
    }))
}

/// The low descriptors that this program did not get from whoever started it.
fn spare() -> Vec<i32> {
    let is_open = |number: &i32| {
        // SAFETY: it only asks.
        unsafe { libc::fcntl(*number, libc::F_GETFD) >= 0 }
    };
    (3..LOW).filter(|number| !is_open(number)).collect()
}

/// Each sample flips the byte of its number once, in the process that comes to it first.
fn flipping(mark: String, _: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    Ok(range(0..PAGE as u64).map(move |x| {
        if std::fs::File::create_new(format!("{mark}{x}")).is_ok()
            && let Some(page) = status_page()
        {
            // SAFETY: it is not; that is the point.
            unsafe {
                let byte = page.add(x as usize);
                byte.write_volatile(!byte.read_volatile());
            }
        }
        x
    }))
}

/// The seventh sample writes a number over each word of the page, again and again, and never ends.
fn disarming(word: u64, context: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    let is_process = context.is_process();
    Ok(range(0..20).try_map(move |x| {
        if x == 7 && is_process {
            let page = status_page().ok_or_else(|| Fault::new("there is no page"))?;
            loop {
                for place in [2, 3, 5, 6, 7] {
                    // SAFETY: it is not; that is the point.
                    unsafe { page.cast::<u64>().add(place).write_volatile(word) };
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        Ok::<_, Fault>(x)
    }))
}

/// Where the page is on which this worker says what it does.
fn status_page() -> Option<*mut u8> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let mut shared = maps.lines().filter(|line| crate::hosts::is_shared(line));
    shared.find_map(|line| {
        let (start, end) = line.split(' ').next()?.split_once('-')?;
        let number = |text| usize::from_str_radix(text, 16).ok();
        let (start, end) = (number(start)?, number(end)?);
        (end - start == PAGE).then(|| std::ptr::with_exposed_provenance_mut(start))
    })
}

/// Plays a role, if it is one of these.
pub fn play(role: &str) -> bool {
    match role {
        "impostor" => return crate::servers::imposes(),
        "has threads" => return crate::servers::has_threads(),
        _ => {}
    }
    init();
    match role {
        "writes" => {
            let spare = spare();
            assert!(spare.len() > 20, "{spare:?}");
            let loader = Loader::recipe(writing, spare).backend(Backend::Processes).workers(2);
            let got: Vec<_> = loader.build().unwrap().map(|x| x.unwrap().into_inner()).collect();
            let good = |(x, sample): (usize, &Tensor)| {
                sample.bytes()[LOW as usize..].iter().all(|&byte| byte == x as u8)
            };
            let good = got.iter().enumerate().filter(|sample| good(*sample)).count();
            let mut open: Vec<usize> = (0..LOW as usize)
                .filter(|&number| got.iter().any(|sample| sample.bytes()[number] != 0))
                .collect();
            // What the recipe has open is its own.
            open.dedup();
            println!("{good} of {} are good, open are {open:?}", got.len());
        }
        "flips" => {
            let mark = std::env::var("MARK").unwrap();
            std::fs::create_dir(&mark).unwrap();
            let place = Path::new(&mark).join("flip-").display().to_string();
            let loader = Loader::recipe(flipping, place).backend(Backend::Processes).workers(2);
            let got: Vec<u64> = loader.build().unwrap().map(|x| x.unwrap().into_inner()).collect();
            assert_eq!(std::fs::read_dir(&mark).unwrap().count(), PAGE);
            println!("{} came in order", (0..).zip(&got).filter(|(x, got)| x == *got).count());
        }
        "disarms" => {
            for word in [0, u64::MAX / 2] {
                let loader = Loader::recipe(disarming, word).backend(Backend::Processes).workers(2);
                let loader = loader.sample_timeout(Duration::from_millis(300));
                let got: Vec<_> = loader.build().unwrap().collect();
                for (x, outcome) in (0..).zip(&got) {
                    match outcome {
                        Ok(sample) => assert_eq!(**sample, x),
                        Err(Error::SampleLost { position, .. }) => assert_eq!(*position, x),
                        Err(error) => panic!("{error}"),
                    }
                }
                println!("{} of {} are good", got.iter().filter(|x| x.is_ok()).count(), got.len());
            }
        }
        other => return crate::servers::play(other),
    }
    true
}
