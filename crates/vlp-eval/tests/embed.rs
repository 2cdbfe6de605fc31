//! Running an embedder over batches on the CPU.

use burn::tensor::{Device, Int, Tensor, TensorData};
use vlp_core::{Embedder, HeadVectors};
use vlp_eval::{EvalError, embed_images, embed_texts, token_batches};

/// Pictures to their channel means (weak) and those doubled plus one (strong); tokens to their first two ids.
struct Means {
    heads: usize,
}

impl Embedder for Means {
    fn embed_images(&self, images: Tensor<4>) -> HeadVectors {
        let [batch, channels, _, _] = images.dims();
        let weak: Tensor<2> = images.mean_dim(3).mean_dim(2).reshape([batch, channels]);
        let strong = (self.heads == 2).then(|| weak.clone() * 2.0 + 1.0);
        HeadVectors { weak, strong }
    }

    fn embed_texts(&self, tokens: Tensor<2, Int>) -> HeadVectors {
        HeadVectors { weak: tokens.narrow(1, 0, 2).float(), strong: None }
    }
}

fn picture(values: [f32; 2], device: &Device) -> Tensor<4> {
    Tensor::<1>::from_floats(values, device).reshape([1, 2, 1, 1]).expand([1, 2, 3, 3])
}

#[test]
fn batches_of_any_size_give_the_same_rows_in_order() {
    let device = Device::flex();
    let pictures: Vec<Tensor<4>> = (0..5).map(|i| picture([i as f32, 4.0], &device)).collect();
    let whole = embed_images(&Means { heads: 2 }, [Tensor::cat(pictures.clone(), 0)]).expect("finite");
    let single = embed_images(&Means { heads: 2 }, pictures).expect("finite");
    assert_eq!(whole, single);
    assert_eq!(whole.len(), 5);
    assert!((whole.weak.rows()[[3, 0]] - 0.6).abs() < 1e-6, "{:?}", whole.weak);
    let strong = whole.strong.as_ref().expect("two heads");
    assert!((strong.rows()[[3, 0]] - 7.0 / 130f32.sqrt()).abs() < 1e-6, "{strong:?}");
    assert_eq!(whole.mixture(0.5).expect("a share").expect("two heads").width(), 4);
}

#[test]
fn captions_become_batches_and_one_head_stays_one() {
    let device = Device::flex();
    let captions = [vec![3, 4, 9], vec![0, 5, 9], vec![8, 6, 9]];
    let batches = token_batches(&captions, 2, &device).expect("of one length");
    let texts = embed_texts(&Means { heads: 1 }, batches).expect("finite");
    assert_eq!(texts.weak.rows().as_slice().expect("contiguous")[..4], [0.6, 0.8, 0.0, 1.0]);
    assert_eq!((texts.len(), texts.strong.is_none()), (3, true));
    assert_eq!(texts.mixture(0.5), Ok(None));
}

/// A model of pictures alone.
struct Blind;

impl Embedder for Blind {
    fn embed_images(&self, images: Tensor<4>) -> HeadVectors {
        Means { heads: 1 }.embed_images(images)
    }

    fn embed_texts(&self, _tokens: Tensor<2, Int>) -> HeadVectors {
        panic!("there is no text encoder")
    }

    fn embeds_texts(&self) -> bool {
        false
    }
}

#[test]
fn texts_for_a_model_of_pictures_alone_are_refused_before_it_sees_them() {
    let device = Device::flex();
    let captions = [vec![3, 4, 9]];
    let batches = token_batches(&captions, 2, &device).expect("of one length");
    assert_eq!(embed_texts(&Blind, batches), Err(EvalError::NoTextEncoder));
    assert!(embed_images(&Blind, [picture([1.0, 2.0], &device)]).is_ok());
    assert!(Means { heads: 1 }.embeds_texts() && !Blind.embeds_texts());
}

#[test]
fn a_diverged_model_is_an_error_that_names_the_row() {
    let device = Device::flex();
    let pictures = [picture([1.0, 2.0], &device), picture([f32::NAN, 2.0], &device)];
    let error = embed_images(&Means { heads: 1 }, pictures).expect_err("not finite");
    assert!(error.to_string().contains("row 1, column 0"), "{error}");
}

#[test]
fn an_autodiff_batch_is_refused_before_the_model_sees_it() {
    let device = Device::flex();
    let batches = [picture([1.0, 2.0], &device), picture([1.0, 2.0], &device.clone().autodiff())];
    assert_eq!(embed_images(&Means { heads: 1 }, batches), Err(EvalError::Autodiff { batch: 1 }));
}

#[test]
fn sets_that_are_empty_or_uneven_are_errors() {
    let device = Device::flex();
    let none: [Tensor<4>; 0] = [];
    assert!(matches!(embed_images(&Means { heads: 1 }, none), Err(EvalError::Empty { .. })));
    let uneven = [vec![1u32, 2], vec![1]];
    assert!(matches!(token_batches(&uneven, 2, &device).err(), Some(EvalError::Count { expected: 2, got: 1, .. })));
    assert!(matches!(token_batches(&uneven, 0, &device).err(), Some(EvalError::Setting { .. })));
    let wide = Tensor::<4>::from_data(TensorData::new(vec![1f32; 3], [1, 3, 1, 1]), &device);
    let mixed = embed_images(&Means { heads: 1 }, [picture([1.0, 2.0], &device), wide]);
    assert_eq!(mixed, Err(EvalError::Width { left: 2, right: 3 }));
}
