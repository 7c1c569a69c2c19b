//! Several scorers in one: the weighted sum that kube-scheduler takes over its plugins, each brought to its scale
//! first (`NormalizeScore`).

/// How scores are made comparable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// They are from 0 to 100 already.
    AsIs,
    /// The lowest of the nodes that can take the pod becomes 0 and the highest 100, rounded down.
    Spread {
        /// What all become when all are equal.
        when_equal: i64,
    },
}

impl Scale {
    /// A score on this scale, given the lowest and the highest.
    fn on(self, score: i64, lowest: i64, highest: i64) -> i64 {
        match self {
            Self::AsIs => score,
            Self::Spread { when_equal } if lowest == highest => when_equal,
            Self::Spread { .. } => (score - lowest) * 100 / (highest - lowest),
        }
    }
}

/// The weighted sums: `parts` are each scorer's weight, scale and scores of the same nodes.
pub fn blend(parts: &[(i64, Scale, &[i64])]) -> Vec<i64> {
    let nodes = parts.first().map_or(0, |(_, _, scores)| scores.len());
    let mut sums = vec![0; nodes];
    for (weight, scale, scores) in parts {
        let lowest = scores.iter().copied().min().unwrap_or(0);
        let highest = scores.iter().copied().max().unwrap_or(0);
        for (sum, score) in sums.iter_mut().zip(*scores) {
            *sum += weight * scale.on(*score, lowest, highest);
        }
    }
    sums
}
