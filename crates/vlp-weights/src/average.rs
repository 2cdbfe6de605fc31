use crate::error::KeyProblems;
use crate::{DType, HostTensor, Package, StateDict, WeightError};

impl StateDict {
    /// The weighted mean of models of one architecture, tensor by tensor: with two of them the straight line between them that
    /// WiSE-FT walks (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models"), with several a model soup. Sums are in 64
    /// bits; a tensor has the type that it has in the first model. What counts (batches that were seen) is the first model's.
    ///
    /// Running statistics of batch normalisation are averaged too; a mean of networks can have others.
    ///
    /// # Errors
    /// When there is no model, the shares are no numbers or do not add up to 1, and with every tensor that is not in each model
    /// in the same shape.
    pub fn average(models: &[(&StateDict, f64)]) -> Result<Self, WeightError> {
        let refuse = |reason: String| Err(WeightError::config("an average of models", reason));
        let Some(((first, _), others)) = models.split_first() else { return refuse("there is no model".to_string()) };
        let shares: Vec<f64> = models.iter().map(|(_, share)| *share).collect();
        if !shares.iter().all(|share| share.is_finite()) || (shares.iter().sum::<f64>() - 1.0).abs() > 1e-6 {
            return refuse(format!("the shares {shares:?} do not add up to 1"));
        }
        let mut problems = KeyProblems::default();
        for (other, _) in others {
            problems.unknown.extend(other.names().filter(|name| !first.contains(name)).map(str::to_string));
        }
        let mut mean = StateDict { metadata: first.metadata.clone(), ..StateDict::new() };
        for (name, tensor) in first.iter() {
            let all: Option<Vec<&HostTensor>> = models.iter().map(|(model, _)| model.get(name)).collect();
            let Some(all) = all else {
                problems.missing.push(name.to_string());
                continue;
            };
            if let Some(other) = all.iter().find(|other| other.shape() != tensor.shape()) {
                problems.shapes.push(format!("{name} {:?} and {:?}", tensor.shape(), other.shape()));
                continue;
            }
            let averaged = if tensor.dtype().is_float() { mixed(tensor, &all, &shares) } else { Some(tensor.clone()) };
            match averaged {
                Some(averaged) => drop(mean.insert(name, averaged)),
                None => problems.shapes.push(format!("{name} is of floating point in some of the models only")),
            }
        }
        problems.into_result("the first of the models to average")?;
        Ok(mean)
    }
}

/// None where one of them is not of floating point.
fn mixed(like: &HostTensor, all: &[&HostTensor], shares: &[f64]) -> Option<HostTensor> {
    let mut sum = vec![0.0; like.len()];
    for (tensor, share) in all.iter().zip(shares) {
        let values = tensor.dtype().is_float().then(|| tensor.to_f64())??;
        sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += share * value);
    }
    let bytes = sum.iter().flat_map(|value| value.to_le_bytes()).collect();
    HostTensor::new(DType::F64, like.shape(), bytes).cast(like.dtype())
}

impl Package {
    /// The weighted mean of models of one configuration, see [`StateDict::average`]; preprocessing and tokenizer are the first
    /// one's.
    ///
    /// # Errors
    /// As [`StateDict::average`], and when two of them are of another architecture or read pictures of another size.
    pub fn average(models: Vec<(Package, f64)>) -> Result<Self, WeightError> {
        let weights: Vec<(&StateDict, f64)> = models.iter().map(|(model, share)| (model.weights(), *share)).collect();
        let mean = StateDict::average(&weights)?;
        let mut models = models.into_iter().map(|(model, _)| model);
        let refuse = |reason: &str| Err(WeightError::config("an average of models", reason));
        let Some(first) = models.next() else { return refuse("there is no model") };
        let built = |package: &Package| {
            let towers = package.config().towers()?;
            Ok::<_, WeightError>((towers.image, towers.text, package.towers_there()))
        };
        let wanted = built(&first)?;
        for other in models {
            if built(&other)? != wanted {
                return refuse("they are of different architectures, whose numbers mean different things");
            }
        }
        first.try_map(|_, config, preprocess| Ok((mean, config, preprocess)))
    }
}
