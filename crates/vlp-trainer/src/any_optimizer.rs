use burn::module::Module;
use serde::{Deserialize, Serialize};
use vlp_schedulers::Schedule;

use crate::{
    AdamWOptions, LambOptions, LarsOptions, LionOptions, Optimizer, SgdOptions, TrainError, adamw, adamw_with_decay,
    lamb, lamb_with_decay, lars, lars_with_decay, lion, lion_with_decay, sgd, sgd_with_decay,
};

/// An optimizer by name with its settings: the key `name` chooses, what is left out is the optimizer's default.
///
/// ```
/// use vlp_trainer::AnyOptimizerOptions;
///
/// let options: AnyOptimizerOptions = serde_json::from_str(r#"{"name": "lars", "momentum": 0.95}"#)?;
/// assert_eq!((options.name(), options.weight_decay()), ("lars", 1e-6));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub enum AnyOptimizerOptions {
    /// [`adamw`].
    #[serde(rename = "adamw")]
    AdamW(AdamWOptions),
    /// [`sgd`].
    Sgd(SgdOptions),
    /// [`lars`].
    Lars(LarsOptions),
    /// [`lamb`].
    Lamb(LambOptions),
    /// [`lion`].
    Lion(LionOptions),
}

impl AnyOptimizerOptions {
    /// All names, as recipes use them.
    pub const NAMES: [&'static str; 5] = ["adamw", "sgd", "lars", "lamb", "lion"];

    /// The optimizer of this name with its defaults.
    ///
    /// # Errors
    /// [`TrainError::UnknownOptimizer`] with the names that exist.
    pub fn named(name: &str) -> Result<Self, TrainError> {
        Ok(match name {
            "adamw" => AnyOptimizerOptions::AdamW(AdamWOptions::default()),
            "sgd" => AnyOptimizerOptions::Sgd(SgdOptions::default()),
            "lars" => AnyOptimizerOptions::Lars(LarsOptions::default()),
            "lamb" => AnyOptimizerOptions::Lamb(LambOptions::default()),
            "lion" => AnyOptimizerOptions::Lion(LionOptions::default()),
            _ => return Err(TrainError::UnknownOptimizer { name: name.to_owned(), known: Self::NAMES.to_vec() }),
        })
    }

    /// The name in recipes.
    pub fn name(&self) -> &'static str {
        match self {
            AnyOptimizerOptions::AdamW(_) => "adamw",
            AnyOptimizerOptions::Sgd(_) => "sgd",
            AnyOptimizerOptions::Lars(_) => "lars",
            AnyOptimizerOptions::Lamb(_) => "lamb",
            AnyOptimizerOptions::Lion(_) => "lion",
        }
    }

    /// The weight decay among the settings.
    pub fn weight_decay(&self) -> f64 {
        match self {
            AnyOptimizerOptions::AdamW(options) => options.weight_decay,
            AnyOptimizerOptions::Sgd(options) => options.weight_decay,
            AnyOptimizerOptions::Lars(options) => options.weight_decay,
            AnyOptimizerOptions::Lamb(options) => options.weight_decay,
            AnyOptimizerOptions::Lion(options) => options.weight_decay,
        }
    }

    /// Checks that the numbers can be used.
    ///
    /// # Errors
    /// [`TrainError::OptimizerOption`] names the first that cannot.
    pub fn check(&self) -> Result<(), TrainError> {
        match self {
            AnyOptimizerOptions::AdamW(options) => {
                TrainError::check_beta("beta_1", options.beta_1)?;
                TrainError::check_beta("beta_2", options.beta_2)?;
                TrainError::check_positive("epsilon", options.epsilon)?;
                TrainError::check_decay(options.weight_decay)
            }
            AnyOptimizerOptions::Sgd(options) => options.check(),
            AnyOptimizerOptions::Lars(options) => options.check(),
            AnyOptimizerOptions::Lamb(options) => options.check(),
            AnyOptimizerOptions::Lion(options) => options.check(),
        }
    }

    /// The optimizer for `module`.
    ///
    /// Build it after a record was loaded into `module`: parameters are recognised by ids, and a record brings its own.
    pub fn build<M: Module>(&self, module: &M) -> Optimizer {
        match *self {
            AnyOptimizerOptions::AdamW(options) => adamw(module, options),
            AnyOptimizerOptions::Sgd(options) => sgd(module, options),
            AnyOptimizerOptions::Lars(options) => lars(module, options),
            AnyOptimizerOptions::Lamb(options) => lamb(module, options),
            AnyOptimizerOptions::Lion(options) => lion(module, options),
        }
        .into()
    }

    /// The same with a weight decay that is what `decay` gives for each step; that of the settings is not read.
    pub fn build_with_decay<M: Module>(&self, module: &M, decay: impl Schedule + 'static) -> Optimizer {
        match *self {
            AnyOptimizerOptions::AdamW(options) => adamw_with_decay(module, options, decay),
            AnyOptimizerOptions::Sgd(options) => sgd_with_decay(module, options, decay),
            AnyOptimizerOptions::Lars(options) => lars_with_decay(module, options, decay),
            AnyOptimizerOptions::Lamb(options) => lamb_with_decay(module, options, decay),
            AnyOptimizerOptions::Lion(options) => lion_with_decay(module, options, decay),
        }
    }
}
