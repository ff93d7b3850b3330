//! Forwarding from pointers to the values that they point to.

/// Defines methods of a pointer that forward to the value behind it; with `mut` first, methods that
/// take `&mut self`.
macro_rules! forward {
    (mut $($method:ident($($arg:ident: $type:ty),*) $(-> $out:ty)?;)*) => {$(
        fn $method(&mut self, $($arg: $type),*) $(-> $out)? {
            (**self).$method($($arg),*)
        }
    )*};
    ($($method:ident($($arg:ident: $type:ty),*) $(-> $out:ty)?;)*) => {$(
        fn $method(&self, $($arg: $type),*) $(-> $out)? {
            (**self).$method($($arg),*)
        }
    )*};
}
pub(crate) use forward;
