//! The golden file and the pictures its cases are computed from.
#![allow(unreachable_pub)]

use serde::Deserialize;
use std::collections::HashMap;
use vlp_augment::Image;

#[derive(Deserialize)]
pub struct Golden {
    images: HashMap<String, Source>,
    pub source_crc32: HashMap<String, u32>,
    pub cases: Vec<Case>,
    pub tensors: Vec<TensorCase>,
    pub random_resized_crop_stats: Vec<CropStats>,
}

#[derive(Deserialize)]
struct Source {
    kind: String,
    width: usize,
    height: usize,
    seed: u32,
}

#[derive(Deserialize)]
pub struct Case {
    pub op: String,
    pub image: String,
    pub params: serde_json::Value,
    pub out_hw: (usize, usize),
    pub crc32: u32,
    #[serde(default)]
    pub samples: Vec<u8>,
    #[serde(default)]
    pub mean: Vec<f64>,
}

#[derive(Deserialize)]
pub struct TensorCase {
    pub image: String,
    pub params: serde_json::Value,
    pub samples: Vec<f32>,
}

#[derive(Deserialize)]
pub struct CropStats {
    pub width: usize,
    pub height: usize,
    pub scale: (f64, f64),
    pub ratio: (f64, f64),
    pub fallback_fraction: f64,
    pub mean_area: f64,
    pub std_area: f64,
    pub area_quantiles_05_25_50_75_95: [f64; 5],
    pub mean_log_aspect: f64,
    pub std_log_aspect: f64,
    pub mean_center_y: f64,
    pub std_center_y: f64,
    pub mean_center_x: f64,
    pub std_center_x: f64,
}

impl Case {
    pub fn number(&self, name: &str) -> f64 {
        self.params[name].as_f64().unwrap_or_else(|| panic!("{name} in {}", self.name()))
    }

    pub fn size(&self, name: &str) -> usize {
        self.number(name) as usize
    }

    pub fn name(&self) -> String {
        format!("{} of image {} with {}", self.op, self.image, self.params)
    }
}

impl Golden {
    pub fn read() -> Self {
        serde_json::from_str(include_str!("../golden/image_ops.json")).unwrap()
    }

    pub fn image(&self, name: &str) -> Image {
        let source = &self.images[name];
        let (width, height, seed) = (source.width, source.height, source.seed as usize);
        let mut state = source.seed;
        let mut pixels = Vec::new();
        for y in 0..height {
            for x in 0..width {
                let rgb = match source.kind.as_str() {
                    "harsh" => [5 * x + 3 * y, x * y, 2 * x + y * y].map(|v| v as u8),
                    "smooth" => [
                        triangle(3 * x + 2 * y + 10 * seed),
                        triangle(x * x / 16 + 5 * y + 7 * seed),
                        triangle(2240 + 4 * y - 2 * x),
                    ],
                    "noise" => [(); 3].map(|()| {
                        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                        (state >> 24) as u8
                    }),
                    "gray" => [(7 * x + 4 * y) as u8; 3],
                    other => panic!("unknown kind {other}"),
                };
                pixels.extend(rgb);
            }
        }
        Image::new(width, height, pixels).unwrap()
    }
}

fn triangle(v: usize) -> u8 {
    let m = v % 510;
    (if m < 256 { m } else { 510 - m }) as u8
}

/// CRC-32 (IEEE).
pub fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}
