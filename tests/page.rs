//! The Rust code that the demo page shows compiles, runs, and is the code in this file.

/// The lines between the two marks of this file, without their indent.
fn shown() -> String {
    let lines = include_str!("page.rs").lines().map(str::trim_end);
    let code = lines.skip_while(|line| *line != "    // On the page:").skip(1);
    code.take_while(|line| *line != "    // Until here.")
        .map(|line| format!("{}\n", &line[4..]))
        .collect()
}

#[test]
fn the_page_shows_code_that_runs() -> windrow::Result<()> {
    // On the page:
    use windrow::{Dataset, Loader, range};
    let samples = range(0..100).map(|x| x * x).shuffle(7).batch(10);
    for batch in Loader::builder(samples).workers(4).build()? {
        println!("{:?}", *batch?);
    }
    // Until here.
    let page = include_str!("../www/index.html").replace("&gt;", ">").replace("&lt;", "<");
    let shown = shown();
    assert_eq!(shown.lines().count(), 5, "{shown}");
    assert!(page.contains(shown.trim_end()), "www/index.html does not show\n{shown}");
    Ok(())
}
