//! Which parameters of each encoder belong to which depth.

use burn::module::Module;

use crate::{
    AnyImageEncoder, Block, ConvNext, LayerGroups, Layered, ModifiedResNet, ResNet, TextTransformer, Transformer, Vit,
};

/// Adds a group for each block; the last block brings `norm` along.
fn with_blocks(groups: LayerGroups, transformer: &Transformer, norm: impl Module) -> LayerGroups {
    let last = transformer.blocks.len() - 1;
    let add = |groups: LayerGroups, (index, block): (usize, &Block)| {
        let norm = (index == last).then(|| norm.clone());
        groups.with(format!("layer.{index}"), (block.clone(), norm))
    };
    transformer.blocks.iter().enumerate().fold(groups, add)
}

impl Layered for Vit {
    fn layer_groups(&self) -> LayerGroups {
        let positions = (!self.has_fixed_positions()).then(|| self.positions.clone());
        let tokens = (self.class_token.clone(), self.registers.clone(), positions);
        let groups = LayerGroups::new().with("embeddings", (self.stem.clone(), tokens, self.pre_norm.clone()));
        with_blocks(groups, &self.transformer, self.norm.clone()).with("pool", self.pool.clone())
    }
}

impl Layered for TextTransformer {
    fn layer_groups(&self) -> LayerGroups {
        let groups = LayerGroups::new().with("embeddings", (self.tokens.clone(), self.positions.clone()));
        with_blocks(groups, &self.transformer, self.norm.clone())
    }
}

impl Layered for ResNet {
    fn layer_groups(&self) -> LayerGroups {
        let groups = LayerGroups::new().with("embeddings", (self.conv_1.clone(), self.norm_1.clone()));
        let blocks = self.stages.iter().flatten().enumerate();
        blocks.fold(groups, |groups, (index, block)| groups.with(format!("layer.{index}"), block.clone()))
    }
}

impl Layered for ModifiedResNet {
    fn layer_groups(&self) -> LayerGroups {
        let groups = LayerGroups::new().with("embeddings", (self.convs.clone(), self.norms.clone()));
        let stages = self.stages.iter().enumerate();
        let groups = stages.fold(groups, |groups, (index, stage)| groups.with(format!("layer.{index}"), stage.clone()));
        groups.with("pool", self.pool.clone())
    }
}

impl Layered for ConvNext {
    fn layer_groups(&self) -> LayerGroups {
        let mut groups = LayerGroups::new().with("embeddings", (self.stem_conv.clone(), self.stem_norm.clone()));
        for stage in &self.stages {
            let mut downsampling = (stage.downsample_norm.clone(), stage.downsample_conv.clone());
            for block in &stage.blocks {
                let name = format!("layer.{}", groups.len() - 1);
                groups = groups.with(name, (block.clone(), std::mem::take(&mut downsampling)));
            }
        }
        groups.with("norm", self.norm.clone())
    }
}

impl Layered for AnyImageEncoder {
    fn layer_groups(&self) -> LayerGroups {
        match self {
            AnyImageEncoder::Vit(encoder) => encoder.layer_groups(),
            AnyImageEncoder::ResNet(encoder) => encoder.layer_groups(),
            AnyImageEncoder::ModifiedResNet(encoder) => encoder.layer_groups(),
            AnyImageEncoder::ConvNext(encoder) => encoder.layer_groups(),
        }
    }
}
