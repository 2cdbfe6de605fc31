//! What must hold for every loss, tested for every loss.

mod gradients;
mod half_precision;
mod key_gradients;
mod non_finite;
mod permutations;
mod safety;
mod table;
