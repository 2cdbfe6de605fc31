//! JPEG: baseline, extended and progressive pictures of 8 bits, with the pixels that libjpeg-turbo, and so Pillow, makes of them.
//!
//! Why a decoder of our own: the one of the `image` crate gives wrong colours without an error where components lie in scans of their
//! own or chroma is finer than luma, enlarges chroma in another way, and does not say where a scan ends. This one follows a scan to
//! its last block, so that what lies behind the end marker does not matter, and a scan that is cut off is an error at any place.

mod bits;
mod colour;
mod header;
mod huffman;
mod idct;
mod scan;
mod standard_tables;
mod upsample;
mod vectorized;

use vlp_augment::Image;

use crate::decode::check_size;
use crate::{Damage, Limits};

use bits::Bits;
use header::{Component, Frame, Header};

/// More scans than any encoder writes; each costs time, however short it is.
const MOST_SCANS: usize = 100;

/// What can be wrong inside a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Its data end too early.
    Ended,
    /// Bits that are no code of the table.
    Code,
    /// More coefficients than a block has.
    Band,
    /// A restart marker out of turn.
    Restart,
}

impl Fault {
    #[cold]
    fn told(self, row: usize, rows: usize) -> String {
        match self {
            Self::Ended => {
                format!("a scan ends in row {row} of {rows} rows of blocks: {} were never coded", rows - row)
            }
            Self::Code => format!("bits that are no code in row {row} of {rows} rows of blocks"),
            Self::Band => format!("too many coefficients in row {row} of {rows} rows of blocks"),
            Self::Restart => format!("a restart marker out of turn in row {row} of {rows} rows of blocks"),
        }
    }
}

/// The samples of a component, in whole units.
struct Plane {
    samples: Vec<u8>,
    stride: usize,
    /// Those that belong to the picture.
    size: [usize; 2],
}

impl Plane {
    fn new(component: &Component) -> Self {
        let [across, down] = component.padded;
        Self { samples: vec![0; across * down * 64], stride: across * 8, size: component.size }
    }

    #[inline(always)]
    fn row(&self, y: usize) -> &[u8] {
        &self.samples[y * self.stride..][..self.size[0]]
    }
}

/// The coefficients of a component of a progressive picture.
struct Coefficients {
    blocks: Vec<[i16; 64]>,
    stride: usize,
    /// Bits of each coefficient, in zigzag order, that are yet to come; none before it is coded at all.
    open: [Option<u32>; 64],
}

impl Coefficients {
    fn new(component: &Component) -> Self {
        let [across, down] = component.padded;
        Self { blocks: vec![[0; 64]; across * down], stride: across, open: [None; 64] }
    }

    #[inline(always)]
    fn block(&mut self, at: [usize; 2]) -> &mut [i16; 64] {
        &mut self.blocks[at[1] * self.stride + at[0]]
    }
}

/// Decodes a JPEG file.
pub(crate) fn decode(bytes: &[u8], limits: &Limits) -> Result<Image, Damage> {
    let broken = |reason: String| Damage::Pixels { format: "JPEG", reason };
    let (mut header, mut at) = (Header::default(), 2);
    let mut scan = header.next_scan(bytes, &mut at).map_err(broken)?;
    let frame = header.frame.clone().ok_or_else(|| broken("no frame before the end marker".to_owned()))?;
    let [width, height] = frame.size;
    check_size(width as u64, height as u64, limits)?;
    let mut picture = Picture::new(&frame);
    let mut scans = 0;
    while let Some(next) = scan {
        scans += 1;
        if scans > MOST_SCANS {
            return Err(broken(format!("more than {MOST_SCANS} scans")));
        }
        picture.add(&header, &next, bytes, &mut at).map_err(broken)?;
        if picture.is_whole() {
            // What follows changes nothing, so that only the end has to be there.
            let end = bytes.get(at..).is_some_and(|left| left.windows(2).any(|pair| pair == [0xff, 0xd9]));
            if !end {
                return Err(broken("the file ends before its end marker".to_owned()));
            }
            break;
        }
        scan = header.next_scan(bytes, &mut at).map_err(broken)?;
    }
    let frame = header.frame.take().unwrap_or(frame);
    let planes = picture.finish(&frame).map_err(broken)?;
    let pixels = colour::pixels(&header, &frame, &planes).map_err(broken)?;
    Image::new(width, height, pixels).map_err(|error| broken(error.to_string()))
}

/// A picture while its scans are read.
enum Picture {
    Sequential { planes: Vec<Plane>, coded: Vec<bool> },
    Progressive(Vec<Coefficients>),
}

impl Picture {
    fn new(frame: &Frame) -> Self {
        if frame.progressive {
            return Self::Progressive(frame.components.iter().map(Coefficients::new).collect());
        }
        let planes: Vec<Plane> = frame.components.iter().map(Plane::new).collect();
        Self::Sequential { coded: vec![false; planes.len()], planes }
    }

    /// Reads a scan, whose data begin at `at`, and leaves there where to look on.
    fn add(&mut self, header: &Header, scan: &header::Scan, bytes: &[u8], at: &mut usize) -> Result<(), String> {
        let frame = header.frame.as_ref().ok_or("a scan comes before the frame")?;
        let mut bits = Bits::new(bytes, *at);
        match self {
            Self::Sequential { planes, coded } => {
                for &(number, ..) in &scan.components {
                    if std::mem::replace(&mut coded[number], true) {
                        return Err(format!("component {number} is coded twice"));
                    }
                }
                scan::sequential((frame, scan, header), &mut bits, planes)?;
            }
            Self::Progressive(stored) => scan::progressive((frame, scan, header), &mut bits, stored)?,
        }
        *at = bits.position();
        Ok(())
    }

    /// Whether all coefficients are known to the last bit.
    fn is_whole(&self) -> bool {
        match self {
            Self::Sequential { coded, .. } => coded.iter().all(|&coded| coded),
            Self::Progressive(stored) => stored.iter().all(|stored| stored.open.iter().all(|&open| open == Some(0))),
        }
    }

    fn finish(self, frame: &Frame) -> Result<Vec<Plane>, String> {
        if !self.is_whole() {
            return Err(self.what_is_missing());
        }
        Ok(match self {
            Self::Sequential { planes, .. } => planes,
            // One after the other, so that coefficients make way for samples.
            Self::Progressive(stored) => frame
                .components
                .iter()
                .zip(stored)
                .map(|(component, stored)| scan::samples(component, &stored))
                .collect(),
        })
    }

    fn what_is_missing(&self) -> String {
        match self {
            Self::Sequential { coded, .. } => {
                let missing = coded.iter().filter(|&&coded| !coded).count();
                format!("{missing} of {} components are never coded", coded.len())
            }
            Self::Progressive(stored) => {
                let open = stored.iter().flat_map(|stored| &stored.open).filter(|&&open| open != Some(0)).count();
                format!("{open} of {} coefficients are never coded to their last bit", stored.len() * 64)
            }
        }
    }
}
