use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use vlp_core::StepContext;

use crate::pair::assert_pair;
use crate::soft_cross_entropy::{soft_cross_entropy, widened};
use crate::{KeyGradients, LossError, l2_normalize};

/// Configuration of [`Distillation`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DistillationConfig {
    /// Whether the student's keys learn too.
    pub key_gradients: KeyGradients,
}

/// A student's image-text similarities follow a teacher's, as probabilities over the batch in both directions.
///
/// ```text
/// P = softmax(s n(x) n(y)ᵀ)     P* = softmax(s* n(x*) n(y*)ᵀ)     x*, y*: the teacher's
/// L = ½ [ -mean_i Σ_j P*_ij log P_ij  +  the same with images and texts exchanged ]
/// ```
///
/// open_clip's distillation term, which it adds to InfoNCE with weight 1. The teacher gets no gradient, its vectors may
/// have another width. With several ranks each takes its own rows against the rows of all.
#[derive(Debug, Clone, Copy)]
pub struct Distillation {
    key_gradients: KeyGradients,
}

impl DistillationConfig {
    /// Builds the loss.
    ///
    /// # Errors
    /// None so far; losses are built alike.
    pub fn init(&self) -> Result<Distillation, LossError> {
        Ok(Distillation { key_gradients: self.key_gradients })
    }
}

impl Distillation {
    /// # Shapes
    /// - student: image and text vectors, each `[batch, dim]`, not normalised
    /// - teacher: the same of the teacher, each `[batch, dim']`
    /// - scales: of student and teacher, each `[1]`, inverse temperatures (not their logarithms)
    /// - result: `[1]`
    ///
    /// # Panics
    /// When images and texts differ in shape or device, or are empty, or student and teacher differ in rows.
    pub fn forward(
        &self,
        student: [Tensor<2>; 2],
        teacher: [Tensor<2>; 2],
        scales: [Tensor<1>; 2],
        ctx: &StepContext<'_>,
    ) -> Tensor<1> {
        for [image, text] in [&student, &teacher] {
            assert_pair("distillation", image, text);
        }
        let (rows, taught) = (student[0].dims()[0], teacher[0].dims()[0]);
        assert_eq!(rows, taught, "student and teacher must see the same samples");
        let [scale, teacher_scale] = scales;
        let student = logits(student, scale, self.key_gradients, ctx);
        let teacher = logits(teacher.map(Tensor::detach), teacher_scale.detach(), KeyGradients::Detached, ctx);
        let directions = student.into_iter().zip(teacher).map(|(student, teacher)| {
            let target = burn::tensor::activation::softmax(teacher, 1);
            soft_cross_entropy(target, student)
        });
        directions.reduce(|sum, next| sum + next).expect("two directions") / 2.0
    }
}

/// Images against texts and texts against images.
fn logits(
    vectors: [Tensor<2>; 2],
    scale: Tensor<1>,
    key_gradients: KeyGradients,
    ctx: &StepContext<'_>,
) -> [Tensor<2>; 2] {
    let [image, text] = vectors.map(|vectors| l2_normalize(widened(vectors)));
    let scale = widened(scale).unsqueeze::<2>();
    if ctx.collective.world() == 1 && key_gradients == KeyGradients::Full {
        // One product serves both directions.
        let logits = image.matmul(text.transpose()) * scale;
        return [logits.clone(), logits.transpose()];
    }
    [(image.clone(), text.clone()), (text, image)]
        .map(|(queries, keys)| queries.matmul(key_gradients.gather(keys, ctx.collective).transpose()) * scale.clone())
}
