//! Glyphs to lines of text: a new line where the baseline moves or turns, a space where there is a gap along it.

use std::{panic::resume_unwind, time::Instant};

use hayro::{
    hayro_interpret::{
        BlendMode, ClipPath, Device, DrawMode, DrawProps, Image, ImageDrawProps, SoftMask,
        font::{Glyph, GlyphRun},
        hayro_cmap::BfString,
    },
    kurbo::{Affine, BezPath, Point, Vec2},
};

/// How many calls pass between two looks at the clock.
const CLOCK: u32 = 1024;

/// There is text enough, or no more time; travels through the interpreter as a panic that is caught outside.
pub struct Stop;

/// Collects the text of pages.
pub struct Lines {
    pub text: String,
    max: usize,
    until: Instant,
    calls: u32,
    /// Where the last glyph ended, the direction of its baseline, and its size.
    last: Option<(Point, Vec2)>,
}

impl Lines {
    pub fn new(max: usize, until: Instant) -> Self {
        Self { text: String::new(), max, until, calls: 0, last: None }
    }

    /// Enough text, or no more time.
    pub fn is_done(&self) -> bool {
        self.text.len() >= self.max || Instant::now() >= self.until
    }

    pub fn end_line(&mut self) {
        self.last = None;
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    fn call(&mut self) {
        self.calls += 1;
        if self.calls.is_multiple_of(CLOCK) && self.is_done() {
            resume_unwind(Box::new(Stop));
        }
    }

    fn glyph(&mut self, glyph: &Glyph<'_>, transform: Affine) {
        let Some(unicode) = glyph.as_unicode() else { return };
        // Glyph space has 1000 units to the em, along the baseline and across it.
        let [a, b, c, d, x, y] = transform.as_coeffs();
        let (along, across) = (Vec2::new(a, b), Vec2::new(c, d));
        let em = 1000.0 * across.hypot();
        let (start, along_length) = (Point::new(x, y), along.hypot());
        let direction = if along_length > 0.0 { along / along_length } else { Vec2::new(1.0, 0.0) };
        if let Some((end, last_direction)) = self.last {
            let moved = start - end;
            let (gap, off) = (moved.dot(direction), moved.cross(direction).abs());
            // A little turn is a curved line of text; more is another one.
            if direction.dot(last_direction) < 0.9 || off > 0.5 * em || gap < -4.0 * em {
                self.end_line();
            } else if gap > 0.2 * em && !self.text.ends_with(char::is_whitespace) {
                self.text.push(' ');
            }
        }
        match unicode {
            BfString::Char(char) => self.push(char),
            BfString::String(chars) => chars.chars().for_each(|char| self.push(char)),
        }
        let advance = match glyph {
            Glyph::Outline(outline) => outline.advance_width(),
            Glyph::Type3(glyph) => glyph.advance_width(),
        };
        self.last = Some((start + along * f64::from(advance.unwrap_or(500.0)), direction));
    }

    fn push(&mut self, char: char) {
        if self.text.len() >= self.max {
            return;
        }
        if char == ' ' || !char.is_whitespace() && !char.is_control() {
            self.text.push(char);
        } else if !self.text.ends_with(char::is_whitespace) {
            self.text.push(' ');
        }
    }
}

impl<'a> Device<'a> for Lines {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, _: &DrawMode) {
        for glyph in run.glyphs() {
            self.call();
            self.glyph(glyph, props.transform * glyph.transform());
        }
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {
        self.call();
    }

    fn push_clip_path(&mut self, _: &ClipPath) {
        self.call();
    }

    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {
        self.call();
    }

    fn draw_image(&mut self, _: Image<'a, '_>, _: ImageDrawProps<'a>) {
        self.call();
    }

    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}

/// Words divided at the end of a line, in one piece: where a small letter goes on after a hyphen. Not before the words
/// that follow a hyphen which stays (`Vor-` / `und Nachteile`).
pub fn rejoined(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let stem =
            out.strip_suffix('\n').map(str::trim_end).and_then(|line| line.strip_suffix(['-', '\u{2010}', '\u{ad}']));
        let is_stem = stem.is_some_and(|stem| stem.ends_with(char::is_alphabetic));
        let word: String = line.chars().take_while(|char| char.is_alphabetic()).collect();
        let goes_on = word.starts_with(char::is_lowercase) && !is_joint(&word);
        if let Some(stem) = stem.filter(|_| is_stem && goes_on) {
            out.truncate(stem.len());
        }
        out.push_str(line);
    }
    out
}

fn is_joint(word: &str) -> bool {
    matches!(word, "und" | "oder" | "bzw" | "sowie" | "statt" | "bis" | "als" | "and" | "or" | "to")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_what_a_line_divides() {
        assert_eq!(rejoined("nacht-\naktiv\nganz\n"), "nachtaktiv\nganz\n");
        assert_eq!(rejoined("Ö\u{2010}\nl, a\u{ad}\nb"), "Öl, ab");
        assert_eq!(rejoined("eins-zwei-\ndrei-\nvier"), "eins-zweidreivier");
        for kept in ["Vor-\nund", "Kurt-\nTucholsky", "1990-\nmal", "-\nund", "a -\nb", "", "\n\n"] {
            assert_eq!(rejoined(kept), kept);
        }
    }
}
