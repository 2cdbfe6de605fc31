//! The code pages that UTF-8 is wrongly read in, in the order they are tried.

use std::collections::HashMap;
use std::sync::LazyLock;

/// What a byte that was lost in reading has become, and the byte that stands for it here.
const LOST: (char, u8) = ('\u{fffd}', 0x1a);

/// A code page: ASCII, and these characters from 0x80 on.
#[derive(Debug)]
pub(super) struct CodePage {
    /// Whether it has holes, which Windows leaves as they are in Latin-1; then a lost byte is known as such.
    pub(super) has_holes: bool,
    /// Whether its dash before a blank looks like a character that has lost a byte.
    pub(super) keeps_blanks: bool,
    /// Whether it is one of Windows or of ISO, and so puts letters where Latin-1 does.
    pub(super) is_like_latin: bool,
    pub(super) characters: Vec<char>,
    bytes: HashMap<char, u8>,
}

impl CodePage {
    fn new(upper: &str, kind: Kind) -> Self {
        let characters: Vec<char> = upper.chars().collect();
        assert_eq!(characters.len(), 128, "a code page has as many characters beyond ASCII");
        let bytes = characters.iter().zip(0x80..=0xff).map(|(&c, byte)| (c, byte)).collect();
        Self {
            has_holes: kind == Kind::Windows,
            keeps_blanks: kind == Kind::Mac,
            is_like_latin: matches!(kind, Kind::Windows | Kind::Iso),
            characters,
            bytes,
        }
    }

    fn byte(&self, c: char) -> Option<u8> {
        match c {
            c if self.has_holes && c == LOST.0 => Some(LOST.1),
            c if self.has_holes && c == LOST.1 as char => None,
            '\0'..='\x7f' => Some(c as u8),
            c => self.bytes.get(&c).copied(),
        }
    }

    /// The bytes of a text that consists of its characters.
    pub(super) fn encode(&self, text: &str) -> Option<Vec<u8>> {
        text.chars().map(|c| self.byte(c)).collect()
    }
}

#[derive(PartialEq, Eq)]
enum Kind {
    Iso,
    Windows,
    Mac,
    Dos,
}

pub(super) static CODE_PAGES: LazyLock<[CodePage; 10]> = LazyLock::new(|| {
    let latin: String = ('\u{80}'..='\u{ff}').collect();
    let pages = [
        (latin.as_str(), Kind::Iso),
        (WINDOWS_1252, Kind::Windows),
        (WINDOWS_1251, Kind::Windows),
        (WINDOWS_1250, Kind::Windows),
        (WINDOWS_1253, Kind::Windows),
        (WINDOWS_1254, Kind::Windows),
        (WINDOWS_1257, Kind::Windows),
        (ISO_8859_2, Kind::Iso),
        (MAC_ROMAN, Kind::Mac),
        (DOS_437, Kind::Dos),
    ];
    pages.map(|(upper, kind)| CodePage::new(upper, kind))
});

const WINDOWS_1252: &str = "\
    €\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ\u{a0}¡¢£¤¥¦§¨©ª«¬\u{ad}®¯°±²³´µ¶·¸¹º»¼½¾¿ÀÁÂÃÄÅÆÇÈÉÊ\
    ËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ";
const WINDOWS_1251: &str = "\
    ЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ‘’“”•–—\u{98}™љ›њќћџ\u{a0}ЎўЈ¤Ґ¦§Ё©Є«¬\u{ad}®Ї°±Ііґµ¶·ё№є»јЅѕїАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮ\
    Яабвгдежзийклмнопрстуфхцчшщъыьэюя";
const WINDOWS_1250: &str = "\
    €\u{81}‚\u{83}„…†‡\u{88}‰Š‹ŚŤŽŹ\u{90}‘’“”•–—\u{98}™š›śťžź\u{a0}ˇ˘Ł¤Ą¦§¨©Ş«¬\u{ad}®Ż°±˛ł´µ¶·¸ąş»Ľ˝ľżŔÁÂĂÄĹĆÇČÉĘ\
    ËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢßŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüýţ˙";
const WINDOWS_1253: &str = "\
    €\u{81}‚ƒ„…†‡\u{88}‰\u{8a}‹\u{8c}\u{8d}\u{8e}\u{8f}\u{90}‘’“”•–—\u{98}™\u{9a}›\u{9c}\u{9d}\u{9e}\u{9f}\u{a0}΅Ά\
    £¤¥¦§¨©ª«¬\u{ad}®―°±²³΄µ¶·ΈΉΊ»Ό½ΎΏΐΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡÒΣΤΥΦΧΨΩΪΫάέήίΰαβγδεζηθικλμνξοπρςστυφχψωϊϋόύώÿ";
const WINDOWS_1254: &str = "\
    €\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}\u{8e}\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}\u{9e}Ÿ\u{a0}¡¢£¤¥¦§¨©ª«¬\u{ad}®¯°±²³´µ¶·¸¹º»¼½¾¿À\
    ÁÂÃÄÅÆÇÈÉÊËÌÍÎÏĞÑÒÓÔÕÖ×ØÙÚÛÜİŞßàáâãäåæçèéêëìíîïğñòóôõö÷øùúûüışÿ";
const WINDOWS_1257: &str = "\
    €\u{81}‚\u{83}„…†‡\u{88}‰\u{8a}‹\u{8c}¨ˇ¸\u{90}‘’“”•–—\u{98}™\u{9a}›\u{9c}¯˛\u{9f}\u{a0}¡¢£¤¥¦§Ø©Ŗ«¬\u{ad}®Æ°±\
    ²³´µ¶·ø¹ŗ»¼½¾æĄĮĀĆÄÅĘĒČÉŹĖĢĶĪĻŠŃŅÓŌÕÖ×ŲŁŚŪÜŻŽßąįāćäåęēčéźėģķīļšńņóōõö÷ųłśūüżž˙";
const ISO_8859_2: &str = "\
    \u{80}\u{81}\u{82}\u{83}\u{84}\u{85}\u{86}\u{87}\u{88}\u{89}\u{8a}\u{8b}\u{8c}\u{8d}\u{8e}\u{8f}\u{90}\u{91}\
    \u{92}\u{93}\u{94}\u{95}\u{96}\u{97}\u{98}\u{99}\u{9a}\u{9b}\u{9c}\u{9d}\u{9e}\u{9f}\u{a0}Ą˘Ł¤ĽŚ§¨ŠŞŤŹ\u{ad}ŽŻ\
    °ą˛ł´ľśˇ¸šşťź˝žżŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢßŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüýţ˙";
const MAC_ROMAN: &str = "\
    ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü†°¢£§•¶ß®©™´¨≠ÆØ∞±≤≥¥µ∂∑∏π∫ªºΩæø¿¡¬√ƒ≈∆«»…\u{a0}ÀÃÕŒœ–—“”‘’÷◊ÿŸ⁄€‹›ﬁﬂ‡·‚„‰ÂÊÁË\
    ÈÍÎÏÌÓÔ\u{f8ff}ÒÚÛÙıˆ˜¯˘˙˚¸˝˛ˇ";
const DOS_437: &str = "\
    ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φ\
    ε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";
