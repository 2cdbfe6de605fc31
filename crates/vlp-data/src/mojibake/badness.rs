//! Whether a text looks like UTF-8 that was read in a code page.
//!
//! The classes of characters and the pairs that do not stand side by side in texts are those of ftfy 6.3.1 (Robyn Speer, Apache License
//! 2.0), whose verdicts open_clip's ids depend on.

use std::sync::LazyLock;

use regex::Regex;

use crate::html_entities::pattern;

/// Controls of Latin-1.
const CONTROL: &str = r"\x{80}-\x{9f}";
/// Signs that hardly ever stand beside others.
const ODD: &str = r"¦¤¨¬¯¸ƒˆˇ˘˛˜†‡‰⌐◊\x{fffd}ªº";
/// Signs that stand anywhere.
const COMMON: &str = r"\x{a0}\x{ad}·´–—―…’";
const LAW: &str = "¶§";
const MONEY: &str = "¢£¥₧€";
const OPENING: &str = r"¡«¿©΄΅‘‚“„•‹\x{f8ff}";
const CLOSING: &str = "®»˝”›™";
const NUMERIC: &str = "²³¹±¼½¾×µ÷⁄∂∆∏∑√∞∩∫≈≠≡≤≥№";
/// Letters of which faces are made.
const FACES: &str = "Ò-ÖÙ-Üò-öø-üŐŌŪŲ°";
const UPPER: &str = "À-ÑØÜÝĂĀĄĆČĎĐĘĚĒĖĞĢİĪĶĹĽŁĻŃŇŅŒŘŚŞŠŢŤŮŰŸŹŻŽҐ";
const LOWER: &str = "ßà-ñăąāćčďđęěēėğģįīķĺľłļœŕśşšťüźżžґﬁﬂ";
/// Letters of other scripts, which stand anywhere.
const UPPER_COMMON: &str = "ÞΑ-ΩΆΈΉΊΌΎΏΪΫЁ-Я";
const LOWER_COMMON: &str = "α-ωάέήίΰа-џ";
const BOXES: &str = "│┌┐┘├┤┬┼═-╬▀▄█▌▐░▒▓";

/// Classes in a row, each a list of sets.
fn row(classes: &[&[&str]]) -> String {
    classes.iter().map(|sets| format!("[{}]", sets.concat())).collect()
}

static BAD: LazyLock<Regex> = LazyLock::new(|| {
    let signs = [LOWER, UPPER, BOXES, OPENING, CLOSING, MONEY, NUMERIC, LAW].concat();
    let arabic = [COMMON, MONEY, ODD, NUMERIC, OPENING, "ŸŠ®°µ»"].concat();
    let rows = [
        row(&[&[CONTROL]]),
        row(&[&[ODD, &signs], &[ODD]]),
        row(&[&["a-zA-Z"], &[LOWER_COMMON, UPPER_COMMON], &[ODD]]),
        row(&[&[ODD], &[&signs]]),
        row(&[&[LOWER, LOWER_COMMON, BOXES, CLOSING, MONEY, NUMERIC], &[UPPER]]),
        row(&[&[BOXES, CLOSING, MONEY, NUMERIC], &[LOWER]]),
        row(&[&[LOWER, BOXES, CLOSING], &[MONEY]]),
        // Python's blanks include four separators of ASCII.
        row(&[&[r"\s\x1c-\x1f"], &[UPPER], &[MONEY]]),
        row(&[&[UPPER, BOXES], &[NUMERIC, LAW]]),
        row(&[&[LOWER, UPPER, BOXES, MONEY, CLOSING], &[OPENING], &[NUMERIC]]),
        row(&[&[LOWER, UPPER, MONEY, NUMERIC, BOXES, LAW], &[CLOSING], &[OPENING]]),
        row(&[&[MONEY, NUMERIC, BOXES], &[OPENING]]),
        row(&[&["a-z"], &[UPPER], &[OPENING, MONEY]]),
        row(&[&[BOXES], &[FACES]]),
        row(&[&[LOWER, UPPER, MONEY, NUMERIC, OPENING, CLOSING, LAW], &[BOXES]]),
        row(&[&[BOXES], &[CLOSING]]),
        row(&[&[LOWER, UPPER], &[OPENING, CLOSING], &[r"\p{L}\p{N}_"]]),
        row(&[&["Œœ"], &["^A-Za-z"]]),
        row(&[&[UPPER], &["°"]]),
        // Pairs of single code pages: the first byte of a character, and what may follow it.
        row(&[&["ÂÃÎÐ"], &[r"€œŠš¢£Ÿž\x{a0}\x{ad}®©°·»–—´", OPENING, CLOSING]]),
        row(&[&["×"], &["²³"]]),
        row(&[&["ØÙ"], &[&arabic], &["ØÙ"], &[&arabic]]),
        row(&[&["à"], &["²µ¹¼½¾"]]),
        row(&[&["√"], &["±∂†≠®™´≤≥¥µø"]]),
        row(&[&["≈"], &["°¢"]]),
        row(&[&["‚"], &["Ä"], &["ìîïòôúùû†°¢π"]]),
        row(&[&["‚"], &["âó"], &["àä°ê"]]),
        "вЂ".to_owned(),
        row(&[&["ВГРС"], &[CONTROL, ODD, OPENING, CLOSING, MONEY, "°µ"], &["ВГРС"]]),
        "ГўВЂВ.[A-Za-z ]".to_owned(),
        row(&[&["Ã"], &[r"\x{a0}¡"]]),
        format!("(?:[a-z][{}]?|^)[ÃÂ] ", r"\s\x1c-\x1f"),
        row(&[&["a-z.,?!", CLOSING], &["Â"], &[" ", OPENING, CLOSING]]),
        row(&[&["β"], &["€"], &[r"™\x{a0}Ά\x{ad}®°"]]),
        row(&[&["ΒΓΞΟ"], &[CONTROL, ODD, OPENING, CLOSING, MONEY, "°"], &["ΒΓΞΟ"]]),
        "ā€".to_owned(),
    ];
    pattern(&rows.join("|"))
});

/// Whether any two or three characters of the text hardly ever stand side by side but for wrong reading.
pub(super) fn is_bad(text: &str) -> bool {
    BAD.is_match(text)
}
