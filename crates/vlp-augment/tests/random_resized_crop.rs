//! Statistics of the drawn rectangles against 20,000 draws of torchvision.

#[allow(dead_code)] // each test reads its own part of the golden file
mod common;

use common::Golden;
use vlp_augment::{RandomResizedCrop, SampleRng};

const DRAWS: usize = 20_000;

fn mean_and_std(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64;
    (mean, variance.sqrt())
}

#[test]
fn drawn_rectangles_have_the_statistics_of_torchvision() {
    for golden in Golden::read().random_resized_crop_stats {
        let (width, height) = (golden.width, golden.height);
        let transform = RandomResizedCrop { ratio: golden.ratio, ..RandomResizedCrop::new(32, golden.scale) };
        let crops: Vec<_> =
            (0..DRAWS).map(|i| transform.draw(width, height, &mut SampleRng::new(5, 0, i as u64, 0))).collect();
        let mut areas: Vec<f64> = crops.iter().map(|c| (c.width * c.height) as f64 / (width * height) as f64).collect();
        let aspects: Vec<f64> = crops.iter().map(|c| (c.width as f64 / c.height as f64).ln()).collect();
        let middle = |start: usize, length: usize, full: usize| (start as f64 + length as f64 / 2.0) / full as f64;
        let ys: Vec<f64> = crops.iter().map(|c| middle(c.top, c.height, height)).collect();
        let xs: Vec<f64> = crops.iter().map(|c| middle(c.left, c.width, width)).collect();

        for (what, values, mean, std) in [
            ("area", &areas, golden.mean_area, golden.std_area),
            ("log aspect", &aspects, golden.mean_log_aspect, golden.std_log_aspect),
            ("centre y", &ys, golden.mean_center_y, golden.std_center_y),
            ("centre x", &xs, golden.mean_center_x, golden.std_center_x),
        ] {
            // Both sides are Monte-Carlo: five standard errors of a difference of two means.
            let error = 5.0 * std * (2.0 / DRAWS as f64).sqrt() + 1e-6;
            let (my_mean, my_std) = mean_and_std(values);
            assert!((my_mean - mean).abs() <= error, "{width}x{height} {what}: mean {my_mean}, expected {mean}");
            assert!((my_std - std).abs() <= error, "{width}x{height} {what}: std {my_std}, expected {std}");
        }
        let relative = |mine: f64, theirs: f64| (mine - theirs).abs() / theirs.abs();
        assert!(relative(mean_and_std(&areas).0, golden.mean_area) < 0.01, "{width}x{height}: mean area");
        areas.sort_by(f64::total_cmp);
        for (share, expected) in [0.05, 0.25, 0.5, 0.75, 0.95].iter().zip(golden.area_quantiles_05_25_50_75_95) {
            let mine = areas[(share * (DRAWS - 1) as f64) as usize];
            // Five standard errors of a difference of two shares, over a density of areas that is 1 or more.
            let error = (5.0 * (2.0 * share * (1.0 - share) / DRAWS as f64).sqrt()).min(0.015);
            assert!((mine - expected).abs() < error, "{width}x{height} quantile {share}: {mine}, expected {expected}");
        }
        let fallback = crops.iter().filter(|c| {
            let whole = c.width == width || c.height == height;
            let (aspect, of_picture) = (c.width as f64 / c.height as f64, width as f64 / height as f64);
            let bound = of_picture.clamp(golden.ratio.0, golden.ratio.1);
            whole && bound != of_picture && (aspect / bound - 1.0).abs() < 0.01
        });
        let share = fallback.count() as f64 / DRAWS as f64;
        let expected = golden.fallback_fraction;
        // Where none can fall back none may; else five standard errors, and the few crops that only look like it.
        let error = 5.0 * (2.0 * expected * (1.0 - expected) / DRAWS as f64).sqrt() + 0.1 * expected;
        assert!((share - expected).abs() <= error, "{width}x{height}: {share} fell back, expected {expected}");
    }
}
