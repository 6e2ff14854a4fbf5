//! A progress bar on stderr, on a terminal only.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;

/// A bar for so many runs; hidden where stderr is no terminal. `length` is `None` where the end is a time limit.
pub fn bar(length: Option<u64>) -> ProgressBar {
    let bar = match length {
        Some(length) => ProgressBar::new(length),
        None => ProgressBar::no_length(),
    };
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
        return bar;
    }
    let template = match length {
        Some(_) => "{wide_bar}  {human_pos}/{human_len} runs · {per_sec} · {msg} · {elapsed}",
        None => "{spinner}  {human_pos} runs · {per_sec} · {msg} · {elapsed}",
    };
    let style = ProgressStyle::with_template(template).expect("the template is well-formed");
    bar.set_style(style.progress_chars("██░"));
    bar.set_message("no finding");
    bar
}

/// A bar for hunts that end as soon as they have found something; hidden where stderr is no terminal.
pub fn hunts(length: u64) -> ProgressBar {
    let bar = ProgressBar::new(length);
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
        return bar;
    }
    let template = "{wide_bar}  {human_pos}/{human_len} hunts and stories · {msg} · {eta} left";
    let style = ProgressStyle::with_template(template).expect("the template is well-formed");
    bar.set_style(style.progress_chars("██░"));
    bar
}
