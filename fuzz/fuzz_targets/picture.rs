//! PNG, JPEG and WebP files: never more memory than the limits stand for, never a picture beyond them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vlp_data::decode;
use vlp_fuzz::{allow_caught_panics, limits, within};

fuzz_target!(init: allow_caught_panics(), |bytes: &[u8]| {
    let limits = limits();
    // 11 bytes a pixel and 20 MiB are what `Limits` promises.
    let most = (20 << 20) + 11 * limits.image_pixels as usize + 8 * bytes.len();
    let decoded = within(most, || decode(bytes, &limits));
    if let Ok(image) = decoded {
        let (width, height) = (image.width(), image.height());
        assert!(width.max(height) <= limits.image_side as usize && width * height <= limits.image_pixels as usize);
        assert_eq!(image.pixels().len(), 3 * width * height);
    }
});
