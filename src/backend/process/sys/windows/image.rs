//! Which program this is: its image in memory and its file.
#![expect(unsafe_code, reason = "the program's own image is read in memory")]

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

/// What of this program is in memory.
#[derive(Debug)]
pub(in crate::backend::process) struct Image {
    /// Tells builds apart.
    pub(in crate::backend::process) build: String,
    code: Vec<Range<usize>>,
}

impl Image {
    /// Finds out. `anchor` must lie in the program itself, not in a library it loaded.
    pub(in crate::backend::process) fn of_process(anchor: usize) -> Result<Self, String> {
        let own = module_of(anchor);
        let own =
            own.map_err(|error| format!("this program is in no image that is known: {error}"))?;
        // SAFETY: without a name it is the program's own, which is always there.
        let program = unsafe { GetModuleHandleW(null()) };
        if own != program {
            return Err(format!(
                "windrow is part of {}, loaded by {}; a worker can only be started from a program \
                 that windrow is part of",
                file_of(own),
                file_of(program)
            ));
        }
        let start = own.addr();
        // SAFETY: the handle of a module is where its image begins. Its head and its sections stay
        // mapped for as long as the program runs, and only parts that nothing writes to are asked for.
        let part = |part: Range<usize>| unsafe {
            std::slice::from_raw_parts(own.cast::<u8>().add(part.start), part.len())
        };
        let head = Pe::read(part(0..HEAD_BYTES));
        let head = head.ok_or("this program's image has no head that makes sense")?;
        let code = head.code().map(|place| start + place.start..start + place.end).collect();
        Ok(Self { build: head.build(part), code })
    }

    /// The file whose code an address lies in.
    pub(in crate::backend::process) fn around(address: usize) -> Option<String> {
        module_of(address).ok().map(file_of)
    }

    /// Whether a function can be there.
    pub(in crate::backend::process) fn is_code(&self, address: usize) -> bool {
        self.code.iter().any(|range| range.contains(&address))
    }
}

/// The module that an address lies in.
fn module_of(address: usize) -> io::Result<HMODULE> {
    let flags =
        GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
    let mut module = null_mut();
    // SAFETY: the address is only looked up, and no reference is taken.
    done(unsafe { GetModuleHandleExW(flags, without_provenance(address), &raw mut module) })?;
    Ok(module)
}

/// A path by which another program finds this one.
pub(in crate::backend::process) fn own_path() -> PathBuf {
    std::env::current_exe().unwrap_or_default()
}

/// The file of a module, as far as it can be told.
fn file_of(module: HMODULE) -> String {
    let mut path = [0; 1024];
    // SAFETY: there is room for so many characters.
    let length = unsafe { GetModuleFileNameW(module, path.as_mut_ptr(), path.len() as u32) };
    String::from_utf16_lossy(&path[..path.len().min(length as usize)])
}
