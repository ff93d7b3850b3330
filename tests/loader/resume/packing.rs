//! Packing resumes at every row, also within a sequence that is cut.

use windrow::dataset::{PackFields, PadFields, Padding, Record, Stack, Tensor};
use windrow::stage::{Fit, Unbatching};
use windrow::{Dataset, Fault, Loader, range};

use super::{LIMIT, every_state_of, within};

/// A text of 1 to 40 tokens, or none.
fn text(x: u64) -> Result<Record, Fault> {
    if x % 9 == 4 {
        return Err(Fault::new("no"));
    }
    let length = 1 + x * x % 40;
    Record::new().with("tokens", Tensor::from_vec([length], vec![x as u32; length as usize])?)
}

fn texts(count: u64) -> impl Dataset<Sample = Record> + Send + Sync {
    range(0..count).shuffle(3).filter(|x| x % 5 > 0).try_map(text)
}

fn tokens(length: u64) -> PackFields {
    PackFields::new([("tokens", length)])
}

#[test]
fn packed_rows_resume_at_every_state() {
    within(LIMIT, || {
        for fit in [Fit::First, Fit::Best] {
            let rows = || texts(120).ordered().pack(fit, 5, tokens(50));
            every_state_of(|| Loader::builder(rows()).epochs(2), 600, "rows");
            let batches = || Loader::builder(rows().batch_with(3, Stack::new())).epochs(2);
            every_state_of(batches, 800, "batches of rows");
        }
    });
}

#[test]
fn cut_sequences_resume_at_every_state() {
    within(LIMIT, || {
        // Shorter and longer rows than sequences.
        for length in [7, 50] {
            let rows = || texts(60).ordered().concat_then_split(tokens(length));
            every_state_of(|| Loader::builder(rows()).epochs(2), 520, "rows");
            let batches = || Loader::builder(rows().batch_with(3, Stack::new())).epochs(2);
            every_state_of(batches, 540, "batches of rows");
        }
    });
}

#[test]
fn rows_of_batches_resume_at_every_state() {
    within(LIMIT, || {
        let rows = || texts(60).ordered().batch_with(4, Stack::padded(0.0)).then(Unbatching::new());
        every_state_of(|| Loader::builder(rows()).epochs(2), 600, "rows of batches");
        let packed = || Loader::builder(rows().pack(Fit::Best, 5, tokens(90))).epochs(2);
        every_state_of(packed, 600, "packed rows of batches");
    });
}

#[test]
fn padded_batches_resume_at_every_state() {
    within(LIMIT, || {
        let padding = || Padding::new(0.0).to([Some(20)]).truncate().lengths("lengths");
        let pad = || PadFields::new([("tokens", padding())]);
        let batches = || Loader::builder(texts(60).ordered().batch_with(4, pad())).epochs(2);
        every_state_of(batches, 520, "padded batches");
        let random_access = || range(0..60).shuffle(3).try_map(|x| text(x * 9));
        let batches = || Loader::builder(random_access().batch_with(4, pad())).epochs(2);
        every_state_of(batches, 500, "padded batches of the workers");
    });
}
