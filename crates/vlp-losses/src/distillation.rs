use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use vlp_core::StepContext;
use vlp_ops::row_softmax;

use crate::pair::assert_pair;
use crate::soft_cross_entropy::{soft_cross_entropy_of_products, widened};
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
    /// The loss of a student's similarities against a teacher's.
    ///
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
        let scale = widened(scale).unsqueeze::<2>();
        let teacher_scale = widened(teacher_scale).inner().unsqueeze::<2>();
        let (student, teacher) = (
            directions(student, self.key_gradients, ctx),
            directions(teacher.map(Tensor::inner), KeyGradients::Detached, ctx),
        );
        let directions = student.into_iter().zip(teacher).map(|([queries, keys], teacher)| {
            let target = row_softmax(products(teacher) * teacher_scale.clone()).shares;
            let scores = products([&queries, &keys].map(|side| side.clone().inner()));
            soft_cross_entropy_of_products(target, scores, [queries, keys], scale.clone())
        });
        directions.reduce(|sum, next| sum + next).expect("two directions") / 2.0
    }
}

/// Normalised images with the texts of all ranks, and texts with images.
fn directions(vectors: [Tensor<2>; 2], key_gradients: KeyGradients, ctx: &StepContext<'_>) -> [[Tensor<2>; 2]; 2] {
    let [image, text] = vectors.map(|vectors| l2_normalize(widened(vectors)));
    let gathered = |keys: &Tensor<2>| key_gradients.gather(keys.clone(), ctx.collective);
    let [images, texts] = [gathered(&image), gathered(&text)];
    [[image, texts], [text, images]]
}

fn products([queries, keys]: [Tensor<2>; 2]) -> Tensor<2> {
    queries.matmul(keys.transpose())
}
