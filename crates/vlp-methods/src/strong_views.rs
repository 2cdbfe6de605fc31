use std::fmt;

/// How many strong views of a sample a method reads, beside the weak one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StrongViews {
    /// This many.
    Exactly(usize),
    /// This many or more.
    AtLeast(usize),
}

impl StrongViews {
    /// Whether `views` would do.
    pub fn allow(self, views: usize) -> bool {
        match self {
            StrongViews::Exactly(needed) => views == needed,
            StrongViews::AtLeast(needed) => views >= needed,
        }
    }

    /// The number nearest to `views` that would do.
    pub fn nearest(self, views: usize) -> usize {
        match self {
            StrongViews::Exactly(needed) => needed,
            StrongViews::AtLeast(needed) => views.max(needed),
        }
    }
}

impl fmt::Display for StrongViews {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StrongViews::Exactly(0) => write!(f, "no strong view"),
            StrongViews::Exactly(1) => write!(f, "exactly 1 strong view"),
            StrongViews::Exactly(views) => write!(f, "exactly {views} strong views"),
            StrongViews::AtLeast(1) => write!(f, "at least 1 strong view"),
            StrongViews::AtLeast(views) => write!(f, "at least {views} strong views"),
        }
    }
}
