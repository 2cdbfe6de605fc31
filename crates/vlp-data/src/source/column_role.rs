/// What a column of a source holds that is not among the metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnRole {
    /// The picture or its path.
    Picture,
    /// Captions.
    Caption,
}
