//! Bytes that JavaScript reads: blobs, ranges of a URL, arrays.

use std::cell::RefCell;
use std::sync::Arc;

use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::{JsCast, JsValue, wasm_bindgen};

use crate::error::{Error, Result};
use crate::source::bytes::files::{inside, list};
use crate::source::bytes::in_bounds;
use crate::source::{ByteSource, Files, Listed};

#[wasm_bindgen]
extern "C" {
    /// A JavaScript object that reads files by name. Every call is synchronous.
    #[derive(Debug, Clone)]
    pub type Reader;

    /// Returns the length of a file in bytes, or -1 if no file has this name.
    #[wasm_bindgen(method, catch)]
    fn size(this: &Reader, name: &str) -> Result<f64, JsValue>;

    /// Returns `length` bytes of a file from an offset on.
    #[wasm_bindgen(method, catch)]
    fn read(this: &Reader, name: &str, offset: f64, length: f64) -> Result<Uint8Array, JsValue>;

    /// Returns the names of all files.
    #[wasm_bindgen(method, catch)]
    fn names(this: &Reader) -> Result<Array, JsValue>;
}

thread_local! {
    /// A JavaScript value belongs to its thread, so only names cross threads.
    static READER: RefCell<Option<Reader>> = const { RefCell::new(None) };
}

/// Sets the object that reads files in this thread.
#[wasm_bindgen]
pub fn provide(reader: Reader) {
    READER.set(Some(reader));
}

/// The files that JavaScript reads.
pub(super) struct Provided;

impl Files for Provided {
    fn open(&self, name: &str) -> Result<Arc<dyn ByteSource>> {
        let what = || format!("opening {name}");
        let len = with(&what, |reader| reader.size(name))?;
        if len < 0.0 {
            let why = match list(names(&what)?.iter().map(|name| &**name)) {
                names if names.is_empty() => "no files were given".into(),
                names => format!("no such file; the files are: {names}"),
            };
            return Err(Error::io(what(), std::io::Error::new(std::io::ErrorKind::NotFound, why)));
        }
        Ok(Arc::new(File { name: name.into(), len: len as u64 }))
    }

    fn list(&self, folder: &str) -> Result<Vec<Listed>> {
        let mut found = Vec::new();
        for name in names(&|| format!("listing {folder}"))? {
            if let Some(path) = inside(folder, &name) {
                found.push(Listed { name: path.to_owned(), bytes: self.open(&name)? });
            }
        }
        Ok(found)
    }
}

/// Returns the names of all files.
fn names(what: &dyn Fn() -> String) -> Result<Vec<String>> {
    let names = with(what, Reader::names)?;
    Ok(names.iter().filter_map(|name| name.as_string()).collect())
}

#[derive(Debug)]
struct File {
    name: String,
    len: u64,
}

impl ByteSource for File {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let wanted = buffer.len();
        in_bounds(self, offset, wanted)?;
        let what = || format!("reading {wanted} bytes of {} at {offset}", self.name);
        let read = |reader: &Reader| reader.read(&self.name, offset as f64, wanted as f64);
        let bytes = with(&what, read)?;
        if bytes.length() as usize != wanted {
            let why =
                format!("expected {wanted} bytes, but the reader returned {}", bytes.length());
            return Err(Error::Format { name: self.name.clone(), offset: Some(offset), why });
        }
        bytes.copy_to(buffer);
        Ok(())
    }
}

fn with<T>(
    what: &dyn Fn() -> String,
    call: impl FnOnce(&Reader) -> Result<T, JsValue>,
) -> Result<T> {
    let reader = READER.with_borrow(Clone::clone);
    let answer = match &reader {
        Some(reader) => call(reader).map_err(|error| text_of(&error)),
        None => Err("this thread has no reader of files".into()),
    };
    answer.map_err(|why| Error::io(what(), std::io::Error::other(why)))
}

/// Returns the message of a thrown value.
pub(super) fn text_of(thrown: &JsValue) -> String {
    match thrown.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => thrown.as_string().unwrap_or_else(|| format!("{thrown:?}")),
    }
}
