//! Lists that come in pages and go round in a circle, which would never end.

/// Notices a token of a page that comes again, however long the circle is, and keeps one of them.
#[derive(Debug, Default)]
pub(crate) struct Circle {
    landmark: Option<String>,
    steps: u64,
    limit: u64,
}

impl Circle {
    /// Whether the token was met before. It takes up to three times round until that is noticed.
    pub(crate) fn closes(&mut self, token: &str) -> bool {
        if self.landmark.as_deref() == Some(token) {
            return true;
        }
        self.steps += 1;
        if self.steps > self.limit {
            self.landmark = Some(token.to_owned());
            (self.steps, self.limit) = (0, self.limit * 2 + 1);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::Circle;

    #[test]
    fn circles_of_any_length_are_noticed_and_nothing_else() {
        for length in [1, 2, 3, 7, 100] {
            let mut circle = Circle::default();
            let mut tokens =
                (0..20).map(|lead| format!("lead {lead}")).chain((0..).map(|at| format!("{}", at % length)));
            let closed = tokens.by_ref().take(20 + 4 * length + 64).position(|token| circle.closes(&token));
            assert!(closed.is_some_and(|at| at > 20), "{length}: {closed:?}");
        }
        let mut straight = Circle::default();
        assert!(!(0..10_000).any(|at| straight.closes(&at.to_string())));
    }
}
