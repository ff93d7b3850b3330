//! A run that is killed and resumed prints the losses of a run that nobody killed.

#[path = "../../common/resume.rs"]
mod resume;

const PROGRAM: &str = env!("CARGO_BIN_EXE_train_candle");

#[test]
fn a_run_that_is_killed_and_resumed_has_the_same_loss_curve() {
    let killed = [
        (7, ("inline", 0)),   // before the first checkpoint
        (50, ("threads", 2)), // at a checkpoint after the last step of an epoch, before validation
        (57, ("threads", 1)), // between two checkpoints
    ];
    resume::check(PROGRAM, ("inline", 0), &killed, ("threads", 3));
}
