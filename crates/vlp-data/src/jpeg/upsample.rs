//! Planes of fewer samples brought to the picture's size, as libjpeg does it: halved sides by a triangle filter, others by repetition.

use super::Plane;
use super::header::Frame;

/// How the rows of a component become rows of the picture.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// As they are.
    Same,
    /// Three parts of the nearer sample and one of the other, across, down, or both.
    Triangle { across: bool, down: bool },
    /// Each sample so many times.
    Repeated { across: usize, down: usize },
}

/// Makes rows of one component.
#[derive(Debug)]
pub(super) struct Upsampler {
    way: Way,
    /// Sums of two rows, with one more at each end.
    sums: Vec<u16>,
    row: Vec<u8>,
}

impl Upsampler {
    /// For a component of a frame.
    ///
    /// # Errors
    /// When its samples do not divide the picture's evenly; libjpeg refuses that as well.
    pub(super) fn new(frame: &Frame, number: usize) -> Result<Self, String> {
        let component = &frame.components[number];
        let [across, down] = [0, 1].map(|side| (frame.most[side], component.factors[side]));
        if across.0 % across.1 != 0 || down.0 % down.1 != 0 {
            return Err(format!(
                "component {number} has {} x {} samples where another one has {} x {}, which is no whole multiple",
                across.1, down.1, across.0, down.0
            ));
        }
        let (across, down) = (across.0 / across.1, down.0 / down.1);
        // Two samples are too few for the filter across.
        let wide = component.size[0] > 2;
        let way = match (across, down) {
            (1, 1) => Way::Same,
            (2, 1) if wide => Way::Triangle { across: true, down: false },
            (1, 2) => Way::Triangle { across: false, down: true },
            (2, 2) if wide => Way::Triangle { across: true, down: true },
            _ => Way::Repeated { across, down },
        };
        let width = component.size[0];
        let sums = if matches!(way, Way::Triangle { .. }) { vec![0; width + 2] } else { Vec::new() };
        let row = if matches!(way, Way::Same) { Vec::new() } else { vec![0; width * across] };
        Ok(Self { way, sums, row })
    }

    /// Row `y` of the picture, at least as wide as it.
    #[inline(always)]
    pub(super) fn row<'a>(&'a mut self, plane: &'a Plane, y: usize) -> &'a [u8] {
        match self.way {
            Way::Same => return plane.row(y),
            Way::Repeated { across, down } => {
                let samples = plane.row(y / down);
                self.row.chunks_exact_mut(across).zip(samples).for_each(|(out, &sample)| out.fill(sample));
            }
            Way::Triangle { across, down: false } => {
                let _ = across;
                let samples = plane.row(y);
                self.sums[1..].iter_mut().zip(samples).for_each(|(sum, &sample)| *sum = sample.into());
                self.spread([1, 2], 2);
            }
            Way::Triangle { across, down: true } => {
                let near = plane.row(y / 2);
                let other =
                    if y.is_multiple_of(2) { (y / 2).saturating_sub(1) } else { (y / 2 + 1).min(plane.size[1] - 1) };
                let far = plane.row(other);
                for ((sum, &near), &far) in self.sums[1..].iter_mut().zip(near).zip(far) {
                    *sum = 3 * u16::from(near) + u16::from(far);
                }
                if across {
                    self.spread([8, 7], 4);
                } else {
                    let add = if y.is_multiple_of(2) { 1 } else { 2 };
                    self.row.iter_mut().zip(&self.sums[1..]).for_each(|(out, &sum)| *out = ((sum + add) >> 2) as u8);
                }
            }
        }
        &self.row
    }

    /// Two samples of each sum and its neighbours.
    #[inline(always)]
    fn spread(&mut self, add: [u16; 2], shift: u32) {
        let width = self.sums.len() - 2;
        self.sums[0] = self.sums[1];
        self.sums[width + 1] = self.sums[width];
        let (before, here, behind) = (&self.sums[..width], &self.sums[1..=width], &self.sums[2..]);
        for (((out, &before), &here), &behind) in
            self.row.as_chunks_mut::<2>().0.iter_mut().zip(before).zip(here).zip(behind)
        {
            out[0] = ((3 * here + before + add[0]) >> shift) as u8;
            out[1] = ((3 * here + behind + add[1]) >> shift) as u8;
        }
    }
}
