use crate::Image;

/// How often each byte occurs in each channel.
pub(super) fn histograms(image: &Image) -> [[u32; 256]; 3] {
    // Two of each, filled by turns: equal neighbours would otherwise wait for one another's count.
    let mut counts = [[[0; 256]; 3]; 2];
    for (i, rgb) in image.triples().enumerate() {
        for c in 0..3 {
            counts[i & 1][c][usize::from(rgb[c])] += 1;
        }
    }
    let [mut even, odd] = counts;
    for (sum, other) in even.iter_mut().flatten().zip(odd.iter().flatten()) {
        *sum += other;
    }
    even
}

/// Sends each channel through a table of its own.
pub(super) fn map_channels(mut image: Image, tables: &[[u8; 256]; 3]) -> Image {
    for rgb in image.triples_mut() {
        *rgb = std::array::from_fn(|c| tables[c][usize::from(rgb[c])]);
    }
    image
}
