//! This program's identity: its image in memory and its file.
#![expect(unsafe_code, reason = "reads the program's own image in memory")]

use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::ptr::{null, null_mut, without_provenance};

use windows_sys::Win32::Foundation::HMODULE;
use windows_sys::Win32::System::LibraryLoader::{
    GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
    GetModuleFileNameW, GetModuleHandleExW, GetModuleHandleW,
};

use super::done;
use super::pe::{HEAD_BYTES, Pe};

/// This program's image in memory.
#[derive(Debug)]
pub(in crate::backend::process) struct Image {
    /// The id that distinguishes builds.
    pub(in crate::backend::process) build: String,
    code: Vec<Range<usize>>,
}

impl Image {
    /// Finds the image of this program. `anchor` must lie in the program itself, not in a library
    /// that it loaded.
    pub(in crate::backend::process) fn of_process(anchor: usize) -> Result<Self, String> {
        let own = module_of(anchor);
        let own = own.map_err(|error| {
            format!("the system knows no image that contains this program: {error}")
        })?;
        // SAFETY: without a name, the call returns the program's own module, which always exists.
        let program = unsafe { GetModuleHandleW(null()) };
        if own != program {
            return Err(format!(
                "windrow is part of {}, loaded by {}; workers start only from a program \
                 that itself contains windrow",
                file_of(own),
                file_of(program)
            ));
        }
        let start = own.addr();
        // SAFETY: a module's handle is the start of its image. The header and the sections stay
        // mapped while the program runs, and callers request only parts that no code writes to.
        let part = |part: Range<usize>| unsafe {
            std::slice::from_raw_parts(own.cast::<u8>().add(part.start), part.len())
        };
        let head = Pe::read(part(0..HEAD_BYTES));
        let head = head.ok_or("this program's image has no valid header")?;
        let code = head.code().map(|place| start + place.start..start + place.end).collect();
        Ok(Self { build: head.build(part), code })
    }

    /// Returns the file whose code contains an address.
    pub(in crate::backend::process) fn around(address: usize) -> Option<String> {
        module_of(address).ok().map(file_of)
    }

    /// Returns whether an address lies in the program's code.
    pub(in crate::backend::process) fn is_code(&self, address: usize) -> bool {
        self.code.iter().any(|range| range.contains(&address))
    }
}

/// Returns the module that contains an address.
fn module_of(address: usize) -> io::Result<HMODULE> {
    let flags =
        GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
    let mut module = null_mut();
    // SAFETY: the call only looks up the address and takes no reference.
    done(unsafe { GetModuleHandleExW(flags, without_provenance(address), &raw mut module) })?;
    Ok(module)
}

/// Returns a path by which another program finds this one.
pub(in crate::backend::process) fn own_path() -> PathBuf {
    std::env::current_exe().unwrap_or_default()
}

/// Returns the file of a module, as far as known.
fn file_of(module: HMODULE) -> String {
    let mut path = [0; 1024];
    // SAFETY: the buffer has room for this many characters.
    let length = unsafe { GetModuleFileNameW(module, path.as_mut_ptr(), path.len() as u32) };
    String::from_utf16_lossy(&path[..path.len().min(length as usize)])
}
