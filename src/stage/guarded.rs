//! The one place that calls the methods of a stage.

use super::Stage;
use crate::dataset::caught;
use crate::error::{Error, Fault, Result};

/// A stage whose panics end nothing but the stream.
#[derive(Debug)]
pub(super) struct Guarded<S>(S);

impl<S> Guarded<S> {
    pub(super) fn new(stage: S) -> Self {
        Self(stage)
    }

    /// The same with another stage.
    pub(super) fn map(self, change: impl FnOnce(S) -> S) -> Self {
        Self(change(self.0))
    }

    /// Calls a method; a panic is an error that names the stage and the method.
    ///
    /// The stage's memory cannot be trusted after it, so the stream ends.
    pub(super) fn ask<In, R>(&self, method: &str, call: impl FnOnce(&S) -> R) -> Result<R>
    where
        S: Stage<In>,
    {
        caught(|| call(&self.0)).map_err(|fault| self.broken(method, fault))
    }

    /// The same for a method that changes the stage.
    pub(super) fn tell<In, R>(&mut self, method: &str, call: impl FnOnce(&mut S) -> R) -> Result<R>
    where
        S: Stage<In>,
    {
        caught(|| call(&mut self.0)).map_err(|fault| self.broken(method, fault))
    }

    /// Calls a method whose errors take the place of samples, as its panics do.
    pub(super) fn attempt<In, R>(
        &mut self,
        call: impl FnOnce(&mut S) -> Result<R, Fault>,
    ) -> Result<R, Fault>
    where
        S: Stage<In>,
    {
        caught(|| call(&mut self.0)).unwrap_or_else(Err)
    }

    /// Makes a result again.
    pub(super) fn remake<In>(&self, inputs: Vec<In>) -> Result<S::Out, Fault>
    where
        S: Stage<In>,
    {
        let made = caught(|| self.0.remake(inputs)).unwrap_or_else(Err);
        made.map_err(|fault| fault.by(format!("{}.remake", self.name())))
    }

    /// The name of the stage's op.
    pub(super) fn name<In>(&self) -> String
    where
        S: Stage<In>,
    {
        caught(|| self.0.op().name().to_owned()).unwrap_or_else(|_| "a stage".into())
    }

    /// An error that ends the stream: what a method of the stage did.
    pub(super) fn broken<In>(&self, method: &str, fault: Fault) -> Error
    where
        S: Stage<In>,
    {
        fault.by(format!("{}.{method}", self.name())).into()
    }
}
