use std::sync::OnceLock;

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};

/// Sizes in pixels per em.
pub(crate) const TITLE: f32 = 26.0;
pub(crate) const BODY: f32 = 17.0;
pub(crate) const SMALL: f32 = 15.0;

/// Light strokes look grey on white where coverage is blended linearly; this exponent gives them their weight back.
const WEIGHT: f32 = 0.72;
const ELLIPSIS: char = '…';

/// The fonts asked in turn for a letter.
fn fonts() -> &'static [FontRef<'static>; 2] {
    static FONTS: OnceLock<[FontRef<'static>; 2]> = OnceLock::new();
    FONTS.get_or_init(|| {
        [epaint_default_fonts::UBUNTU_LIGHT, epaint_default_fonts::HACK_REGULAR]
            .map(|bytes| FontRef::try_from_slice(bytes).expect("the embedded fonts are valid"))
    })
}

/// One letter as it will be set.
enum Glyph {
    Drawn {
        font: usize,
        id: ab_glyph::GlyphId,
        advance: f32,
    },
    /// No font has it.
    Box {
        advance: f32,
    },
}

/// Letters without a width of their own: joiners, direction marks, variation selectors, control characters.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
        || (c.is_control() && !c.is_whitespace())
}

fn glyph(c: char, size: f32) -> Glyph {
    let c = if c.is_whitespace() { ' ' } else { c };
    for (index, font) in fonts().iter().enumerate() {
        let id = font.glyph_id(c);
        if id.0 != 0 {
            return Glyph::Drawn { font: index, id, advance: font.as_scaled(size).h_advance(id) };
        }
    }
    Glyph::Box { advance: size * 0.62 }
}

/// Letters with the place of their origin, and the width of the whole.
fn layout(text: &str, size: f32) -> (Vec<(f32, Glyph)>, f32) {
    let mut x = 0.0;
    let mut placed = Vec::new();
    let mut previous = None;
    for c in text.chars().filter(|c| !is_invisible(*c)) {
        let glyph = glyph(c, size);
        let (key, advance) = match glyph {
            Glyph::Drawn { font, id, advance } => (Some((font, id)), advance),
            Glyph::Box { advance } => (None, advance),
        };
        if let (Some((a, left)), Some((b, right))) = (previous, key)
            && a == b
        {
            x += fonts()[b].as_scaled(size).kern(left, right);
        }
        placed.push((x, glyph));
        x += advance;
        previous = key;
    }
    (placed, x)
}

/// Width of a line in pixels.
pub(crate) fn width(text: &str, size: f32) -> f32 {
    layout(text, size).1
}

/// From one baseline to the next.
pub(crate) fn line_height(size: f32) -> i32 {
    (size * 1.3).round() as i32
}

/// Calls `pixel(x, y, coverage)` for what the line covers; x from its start, y from its baseline, downwards.
pub(crate) fn rasterise(text: &str, size: f32, mut pixel: impl FnMut(i32, i32, f32)) {
    for (x, glyph) in layout(text, size).0 {
        match glyph {
            Glyph::Drawn { font, id, .. } => {
                let placed = id.with_scale_and_position(PxScale::from(size), point(x, 0.0));
                if let Some(outline) = fonts()[font].outline_glyph(placed) {
                    let bounds = outline.px_bounds();
                    let (left, top) = (bounds.min.x as i32, bounds.min.y as i32);
                    outline.draw(|dx, dy, coverage| {
                        pixel(left + dx as i32, top + dy as i32, coverage.clamp(0.0, 1.0).powf(WEIGHT));
                    });
                }
            }
            Glyph::Box { advance } => {
                let (left, right) = ((x + 1.0).round() as i32, (x + advance - 2.0).round() as i32);
                let (top, bottom) = ((-0.7 * size).round() as i32, 0);
                for column in left..=right {
                    pixel(column, top, 0.8);
                    pixel(column, bottom, 0.8);
                }
                for row in top + 1..bottom {
                    pixel(left, row, 0.8);
                    pixel(right, row, 0.8);
                }
            }
        }
    }
}

/// The text, or as much of it as fits `limit` pixels with an ellipsis at the end.
pub(crate) fn clip(text: &str, size: f32, limit: f32) -> String {
    if width(text, size) <= limit {
        return text.to_owned();
    }
    let mut kept: Vec<char> = text.chars().collect();
    while let Some(_last) = kept.pop() {
        let candidate: String = kept.iter().collect::<String>().trim_end().chars().chain([ELLIPSIS]).collect();
        if width(&candidate, size) <= limit {
            return candidate;
        }
    }
    String::new()
}

/// Breaks a text between words into lines of at most `limit` pixels; words that are too long and lines beyond
/// `max_lines` end in an ellipsis.
pub(crate) fn wrap(text: &str, size: f32, limit: f32, max_lines: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        if let Some(line) = lines.last_mut() {
            let joined = format!("{line} {word}");
            if width(&joined, size) <= limit {
                *line = joined;
                continue;
            }
        }
        if lines.len() == max_lines {
            if let Some(line) = lines.last_mut() {
                *line = clip(&format!("{line}{ELLIPSIS}"), size, limit);
            }
            return lines;
        }
        lines.push(clip(word, size, limit));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit_and_what_is_cut_ends_in_an_ellipsis() {
        let text = "ten-thirty: 10, 10:30, 30, clock, ten, thirty, time, and a great deal more than that";
        let lines = wrap(text, BODY, 150.0, 3);
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|line| width(line, BODY) <= 150.0), "{lines:?}");
        assert!(lines[2].ends_with('…') && !lines[1].ends_with('…'), "{lines:?}");
        assert_eq!(wrap("short", BODY, 150.0, 3), ["short"]);
        assert!(wrap("Donaudampfschifffahrtsgesellschaft", BODY, 60.0, 2)[0].ends_with('…'));
        assert!(wrap("  ", BODY, 60.0, 2).is_empty());
    }

    #[test]
    fn a_limit_narrower_than_the_ellipsis_leaves_nothing() {
        assert_eq!(clip("wide", BODY, 1.0), "");
    }

    #[test]
    fn every_letter_either_inks_pixels_or_is_invisible() {
        for text in ["a", "é", "Ж", "→", "漢", "🦀", "\u{10ffff}"] {
            let mut inked = 0.0;
            rasterise(text, BODY, |_, _, coverage| inked += coverage);
            assert!(inked > 3.0, "{text} inked {inked}");
        }
        for text in ["\u{200d}", "\u{fe0f}", "\u{0}", ""] {
            assert_eq!(width(text, BODY), 0.0);
        }
        assert!(width("a\tb", BODY) > width("ab", BODY));
    }
}
