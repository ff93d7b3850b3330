//! Memory for tensors: aligned to 64 bytes, and used again where it is large.
//!
//! Alignment comes from a `Vec` of 64-byte lines, so there is no unsafe code here. Freed buffers of
//! 64 KiB and more are kept while a [loader](Keeping) is open, up to 64 MiB in all: without them, stacking 8 samples of 600 KB ran at
//! a quarter of the speed of a plain copy (memory must be zeroed first) and at a twentieth where the
//! pages were fresh; with them it is as fast. A thread may also [borrow](super::lend) large buffers.
//! Absent on purpose: what the bytes mean.

use std::mem;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytemuck::{Pod, Zeroable};

use super::lend::{self, Lent};
use crate::error::Fault;

/// What is allocated for a tensor starts at a multiple of this.
pub(super) const ALIGN: usize = 64;

/// Buffers of at least this many lines are kept for later.
const KEPT_LINES_MIN: usize = 64 * 1024 / ALIGN;
/// The lines that may lie in keeping: 64 MiB.
const KEPT_LINES_MAX: usize = 64 * 1024 * 1024 / ALIGN;
/// The buffers that may lie in keeping.
const KEPT_BUFFERS_MAX: usize = 64;

/// Bytes owned by someone else, such as a slot of shared memory, given back by its `Drop`.
///
/// `as_ref` must give the same bytes each time.
pub type Owner = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// One cache line.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
pub(crate) struct CacheLine([u8; ALIGN]);

/// Where the bytes of a tensor lie. Cloning shares them.
#[derive(Clone)]
pub(super) enum Data {
    /// Less than 64 KiB: one allocation.
    Small(Arc<[CacheLine]>),
    /// 64 KiB and more.
    Large(Arc<Large>),
    /// 64 KiB and more in memory that was lent for it.
    Lent(Arc<dyn Lent>),
    /// Somewhere else.
    Foreign(Owner),
}

// The bytes are only read, so a panic elsewhere cannot have left them half-changed.
impl UnwindSafe for Data {}
impl RefUnwindSafe for Data {}

/// Lines that go into keeping when nobody needs them any more.
pub(super) struct Large(Vec<CacheLine>);

impl Drop for Large {
    fn drop(&mut self) {
        kept().keep(mem::take(&mut self.0));
    }
}

impl Data {
    /// `bytes` bytes: zeros, which `fill` changes, or any content, all of which `fill` writes.
    pub(super) fn filled(
        bytes: usize,
        zeroed: bool,
        fill: impl FnOnce(&mut [u8]) -> Result<(), Fault>,
    ) -> Result<Self, Fault> {
        let lines = bytes.div_ceil(ALIGN);
        if lines < KEPT_LINES_MIN {
            let mut small: Arc<[CacheLine]> =
                std::iter::repeat_n(CacheLine::zeroed(), lines).collect();
            if let Some(own) = Arc::get_mut(&mut small) {
                fill(&mut bytemuck::cast_slice_mut(own)[..bytes])?;
            }
            return Ok(Self::Small(small));
        }
        if let Some(mut lent) = lend::ask(bytes)
            && let Some(own) = Arc::get_mut(&mut lent)
        {
            let own = &mut own.bytes_mut()[..bytes];
            if zeroed {
                own.fill(0);
            }
            fill(own)?;
            return Ok(Self::Lent(lent));
        }
        let mut large = Large(take(lines, zeroed)?);
        lend::elsewhere(bytemuck::cast_slice(&large.0));
        fill(&mut bytemuck::cast_slice_mut(&mut large.0)[..bytes])?;
        Ok(Self::Large(Arc::new(large)))
    }

    /// The first `bytes` bytes.
    pub(super) fn bytes(&self, bytes: usize) -> &[u8] {
        let all = match self {
            Self::Small(lines) => bytemuck::cast_slice(lines),
            Self::Large(large) => bytemuck::cast_slice(&large.0),
            Self::Lent(lent) => lent.bytes(),
            Self::Foreign(owner) => (**owner).as_ref(),
        };
        &all[..bytes]
    }
}

/// Lines from keeping, or new ones.
fn take(lines: usize, zeroed: bool) -> Result<Vec<CacheLine>, Fault> {
    let kept = kept().take(lines);
    if let Some(mut kept) = kept {
        if zeroed {
            kept.fill(CacheLine::zeroed());
        }
        return Ok(kept);
    }
    bytemuck::allocation::try_zeroed_vec(lines)
        .map_err(|()| Fault::new(format!("there is no memory for {} bytes", lines * ALIGN)))
}

static KEPT: Mutex<Kept> = Mutex::new(Kept::new());

/// Freed buffers, the longest kept first.
struct Kept {
    buffers: Vec<Vec<CacheLine>>,
    lines: usize,
    /// For how many freed buffers are kept.
    users: usize,
}

/// While one of these lives, freed buffers are kept for later.
#[derive(Debug)]
pub(crate) struct Keeping(());

impl Keeping {
    pub(crate) fn new() -> Self {
        kept().users += 1;
        Self(())
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        let buffers = kept().one_user_less();
        drop(buffers);
    }
}

fn kept() -> MutexGuard<'static, Kept> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Kept {
    const fn new() -> Self {
        Self { buffers: Vec::new(), lines: 0, users: 0 }
    }

    /// What goes back to the system now.
    fn one_user_less(&mut self) -> Vec<Vec<CacheLine>> {
        self.users -= 1;
        if self.users > 0 {
            return Vec::new();
        }
        self.lines = 0;
        mem::take(&mut self.buffers)
    }

    /// A buffer of `lines` lines, or up to a quarter more, that was freed last.
    fn take(&mut self, lines: usize) -> Option<Vec<CacheLine>> {
        let fits = |buffer: &Vec<CacheLine>| (lines..=lines + lines / 4).contains(&buffer.len());
        let buffer = self.buffers.remove(self.buffers.iter().rposition(fits)?);
        self.lines -= buffer.len();
        Some(buffer)
    }

    /// Keeps a buffer in place of those that were kept for the longest time.
    fn keep(&mut self, buffer: Vec<CacheLine>) {
        if self.users == 0 || buffer.is_empty() || buffer.len() > KEPT_LINES_MAX {
            return;
        }
        self.lines += buffer.len();
        self.buffers.push(buffer);
        let mut over = 0;
        while self.lines > KEPT_LINES_MAX || self.buffers.len() - over > KEPT_BUFFERS_MAX {
            self.lines -= self.buffers[over].len();
            over += 1;
        }
        self.buffers.drain(..over);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded_and_the_oldest_goes_first() {
        let mut kept = Kept { users: 2, ..Kept::new() };
        for _ in 0..KEPT_BUFFERS_MAX + 9 {
            kept.keep(vec![CacheLine::zeroed(); 3]);
        }
        assert_eq!((kept.buffers.len(), kept.lines), (KEPT_BUFFERS_MAX, KEPT_BUFFERS_MAX * 3));
        kept.keep(vec![CacheLine::zeroed(); KEPT_LINES_MAX - 4]);
        assert_eq!((kept.buffers.len(), kept.lines), (2, KEPT_LINES_MAX - 1));
        kept.keep(vec![CacheLine::zeroed(); KEPT_LINES_MAX + 1]);
        assert_eq!(kept.lines, KEPT_LINES_MAX - 1);
        assert!(kept.take(4).is_none());
        assert_eq!(kept.take(3).unwrap().len(), 3);
        assert_eq!(kept.take(KEPT_LINES_MAX - 100).unwrap().len(), KEPT_LINES_MAX - 4);
        assert_eq!((kept.buffers.len(), kept.lines), (0, 0));
    }

    #[test]
    fn nothing_is_kept_when_nobody_is_left_who_may_need_it() {
        let mut kept = Kept { users: 2, ..Kept::new() };
        kept.keep(vec![CacheLine::zeroed(); 3]);
        assert!(kept.one_user_less().is_empty());
        assert_eq!(kept.lines, 3);
        assert_eq!(kept.one_user_less().len(), 1);
        kept.keep(vec![CacheLine::zeroed(); 3]);
        assert_eq!((kept.buffers.len(), kept.lines), (0, 0));
    }

    #[test]
    fn memory_that_is_used_again_is_zero_where_zeros_were_asked_for() {
        let _keeping = Keeping::new();
        for round in 0..4 {
            let data = Data::filled(100_000, true, |bytes| {
                assert!(bytes.iter().all(|&byte| byte == 0), "round {round}");
                bytes.fill(7);
                Ok(())
            });
            assert!(data.unwrap().bytes(100_000).iter().all(|&byte| byte == 7));
        }
    }

    #[test]
    fn every_buffer_starts_at_a_line() {
        for bytes in [0, 1, 63, 64, 65, 4096, 65_535, 65_536, 1 << 20] {
            let data = Data::filled(bytes, false, |_| Ok(())).unwrap();
            assert_eq!(data.bytes(bytes).as_ptr() as usize % ALIGN, 0);
            assert_eq!(data.bytes(bytes).len(), bytes);
        }
    }
}
