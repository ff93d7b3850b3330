//! Function addresses across processes: translates the address in one process to the address in
//! another.
//!
//! The distance of a function from an anchor is the same in every process of the same build,
//! wherever the system loads the program. The handshake verifies the build before any use of a
//! distance.
#![expect(unsafe_code, reason = "a function is sent to a worker as its address")]

use std::sync::OnceLock;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::super::sys::Image;
use crate::backend::recipe::{
    Factory, Hooks, OnExit, OnStart, Opened, Opener, WorkerContext, decode_config,
};
use crate::error::{Error, Result};

/// A function that opens a pipeline of known types, from an encoded configuration.
type Open = fn(&Addresses, &[u8], &[u8], &'static WorkerContext) -> Result<Opened>;

/// The distances of a recipe's functions from this program's anchor.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(in super::super) struct Addresses {
    /// The function that opens a pipeline of these types.
    open: u64,
    /// The recipe.
    factory: u64,
    /// The hook before the recipe.
    on_start: Option<u64>,
    /// The hook at every orderly end.
    on_exit: Option<u64>,
}

/// The origin of the distances. Unlike a function, a static exists exactly once in a program.
static ANCHOR: u8 = 0x57;

/// Returns this program's image in memory; finds it at the first call.
pub(in super::super) fn image() -> &'static Result<Image, String> {
    static IMAGE: OnceLock<Result<Image, String>> = OnceLock::new();
    IMAGE.get_or_init(|| Image::of_process((&raw const ANCHOR).addr()))
}

/// Returns the error for a function that other processes cannot find, with the alternatives.
pub(in super::super) fn unplaced(why: String) -> Error {
    Error::Unsupported {
        what: "backend processes".into(),
        why,
        instead: "name the recipe with windrow::register! and .registered_as(name), and give \
                  .worker_program(path, arguments) a program that also registers it and begins \
                  with windrow::init(); or use the threads backend"
            .into(),
    }
}

/// Returns the distance of a function from the anchor.
fn distance(function: *const ()) -> Result<u64> {
    let image = image().as_ref().map_err(|why| unplaced(why.clone()))?;
    // Only the address matters here; another process calls the function.
    let address = function.expose_provenance();
    if !image.is_code(address) {
        let library = Image::around(address).unwrap_or_else(|| "a library".into());
        return Err(unplaced(format!(
            "the recipe is a function of {library}, which the program loaded, so a worker cannot \
             find it in its own program"
        )));
    }
    Ok(address.wrapping_sub((&raw const ANCHOR).addr()) as u64)
}

/// Returns the address of a function in this process, from its distance.
fn place(distance: u64) -> Result<*const ()> {
    let wrong = |why: &str| Error::Workers { why: why.into() };
    let image = image().as_ref().map_err(|why| wrong(why))?;
    let distance = usize::try_from(distance)
        .map_err(|_| wrong("the recipe's address does not fit into this platform's memory"))?;
    let address = (&raw const ANCHOR).addr().wrapping_add(distance);
    if !image.is_code(address) {
        return Err(wrong("the recipe is not a function of the worker's program"));
    }
    Ok(std::ptr::with_exposed_provenance(address))
}

impl Addresses {
    /// Returns the distances for a recipe and its hooks, which must be functions of this program
    /// itself.
    pub(in super::super) fn of<C, P, O>(factory: Factory<C, P>, hooks: Hooks) -> Result<Self>
    where
        C: DeserializeOwned,
        O: Opener<P>,
    {
        let open: Open = open::<C, P, O>;
        Ok(Self {
            open: distance(open as *const ())?,
            factory: distance(factory as *const ())?,
            on_start: hooks.on_start.map(|hook| distance(hook as *const ())).transpose()?,
            on_exit: hooks.on_exit.map(|hook| distance(hook as *const ())).transpose()?,
        })
    }

    /// Returns the hooks, in a process of the same build.
    pub(in super::super) fn hooks(&self) -> Result<Hooks> {
        let on_start = self.on_start.map(place).transpose()?;
        let on_exit = self.on_exit.map(place).transpose()?;
        // SAFETY: `of` computed the distances from functions of exactly these types. The handshake
        // has shown that the two programs are the same build. `place` has checked that the
        // addresses lie in this program's code.
        unsafe {
            Ok(Hooks {
                on_start: on_start.map(|at| std::mem::transmute::<*const (), OnStart>(at)),
                on_exit: on_exit.map(|at| std::mem::transmute::<*const (), OnExit>(at)),
            })
        }
    }

    /// Opens the pipeline, in a process of the same build.
    pub(in super::super) fn open(
        &self,
        config: &[u8],
        beside: &[u8],
        context: &'static WorkerContext,
    ) -> Result<Opened> {
        let place = place(self.open)?;
        // SAFETY: as in `hooks`.
        let open = unsafe { std::mem::transmute::<*const (), Open>(place) };
        open(self, config, beside, context)
    }
}

/// Opens the pipeline of these types.
fn open<C, P, O>(
    places: &Addresses,
    config: &[u8],
    beside: &[u8],
    context: &'static WorkerContext,
) -> Result<Opened>
where
    C: DeserializeOwned,
    O: Opener<P>,
{
    let place = place(places.factory)?;
    // SAFETY: as in `hooks`; `of` computed the distance of a function of exactly this type together
    // with the distance of this function, `open::<C, P, O>`.
    let factory = unsafe { std::mem::transmute_copy::<*const (), Factory<C, P>>(&place) };
    O::open(factory(decode_config(config)?, context)?, beside)
}
