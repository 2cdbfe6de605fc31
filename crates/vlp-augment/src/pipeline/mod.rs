//! Pipelines as data: lists of operations, or the name of a preset, as they stand in a TOML file.
//!
//! ```
//! use vlp_augment::{Image, ImageTransform, SampleRng, pipeline::ImagePipeline};
//!
//! #[derive(serde::Deserialize)]
//! struct File {
//!     weak: ImagePipeline,
//!     strong: ImagePipeline,
//! }
//! let file: File = toml::from_str(
//!     r#"
//!     weak = "clip-rocket/weak"
//!     [[strong]]
//!     op = "random-resized-crop"
//!     scale = [0.2, 1.0]
//!     [[strong]]
//!     op = "color-jitter"
//!     p = 0.8
//!     brightness = 0.4
//!     hue = 0.1
//!     "#,
//! )?;
//! let strong = file.strong.build(32)?;
//! let view = strong.apply(Image::filled(64, 48, [9, 8, 7]), &mut SampleRng::new(0, 0, 0, 0));
//! assert_eq!((view.width(), view.height()), (32, 32));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod image_op;
mod image_presets;
mod operation;
mod spec;
mod step;
mod text_op;

pub use image_op::{FilterName, ImageOp};
pub use operation::Operation;
pub use spec::Pipeline;
pub use step::Step;
pub use text_op::{Choice, TextOp};

/// What happens to a picture.
pub type ImagePipeline = Pipeline<ImageOp>;

/// What happens to a caption.
pub type TextPipeline = Pipeline<TextOp>;
