//! Segments between scans, and what they tell.

use super::huffman::Huffman;
use super::standard_tables::standard;

/// The order in which coefficients are coded, as places in rows.
pub(super) const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
    28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54,
    47, 55, 62, 63,
];

/// One of the planes a picture is made of.
#[derive(Debug, Clone)]
pub(super) struct Component {
    id: u8,
    /// Blocks of a unit, across and down.
    pub(super) factors: [usize; 2],
    table: usize,
    /// The steps of its coefficients in rows, kept from its first scan on.
    pub(super) steps: Option<[i32; 64]>,
    /// Samples across and down.
    pub(super) size: [usize; 2],
    /// Blocks across and down that have samples.
    pub(super) blocks: [usize; 2],
    /// Blocks across and down that whole units have.
    pub(super) padded: [usize; 2],
}

/// What the frame header says.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) size: [usize; 2],
    pub(super) progressive: bool,
    pub(super) components: Vec<Component>,
    /// Largest factors.
    pub(super) most: [usize; 2],
    /// Units across and down.
    pub(super) units: [usize; 2],
}

impl Frame {
    /// The numbers that components have in the file.
    pub(super) fn ids(&self) -> Vec<u8> {
        self.components.iter().map(|component| component.id).collect()
    }
}

/// Components of a scan, with their tables, and what it codes of each coefficient.
#[derive(Debug, Clone)]
pub(super) struct Scan {
    /// Number in the frame, tables of differences and of coefficients.
    pub(super) components: Vec<(usize, usize, usize)>,
    /// First and last coefficient.
    pub(super) band: [usize; 2],
    /// Bits left open before and after it.
    pub(super) bits: [u32; 2],
}

/// What was told so far.
#[derive(Default)]
pub(super) struct Header {
    pub(super) frame: Option<Frame>,
    tables: [Option<[i32; 64]>; 4],
    pub(super) differences: [Option<Box<Huffman>>; 4],
    pub(super) coefficients: [Option<Box<Huffman>>; 4],
    /// Units between restart markers; none where it is 0.
    pub(super) restart: usize,
    pub(super) jfif: bool,
    /// The transform that Adobe's segment names.
    pub(super) adobe: Option<u8>,
}

impl Header {
    /// Reads segments from `at` on, up to the next scan, and gives its head and where its data begin; none at the end of the picture.
    /// Bytes between segments are passed over, as libjpeg does.
    pub(super) fn next_scan(&mut self, bytes: &[u8], at: &mut usize) -> Result<Option<Scan>, String> {
        loop {
            let left = bytes.get(*at..).unwrap_or_default();
            let Some(found) = left.windows(2).position(|pair| pair[0] == 0xff && !matches!(pair[1], 0 | 0xff)) else {
                return Err("the file ends before its end marker".to_owned());
            };
            let marker = left[found + 1];
            *at += found + 2;
            match marker {
                // Restart markers without a scan, and those without a meaning.
                0x01 | 0xd0..=0xd7 => continue,
                0xd8 => return Err("a picture begins inside the picture".to_owned()),
                0xd9 => return Ok(None),
                _ => {}
            }
            let length = bytes.get(*at..*at + 2).map(|pair| usize::from(pair[0]) << 8 | usize::from(pair[1]));
            let segment = length.and_then(|length| bytes.get(*at + 2..*at + length.max(2)));
            let (Some(length @ 2..), Some(segment)) = (length, segment) else {
                return Err(format!("the file ends inside the segment {marker:02x}"));
            };
            *at += length;
            if marker == 0xda {
                return self.scan(segment).map(Some);
            }
            self.segment(marker, segment)?;
        }
    }

    fn segment(&mut self, marker: u8, segment: &[u8]) -> Result<(), String> {
        match (marker, segment) {
            (0xc0..=0xc2, _) if self.frame.is_some() => return Err("two frames in one picture".to_owned()),
            (0xc0..=0xc2, _) => self.frame = Some(frame(segment, marker == 0xc2)?),
            (0xc3 | 0xc7 | 0xcb | 0xcf, _) => return Err("lossless JPEG is not read".to_owned()),
            (0xc5 | 0xc6 | 0xcd | 0xce, _) => return Err("hierarchical JPEG is not read".to_owned()),
            (0xc9 | 0xca, _) => return Err("arithmetic coding is not read".to_owned()),
            (0xc4, _) => self.huffman(segment)?,
            (0xdb, _) => self.steps(segment)?,
            (0xdd, [high, low, ..]) => self.restart = usize::from(*high) << 8 | usize::from(*low),
            (0xdd, _) => return Err("a restart interval of less than two bytes".to_owned()),
            (0xe0, [b'J', b'F', b'I', b'F', 0, rest @ ..]) if rest.len() >= 9 => self.jfif = true,
            (0xee, [b'A', b'd', b'o', b'b', b'e', rest @ ..]) => self.adobe = rest.get(6).copied().or(self.adobe),
            _ => {}
        }
        Ok(())
    }

    fn huffman(&mut self, mut segment: &[u8]) -> Result<(), String> {
        while let Some((&class, rest)) = segment.split_first() {
            let short = || "a Huffman table is cut off".to_owned();
            let (counts, rest) = rest.split_first_chunk::<16>().ok_or_else(short)?;
            let total = counts.iter().map(|&count| usize::from(count)).sum::<usize>();
            if total > 256 {
                return Err(format!("a Huffman table of {total} symbols"));
            }
            let symbols = rest.get(..total).ok_or_else(short)?;
            let tables = if class >> 4 == 0 { &mut self.differences } else { &mut self.coefficients };
            let place = tables.get_mut(usize::from(class & 15)).filter(|_| class >> 4 < 2);
            let place = place.ok_or_else(|| format!("a Huffman table of the number {class:02x}"))?;
            *place = Some(Box::new(Huffman::new(counts, symbols, class >> 4 == 0)?));
            segment = &rest[total..];
        }
        Ok(())
    }

    fn steps(&mut self, mut segment: &[u8]) -> Result<(), String> {
        while let Some((&class, rest)) = segment.split_first() {
            let width = if class >> 4 == 0 { 1 } else { 2 };
            let place = self.tables.get_mut(usize::from(class & 15));
            let (Some(place), Some(steps)) = (place, rest.get(..64 * width)) else {
                return Err("a quantization table is cut off, or has a number above 3".to_owned());
            };
            let mut table = [0; 64];
            for (step, &at) in steps.chunks(width).zip(&ZIGZAG) {
                table[usize::from(at)] = step.iter().fold(0, |value, &byte| value << 8 | i32::from(byte));
            }
            *place = Some(table);
            segment = &rest[64 * width..];
        }
        Ok(())
    }

    fn scan(&mut self, segment: &[u8]) -> Result<Scan, String> {
        let frame = self.frame.as_mut().ok_or("a scan comes before the frame")?;
        let wrong = || "the head of a scan is malformed".to_owned();
        let (&count, rest) = segment.split_first().ok_or_else(wrong)?;
        let count = usize::from(count);
        let (selected, rest) = rest.split_at_checked(count * 2).ok_or_else(wrong)?;
        let &[first, last, bits, ..] = rest else { return Err(wrong()) };
        let mut components: Vec<(usize, usize, usize)> = Vec::with_capacity(count);
        for pair in selected.chunks(2) {
            let known = frame.components.iter().position(|component| component.id == pair[0]);
            let number = known.ok_or_else(|| format!("a scan of component {}, which the frame has not", pair[0]))?;
            if components.last().is_some_and(|&(before, ..)| before >= number) {
                return Err("a scan has its components in another order than the frame".to_owned());
            }
            let component = &mut frame.components[number];
            if component.steps.is_none() {
                let table = self.tables.get(component.table).copied().flatten();
                component.steps = Some(table.ok_or("a quantization table is missing")?);
            }
            let (differences, coefficients) = (usize::from(pair[1] >> 4), usize::from(pair[1] & 15));
            for (tables, table, of_differences) in
                [(&mut self.differences, differences, true), (&mut self.coefficients, coefficients, false)]
            {
                if let Some(empty @ None) = tables.get_mut(table) {
                    *empty = standard(table, of_differences);
                }
            }
            components.push((number, differences, coefficients));
        }
        let blocks: usize =
            components.iter().map(|&(number, ..)| frame.components[number].factors.iter().product::<usize>()).sum();
        if !(1..=4).contains(&count) || (count > 1 && blocks > 10) {
            return Err(format!("a scan of {count} components and {blocks} blocks a unit"));
        }
        let band = if frame.progressive { [usize::from(first), usize::from(last)] } else { [0, 63] };
        let bits = if frame.progressive { [u32::from(bits >> 4), u32::from(bits & 15)] } else { [0, 0] };
        let differences_only = band[0] == 0 && band[1] == 0;
        if band[0] > band[1]
            || band[1] > 63
            || (frame.progressive && band[0] == 0 && !differences_only)
            || (band[0] > 0 && count > 1)
            || bits[1] > 13
            || (bits[0] != 0 && bits[0] != bits[1] + 1)
        {
            return Err(wrong());
        }
        Ok(Scan { components, band, bits })
    }
}

fn frame(segment: &[u8], progressive: bool) -> Result<Frame, String> {
    let &[depth, h1, h0, w1, w0, count, ref components @ ..] = segment else {
        return Err("the frame header is cut off".to_owned());
    };
    let size = [usize::from(w1) << 8 | usize::from(w0), usize::from(h1) << 8 | usize::from(h0)];
    if depth != 8 {
        return Err(format!("{depth} bits a sample, 8 are read"));
    }
    if size.contains(&0) {
        return Err(format!("a picture of {} x {}", size[0], size[1]));
    }
    if !matches!(count, 1 | 3 | 4) {
        return Err(format!("{count} components; 1, 3 and 4 are read"));
    }
    let components = components.as_chunks::<3>().0.get(..usize::from(count)).ok_or("the frame header is cut off")?;
    let factors = |byte: u8| [usize::from(byte >> 4), usize::from(byte & 15)];
    if components.iter().flat_map(|&[_, byte, _]| factors(byte)).any(|factor| !(1..=4).contains(&factor)) {
        return Err("a sampling factor is not from 1 to 4".to_owned());
    }
    let most = [0, 1].map(|side| components.iter().map(|&[_, byte, _]| factors(byte)[side]).max().unwrap_or(1));
    let units = [0, 1].map(|side| size[side].div_ceil(8 * most[side]));
    let components = components.iter().map(|&[id, byte, table]| {
        let factors = factors(byte);
        let samples = [0, 1].map(|side| (size[side] * factors[side]).div_ceil(most[side]));
        Component {
            id,
            factors,
            table: usize::from(table),
            steps: None,
            size: samples,
            blocks: samples.map(|samples| samples.div_ceil(8)),
            padded: [0, 1].map(|side| units[side] * factors[side]),
        }
    });
    Ok(Frame { size, progressive, components: components.collect(), most, units })
}
