use vlp_augment::Photometric;

/// What is done alike, whatever the parameters. In the order of their cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Brightness, contrast, saturation and greyscale: all blend with black, a mean or a pixel's own grey.
    Blend,
    Solarize,
    Hue,
    Blur,
}

impl Kind {
    fn of(change: Photometric) -> Self {
        match change {
            Photometric::Brightness(_)
            | Photometric::Contrast(_)
            | Photometric::Saturation(_)
            | Photometric::Grayscale => Self::Blend,
            Photometric::Solarize(_) => Self::Solarize,
            Photometric::Hue(_) => Self::Hue,
            Photometric::GaussianBlur(_) => Self::Blur,
        }
    }
}

/// One kind of change, done to the pictures that have it next.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Round {
    pub(super) kind: Kind,
    /// The change of each picture, none for those that wait.
    pub(super) changes: Vec<Option<Photometric>>,
}

impl Round {
    /// The pictures that change.
    pub(super) fn chosen(&self) -> Vec<usize> {
        (0..self.changes.len()).filter(|&row| self.changes[row].is_some()).collect()
    }

    /// Their changes.
    pub(super) fn present(&self) -> Vec<Photometric> {
        self.changes.iter().flatten().copied().collect()
    }
}

/// Rounds that do every list in its order, the cheapest kind that any picture has next first.
///
/// So the dear ones wait until as many pictures as possible have come to them: after three blends, the hue and four more blends all
/// pictures are through a colour jitter and greyscale, whatever the order of each, and one blur serves all.
pub(super) fn rounds(lists: &[Vec<Photometric>]) -> Vec<Round> {
    let mut pending: Vec<&[Photometric]> = lists.iter().map(Vec::as_slice).collect();
    let mut rounds = Vec::new();
    while let Some(kind) = next_kind(&pending) {
        let take = |list: &mut &[Photometric]| {
            let (&first, rest) = list.split_first().filter(|(first, _)| Kind::of(**first) == kind)?;
            *list = rest;
            Some(first)
        };
        rounds.push(Round { kind, changes: pending.iter_mut().map(take).collect() });
    }
    rounds
}

fn next_kind(pending: &[&[Photometric]]) -> Option<Kind> {
    pending.iter().filter_map(|list| list.first()).map(|&change| Kind::of(change)).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All orders of a colour jitter, with and without what follows it, take the number of rounds that is promised.
    #[test]
    fn a_jitter_in_every_order_takes_one_hue_and_one_blur() {
        use Photometric::{Brightness, Contrast, GaussianBlur, Grayscale, Hue, Saturation, Solarize};
        let jitter = [Brightness(1.1), Contrast(1.1), Saturation(1.1), Hue(0.1)];
        let mut lists = vec![vec![], vec![GaussianBlur(1.0)], vec![Grayscale, Solarize(128.0)], vec![Solarize(128.0)]];
        for a in 0..4 {
            for b in (0..4).filter(|b| *b != a) {
                for c in (0..4).filter(|c| *c != a && *c != b) {
                    let mut list: Vec<Photometric> = [a, b, c, 6 - a - b - c].map(|at| jitter[at]).to_vec();
                    list.extend([Grayscale, GaussianBlur(0.5), Solarize(128.0)].iter().take(a));
                    lists.push(list);
                }
            }
        }
        let rounds = rounds(&lists);
        let kinds: Vec<Kind> = rounds.iter().map(|round| round.kind).collect();
        assert_eq!(kinds.iter().filter(|kind| **kind == Kind::Hue).count(), 1, "{kinds:?}");
        assert_eq!(kinds.iter().filter(|kind| **kind == Kind::Blur).count(), 1, "{kinds:?}");
        // Solarize: of the pictures without a jitter, and behind the blur.
        assert_eq!(kinds.iter().filter(|kind| **kind == Kind::Solarize).count(), 2, "{kinds:?}");
        assert_eq!(kinds.iter().filter(|kind| **kind == Kind::Blend).count(), 7, "{kinds:?}");
        for (row, list) in lists.iter().enumerate() {
            let done: Vec<Photometric> = rounds.iter().filter_map(|round| round.changes[row]).collect();
            assert_eq!(&done, list);
        }
    }
}
