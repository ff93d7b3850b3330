//! Tensors: a dtype, a shape and bytes that clones share.
//!
//! The bytes are little-endian and row-major on every host, so hashing, storing and sending use the
//! memory as it is. Absent on purpose: strides, views of a part, arithmetic, devices.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::buffer::{ALIGN, Data, Owner};
use super::dtype::{Dtype, Element, Raw, with_dtype};
use crate::error::Fault;

/// The most axes of a tensor.
pub const RANK_MAX: usize = 8;

/// The number of elements that `Debug` shows.
const SHOWN: usize = 6;

/// An immutable array of numbers, with 0 to 8 axes.
///
/// Cloning is cheap, because clones share the bytes. Two tensors are equal if their dtypes, shapes
/// and bytes are equal. A NaN therefore equals itself, and `-0.0` does not equal `0.0`.
///
/// ```
/// use windrow::dataset::{Dtype, Tensor};
/// let tensor = Tensor::from_slice([2, 3], &[1u16, 2, 3, 4, 5, 6])?;
/// assert_eq!((tensor.dtype(), tensor.shape(), tensor.len()), (Dtype::U16, &[2, 3][..], 6));
/// assert_eq!(tensor.bytes()[..4], [1, 0, 2, 0]);
/// assert_eq!(tensor.to_vec::<u16>()?, [1, 2, 3, 4, 5, 6]);
/// # Ok::<(), windrow::Fault>(())
/// ```
#[derive(Clone)]
pub struct Tensor {
    dtype: Dtype,
    shape: Shape,
    bytes: usize,
    data: Data,
}

impl Tensor {
    /// Creates a tensor from a copy of `bytes`, which are little-endian and row-major.
    ///
    /// # Errors
    /// Returns a fault for more than 8 axes, a size beyond this host, or a length that differs from
    /// the shape's. Returns a fault for a `BOOL` byte that is neither 0 nor 1.
    pub fn new(dtype: Dtype, shape: impl AsRef<[u64]>, bytes: &[u8]) -> Result<Self, Fault> {
        let (shape, size) = sized(dtype, shape.as_ref())?;
        fits(dtype, &shape, size, bytes.len())?;
        Self::filled(dtype, shape, size, false, |own| {
            own.copy_from_slice(bytes);
            Ok(())
        })
    }

    /// Creates a tensor whose bytes `fill` writes in place; the bytes are zero before.
    ///
    /// ```
    /// use windrow::dataset::{Dtype, Tensor};
    /// let tensor = Tensor::build(Dtype::U8, [4], |bytes| {
    ///     bytes[1] = 7;
    ///     Ok(())
    /// })?;
    /// assert_eq!(tensor.bytes(), [0, 7, 0, 0]);
    /// # Ok::<(), windrow::Fault>(())
    /// ```
    ///
    /// # Errors
    /// Returns the errors of [`new`](Self::new) and the fault of `fill`.
    pub fn build(
        dtype: Dtype,
        shape: impl AsRef<[u64]>,
        fill: impl FnOnce(&mut [u8]) -> Result<(), Fault>,
    ) -> Result<Self, Fault> {
        let (shape, size) = sized(dtype, shape.as_ref())?;
        Self::filled(dtype, shape, size, true, fill)
    }

    /// Creates a tensor like [`build`](Self::build), but `fill` must overwrite bytes of any content.
    pub(crate) fn build_overwritten(
        dtype: Dtype,
        shape: impl AsRef<[u64]>,
        fill: impl FnOnce(&mut [u8]) -> Result<(), Fault>,
    ) -> Result<Self, Fault> {
        let (shape, size) = sized(dtype, shape.as_ref())?;
        Self::filled(dtype, shape, size, false, fill)
    }

    /// Creates a tensor like [`build_overwritten`](Self::build_overwritten), by elements instead of
    /// bytes.
    pub(crate) fn build_elements<T: Element>(
        shape: impl AsRef<[u64]>,
        fill: impl FnOnce(&mut [T]) -> Result<(), Fault>,
    ) -> Result<Self, Fault> {
        let (shape, size) = sized(T::DTYPE, shape.as_ref())?;
        // Any bytes are a number, but not any byte is a `bool`.
        Self::filled(T::DTYPE, shape, size, T::DTYPE == Dtype::BOOL, |bytes| {
            fill(elements_mut(bytes)?)?;
            if cfg!(target_endian = "big") {
                for place in bytes.chunks_exact_mut(size_of::<T>()) {
                    place.reverse();
                }
            }
            Ok(())
        })
    }

    /// Creates a tensor from a copy of these elements, in row-major order.
    ///
    /// # Errors
    /// Returns the errors of [`new`](Self::new).
    pub fn from_slice<T: Element>(shape: impl AsRef<[u64]>, elements: &[T]) -> Result<Self, Fault> {
        let (shape, size) = sized(T::DTYPE, shape.as_ref())?;
        fits(T::DTYPE, &shape, size, size_of_val(elements))?;
        Self::build_elements(shape.axes(), |own| {
            own.copy_from_slice(elements);
            Ok(())
        })
    }

    /// Creates a tensor from these elements, in row-major order, without a copy.
    ///
    /// Only a big-endian host copies the elements, to reorder their bytes.
    ///
    /// ```
    /// use windrow::dataset::Tensor;
    /// let elements = vec![1.0f32, 2.0, 3.0];
    /// let address = elements.as_ptr();
    /// let tensor = Tensor::from_vec([3], elements)?;
    /// assert_eq!(tensor.as_slice::<f32>(), Some(&[1.0, 2.0, 3.0][..]));
    /// # #[cfg(target_endian = "little")]
    /// assert_eq!(tensor.bytes().as_ptr(), address.cast());
    /// # Ok::<(), windrow::Fault>(())
    /// ```
    ///
    /// # Errors
    /// Returns the errors of [`new`](Self::new).
    pub fn from_vec<T: Element>(shape: impl AsRef<[u64]>, elements: Vec<T>) -> Result<Self, Fault> {
        let (shape, size) = sized(T::DTYPE, shape.as_ref())?;
        fits(T::DTYPE, &shape, size, size_of_val(&*elements))?;
        if cfg!(target_endian = "big") && size_of::<T>() > 1 {
            return Self::from_slice(shape.axes(), &elements);
        }
        let data = Data::Foreign(Arc::new(Elements(elements)));
        Ok(Self { dtype: T::DTYPE, shape, bytes: size, data })
    }

    /// Creates a tensor of one element, without axes.
    ///
    /// ```
    /// use windrow::dataset::Tensor;
    /// let tensor = Tensor::scalar(7i64);
    /// assert_eq!((tensor.shape(), tensor.len()), (&[][..], 1));
    /// ```
    #[must_use]
    pub fn scalar<T: Element>(element: T) -> Self {
        let made = Self::from_slice([], &[element]);
        made.unwrap_or_else(|_| unreachable!("one element is of shape []"))
    }

    /// Creates a tensor from bytes that another object owns, without a copy.
    ///
    /// Dropping the last clone drops the owner. The owner's `as_ref` must return the same bytes
    /// each time.
    ///
    /// # Errors
    /// Returns the errors of [`new`](Self::new), and a fault for bytes that do not start at a
    /// multiple of the element's size.
    pub fn from_owner(dtype: Dtype, shape: impl AsRef<[u64]>, owner: Owner) -> Result<Self, Fault> {
        let (shape, size) = sized(dtype, shape.as_ref())?;
        let bytes = (*owner).as_ref();
        fits(dtype, &shape, size, bytes.len())?;
        all_bool(dtype, bytes)?;
        if size == 0 {
            return Self::new(dtype, shape.axes(), &[]);
        }
        let align = dtype.size() as usize;
        let over = bytes.as_ptr().addr() % align;
        if over != 0 {
            return Err(Fault::new(format!(
                "the bytes of a {dtype} tensor must start at a multiple of {align}, these start {over} after one; align or copy them"
            )));
        }
        Ok(Self { dtype, shape, bytes: size, data: Data::Foreign(owner) })
    }

    /// Returns the type of the elements.
    #[must_use]
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// Returns the length of each axis; empty for a scalar.
    #[must_use]
    pub fn shape(&self) -> &[u64] {
        self.shape.axes()
    }

    /// Returns the number of elements.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.bytes as u64 / self.dtype.size()
    }

    /// Returns whether the tensor has no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Returns the bytes of the elements, little-endian and row-major.
    ///
    /// The bytes start at a multiple of 64 if windrow allocated them. Elements given to
    /// [`from_vec`](Self::from_vec) or [`from_owner`](Self::from_owner) stay in place, at a
    /// multiple of the element's size.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.data.bytes(self.bytes)
    }

    /// Returns the elements without a copy; `None` for another dtype and, for elements of more than
    /// one byte, on a big-endian host.
    ///
    /// ```
    /// use windrow::dataset::Tensor;
    /// let tensor = Tensor::from_slice([2], &[1u8, 2])?;
    /// assert_eq!(tensor.as_slice::<u8>(), Some(&[1, 2][..]));
    /// assert_eq!(tensor.as_slice::<i8>(), None);
    /// # Ok::<(), windrow::Fault>(())
    /// ```
    #[must_use]
    pub fn as_slice<T: Element>(&self) -> Option<&[T]> {
        let native = cfg!(target_endian = "little") || size_of::<T>() == 1;
        if self.dtype != T::DTYPE || !native {
            return None;
        }
        bytemuck::checked::try_cast_slice(self.bytes()).ok()
    }

    /// Returns a copy of the elements, on every host.
    ///
    /// # Errors
    /// Returns a fault for another dtype.
    pub fn to_vec<T: Element>(&self) -> Result<Vec<T>, Fault> {
        if self.dtype != T::DTYPE {
            let (own, asked) = (self.dtype, T::DTYPE);
            return Err(Fault::new(format!("the tensor is {own}, not {asked}; read it as {own}")));
        }
        Ok(match self.as_slice() {
            Some(elements) => elements.to_vec(),
            None => self.bytes().chunks_exact(size_of::<T>()).map(T::read).collect(),
        })
    }

    /// Returns the elements; copies them only on a big-endian host.
    pub(crate) fn elements<T: Element>(&self) -> Result<Cow<'_, [T]>, Fault> {
        match self.as_slice() {
            Some(elements) => Ok(elements.into()),
            None => self.to_vec().map(Cow::Owned),
        }
    }

    /// Returns the same elements in another shape, without a copy.
    ///
    /// # Errors
    /// Returns a fault for a shape with another number of elements, or with more than 8 axes.
    pub fn reshape(mut self, shape: impl AsRef<[u64]>) -> Result<Self, Fault> {
        let (shape, size) = sized(self.dtype, shape.as_ref())?;
        if size != self.bytes {
            let elements = size as u64 / self.dtype.size();
            return Err(Fault::new(format!(
                "a tensor of shape {:?} has {} elements, shape {:?} has {elements}",
                self.shape(),
                self.len(),
                shape.axes(),
            )));
        }
        self.shape = shape;
        Ok(self)
    }

    fn filled(
        dtype: Dtype,
        shape: Shape,
        size: usize,
        zeroed: bool,
        fill: impl FnOnce(&mut [u8]) -> Result<(), Fault>,
    ) -> Result<Self, Fault> {
        let data = Data::filled(size, zeroed, fill)?;
        all_bool(dtype, data.bytes(size))?;
        Ok(Self { dtype, shape, bytes: size, data })
    }
}

/// The elements of a `Vec` that a tensor owns.
struct Elements<T>(Vec<T>);

impl<T: Element> AsRef<[u8]> for Elements<T> {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

impl PartialEq for Tensor {
    fn eq(&self, other: &Self) -> bool {
        self.dtype == other.dtype && self.shape() == other.shape() && self.bytes() == other.bytes()
    }
}

impl Eq for Tensor {}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tensor({} {:?}:", self.dtype, self.shape())?;
        for place in self.bytes().chunks_exact(self.dtype.size() as usize).take(SHOWN) {
            f.write_str(" ")?;
            with_dtype!(self.dtype, T => fmt::Debug::fmt(&<T as Raw>::read(place), f))?;
        }
        f.write_str(if self.len() > SHOWN as u64 { " …)" } else { ")" })
    }
}

/// The lengths of up to eight axes.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    rank: u8,
    axes: [u64; RANK_MAX],
}

impl Shape {
    pub(super) fn new(axes: &[u64]) -> Result<Self, Fault> {
        let mut own = [0; RANK_MAX];
        let Some(place) = own.get_mut(..axes.len()) else {
            let rank = axes.len();
            return Err(Fault::new(format!("a tensor has at most {RANK_MAX} axes, not {rank}")));
        };
        place.copy_from_slice(axes);
        Ok(Self { rank: axes.len() as u8, axes: own })
    }

    pub(super) fn axes(&self) -> &[u64] {
        &self.axes[..usize::from(self.rank)]
    }
}

/// Returns a shape and its size in bytes.
///
/// An axis of length 0 does not excuse the others. Without such axes, the size must still be below
/// 2^63. The result is then the same on every host for every shape whose bytes fit.
fn sized(dtype: Dtype, axes: &[u64]) -> Result<(Shape, usize), Fault> {
    let shape = Shape::new(axes)?;
    let size = axes
        .iter()
        .filter(|&&axis| axis != 0)
        .try_fold(dtype.size(), |size, &axis| times(size, axis))
        .filter(|&size| size <= i64::MAX as u64 - ALIGN as u64)
        .ok_or_else(|| Fault::new(format!("shape {axes:?} of {dtype} is beyond 2^63 bytes")))?;
    if axes.contains(&0) {
        return Ok((shape, 0));
    }
    match usize::try_from(size) {
        Ok(size) if size <= isize::MAX as usize - ALIGN => Ok((shape, size)),
        _ => Err(Fault::new(format!(
            "shape {axes:?} of {dtype} takes {size} bytes, more than this platform can address"
        ))),
    }
}

/// Returns a product, or `None` on overflow; mostly avoids 128 bits, which some platforms lack.
fn times(a: u64, b: u64) -> Option<u64> {
    if (a | b) >> 32 == 0 { Some(a * b) } else { a.checked_mul(b) }
}

fn fits(dtype: Dtype, shape: &Shape, size: usize, given: usize) -> Result<(), Fault> {
    if size == given {
        return Ok(());
    }
    let shape = shape.axes();
    Err(Fault::new(format!("shape {shape:?} of {dtype} takes {size} bytes, {given} were given")))
}

fn all_bool(dtype: Dtype, bytes: &[u8]) -> Result<(), Fault> {
    if dtype != Dtype::BOOL {
        return Ok(());
    }
    match bytes.iter().position(|&byte| byte > 1) {
        None => Ok(()),
        Some(at) => {
            Err(Fault::new(format!("element {at} of a BOOL tensor is {}, not 0 or 1", bytes[at])))
        }
    }
}

fn elements_mut<T: Element>(bytes: &mut [u8]) -> Result<&mut [T], Fault> {
    bytemuck::checked::try_cast_slice_mut(bytes)
        .map_err(|why| Fault::new(format!("no {} elements: {why}", T::DTYPE)))
}

#[cfg(test)]
mod tests;
