use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use vlp_core::StepContext;
use vlp_ops::row_softmax;

use crate::LossError;
use crate::pair::assert_pair;
use crate::soft_cross_entropy::{mean_of_others, soft_cross_entropy_at, widened};

/// Configuration of [`Dino`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DinoConfig {
    /// τ_s.
    pub student_temperature: f64,
    /// τ_t once warm-up is over.
    pub teacher_temperature: f64,
    /// τ_t at step 0; it moves in a straight line.
    pub warmup_teacher_temperature: f64,
    /// Steps until τ_t stands.
    pub warmup_steps: u64,
    /// m of the centre.
    pub center_momentum: f64,
}

impl Default for DinoConfig {
    fn default() -> Self {
        DinoConfig {
            student_temperature: 0.1,
            teacher_temperature: 0.04,
            warmup_teacher_temperature: 0.04,
            warmup_steps: 0,
            center_momentum: 0.9,
        }
    }
}

/// DINO: every student view predicts the centred, sharpened output of the teacher on every other global view.
///
/// ```text
/// P_i = softmax((t_i - c) / τ_t)     teacher, global views i
/// L = mean over (i, j), j ≠ i, of -mean_n Σ_k P_ink log softmax(s_j / τ_s)_nk     student, all views j
/// c' = m c + (1 - m) mean of all t, over views, samples and ranks
/// ```
///
/// Caron et al. 2021, "Emerging properties in self-supervised vision transformers". The temperature warms up by steps,
/// not by epochs. The teacher, an exponential moving average of the student, belongs to the caller, as does the centre:
/// it starts at zero, and [`next_center`](Dino::next_center) follows the loss of a step.
#[derive(Debug, Clone, Copy)]
pub struct Dino {
    config: DinoConfig,
}

impl DinoConfig {
    /// Builds the loss.
    ///
    /// # Errors
    /// When a temperature is not a positive number or the momentum is not in `[0, 1]`.
    pub fn init(&self) -> Result<Dino, LossError> {
        for temperature in [self.student_temperature, self.teacher_temperature, self.warmup_teacher_temperature] {
            LossError::check_temperature(temperature)?;
        }
        if !(0.0..=1.0).contains(&self.center_momentum) {
            return Err(LossError::CenterMomentum(self.center_momentum));
        }
        Ok(Dino { config: *self })
    }
}

impl Dino {
    /// The loss of a student's scores against a teacher's.
    ///
    /// # Shapes
    /// - teacher: outputs on the global views, each `[batch, units]`
    /// - student: outputs on all views, each `[batch, units]`, the teacher's views first and in the same order
    /// - center: `[1, units]`
    /// - result: `[1]`
    ///
    /// # Panics
    /// When the student has fewer views than the teacher or than two, the teacher has none, or shapes or devices differ.
    pub fn forward(
        &self,
        teacher: &[Tensor<2>],
        student: &[Tensor<2>],
        center: Tensor<2>,
        ctx: &StepContext<'_>,
    ) -> Tensor<1> {
        let (taught, views) = (teacher.len(), student.len());
        let enough = taught > 0 && views >= taught.max(2);
        assert!(enough, "DINO needs the teacher's views among the student's: {taught} and {views} were given");
        teacher.iter().chain(student).for_each(|view| assert_pair("DINO", &teacher[0], view));
        assert_eq!(center.dims(), [1, teacher[0].dims()[1]], "DINO's centre must be [1, units]");

        let (center, temperature) = (widened(center.inner()), self.teacher_temperature(ctx.step));
        let sharpen =
            |view: &Tensor<2>| row_softmax((widened(view.clone().inner()) - center.clone()) / temperature).shares;
        let targets: Vec<_> = teacher.iter().map(sharpen).collect();
        let predicted = student.iter().enumerate().filter_map(|(view, scores)| {
            let (target, number) = mean_of_others(&targets, view)?;
            Some(soft_cross_entropy_at(self.config.student_temperature, target, widened(scores.clone())) * number)
        });
        let sum = predicted.reduce(|sum, next| sum + next).expect("two views, one of them the teacher's");
        sum / (taught * (views - 1)) as f64
    }

    /// The centre for the next step.
    ///
    /// # Shapes
    /// - center and result: `[1, units]`
    /// - teacher: outputs on the global views, each `[batch, units]`
    ///
    /// # Panics
    /// When the teacher has no view, or shapes differ.
    pub fn next_center(&self, center: Tensor<2>, teacher: &[Tensor<2>], ctx: &StepContext<'_>) -> Tensor<2> {
        let means = teacher.iter().map(|view| widened(view.clone().detach()).mean_dim(0));
        let sum = means.reduce(|sum, next| sum + next).expect("DINO's centre is a mean over views, none was given");
        assert_eq!(center.dims(), sum.dims(), "DINO's centre must be [1, units]");
        let mean = ctx.collective.all_reduce_sum(sum) / (teacher.len() * ctx.collective.world()) as f64;
        let momentum = self.config.center_momentum;
        widened(center.detach()) * momentum + mean * (1.0 - momentum)
    }

    /// τ_t at a step.
    pub fn teacher_temperature(&self, step: u64) -> f64 {
        let DinoConfig { teacher_temperature: end, warmup_teacher_temperature: start, warmup_steps, .. } = self.config;
        if step >= warmup_steps { end } else { start + (end - start) * step as f64 / warmup_steps as f64 }
    }
}
