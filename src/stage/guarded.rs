//! The only module that calls the methods of a stage.

use super::Stage;
use crate::dataset::caught;
use crate::dataset::probe::{apart, with_user};
use crate::error::{Error, Fault, Result};

/// A stage with panics that end only the stream.
#[derive(Debug)]
pub(super) struct Guarded<S>(S);

impl<S> Guarded<S> {
    pub(super) fn new(stage: S) -> Self {
        Self(stage)
    }

    /// Replaces the stage by another.
    pub(super) fn map(self, change: impl FnOnce(S) -> S) -> Self {
        Self(change(self.0))
    }

    /// Calls a method, and turns a panic into an error that names the stage and the method.
    ///
    /// A panic may leave the stage in an inconsistent state, so the stream ends.
    pub(super) fn ask<In, R>(&self, method: &str, call: impl FnOnce(&S) -> R) -> Result<R>
    where
        S: Stage<In>,
    {
        caught(|| call(&self.0)).map_err(|fault| self.broken(method, fault))
    }

    /// Calls a method that changes the stage, as [`ask`](Self::ask) does.
    pub(super) fn tell<In, R>(&mut self, method: &str, call: impl FnOnce(&mut S) -> R) -> Result<R>
    where
        S: Stage<In>,
    {
        caught(|| with_user(|| call(&mut self.0))).map_err(|fault| self.broken(method, fault))
    }

    /// Calls a method with errors and panics that take the place of samples.
    pub(super) fn attempt<In, R>(
        &mut self,
        call: impl FnOnce(&mut S) -> Result<R, Fault>,
    ) -> Result<R, Fault>
    where
        S: Stage<In>,
    {
        caught(|| apart(|| call(&mut self.0))).unwrap_or_else(Err)
    }

    /// Makes the results with these numbers again.
    pub(super) fn remake<In>(&self, inputs: Vec<In>, numbers: &[u64]) -> Result<Vec<S::Out>, Fault>
    where
        S: Stage<In>,
    {
        let made = caught(|| self.0.remake_numbers(inputs, numbers)).unwrap_or_else(Err);
        let made = made.and_then(|made| match made.len() {
            made if made != numbers.len() => {
                Err(Fault::new(format!("{made} results came of {} numbers", numbers.len())))
            }
            _ => Ok(made),
        });
        made.map_err(|fault| fault.by(format!("{}.remake", self.name())))
    }

    /// Returns the name of the stage's op.
    pub(super) fn name<In>(&self) -> String
    where
        S: Stage<In>,
    {
        caught(|| self.0.op().name().to_owned()).unwrap_or_else(|_| "a stage".into())
    }

    /// Creates the error, which ends the stream, for a failed method of the stage.
    pub(super) fn broken<In>(&self, method: &str, fault: Fault) -> Error
    where
        S: Stage<In>,
    {
        fault.by(format!("{}.{method}", self.name())).into()
    }
}
