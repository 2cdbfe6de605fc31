/// Why an evaluation could not be made.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvalError {
    // The model's output or the data.
    /// There is nothing to evaluate.
    #[error("{what} is empty: nothing to evaluate")]
    Empty {
        /// Which set.
        what: &'static str,
    },
    /// A number is NaN or infinite.
    #[error("{what}: row {row}, column {column} is not finite; the model has diverged or its input is damaged")]
    NotFinite {
        /// Which matrix.
        what: &'static str,
        /// Row of the first such number.
        row: usize,
        /// Its column.
        column: usize,
    },
    /// A query that no candidate answers.
    #[error("query {query} has no right answer among the candidates; leave it out or add one")]
    NoPositive {
        /// Index of the query.
        query: usize,
    },
    /// A class that no prompt describes.
    #[error("class {class} has no prompt, though there are {classes} classes; number them from 0 without gaps")]
    NoPrompt {
        /// Number of the class.
        class: usize,
        /// Number of classes, the largest one included.
        classes: usize,
    },

    /// A batch came out of the model with other heads than the first.
    #[error("batch {batch} has a strong head where the first has none, or the reverse; a model keeps its heads")]
    Heads {
        /// Number of the batch, from 0.
        batch: usize,
    },

    // The caller.
    /// Texts for a model of pictures alone.
    #[error(
        "this model has no text encoder: it is an image tower alone, or trained by a method of images alone. Use nearest neighbours or a linear probe in place \
         of retrieval and zero-shot classification"
    )]
    NoTextEncoder,
    /// A batch would run through the model in training mode.
    #[error(
        "batch {batch} lives on an autodiff device, where dropout and batch normalisation behave as in training; \
         make it on `device.inner()` and embed with `model.valid()`"
    )]
    Autodiff {
        /// Number of the batch, from 0.
        batch: usize,
    },
    /// Vectors of different lengths are compared.
    #[error("vectors of width {left} cannot be compared with vectors of width {right}; take both from the same head")]
    Width {
        /// Width of the first set.
        left: usize,
        /// Width of the second set.
        right: usize,
    },
    /// Two things that belong together differ in number.
    #[error("{what}: expected {expected}, got {got}")]
    Count {
        /// Which things.
        what: &'static str,
        /// The number that fits.
        expected: usize,
        /// The number given.
        got: usize,
    },
    /// An index beyond its set.
    #[error("{what} {index} is out of range: there are {len}")]
    OutOfRange {
        /// What the index counts.
        what: &'static str,
        /// The index.
        index: usize,
        /// The size of the set.
        len: usize,
    },
    /// A template that says the same of every class.
    #[error(
        "the template '{template}' has no {{}} or {{c}} for the class, so every class would get the same text: put one in"
    )]
    Template {
        /// The template.
        template: String,
    },
    /// A setting outside its range.
    #[error("{name} is {value}, but must be {must}")]
    Setting {
        /// Which setting.
        name: &'static str,
        /// Its value.
        value: String,
        /// The values allowed.
        must: &'static str,
    },

    // The environment.
    /// The device could not be read.
    #[error("cannot read embeddings from the device: {message}")]
    Device {
        /// What the backend said.
        message: String,
    },
}

/// The sentence: a `main` that returns the error prints it.
impl std::fmt::Debug for EvalError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}
