//! Intervals as a drawing: one file that needs nothing else, light or dark as the reader's screen is, wide as it is shown.

use std::fmt::Write as _;

use super::{
    super::{Analysis, words},
    Tone, headline,
    picture::{Bar, Picture, pictures, short},
    rule_line, split_line, tone,
};

/// The width of the drawing in its own unit, which is a pixel of a phone.
const WIDTH: f64 = 400.0;
/// What is free at both sides.
const EDGE: f64 = 14.0;
/// How many characters of small text fit on a line.
const CHARACTERS: usize = 58;

/// The colours have a contrast of at least 4.5 to the ground they are on (WCAG 2.2, 1.4.3). No custom properties: viewers that
/// are no browsers do not know them, and take the light colours.
const STYLE: &str = "
.tp-plot text{font:13px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;fill:#1b1f24}
.tp-plot .soft{fill:#57606a;font-size:12px}
.tp-plot .name{font-weight:600}
.tp-plot .title{font-weight:700;font-size:16px}
.tp-plot .ground{fill:#fff}
.tp-plot .axis{stroke:#d0d7de}
.tp-plot .zero{stroke:#57606a}
.tp-plot .margin{stroke:#b3151f;stroke-dasharray:3 3}
.tp-plot .says{font-weight:600}
.tp-plot .bar{stroke-width:3;stroke-linecap:round}
.tp-plot .open{stroke-width:2.5}
.tp-plot .says.good,.tp-plot .dot.good{fill:#116329}
.tp-plot .says.bad,.tp-plot .dot.bad{fill:#b3151f}
.tp-plot .says.plain{fill:#0b5394}
.tp-plot .bar.good{stroke:#116329}
.tp-plot .bar.bad{stroke:#b3151f}
.tp-plot .bar.plain{stroke:#0b5394}
.tp-plot .open{fill:#fff;stroke:#0b5394}
@media (prefers-color-scheme:dark){
.tp-plot text{fill:#e6edf3}
.tp-plot .soft{fill:#9198a1}
.tp-plot .ground{fill:#0d1117}
.tp-plot .axis{stroke:#3d444d}
.tp-plot .zero{stroke:#9198a1}
.tp-plot .margin{stroke:#ff8b84}
.tp-plot .says.good,.tp-plot .dot.good{fill:#56d364}
.tp-plot .says.bad,.tp-plot .dot.bad{fill:#ff8b84}
.tp-plot .says.plain{fill:#79c0ff}
.tp-plot .bar.good{stroke:#56d364}
.tp-plot .bar.bad{stroke:#ff8b84}
.tp-plot .bar.plain{stroke:#79c0ff}
.tp-plot .open{fill:#0d1117;stroke:#79c0ff}
}
";

/// Returns the drawing of an analysis.
pub fn svg(analysis: &Analysis) -> String {
    let mut drawing = Drawing { body: String::new(), y: 0.0 };
    drawing.head(analysis);
    for picture in pictures(analysis) {
        drawing.metric(&picture);
    }
    let height = drawing.y + EDGE;
    let (title, about) = (escape(&headline(analysis)), escape(&described(analysis)));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"tp-plot\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-labelledby=\"tp-title tp-desc\" style=\"display:block;width:100%;max-width:640px;height:auto\">\n\
         <title id=\"tp-title\">{title}</title>\n<desc id=\"tp-desc\">{about}</desc>\n<style>{STYLE}</style>\n\
         <rect class=\"ground\" width=\"{WIDTH}\" height=\"{height}\" rx=\"8\"/>\n{}</svg>\n",
        drawing.body
    )
}

/// Returns in words what is drawn, for whoever does not see it.
fn described(analysis: &Analysis) -> String {
    let mut text = String::new();
    for picture in pictures(analysis) {
        for bar in &picture.bars {
            let _ = write!(text, "{}, {}: {}. ", picture.name, bar.variant, figures(&picture, bar));
        }
    }
    text.trim_end().to_owned()
}

fn figures(picture: &Picture, bar: &Bar) -> String {
    match &bar.effect {
        Some(effect) => format!(
            "{} ({}), {}",
            words::lift(picture.kind, picture.scale, effect.estimate),
            words::interval(picture.kind, picture.scale, effect),
            bar.says
        ),
        None => bar.why.clone(),
    }
}

struct Drawing {
    body: String,
    /// How far down it goes.
    y: f64,
}

impl Drawing {
    fn text(&mut self, x: f64, class: &str, text: &str) {
        let anchor = if x > WIDTH / 2.0 { " text-anchor=\"end\"" } else { "" };
        let _ = writeln!(
            self.body,
            "<text x=\"{x}\" y=\"{:.1}\" class=\"{class}\"{anchor}>{}</text>",
            self.y,
            escape(text)
        );
    }

    fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        let _ = writeln!(
            self.body,
            "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
        );
    }

    fn head(&mut self, analysis: &Analysis) {
        self.y = 30.0;
        let decision = tone(analysis.verdict.decision);
        for (at, line) in wrapped(&plain(&headline(analysis)), 38).iter().enumerate() {
            self.y += if at == 0 { 0.0 } else { 21.0 };
            self.text(EDGE, &format!("title says {}", class(decision)), line);
        }
        let reason = analysis.verdict.reasons.first().map(|reason| plain(&reason.text)).unwrap_or_default();
        let facts = format!("Split: {}. Judged by {}.", split_line(&analysis.split), rule_line(analysis));
        for line in [wrapped(&reason, CHARACTERS), wrapped(&facts, CHARACTERS)].concat() {
            self.y += 18.0;
            self.text(EDGE, "soft", &line);
        }
    }

    fn metric(&mut self, picture: &Picture) {
        self.y += 16.0;
        self.line("axis", (EDGE, self.y), (WIDTH - EDGE, self.y));
        self.y += 24.0;
        self.text(EDGE, "name", &short(&picture.name, 50));
        self.y += 17.0;
        self.text(EDGE, "soft", &short(&picture.about, CHARACTERS));
        for bar in &picture.bars {
            self.bar(picture, bar);
        }
        if picture.bars.iter().any(|bar| bar.effect.is_some()) {
            self.axis(picture);
        }
    }

    fn bar(&mut self, picture: &Picture, bar: &Bar) {
        let class = class(bar.tone);
        self.y += 26.0;
        self.text(EDGE, "name", &short(&bar.variant, 30));
        self.text(WIDTH - EDGE, &format!("says {class}"), bar.says);
        if let Some(effect) = bar.effect {
            self.y += 16.0;
            let (from, to, at) = (x(picture, effect.lower), x(picture, effect.upper), x(picture, effect.estimate));
            self.marks(picture, self.y - 9.0, self.y + 9.0);
            self.line(&format!("bar {class}"), (from, self.y), (to, self.y));
            let dot = if bar.tone == Tone::Neutral { "open" } else { "dot" };
            let y = self.y;
            let _ = writeln!(self.body, "<circle class=\"{dot} {class}\" cx=\"{at:.1}\" cy=\"{y:.1}\" r=\"5\"/>");
            self.y += 19.0;
            let figures = format!(
                "{}  ({})",
                words::lift(picture.kind, picture.scale, effect.estimate),
                words::interval(picture.kind, picture.scale, &effect)
            );
            self.text(EDGE, "soft", &figures);
        } else {
            for line in wrapped(&bar.why, CHARACTERS) {
                self.y += 18.0;
                self.text(EDGE, "soft", &line);
            }
        }
    }

    /// Draws where zero is and where harm begins, between two heights: behind bars, not through text.
    fn marks(&mut self, picture: &Picture, top: f64, bottom: f64) {
        let zero = x(picture, 0.0);
        self.line("zero", (zero, top), (zero, bottom));
        if let Some(margin) = picture.margin {
            let at = x(picture, margin);
            self.line("margin", (at, top), (at, bottom));
        }
    }

    /// Draws the axis and its labels; labels that would touch are left out.
    fn axis(&mut self, picture: &Picture) {
        self.y += 10.0;
        let bottom = self.y;
        self.line("axis", (EDGE, bottom), (WIDTH - EDGE, bottom));
        self.marks(picture, bottom - 4.0, bottom + 4.0);
        self.y += 17.0;
        let mut taken: Vec<(f64, f64)> = Vec::new();
        let zero_first = picture.ticks.iter().filter(|(at, _)| *at == 0.0);
        for (at, label) in zero_first.chain(picture.ticks.iter().filter(|(at, _)| *at != 0.0)) {
            let half = f64::from(u32::try_from(label.chars().count()).unwrap_or(u32::MAX)) * 3.7;
            let middle = x(picture, *at).clamp(EDGE + half, (WIDTH - EDGE - half).max(EDGE + half));
            if taken.iter().any(|(from, to)| middle - half < to + 6.0 && middle + half > from - 6.0) {
                continue;
            }
            taken.push((middle - half, middle + half));
            let y = self.y;
            let _ = writeln!(
                self.body,
                "<text x=\"{middle:.1}\" y=\"{y:.1}\" class=\"soft\" text-anchor=\"middle\">{}</text>",
                escape(label)
            );
        }
    }
}

fn x(picture: &Picture, at: f64) -> f64 {
    // A dot has a size.
    EDGE + 6.0 + picture.place(at) * (WIDTH - 2.0 * (EDGE + 6.0))
}

const fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Bad => "bad",
        Tone::Neutral => "plain",
    }
}

/// Returns text without the marks that stand for another typeface.
fn plain(text: &str) -> String {
    text.replace('`', "")
}

/// Returns the lines of a text that is longer than one.
fn wrapped(text: &str, characters: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < characters => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(short(word, characters)),
        }
    }
    lines
}

/// Returns text that is text in XML, whatever people named. Characters that XML cannot have become a dot.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            _ if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('·'),
            _ => escaped.push(c),
        }
    }
    escaped
}
