//! Cases of the CLIP-rocket family whose loss is CLIP-rocket's plus a term of its own.

use burn::tensor::Tensor;
use vlp_core::StepContext;
use vlp_losses::{ClipRocketLossConfig, Reduction};
use vlp_testkit::rank_case::RankCase;

/// CLIP-rocket's part of the loss.
pub(crate) fn clip_rocket_loss(case: &RankCase, ctx: &StepContext<'_>) -> Tensor<1> {
    let options = &case.json["case"]["kw"];
    let config = ClipRocketLossConfig {
        label_smoothing: options["label_smoothing"].as_f64().unwrap_or(0.0),
        reduction: if options["loss_avg_or_sum"] == "sum" { Reduction::Sum } else { Reduction::Avg },
        ..Default::default()
    };
    let weak = ["z_image_global", "z_text_global"].map(|name| case.one(name));
    let strong = ["h_image_local", "h_text_local"].map(|name| case.views(name));
    let scales = ["log_scale", "log_h_scale"].map(|name| case.scale(name));
    config.init().unwrap().forward(weak, [&strong[0], &strong[1]], scales, ctx).loss
}
