//! Which folded states are kept: few, however long a journal is, and more of them where one looks more often.

/// Folded states that are kept. They thin out towards the beginning, where one rarely looks.
pub(crate) const MAX_SNAPSHOTS: usize = 16;

/// Which of many, in order, is missed least: the gap that it would leave is small, compared with how old it is.
pub(crate) fn most_spare(numbers: &[u64]) -> usize {
    let newest = numbers.last().copied().unwrap_or(0);
    let spare = |index: &usize| {
        let before = index.checked_sub(1).map_or(0, |before| numbers[before]);
        let after = numbers.get(index + 1).copied().unwrap_or(newest);
        let (gap, age) = (u128::from(after - before), u128::from(newest - numbers[*index]) + 1);
        gap * 1_000_000 / age
    };
    (0..numbers.len().saturating_sub(1)).min_by_key(spare).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_states_thin_out_towards_the_beginning() {
        let mut kept: Vec<u64> = Vec::new();
        for n in 1..=2_000 {
            kept.push(n * 1024);
            if kept.len() > MAX_SNAPSHOTS {
                kept.remove(most_spare(&kept));
            }
        }
        assert_eq!(kept.len(), MAX_SNAPSHOTS);
        assert_eq!(kept.last(), Some(&(2_000 * 1024)));
        // Wherever one looks, there are fewer commits to read than there have been since.
        let mut before = 0;
        for number in kept.into_iter().take(MAX_SNAPSHOTS - 1) {
            let (gap, age) = (number - before, 2_000 * 1024 - before);
            assert!(gap * 4 <= age * 3, "{gap} of {age}");
            before = number;
        }
    }
}
