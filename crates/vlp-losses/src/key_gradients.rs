use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use vlp_core::Collective;

/// What gradient the keys of a contrastive loss carry: the vectors of all ranks that a rank's own rows are compared with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyGradients {
    /// Keys learn too: averaged over ranks, the gradient is exactly that of the joined batch, whatever the number of
    /// ranks (open_clip's `local_loss` with `gather_with_grad`).
    #[default]
    Full,
    /// Keys are constants, a rank's own included: a vector learns from its own row only. The paper's runs of CLIP-rocket
    /// and SLIP's CLIP term on several ranks; the loss is the same, the gradient of the vectors is not.
    Detached,
}

impl KeyGradients {
    /// The keys of all ranks in rank order, `[batch, dim]` to `[world * batch, dim]`.
    ///
    /// # Panics
    /// When the ranks did not bring equally many rows.
    pub(crate) fn gather(self, keys: Tensor<2>, collective: &dyn Collective) -> Tensor<2> {
        let [rows, dim] = keys.dims();
        let keys = match self {
            KeyGradients::Full => collective.all_gather(keys),
            KeyGradients::Detached => collective.all_gather(keys.detach()),
        };
        let world = collective.world();
        assert_eq!(
            keys.dims(),
            [world * rows, dim],
            "{world} ranks with {rows} rows of width {dim} each were expected; every rank must bring as many rows"
        );
        keys
    }
}
