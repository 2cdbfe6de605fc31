//! How good image and text embeddings are: retrieval, zero-shot classification, nearest neighbours.
//!
//! A model runs once over pictures and captions ([`embed_images`], [`embed_texts`]); everything after that is plain
//! arithmetic on the host over [`Embeddings`], without a backend, the same to the bit at every run.
//!
//! | question | function | answer |
//! |---|---|---|
//! | does a caption find its picture, a picture its caption? | [`retrieval`] | [`Retrieval`]: recall at K, ranks, chance |
//! | does a picture find the name of what it shows? | [`class_embeddings`], [`zero_shot`] | [`ZeroShot`]: top-1, top-5, recall by class |
//! | do pictures of a kind lie together? | [`Knn`] | predicted classes, [`accuracy`] |
//! | can a linear classifier read classes off them? | [`LinearProbe`] | [`LinearClassifier`]: predicted classes |
//! | has the model collapsed? | [`Spread`] | deviation, effective rank |
//! | which are the nearest? | [`top_k`] | indices, nearest first |
//! | what do two heads know together? | [`Embeddings::mixture`] | embeddings whose similarity is the weighted mean |
//!
//! Where two similarities are equal the lower index comes first, everywhere.
//!
//! ```
//! use ndarray::array;
//! use vlp_eval::{Embeddings, Positives, Report, retrieval};
//! # fn main() -> Result<(), vlp_eval::EvalError> {
//! let images = Embeddings::new(array![[1.0, 0.1], [0.2, 1.0]])?;
//! let texts = Embeddings::new(array![[2.0, 0.0], [0.0, 3.0]])?;
//! let result = retrieval(&images, &texts, &Positives::paired(2))?;
//! assert_eq!(result.recall_at(1), 1.0);
//!
//! let mut report = Report::new("tiny set");
//! report.retrieval("image to text", &result, &[1]);
//! println!("{report}");
//! # Ok(())
//! # }
//! ```

mod embed;
mod embeddings;
mod error;
mod knn;
mod linear_probe;
mod positives;
mod report;
mod retrieval;
mod side_by_side;
mod spread;
mod symmetric;
mod top_k;
mod zero_shot;

pub use embed::{HeadEmbeddings, embed_images, embed_texts, token_batches};
pub use embeddings::Embeddings;
pub use error::EvalError;
pub use knn::{Knn, accuracy};
pub use linear_probe::{LinearClassifier, LinearProbe};
pub use positives::Positives;
pub use report::{Report, Row, Unit};
pub use retrieval::{Retrieval, ranks, retrieval};
pub use side_by_side::side_by_side;
pub use spread::Spread;
pub use top_k::top_k;
pub use zero_shot::{ZeroShot, class_embeddings, prompts, zero_shot};
