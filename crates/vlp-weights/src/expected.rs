//! Which tensors a model has in open_clip's layout, and of what shape.

use crate::config::{ImageTower, ResNetTower, TextProjection, TextTower, VitPool, VitTower};
use crate::error::KeyProblems;
use crate::layout::{is_idle_buffer, is_root_text};
use crate::{ModelConfig, StateDict, WeightError};

/// What a tensor is to training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TensorRole {
    /// Trained.
    Parameter,
    /// Running statistics of batch normalisation.
    Statistics,
    /// How many batches the running statistics have seen (64-bit integer); nothing here reads it.
    BatchCount,
}

/// One tensor that a model has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedTensor {
    /// Its name in open_clip's layout.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// What it is to training.
    pub role: TensorRole,
}

/// Number of trained values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParameterCount {
    /// Of the whole model, scale and bias of the logits included.
    pub total: u64,
    /// Of the image tower.
    pub image: u64,
    /// Of the text tower.
    pub text: u64,
}

impl ModelConfig {
    /// Every tensor of this model in open_clip's layout.
    ///
    /// # Errors
    /// When there is no native model for this configuration.
    pub fn expected_tensors(&self) -> Result<Vec<ExpectedTensor>, WeightError> {
        let towers = self.towers()?;
        let mut list = List::default();
        let scalar: &[usize] = if self.nonscalar_logit_scale { &[1] } else { &[] };
        list.add("logit_scale", scalar);
        if towers.bias.is_some() {
            list.add("logit_bias", scalar);
        }
        match &towers.image {
            ImageTower::Vit(vit) if vit.pool == VitPool::Map => map_vit(&mut list, vit),
            ImageTower::Vit(vit) => class_vit(&mut list, vit, towers.embed_dim),
            ImageTower::ResNet(resnet) => residual_net(&mut list, resnet, towers.embed_dim),
        }
        text(&mut list, if self.custom_text { "text." } else { "" }, &towers.text, towers.embed_dim);
        Ok(list.0)
    }

    /// Number of trained values.
    ///
    /// # Errors
    /// When there is no native model for this configuration.
    pub fn parameter_count(&self) -> Result<ParameterCount, WeightError> {
        let mut count = ParameterCount { total: 0, image: 0, text: 0 };
        for tensor in self.expected_tensors()? {
            if tensor.role != TensorRole::Parameter {
                continue;
            }
            let values = tensor.shape.iter().map(|&side| side as u64).product::<u64>();
            count.total += values;
            if tensor.name.starts_with("visual.") {
                count.image += values;
            } else if !tensor.name.starts_with("logit_") {
                count.text += values;
            }
        }
        Ok(count)
    }

    /// Checks a state dict in open_clip's layout against this model. Scale and bias may have an axis of length 1 or none;
    /// counters of batches may be missing.
    ///
    /// # Errors
    /// With everything that is unknown, missing or of another shape.
    pub fn check(&self, dict: &StateDict) -> Result<(), WeightError> {
        let mut problems = KeyProblems::default();
        let expected = self.expected_tensors()?;
        for tensor in &expected {
            let scalar = tensor.name.starts_with("logit_");
            match dict.get(&tensor.name) {
                None if tensor.role == TensorRole::BatchCount => (),
                None => problems.missing.push(tensor.name.clone()),
                Some(found) if found.shape() == tensor.shape || (scalar && found.len() == 1) => {
                    if tensor.role != TensorRole::BatchCount && !found.dtype().is_float() {
                        problems.shapes.push(format!("{} holds {} in place of floats", tensor.name, found.dtype()));
                    }
                }
                Some(found) => {
                    problems.shapes.push(format!("{} {:?}, expected {:?}", tensor.name, found.shape(), tensor.shape));
                }
            }
        }
        let known: std::collections::HashSet<&str> = expected.iter().map(|tensor| tensor.name.as_str()).collect();
        let unknown = dict.names().filter(|name| !known.contains(name) && !is_idle_buffer(name));
        problems.unknown.extend(unknown.map(str::to_string));
        if problems.unknown.iter().any(|name| is_root_text(name))
            && problems.missing.iter().any(|name| name.starts_with("text."))
        {
            problems
                .missing
                .push("(the text tower stands at the root: convert to the layout of this model first)".to_string());
        }
        problems.into_result("the model of this configuration")
    }
}

#[derive(Default)]
struct List(Vec<ExpectedTensor>);

impl List {
    fn push(&mut self, name: String, shape: &[usize], role: TensorRole) {
        self.0.push(ExpectedTensor { name, shape: shape.to_vec(), role });
    }

    fn add(&mut self, name: &str, shape: &[usize]) {
        self.push(name.to_string(), shape, TensorRole::Parameter);
    }

    fn linear(&mut self, name: &str, [output, input]: [usize; 2]) {
        self.add(&format!("{name}.weight"), &[output, input]);
        self.add(&format!("{name}.bias"), &[output]);
    }

    fn norm(&mut self, name: &str, width: usize) {
        self.add(&format!("{name}.weight"), &[width]);
        self.add(&format!("{name}.bias"), &[width]);
    }

    fn batch_norm(&mut self, name: &str, width: usize) {
        self.norm(name, width);
        self.push(format!("{name}.running_mean"), &[width], TensorRole::Statistics);
        self.push(format!("{name}.running_var"), &[width], TensorRole::Statistics);
        self.push(format!("{name}.num_batches_tracked"), &[], TensorRole::BatchCount);
    }

    fn convolution(&mut self, name: &str, output: usize, input: usize, kernel: usize) {
        self.add(&format!("{name}.weight"), &[output, input, kernel, kernel]);
    }

    fn block(&mut self, name: &str, width: usize, hidden: usize, layer_scale: bool) {
        self.norm(&format!("{name}.ln_1"), width);
        self.add(&format!("{name}.attn.in_proj_weight"), &[3 * width, width]);
        self.add(&format!("{name}.attn.in_proj_bias"), &[3 * width]);
        self.linear(&format!("{name}.attn.out_proj"), [width, width]);
        self.norm(&format!("{name}.ln_2"), width);
        self.linear(&format!("{name}.mlp.c_fc"), [hidden, width]);
        self.linear(&format!("{name}.mlp.c_proj"), [width, hidden]);
        if layer_scale {
            self.add(&format!("{name}.ls_1.gamma"), &[width]);
            self.add(&format!("{name}.ls_2.gamma"), &[width]);
        }
    }
}

fn class_vit(list: &mut List, vit: &VitTower, embed_dim: usize) {
    let VitTower { width, patch_size, .. } = *vit;
    list.add("visual.class_embedding", &[width]);
    list.add("visual.positional_embedding", &[vit.grid() * vit.grid() + 1, width]);
    list.convolution("visual.conv1", width, 3, patch_size);
    if vit.ln_pre {
        list.norm("visual.ln_pre", width);
    }
    for block in 0..vit.layers {
        let name = format!("visual.transformer.resblocks.{block}");
        list.block(&name, width, vit.hidden, vit.layer_scale.is_some());
    }
    list.norm("visual.ln_post", width);
    list.add("visual.proj", &[width, embed_dim]);
}

fn map_vit(list: &mut List, vit: &VitTower) {
    let VitTower { width, hidden, patch_size, .. } = *vit;
    list.add("visual.trunk.pos_embed", &[1, vit.grid() * vit.grid(), width]);
    list.convolution("visual.trunk.patch_embed.proj", width, 3, patch_size);
    list.add("visual.trunk.patch_embed.proj.bias", &[width]);
    for block in 0..vit.layers {
        let name = format!("visual.trunk.blocks.{block}");
        list.norm(&format!("{name}.norm1"), width);
        list.linear(&format!("{name}.attn.qkv"), [3 * width, width]);
        list.linear(&format!("{name}.attn.proj"), [width, width]);
        list.norm(&format!("{name}.norm2"), width);
        list.linear(&format!("{name}.mlp.fc1"), [hidden, width]);
        list.linear(&format!("{name}.mlp.fc2"), [width, hidden]);
    }
    list.norm("visual.trunk.norm", width);
    list.add("visual.trunk.attn_pool.latent", &[1, 1, width]);
    list.linear("visual.trunk.attn_pool.q", [width, width]);
    list.linear("visual.trunk.attn_pool.kv", [2 * width, width]);
    list.linear("visual.trunk.attn_pool.proj", [width, width]);
    list.norm("visual.trunk.attn_pool.norm", width);
    list.linear("visual.trunk.attn_pool.mlp.fc1", [hidden, width]);
    list.linear("visual.trunk.attn_pool.mlp.fc2", [width, hidden]);
}

fn residual_net(list: &mut List, net: &ResNetTower, embed_dim: usize) {
    let (width, half) = (net.width, net.width / 2);
    for (index, [output, input]) in [[half, 3], [half, half], [width, half]].into_iter().enumerate() {
        list.convolution(&format!("visual.conv{}", index + 1), output, input, 3);
        list.batch_norm(&format!("visual.bn{}", index + 1), output);
    }
    let mut input = width;
    for (stage, &blocks) in net.layers.iter().enumerate() {
        let inner = width << stage;
        for block in 0..blocks {
            let name = format!("visual.layer{}.{block}", stage + 1);
            for (index, (to, from, kernel)) in
                [(inner, input, 1), (inner, inner, 3), (4 * inner, inner, 1)].into_iter().enumerate()
            {
                list.convolution(&format!("{name}.conv{}", index + 1), to, from, kernel);
                list.batch_norm(&format!("{name}.bn{}", index + 1), to);
            }
            if block == 0 {
                list.convolution(&format!("{name}.downsample.0"), 4 * inner, input, 1);
                list.batch_norm(&format!("{name}.downsample.1"), 4 * inner);
            }
            input = 4 * inner;
        }
    }
    let side = net.image_size / 32;
    list.add("visual.attnpool.positional_embedding", &[side * side + 1, input]);
    for which in ["q", "k", "v"] {
        list.linear(&format!("visual.attnpool.{which}_proj"), [input, input]);
    }
    list.linear("visual.attnpool.c_proj", [embed_dim, input]);
}

fn text(list: &mut List, prefix: &str, text: &TextTower, embed_dim: usize) {
    let width = text.width;
    list.add(&format!("{prefix}token_embedding.weight"), &[text.vocab_size, width]);
    list.add(&format!("{prefix}positional_embedding"), &[text.context_length, width]);
    for block in 0..text.layers {
        list.block(&format!("{prefix}transformer.resblocks.{block}"), width, text.hidden, false);
    }
    list.norm(&format!("{prefix}ln_final"), width);
    match text.projection {
        TextProjection::None => (),
        TextProjection::Matrix => list.add(&format!("{prefix}text_projection"), &[width, embed_dim]),
        TextProjection::Linear => list.linear(&format!("{prefix}text_projection"), [embed_dim, width]),
    }
}
