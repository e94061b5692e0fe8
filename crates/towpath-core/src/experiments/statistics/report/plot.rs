//! Intervals as text.

use super::{
    super::{Analysis, words},
    Tone,
    picture::{Bar, Picture, pictures, short},
};

/// A line of the plot. Every line says in words what its tone says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlotLine {
    /// The text, without an end of line.
    pub text: String,
    /// What it means.
    pub tone: Tone,
    /// Whether it begins a metric.
    pub heading: bool,
}

/// Returns the plot in lines of at most `width` characters (at least 60 are taken).
pub fn plot(analysis: &Analysis, width: usize) -> Vec<PlotLine> {
    pictures(analysis).iter().flat_map(|picture| of(picture, width.max(60))).collect()
}

fn of(picture: &Picture, width: usize) -> Vec<PlotLine> {
    let names = picture.bars.iter().map(|bar| bar.variant.chars().count()).max().unwrap_or(0).clamp(4, 14);
    let says: Vec<String> = picture.bars.iter().map(|bar| finding(picture, bar)).collect();
    let wide = says.iter().zip(&picture.bars).filter(|(_, bar)| bar.effect.is_some());
    let wide = wide.map(|(says, _)| says.chars().count()).max().unwrap_or(0);
    // Two before the name, two after it, two before the finding.
    let axis = width.saturating_sub(names + wide + 6).max(20);
    let line = |text: String, tone, heading| PlotLine { text: text.trim_end().to_owned(), tone, heading };
    let head = format!("{}  ({})", short(&picture.name, 40), picture.about);
    let mut lines = vec![line(short(&head, width), Tone::Neutral, true)];
    for (bar, says) in picture.bars.iter().zip(says) {
        let name = short(&bar.variant, names);
        let drawn = if bar.effect.is_some() { draw(picture, bar, axis) } else { String::new() };
        let text = format!("  {name:<names$}  {drawn}{}{says}", if drawn.is_empty() { "" } else { "  " });
        lines.push(line(short(&text, width), bar.tone, false));
    }
    if picture.bars.iter().any(|bar| bar.effect.is_some()) {
        lines.push(line(format!("  {:names$}  {}", "", labels(picture, axis)), Tone::Neutral, false));
    }
    lines
}

fn finding(picture: &Picture, bar: &Bar) -> String {
    match bar.effect {
        Some(effect) => format!("{} {}", words::lift(picture.kind, picture.scale, effect.estimate), bar.says),
        None => format!("{}: {}", bar.says, bar.why),
    }
}

fn draw(picture: &Picture, bar: &Bar, axis: usize) -> String {
    let mut cells = vec![' '; axis];
    let mut put = |at: usize, c: char| {
        if let Some(cell) = cells.get_mut(at) {
            *cell = c;
        }
    };
    if let Some(margin) = picture.margin {
        put(column(picture, margin, axis), '┊');
    }
    put(column(picture, 0.0, axis), '│');
    if let Some(effect) = bar.effect {
        let (from, to) = (column(picture, effect.lower, axis), column(picture, effect.upper, axis));
        for at in from..=to {
            let crossed = at == column(picture, 0.0, axis);
            put(at, if crossed { '┼' } else { '─' });
        }
        put(from, '├');
        put(to, '┤');
        put(column(picture, effect.estimate, axis), '●');
    }
    cells.into_iter().collect()
}

/// Writes the labels of the ticks under their places; one that has no room is left out, 0 never.
fn labels(picture: &Picture, axis: usize) -> String {
    let mut cells = vec![' '; axis];
    let zero_first = picture.ticks.iter().filter(|(at, _)| *at == 0.0);
    for (at, label) in zero_first.chain(picture.ticks.iter().filter(|(at, _)| *at != 0.0)) {
        let long = label.chars().count();
        let start = column(picture, *at, axis).saturating_sub(long / 2).min(axis.saturating_sub(long));
        let room = cells.get(start.saturating_sub(1)..(start + long + 1).min(axis));
        if room.is_some_and(|room| room.iter().all(|cell| *cell == ' ')) {
            cells.iter_mut().skip(start).zip(label.chars()).for_each(|(cell, c)| *cell = c);
        }
    }
    cells.into_iter().collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a place from 0 to 1 on a line of some characters"
)]
fn column(picture: &Picture, at: f64, axis: usize) -> usize {
    (picture.place(at) * (axis.saturating_sub(1)) as f64).round() as usize
}
