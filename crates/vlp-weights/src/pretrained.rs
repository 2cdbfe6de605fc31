use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{DType as BurnType, Device, Tensor, TensorData};
use vlp_encoders::{AnyImageEncoder, DualEncoder, TextTransformer};

use crate::error::KeyProblems;
use crate::names::{Lie, Names};
use crate::{
    DType, ExpectedTensor, HostTensor, ModelConfig, Package, PreprocessConfig, StateDict, TensorRole, TowersThere,
    WeightError,
};

/// A model that holds the weights of a [`Package`].
#[derive(Debug)]
pub struct Pretrained {
    /// Both encoders with their projections.
    pub model: DualEncoder<AnyImageEncoder, TextTransformer>,
    /// Natural logarithm of the scale of the logits.
    pub log_scale: f32,
    /// Bias of the logits; none without one.
    pub bias: Option<f32>,
    /// The model's configuration.
    pub config: ModelConfig,
    /// How pictures are prepared for it.
    pub preprocess: PreprocessConfig,
    /// Which towers hold weights; the other one gives nothing of use.
    pub there: TowersThere,
}

/// Builds the model of a configuration and gives it these weights, of any layout. Weights of 16 or 64 bits become 32-bit
/// floats. The preprocessing is that of the model's family; [`Package::load`] takes the one that came with the weights.
///
/// # Errors
/// As [`Package::new`].
pub fn load_dual(weights: StateDict, config: ModelConfig, device: &Device) -> Result<Pretrained, WeightError> {
    let preprocess = PreprocessConfig::for_model(&config)?;
    Package::new(weights, config, preprocess)?.load(device)
}

impl Package {
    /// Builds the model on a device and gives it the weights, as 32-bit floats.
    ///
    /// # Errors
    /// When the configuration asks for a module that cannot be built.
    pub fn load(self, device: &Device) -> Result<Pretrained, WeightError> {
        let there = self.towers_there();
        let (mut weights, config, preprocess) = self.into_parts();
        let dual = config.towers()?.dual_encoder();
        let model = dual.init(device).map_err(|error| WeightError::config("this model configuration", error))?;
        let mut scalar = |name: &str| Some(*weights.remove(name)?.to_f32()?.first()?);
        let (log_scale, bias) = (scalar("logit_scale"), scalar("logit_bias"));
        let mut loader =
            Loader { path: Path::default(), names: Names::of(&config), weights, problems: KeyProblems::default() };
        let model = model.map(&mut loader);
        let missing_scale = log_scale.is_none().then(|| "logit_scale".to_string());
        loader.problems.missing.extend(missing_scale);
        let rest = loader.weights.names().filter(|name| !name.ends_with("num_batches_tracked"));
        loader.problems.unknown.extend(rest.map(str::to_string));
        loader.problems.into_result("the modules of this configuration")?;
        Ok(Pretrained { model, log_scale: log_scale.unwrap_or_default(), bias, config, preprocess, there })
    }
}

impl Pretrained {
    /// The weights as they are now, in the layout of [`ModelConfig::layout`], with configuration and preprocessing. A
    /// model that was trained since goes out this way; low-rank adapters go out merged into the weights.
    ///
    /// # Errors
    /// When the model no longer has the parts that the configuration says, or the device cannot be read.
    pub fn to_package(&self) -> Result<Package, WeightError> {
        let expected = self.config.expected_tensors()?;
        let mut saver = Saver {
            path: Path::default(),
            names: Names::of(&self.config),
            expected: &expected,
            weights: StateDict::new(),
            problems: KeyProblems::default(),
        };
        // Low-rank adapters are part of the weights they stand beside.
        self.model.clone().materialize().visit(&mut saver);
        saver.problems.into_result("open_clip's layout")?;
        let mut weights = saver.weights;
        let scalars = [("logit_scale", Some(self.log_scale)), ("logit_bias", self.bias)];
        for tensor in &expected {
            match scalars.iter().find(|(name, _)| *name == tensor.name) {
                Some((name, Some(value))) => {
                    drop(weights.insert(*name, HostTensor::from_f32(tensor.shape.clone(), &[*value])))
                }
                // PyTorch counts batches; nothing reads the number while the momentum is a number.
                _ if tensor.role == TensorRole::BatchCount => {
                    drop(weights.insert(tensor.name.clone(), HostTensor::new(DType::I64, [], vec![0; 8])));
                }
                _ => (),
            }
        }
        Ok(Package::new(weights, self.config.clone(), self.preprocess)?.with_towers_there(self.there))
    }
}

/// Where a traversal stands.
#[derive(Default)]
struct Path(Vec<String>);

impl Path {
    fn joined(&self) -> String {
        self.0.join(".")
    }
}

struct Loader {
    path: Path,
    names: Names,
    weights: StateDict,
    problems: KeyProblems,
}

impl ModuleMapper for Loader {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.0.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.0.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let path = self.path.joined();
        let Some((name, lie)) = self.names.name(&path) else {
            self.problems.missing.push(format!("a name for {path}"));
            return param;
        };
        let Some(tensor) = self.weights.remove(&name) else {
            self.problems.missing.push(name);
            return param;
        };
        let shape = param.lazy_shape();
        let found = tensor.shape().to_vec();
        let values = match lie {
            Lie::Same => Some(tensor),
            Lie::Transposed => tensor.rows().and_then(|rows| rows.transpose()),
        }
        .and_then(|tensor| tensor.to_f32())
        .filter(|values| values.len() == shape.num_elements());
        let Some(values) = values else {
            self.problems.shapes.push(format!("{name} {found:?}, the module has {shape:?}"));
            return param;
        };
        let device = param.lazy_device();
        let loaded = Tensor::from_data(TensorData::new(values, shape), (&device, BurnType::F32));
        let id = param.id;
        param.transform_for_load(loaded, id)
    }
}

struct Saver<'a> {
    path: Path,
    names: Names,
    expected: &'a [ExpectedTensor],
    weights: StateDict,
    problems: KeyProblems,
}

impl ModuleVisitor for Saver<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.0.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.0.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let path = self.path.joined();
        let Some((name, lie)) = self.names.name(&path) else {
            self.problems.unknown.push(path);
            return;
        };
        let Some(tensor) = self.expected.iter().find(|tensor| tensor.name == name) else {
            self.problems.unknown.push(format!("{path} as {name}"));
            return;
        };
        let data = param.val().into_data().convert::<f32>();
        let shape: Vec<usize> = param.lazy_shape().iter().copied().collect();
        let saved = data.try_into_vec::<f32>().ok().map(|values| HostTensor::from_f32(shape.clone(), &values));
        let saved = match lie {
            Lie::Same => saved,
            Lie::Transposed => saved.and_then(|tensor| tensor.transpose()),
        };
        match saved.and_then(|saved| saved.reshape(tensor.shape.clone())) {
            Some(saved) => drop(self.weights.insert(tensor.name.clone(), saved)),
            None => {
                self.problems.shapes.push(format!("{path} {shape:?}, expected {:?} for {}", tensor.shape, tensor.name))
            }
        }
    }
}
