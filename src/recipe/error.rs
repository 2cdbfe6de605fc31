use std::path::{Path, PathBuf};

/// What can be wrong with a recipe.
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RecipeError {
    /// Environment: the file cannot be read.
    #[error("cannot read the recipe {path}: {message}", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        message: String,
    },
    /// Caller: no TOML, or a key that is missing, unknown or of the wrong kind.
    #[error("not a recipe: {message}")]
    Parse {
        /// Line, key and what was expected.
        message: String,
    },
    /// Caller: a setting on top of a recipe that cannot be.
    #[error("setting {setting}: {message}")]
    Setting {
        /// The setting as it was given.
        setting: String,
        /// What is wrong with it.
        message: String,
    },
    /// Caller: a value out of range.
    #[error("recipe key {key} is {value} but must be {must}")]
    Value {
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
        /// What would do.
        must: &'static str,
    },
    /// Caller or environment: a pipeline or a dictionary of synonyms.
    #[error(transparent)]
    Augment(#[from] vlp_augment::AugmentError),
    /// Caller: a method that does not exist, or that this recipe's views or its own settings do not suit.
    #[error(transparent)]
    Method(#[from] vlp_methods::MethodError),
    /// Caller: an encoder that cannot be built.
    #[error(transparent)]
    Encoder(#[from] vlp_encoders::EncoderError),
    /// Caller or environment: a device that does not compute in the recipe's precision.
    #[error(transparent)]
    Device(#[from] crate::device::DeviceError),
    /// Caller: a recipe's name that none of this library has.
    #[error("there is no file {name} and no recipe of that name; {nearest}")]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The name that was probably meant.
        nearest: String,
    },
    /// Caller: one of the above, in a file.
    #[error("{path}: {message}", path = .path.display())]
    InFile {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        message: String,
    },
}

/// The sentence: a `main` that returns the error prints it.
impl std::fmt::Debug for RecipeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl RecipeError {
    pub(super) fn unknown_name(name: &str) -> Self {
        let near = |known: &&str| strsim::levenshtein(name, known);
        let nearest = super::Recipe::builtin_names().min_by_key(near).filter(|known| 2 * near(known) <= name.len());
        let nearest = match nearest {
            Some(known) => format!("did you mean `{known}`?"),
            None => "`vlp recipes list` shows all".to_owned(),
        };
        RecipeError::Unknown { name: name.to_owned(), nearest }
    }

    pub(super) fn in_file(self, path: &Path) -> Self {
        RecipeError::InFile { path: path.to_path_buf(), message: self.to_string() }
    }
}
