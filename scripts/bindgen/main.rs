//! Writes the JavaScript that loads a WebAssembly module: `windrow-bindgen MODULE FOLDER NAME`.

use anyhow::bail;
use wasm_bindgen_cli_support::Bindgen;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [module, folder, name] = &arguments[..] else {
        bail!("usage: windrow-bindgen MODULE FOLDER NAME");
    };
    Bindgen::new()
        .input_path(module)
        .web(true)?
        .typescript(false)
        .omit_default_module_path(true)
        .remove_producers_section(true)
        .out_name(name)
        .generate(folder)
}
