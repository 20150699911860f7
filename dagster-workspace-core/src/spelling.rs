//! Did you mean: [`nearest`] of the known names.

use alloc::string::String;
use alloc::vec::Vec;

/// The known name that `written` is most likely a misspelling of; `None` where none is near.
///
/// Near is a third of its characters at most, neighbours that changed places counted once, case and separators (`location-name`, `locationName`) not counted.
pub(crate) fn nearest<'n>(written: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let written = folded(written);
    // Long keys are no misspelling of the short names that we know.
    (written.len() <= 64).then_some(())?;
    let near = known.filter_map(|name| {
        let folded = folded(name);
        let distance = distance(&written, &folded);
        (distance * 3 <= folded.len().max(written.len())).then_some((distance, name))
    });
    near.min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

fn folded(name: &str) -> Vec<char> {
    let kept: String = name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).take(65).collect();
    kept.to_lowercase().chars().collect()
}

/// How many letters are changed, added, missing or in the place of their neighbour: Damerau's distance, row by row.
fn distance(a: &[char], b: &[char]) -> usize {
    let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or_default();
    // The row before the last, and the last one.
    let (mut older, mut row): (Vec<usize>, Vec<usize>) = (Vec::new(), (0..=b.len()).collect());
    for (i, x) in a.iter().enumerate() {
        let mut next = Vec::from([i + 1]);
        for (j, y) in b.iter().enumerate() {
            let changed = at(&row, j) + usize::from(x != y);
            let mut best = changed.min(at(&row, j + 1) + 1).min(at(&next, j) + 1);
            let pairs = i.checked_sub(1).and_then(|i| a.get(i)).zip(j.checked_sub(1).and_then(|j| b.get(j)));
            if pairs == Some((y, x)) {
                best = best.min(at(&older, j - 1) + 1);
            }
            next.push(best);
        }
        older = core::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_changed_added_and_missing_letters() {
        let of = |a: &str, b: &str| distance(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>());
        assert_eq!(of("", ""), 0);
        assert_eq!(of("port", ""), 4);
        assert_eq!(of("prot", "port"), 1);
        assert_eq!(of("ca", "abc"), 3);
        assert_eq!(of("kitten", "sitting"), 3);
    }

    #[test]
    fn near_names_are_found_far_ones_are_not() {
        let known = ["host", "port", "location_name", "additional_metadata"];
        let of = |written| nearest(written, known.into_iter());
        assert_eq!(of("locationName"), Some("location_name"));
        assert_eq!(of("prt"), Some("port"));
        assert_eq!(of("hots"), Some("host"));
        assert_eq!(of("owner"), None);
        assert_eq!(of(""), None);
        assert_eq!(of(&"port".repeat(1000)), None);
    }
}
