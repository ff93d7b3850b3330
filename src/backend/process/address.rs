//! Functions across processes: where they are in one, and so where they are in the other.
//!
//! The distance of a function from an anchor is the same in every process of one build of a
//! program, wherever the system put it. The handshake makes sure of the build before any distance
//! is used.
#![allow(unsafe_code)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::message::Launch;
use super::sys::Image;
use crate::backend::recipe::{Factory, Hooks, OnExit, OnStart, Opened, Opener, WorkerContext};
use crate::error::{Error, Result};

/// Opens the pipeline of a launch.
type Open = fn(&Launch, &'static WorkerContext) -> Result<Opened>;

/// What distances are counted from. A static is in a program once, unlike a function.
static ANCHOR: u8 = 0x57;

/// This program in memory, found out once.
pub(super) fn image() -> &'static Result<Image, String> {
    static IMAGE: OnceLock<Result<Image, String>> = OnceLock::new();
    IMAGE.get_or_init(|| Image::of_process((&raw const ANCHOR).addr()))
}

/// How far a function is from the anchor.
fn distance(function: *const ()) -> Result<u64> {
    let wrong = |why: String| Error::Unsupported {
        what: "backend processes".into(),
        why,
        instead: "use the threads backend".into(),
    };
    let image = image().as_ref().map_err(|why| wrong(why.clone()))?;
    // Where a function lies is all that matters; it is called in another process.
    let address = function.expose_provenance();
    if !image.is_code(address) {
        return Err(wrong("the recipe is a function of a library that the program loaded".into()));
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

/// What a worker needs to open this recipe.
pub(crate) fn launch<C, P, O>(factory: Factory<C, P>, config: &C, hooks: Hooks) -> Result<Launch>
where
    C: Serialize + DeserializeOwned,
    O: Opener<P>,
{
    let open: Open = open::<C, P, O>;
    let config = postcard::to_stdvec(config).map_err(|why| Error::Workers {
        why: format!("the configuration of the recipe cannot be encoded: {why}"),
    })?;
    let distances = (distance(open as *const ())?, distance(factory as *const ())?);
    let on_start = hooks.on_start.map(|hook| distance(hook as *const ())).transpose()?;
    let on_exit = hooks.on_exit.map(|hook| distance(hook as *const ())).transpose()?;
    Ok(Launch { open: distances.0, factory: distances.1, on_start, on_exit, config })
}

/// Opens the pipeline of these types.
fn open<C, P, O>(launch: &Launch, context: &'static WorkerContext) -> Result<Opened>
where
    C: DeserializeOwned,
    O: Opener<P>,
{
    let place = place(launch.factory)?;
    // SAFETY: `launch` took the distance of a function of exactly this type together with that of
    // this very function, `open::<C, P, O>`, in a program that the handshake has shown to be the same
    // build as this one; and `place` has checked that it lies in this program's code.
    let factory = unsafe { std::mem::transmute_copy::<*const (), Factory<C, P>>(&place) };
    let config = postcard::from_bytes(&launch.config).map_err(|why| Error::Workers {
        why: format!(
            "the configuration of the recipe cannot be decoded: {why}; its Serialize and \
             Deserialize must agree"
        ),
    })?;
    O::open(factory(config, context)?)
}

/// Runs what a worker runs first.
pub(super) fn start_launch(launch: &Launch, context: &'static WorkerContext) -> Result<()> {
    if let Some(hook) = launch.on_start {
        let place = place(hook)?;
        // SAFETY: as in `open`: `launch` took it from a function of this type.
        let hook = unsafe { std::mem::transmute::<*const (), OnStart>(place) };
        hook(context)?;
    }
    Ok(())
}

/// Opens the pipeline of a launch from this build of this program.
pub(super) fn open_launch(launch: &Launch, context: &'static WorkerContext) -> Result<Opened> {
    let place = place(launch.open)?;
    // SAFETY: as in `open`: `launch` took it from a function of this type.
    let open = unsafe { std::mem::transmute::<*const (), Open>(place) };
    open(launch, context)
}

/// Runs what a worker runs at its orderly end.
pub(super) fn close_launch(launch: &Launch, context: &'static WorkerContext) {
    context.end();
    if let Some(Ok(place)) = launch.on_exit.map(place) {
        // SAFETY: as in `open`: `launch` took it from a function of this type.
        let hook = unsafe { std::mem::transmute::<*const (), OnExit>(place) };
        _ = catch_unwind(AssertUnwindSafe(|| hook(context)));
    }
}
