use std::collections::HashMap;

use burn::tensor::{Device, IndexingUpdateOp, Int, Tensor, TensorData};
use vlp_core::Collective;

/// Which keys of all ranks have the same id as a rank's own rows.
#[derive(Debug)]
pub(crate) struct Groups {
    /// The number of each key's group, from 0.
    of_keys: Vec<i64>,
    /// The size of each group.
    sizes: Vec<f32>,
    /// Keys of the ranks before this one.
    first: usize,
    /// A rank's own rows.
    rows: usize,
}

impl Groups {
    /// Ids travel between ranks as four numbers of 16 bits, which f32 holds exactly.
    ///
    /// # Panics
    /// When there is not one id for every row.
    pub(crate) fn new(ids: &[u64], rows: usize, collective: &dyn Collective, device: &Device) -> Self {
        assert_eq!(ids.len(), rows, "one id for every row is needed");
        let all = if collective.world() == 1 { ids.to_vec() } else { gather(ids, collective, device) };
        let mut numbers = HashMap::new();
        let of_keys: Vec<i64> = all
            .iter()
            .map(|id| {
                let next = numbers.len() as i64;
                *numbers.entry(*id).or_insert(next)
            })
            .collect();
        let mut sizes = vec![0f32; numbers.len()];
        of_keys.iter().for_each(|&group| sizes[group as usize] += 1.0);
        Groups { of_keys, sizes, first: collective.rank() * rows, rows }
    }

    /// For each row the sum of the keys of its group, `[world * batch, dim]` to `[batch, dim]`.
    pub(crate) fn sums(&self, keys: Tensor<2>) -> Tensor<2> {
        let (device, dim) = (keys.device(), keys.dims()[1]);
        let zeros = Tensor::<2>::zeros([self.sizes.len(), dim], (&device, keys.dtype()));
        let sums = zeros.select_assign(0, self.of_keys(&device), keys, IndexingUpdateOp::Add);
        sums.select(0, self.of_rows(&device))
    }

    /// How many keys the group of each row has, `[batch, 1]`, in the precision of the vectors.
    pub(crate) fn sizes(&self, like: &Tensor<2>) -> Tensor<2> {
        let own = self.own().iter().map(|&group| self.sizes[group as usize]);
        let sizes = TensorData::new(own.collect(), [self.rows, 1]).convert_dtype(like.dtype());
        Tensor::from_data(sizes, (&like.device(), like.dtype()))
    }

    /// The number of each key's group, `[world * batch]`.
    pub(crate) fn of_keys(&self, device: &Device) -> Tensor<1, Int> {
        Tensor::from_data(&self.of_keys[..], device)
    }

    /// The number of each row's group, `[batch]`.
    pub(crate) fn of_rows(&self, device: &Device) -> Tensor<1, Int> {
        Tensor::from_data(self.own(), device)
    }

    fn own(&self) -> &[i64] {
        &self.of_keys[self.first..self.first + self.rows]
    }
}

fn gather(ids: &[u64], collective: &dyn Collective, device: &Device) -> Vec<u64> {
    let parts: Vec<f32> =
        ids.iter().flat_map(|id| (0..4).map(move |part| f32::from((id >> (16 * part)) as u16))).collect();
    let parts = Tensor::<1>::from_floats(&parts[..], device).reshape([ids.len(), 4]);
    let all: Vec<f32> = collective.all_gather(parts).into_data().convert::<f32>().try_into_vec().expect("f32 data");
    all.chunks(4).map(|id| id.iter().rev().fold(0, |id, &part| (id << 16) | part as u64)).collect()
}
