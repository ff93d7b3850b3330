//! Functions across processes: where they are in one, and so where they are in the other.
//!
//! The distance of a function from an anchor is the same in every process of one build of a
//! program, wherever the system put it. The handshake makes sure of the build before any distance
//! is used.
#![expect(unsafe_code, reason = "a function that crosses to a worker is its address")]

use std::sync::OnceLock;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::super::sys::Image;
use crate::backend::recipe::{
    Factory, Hooks, OnExit, OnStart, Opened, Opener, WorkerContext, decode_config,
};
use crate::error::{Error, Result};

/// Opens the pipeline of these places, from an encoded configuration.
type Open = fn(&Addresses, &[u8], &'static WorkerContext) -> Result<Opened>;

/// Where the functions of a recipe are, counted from this program's anchor.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(in super::super) struct Addresses {
    /// The function that opens a pipeline of these types.
    open: u64,
    /// The recipe.
    factory: u64,
    /// Runs before the recipe.
    on_start: Option<u64>,
    /// Runs at every orderly end.
    on_exit: Option<u64>,
}

/// What distances are counted from. A static is in a program once, unlike a function.
static ANCHOR: u8 = 0x57;

/// This program in memory, found out once.
pub(in super::super) fn image() -> &'static Result<Image, String> {
    static IMAGE: OnceLock<Result<Image, String>> = OnceLock::new();
    IMAGE.get_or_init(|| Image::of_process((&raw const ANCHOR).addr()))
}

/// Why no function of this process can be found in another one, and what works.
pub(in super::super) fn unplaced(why: String) -> Error {
    Error::Unsupported {
        what: "backend processes".into(),
        why,
        instead: "name the recipe with windrow::register! and .registered_as(name), and give \
                  .worker_program(path, arguments) a program that registers it too and begins with \
                  windrow::init(); or use the threads backend"
            .into(),
    }
}

/// How far a function is from the anchor.
fn distance(function: *const ()) -> Result<u64> {
    let image = image().as_ref().map_err(|why| unplaced(why.clone()))?;
    // Where a function lies is all that matters; it is called in another process.
    let address = function.expose_provenance();
    if !image.is_code(address) {
        let library = Image::around(address).unwrap_or_else(|| "a library".into());
        return Err(unplaced(format!(
            "the recipe is a function of {library}, which the program loaded, so a worker would \
             not find it in its own program"
        )));
    }
    Ok(address.wrapping_sub((&raw const ANCHOR).addr()) as u64)
}

/// The place of a function, from its distance.
fn place(distance: u64) -> Result<*const ()> {
    let wrong = |why: &str| Error::Workers { why: why.into() };
    let image = image().as_ref().map_err(|why| wrong(why))?;
    let distance = usize::try_from(distance).map_err(|_| wrong("a function past all memory"))?;
    let address = (&raw const ANCHOR).addr().wrapping_add(distance);
    if !image.is_code(address) {
        return Err(wrong("the recipe is not a function of the worker's program"));
    }
    Ok(std::ptr::with_exposed_provenance(address))
}

impl Addresses {
    /// Those of a recipe and its hooks, which must be functions of this program itself.
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

    /// The hooks, in a process of the same build.
    pub(in super::super) fn hooks(&self) -> Result<Hooks> {
        let on_start = self.on_start.map(place).transpose()?;
        let on_exit = self.on_exit.map(place).transpose()?;
        // SAFETY: `of` took the distances of functions of exactly these types, in a program that the
        // handshake has shown to be the same build as this one; and `place` has checked that they lie
        // in this program's code.
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
        context: &'static WorkerContext,
    ) -> Result<Opened> {
        let place = place(self.open)?;
        // SAFETY: as in `hooks`.
        let open = unsafe { std::mem::transmute::<*const (), Open>(place) };
        open(self, config, context)
    }
}

/// Opens the pipeline of these types.
fn open<C, P, O>(
    places: &Addresses,
    config: &[u8],
    context: &'static WorkerContext,
) -> Result<Opened>
where
    C: DeserializeOwned,
    O: Opener<P>,
{
    let place = place(places.factory)?;
    // SAFETY: as in `hooks`; `of` took the distance of a function of exactly this type together with
    // that of this very function, `open::<C, P, O>`.
    let factory = unsafe { std::mem::transmute_copy::<*const (), Factory<C, P>>(&place) };
    O::open(factory(decode_config(config)?, context)?)
}
