//! How something went that a program counts.

/// How something went: it worked, it failed, or it has a size.
///
/// ```
/// use usher_sdk::Outcome;
/// assert_eq!(Outcome::from(2.5), Outcome::Value(2.5));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// It worked.
    Ok,
    /// It failed.
    Error,
    /// It happened, with this number: seconds, an amount. What is not finite is not counted, nor what is so large
    /// that its square is not.
    Value(f64),
}

impl From<f64> for Outcome {
    fn from(value: f64) -> Self {
        Self::Value(value)
    }
}
