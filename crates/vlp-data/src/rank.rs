use crate::DataError;

/// Which of several cooperating processes a loader serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rank {
    /// Its number, from 0.
    pub number: usize,
    /// How many there are.
    pub of: usize,
}

impl Rank {
    /// Rank `number` of `of`.
    ///
    /// # Errors
    /// When there is no such rank.
    pub fn new(number: usize, of: usize) -> Result<Self, DataError> {
        let rank = Self { number, of };
        rank.check()?;
        Ok(rank)
    }

    pub(crate) fn check(self) -> Result<(), DataError> {
        if self.number >= self.of {
            return Err(DataError::NoSuchRank { number: self.number, of: self.of });
        }
        Ok(())
    }
}
