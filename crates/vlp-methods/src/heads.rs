use burn::module::{Module, ModuleDisplay};

/// A head on image vectors and one on text vectors.
#[derive(Module, Debug)]
pub struct Heads<H: Module + ModuleDisplay> {
    /// On image vectors.
    pub image: H,
    /// On text vectors.
    pub text: H,
}

/// Heads of weak views, and of strong views where these have their own.
#[derive(Module, Debug)]
pub struct ViewHeads<H: Module + ModuleDisplay> {
    /// For weak views.
    pub weak: Heads<H>,
    /// For strong views; none shares the weak ones.
    pub strong: Option<Heads<H>>,
}

impl<H: Module + ModuleDisplay> ViewHeads<H> {
    /// Builds the heads, those of strong views only when they are `separate`.
    ///
    /// # Errors
    /// What `head` gives, called with the width of the encoder's vectors.
    pub(crate) fn build<E>(
        [image, text]: [usize; 2],
        separate: bool,
        head: impl Fn(usize) -> Result<H, E>,
    ) -> Result<Self, E> {
        let heads = || Ok(Heads { image: head(image)?, text: head(text)? });
        Ok(ViewHeads { weak: heads()?, strong: if separate { Some(heads()?) } else { None } })
    }

    /// Those that strong views pass.
    pub(crate) fn for_strong(&self) -> &Heads<H> {
        self.strong.as_ref().unwrap_or(&self.weak)
    }
}
