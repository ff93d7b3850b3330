//! The chapters of the guide, whose Rust examples run as doc tests.

/// Declares an item with the text of each chapter.
macro_rules! chapters {
    ($($name:ident = $file:literal;)*) => {$(
        #[doc = include_str!(concat!("../www/guide/", $file))]
        struct $name;
    )*};
}

chapters! {
    FirstPipeline = "first-pipeline.md";
    Shuffling = "shuffling.md";
    Randomness = "randomness.md";
    Checkpoints = "checkpoints.md";
    Errors = "errors.md";
    Workers = "workers.md";
    Sources = "sources-and-stages.md";
    Reducers = "reducers.md";
    RunMode = "run-mode.md";
    Command = "command.md";
    Sinks = "sinks.md";
    Browser = "browser.md";
    Machines = "machines.md";
    ComingFrom = "coming-from.md";
    HowItWorks = "how-it-works.md";
}
