//! Pointers that pass calls on to what they point to.

/// Methods of a pointer that answer what the pointed-to value answers; with `mut` first, methods that
/// change it.
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
