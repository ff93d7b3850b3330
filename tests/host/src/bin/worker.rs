//! A worker that is a program of its own. It has the recipes because it is linked with them.

use recipes as _;

fn main() {
    windrow::init();
    println!("this is no worker");
}
