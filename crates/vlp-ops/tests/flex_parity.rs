//! The vector code of the CPU backend in f32 against the operations written out, whole, in f64, over sizes that leave
//! rests everywhere: chunks, lanes, stripes. Values to 1e-6, since sums are joined in f64; gradients to 2e-5 of their
//! largest element, since each is a sum of up to a thousand products in f32.

use burn::tensor::activation::softplus;
use burn::tensor::{DType, Device, FloatDType, Tensor, TensorData};
use vlp_ops::{RowSoftmax, Similarities, log_sum_exp, row_softmax, softplus_sum};

fn leaf(values: &[f64], shape: impl Into<Vec<usize>>, dtype: DType) -> TensorData {
    TensorData::new(values.to_vec(), shape.into()).convert_dtype(dtype)
}

fn matrix(rows: usize, columns: usize, seed: f64, dtype: DType, device: &Device) -> Tensor<2> {
    let values: Vec<f64> =
        (0..rows * columns).map(|i| (0.37 * i as f64 + seed).sin() / (columns as f64).sqrt()).collect();
    Tensor::from_data(leaf(&values, [rows, columns], dtype), (device, dtype)).require_grad()
}

fn one(value: f64, dtype: DType, device: &Device) -> Tensor<1> {
    Tensor::from_data(leaf(&[value], [1], dtype), (device, dtype)).require_grad()
}

fn host<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.cast(FloatDType::F64).into_data().try_into_vec().expect("f64 data")
}

fn assert_close(what: &str, actual: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    let size = expected.iter().fold(0f64, |size, x| size.max(x.abs()));
    for (at, (a, e)) in actual.iter().zip(expected).enumerate() {
        assert!((a - e).abs() <= tolerance * size, "{what}[{at}]: {a}, not {e}, the largest being {size}");
    }
}

/// Weights that make every output count differently.
fn weights(length: usize, dtype: DType, device: &Device) -> Tensor<1> {
    let values: Vec<f64> = (0..length).map(|i| 1.0 + 0.5 * (0.9 * i as f64).cos()).collect();
    Tensor::from_data(leaf(&values, [length], dtype), (device, dtype))
}

/// Values, then gradients of a, b, scale and bias.
type Outcome = (Vec<Vec<f64>>, Vec<Vec<f64>>);

fn run(
    dtype: DType,
    [rows, columns, dim]: [usize; 3],
    loss: impl Fn(&[Tensor<2>; 2], &[Tensor<1>; 2]) -> Vec<Tensor<1>>,
) -> Outcome {
    let device = Device::flex().autodiff();
    let inputs = [matrix(rows, dim, 0.2, dtype, &device), matrix(columns, dim, 1.9, dtype, &device)];
    let scalars = [one(20.0, dtype, &device), one(-3.0, dtype, &device)];
    let outputs = loss(&inputs, &scalars);
    let sum = outputs.iter().map(|x| (x.clone() * weights(x.dims()[0], dtype, &device)).sum());
    let gradients = sum.reduce(|a, b| a + b).expect("an output").backward();
    let of_inputs = inputs.iter().map(|x| host(x.grad(&gradients).expect("a gradient")));
    let of_scalars = scalars.iter().filter_map(|x| x.grad(&gradients)).map(host);
    (outputs.into_iter().map(host).collect(), of_inputs.chain(of_scalars).collect())
}

fn compare(what: &str, actual: Outcome, expected: Outcome) {
    for (a, e) in actual.0.iter().zip(&expected.0) {
        assert_close(&format!("{what}, value"), a, e, 1e-6);
    }
    assert_eq!(actual.1.len(), expected.1.len(), "{what}");
    for (number, (a, e)) in actual.1.iter().zip(&expected.1).enumerate() {
        assert_close(&format!("{what}, gradient {number}"), a, e, 2e-5);
    }
}

const SIZES: [[usize; 3]; 6] = [[1, 1, 4], [3, 5, 7], [64, 64, 16], [65, 130, 33], [600, 700, 8], [1100, 1100, 24]];

#[test]
fn log_sum_exps_and_gradients_equal_the_whole_matrix() {
    for size in SIZES {
        let dense = |[a, b]: &[Tensor<2>; 2], [scale, _]: &[Tensor<1>; 2]| {
            let x = a.clone().matmul(b.clone().transpose()) * scale.clone().unsqueeze::<2>();
            let sums = |dim: usize| x.clone().exp().sum_dim(dim).log().flatten::<1>(0, 1);
            vec![sums(1), sums(0)]
        };
        let lean = |[a, b]: &[Tensor<2>; 2], [scale, _]: &[Tensor<1>; 2]| {
            let result =
                log_sum_exp(a.clone(), b.clone(), scale.clone(), Similarities::RowsAndColumns { without: Vec::new() });
            vec![result.rows, result.columns.expect("columns were asked for")]
        };
        compare(&format!("{size:?}"), run(DType::F32, size, lean), run(DType::F64, size, dense));
    }
}

#[test]
fn entries_that_are_left_out_count_nothing() {
    for [rows, columns, dim] in [[3, 5, 7], [65, 140, 33], [600, 1300, 8]] {
        let without = vec![0, columns - rows];
        let dense = |[a, b]: &[Tensor<2>; 2], [scale, _]: &[Tensor<1>; 2]| {
            let x = a.clone().matmul(b.clone().transpose()) * scale.clone().unsqueeze::<2>();
            let ones = |first: usize| {
                let diagonal: Vec<f64> =
                    (0..rows * columns).map(|i| f64::from(i % columns == i / columns + first)).collect();
                Tensor::<2>::from_data(leaf(&diagonal, [rows, columns], DType::F64), (&x.device(), DType::F64))
            };
            let kept = without.iter().fold(x.clone().exp(), |e, &first| e * (ones(first) - 1.0).neg());
            [1, 0].map(|dim| kept.clone().sum_dim(dim).log().flatten::<1>(0, 1))
        };
        let size = [rows, columns, dim];
        let sums = |[a, b]: &[Tensor<2>; 2], [scale, _]: &[Tensor<1>; 2], which: Similarities| {
            log_sum_exp(a.clone(), b.clone(), scale.clone(), which)
        };
        let lean = |x: &[Tensor<2>; 2], y: &[Tensor<1>; 2]| {
            vec![sums(x, y, Similarities::Rows { without: without.clone() }).rows]
        };
        let rows_alone = |x: &[Tensor<2>; 2], y: &[Tensor<1>; 2]| vec![dense(x, y)[0].clone()];
        compare(&format!("{size:?}"), run(DType::F32, size, lean), run(DType::F64, size, rows_alone));
        let lean = |x: &[Tensor<2>; 2], y: &[Tensor<1>; 2]| {
            let result = sums(x, y, Similarities::RowsAndColumns { without: without.clone() });
            vec![result.rows, result.columns.expect("columns were asked for")]
        };
        let both = |x: &[Tensor<2>; 2], y: &[Tensor<1>; 2]| dense(x, y).to_vec();
        compare(&format!("{size:?} and columns"), run(DType::F32, size, lean), run(DType::F64, size, both));
    }
}

#[test]
fn sums_of_softplus_and_gradients_equal_the_whole_matrix() {
    for size @ [rows, columns, _] in SIZES {
        for positive in [None, Some(columns - rows)] {
            let dense = |[a, b]: &[Tensor<2>; 2], [scale, bias]: &[Tensor<1>; 2]| {
                let x = a.clone().matmul(b.clone().transpose()) * scale.clone().unsqueeze::<2>();
                let x = x + bias.clone().unsqueeze::<2>();
                let sum = softplus(x, 1.0).sum();
                let Some(first) = positive else { return vec![sum] };
                let own = b.clone().slice([first..first + rows]);
                let of_positives = (a.clone() * own).sum() * scale.clone() + bias.clone() * rows as f64;
                vec![sum - of_positives]
            };
            let lean = |[a, b]: &[Tensor<2>; 2], [scale, bias]: &[Tensor<1>; 2]| {
                vec![softplus_sum(a.clone(), b.clone(), scale.clone(), bias.clone(), positive)]
            };
            compare(&format!("{size:?}"), run(DType::F32, size, lean), run(DType::F64, size, dense));
        }
    }
}

#[test]
fn the_best_column_is_the_first_of_the_largest() {
    let device = Device::flex();
    let a = Tensor::<2>::from_floats([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], &device);
    let b = Tensor::<2>::from_floats([[0.0, -1.0], [0.5, 2.0], [0.5, 2.0]], &device);
    let result =
        log_sum_exp(a, b, Tensor::from_floats([3.0], &device), Similarities::RowsAndColumns { without: Vec::new() });
    assert_eq!(host(result.best), [1.0, 1.0, 0.0]);
}

#[test]
fn a_wide_range_neither_overflows_nor_loses_a_column() {
    // Similarities from -10,000 to 10,000: the columns' largest entries lie far below those of the rows.
    let device = Device::flex().autodiff();
    let a = Tensor::<2>::from_floats([[100.0, 0.0], [-100.0, 0.0], [1e-3, 0.0]], &device).require_grad();
    let b = Tensor::<2>::from_floats([[100.0, 0.0], [-100.0, 0.0], [-1e-3, 0.0]], &device).require_grad();
    let result = log_sum_exp(
        a.clone(),
        b.clone(),
        Tensor::from_floats([1.0], &device),
        Similarities::RowsAndColumns { without: Vec::new() },
    );
    let columns = result.columns.expect("columns were asked for");
    let middle = (0.1f64.exp() + (-0.1f64).exp() + 1.0).ln();
    for (what, sums) in [("rows", &result.rows), ("columns", &columns)] {
        assert_close(what, &host(sums.clone()), &[1e4, 1e4, middle], 1e-9);
    }
    let gradients = (result.rows.sum() + columns.sum()).backward();
    for x in [a, b] {
        assert!(host(x.grad(&gradients).expect("a gradient")).iter().all(|x| x.is_finite()));
    }
}

#[test]
fn a_row_with_nothing_left_in_is_minus_infinity_and_sends_no_gradient() {
    let device = Device::flex().autodiff();
    let x = Tensor::<2>::from_floats([[1.0, 2.0]], &device).require_grad();
    let scale = Tensor::<1>::from_floats([1.0], &device);
    let rows = log_sum_exp(x.clone(), x.clone().detach(), scale, Similarities::Rows { without: vec![0] }).rows;
    assert_eq!(host(rows.clone()), [f64::NEG_INFINITY]);
    let both = Similarities::RowsAndColumns { without: vec![0] };
    let columns = log_sum_exp(x.clone(), x.clone(), Tensor::from_floats([1.0], &device), both).columns.unwrap();
    assert_eq!(host(columns), [f64::NEG_INFINITY]);
    assert_eq!(host(x.grad(&rows.backward()).expect("a gradient")), [0.0, 0.0]);
}

#[test]
fn what_is_no_number_shows() {
    let device = Device::flex();
    for bad in [f32::NAN, f32::INFINITY] {
        let a = Tensor::<2>::from_floats([[1.0, bad], [1.0, 1.0]], &device);
        let b = Tensor::<2>::from_floats([[1.0, 0.5], [-1.0, 1.0]], &device);
        let scale = || Tensor::<1>::from_floats([1.0], &device);
        let rows =
            log_sum_exp(a.clone(), b.clone(), scale(), Similarities::RowsAndColumns { without: Vec::new() }).rows;
        assert!(!host(rows)[0].is_finite(), "{bad}");
        assert!(!host(softplus_sum(a, b, scale(), scale(), None))[0].is_finite(), "{bad}");
    }
}

#[test]
fn softmax_over_rows_equals_its_definition_in_f64_and_shows_what_is_no_number() {
    let device = Device::flex();
    for [rows, columns] in [[1, 1], [3, 5], [64, 64], [65, 130], [700, 3000]] {
        let run = |dtype: DType| {
            let x = matrix(rows, columns, 0.3, dtype, &device.clone().autodiff()).inner() * 40.0;
            let RowSoftmax { shares, below, highest, log_sum } = row_softmax(x.clone());
            // The parts give the logits and the shares back.
            let again = (below.clone() - log_sum.clone()).exp();
            (host(x), [host(shares), host(below), host(highest), host(log_sum), host(again)])
        };
        let (x, wide) = run(DType::F64);
        let exact = x.chunks(columns).flat_map(|row| {
            let sum: f64 = row.iter().map(|x| x.exp()).sum();
            row.iter().map(move |x| x.exp() / sum)
        });
        assert_close("f64", &wide[0], &exact.collect::<Vec<_>>(), 1e-12);
        let (_, narrow) = run(DType::F32);
        for (part, (a, e)) in narrow.iter().zip(&wide).enumerate() {
            // Of one column everything but the highest is 0 or 1 exactly.
            if e.iter().any(|x| *x != 0.0) {
                assert_close(&format!("{rows} x {columns}, part {part}"), a, e, 2e-6);
            }
        }
    }
    for bad in [f32::NAN, f32::INFINITY] {
        let shares = row_softmax(Tensor::<2>::from_floats([[1.0, bad], [1.0, 2.0]], &device)).shares;
        let shares = host(shares);
        assert!(!shares[..2].iter().all(|x| x.is_finite()) && shares[2..].iter().all(|x| x.is_finite()), "{bad}");
    }
}
