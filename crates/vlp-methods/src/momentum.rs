use std::any::Any;
use std::collections::VecDeque;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use vlp_core::StepContext;

use crate::MethodError;

/// How slowly a teacher follows: `θ_teacher ← m θ_teacher + (1 - m) θ_student` after every update.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MomentumConfig {
    /// m of the first step; 0.99 in BYOLIP.
    pub start: f64,
    /// m that the last step approaches along half a cosine, 1 in BYOL; none: m stays what it is, as in BYOLIP.
    pub end: Option<f64>,
}

impl Default for MomentumConfig {
    fn default() -> Self {
        MomentumConfig { start: 0.99, end: None }
    }
}

impl MomentumConfig {
    /// Checks that both are shares.
    ///
    /// # Errors
    /// When one is not in `[0, 1]`.
    pub(crate) fn check(self) -> Result<Self, MethodError> {
        match std::iter::once(self.start).chain(self.end).find(|m| !(0.0..=1.0).contains(m)) {
            Some(momentum) => Err(MethodError::Momentum(momentum)),
            None => Ok(self),
        }
    }

    /// m after step k of K: `end - (end - start) (1 + cos(π k / K)) / 2` (Grill et al. 2020, section 3.3, for any start).
    pub fn at(&self, ctx: &StepContext<'_>) -> f64 {
        let Some(end) = self.end else { return self.start };
        let done = ctx.step as f64 / ctx.total_steps.max(1) as f64;
        end - (end - self.start) * (1.0 + (std::f64::consts::PI * done).cos()) / 2.0
    }
}

/// `teacher` moved towards `student` by `1 - momentum`: the parameters that learn, paired in the order of the fields, and
/// nothing else. Running statistics are the teacher's own; what is frozen in the student stays.
///
/// # Panics
/// When the two differ in number or rank of parameters.
pub(crate) fn follow<M: Module>(teacher: M, student: &M, momentum: f64) -> M {
    let mut collect = Collect { tensors: VecDeque::new() };
    student.visit(&mut collect);
    let mut blend = Blend { students: collect.tensors, momentum };
    let teacher = teacher.map(&mut blend);
    assert!(blend.students.is_empty(), "the student has {} parameters more than its teacher", blend.students.len());
    teacher
}

struct Collect {
    /// None for what does not learn.
    tensors: VecDeque<Option<Box<dyn Any>>>,
}

impl ModuleVisitor for Collect {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        self.tensors.push_back(tensor.is_require_grad().then(|| Box::new(tensor.detach()) as Box<dyn Any>));
    }
}

struct Blend {
    students: VecDeque<Option<Box<dyn Any>>>,
    momentum: f64,
}

impl ModuleMapper for Blend {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let student = self.students.pop_front().expect("the teacher has no more parameters than its student");
        let Some(student) = student else { return param };
        let student = *student.downcast::<Tensor<D>>().expect("teacher and student have the same parameters");
        let momentum = self.momentum;
        param.map(|teacher| (teacher.detach() * momentum + student * (1.0 - momentum)).detach())
    }
}
