//! `vlp convert`: a model for another library.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::ValueEnum;
use serde::Serialize;
use vlp::pretrained::{OpenOptions, Target, export};
use vlp::weights::{DType, Package, ReadLimits, StateDict, detect};

use crate::failure::{Blame, Failure};
use crate::screen::{Answer, Screen};
use crate::table::Table;

/// Converts models between open_clip, Hugging Face and timm, and runs to any of them; no number changes unless --dtype or
/// --average-with says so.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// A run's folder, a folder of open_clip or Hugging Face, a hub's cache, or a file of weights (safetensors, or PyTorch's)
    from: PathBuf,
    /// Folder to write; an earlier export there is replaced, nothing else is
    out: PathBuf,
    /// Whose layout to write
    #[arg(long, value_enum)]
    to: Layout,
    /// Type of the numbers; without it they stay as they are
    #[arg(long, value_enum)]
    dtype: Option<Float>,
    /// The model of a file that carries no configuration, by open_clip's name, such as ViT-B-32
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Another model of the same architecture, again for more of them: the mean of all is written (WiSE-FT, model soups)
    #[arg(long, value_name = "PATH")]
    average_with: Vec<PathBuf>,
    /// How much of the mean FROM is; the others have the rest in equal parts. Without it all are equal
    #[arg(long, value_name = "0..1", requires = "average_with")]
    share: Option<f64>,
}

#[derive(ValueEnum, Debug, Clone, Copy)]
enum Layout {
    /// open_clip: `open_clip.create_model("local-dir:OUT")`
    OpenClip,
    /// transformers: `AutoModel.from_pretrained("OUT")`
    HuggingFace,
    /// timm: the image tower alone, for `timm.create_model(..., num_classes=0, checkpoint_path="OUT/model.safetensors")`
    Timm,
}

#[derive(ValueEnum, Debug, Clone, Copy)]
enum Float {
    F32,
    Bf16,
    F16,
}

impl Args {
    pub(crate) fn run(self, screen: Screen) -> Result<(), Failure> {
        let options = OpenOptions { model: self.model.clone(), ..OpenOptions::default() };
        let mut package = options.package(&self.from).map_err(Failure::of)?;
        let read = Described::of(self.from.clone(), package.weights());
        let mut warnings = package.warnings().to_vec();
        if !self.average_with.is_empty() {
            package = self.mean(package, &options)?;
        }
        if let Some(float) = self.dtype {
            let dtype = match float {
                Float::F32 => DType::F32,
                Float::Bf16 => DType::BF16,
                Float::F16 => DType::F16,
            };
            package = package.cast_floats(dtype).map_err(Failure::of)?;
        }
        let target = match self.to {
            Layout::OpenClip => Target::OpenClip,
            Layout::HuggingFace => Target::HuggingFace,
            Layout::Timm => Target::Timm,
        };
        warnings.extend(export(&package, target, &self.out).map_err(Failure::of)?);
        warnings.iter().for_each(|warning| screen.warn(warning));
        let file = self.out.join(target.weights_file());
        let weights = StateDict::read(&file, &ReadLimits::default()).failed()?;
        screen.show(&Answered { read, written: Described::of(file, &weights), warnings })
    }
}

impl Args {
    /// The mean of the model and those to average it with.
    fn mean(&self, package: Package, options: &OpenOptions) -> Result<Package, Failure> {
        let others = self.average_with.len() as f64;
        let own = self.share.unwrap_or(1.0 / (others + 1.0));
        if !(0.0..=1.0).contains(&own) {
            return Err(Failure::asked(format!("--share is {own}, but must be between 0 and 1")));
        }
        let mut models = vec![(package, own)];
        for path in &self.average_with {
            models.push((options.package(path).map_err(Failure::of)?, (1.0 - own) / others));
        }
        Package::average(models).asked()
    }
}

#[derive(Serialize)]
struct Answered {
    read: Described,
    written: Described,
    /// What the other library will not do as this one does.
    warnings: Vec<String>,
}

/// Weights in a few words.
#[derive(Serialize)]
struct Described {
    path: PathBuf,
    layout: Option<String>,
    tensors: usize,
    numbers: usize,
    /// How many tensors are of which type.
    types: BTreeMap<String, usize>,
    bytes: usize,
}

impl Described {
    fn of(path: PathBuf, weights: &StateDict) -> Self {
        let layout = detect(weights).ok().map(|layout| layout.to_string());
        let mut described =
            Described { path, layout, tensors: weights.len(), numbers: 0, types: BTreeMap::new(), bytes: 0 };
        for (_, tensor) in weights.iter() {
            described.numbers += tensor.len();
            described.bytes += tensor.bytes().len();
            *described.types.entry(tensor.dtype().to_string()).or_insert(0) += 1;
        }
        described
    }
}

impl Answer for Answered {
    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut table = Table::new(&["", "path", "layout", "tensors>", "numbers>", "types", "MB>"]);
        for (what, Described { path, layout, tensors, numbers, types, bytes }) in
            [("read", &self.read), ("written", &self.written)]
        {
            let types: Vec<_> = types.iter().map(|(name, count)| format!("{count} {name}")).collect();
            let (path, layout) = (path.display().to_string(), layout.clone().unwrap_or_default());
            let [tensors, numbers] = [tensors, numbers].map(ToString::to_string);
            let megabytes = format!("{:.1}", *bytes as f64 / 1e6);
            table.row([what.to_owned(), path, layout, tensors, numbers, types.join(", "), megabytes]);
        }
        table.write(out)
    }
}
