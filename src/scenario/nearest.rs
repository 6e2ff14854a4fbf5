//! The valid name that a mistyped one was probably meant to be.
//!
//! It knows nothing of what the names stand for.

/// The name of `known` that is nearest to `name`, unless none is near: at most a third of the letters, or two, may
/// differ. Of two equally near names the first wins.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = (name.chars().count() / 3).max(2);
    let close = known.into_iter().map(|other| (distance(name, other), other));
    let (_, other) = close.filter(|(n, other)| *n <= most && *n < other.chars().count()).min_by_key(|(n, _)| *n)?;
    Some(other)
}

/// The least number of letters to add, drop or replace, without regard to case.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().flat_map(char::to_lowercase).collect();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().flat_map(char::to_lowercase).enumerate() {
        let mut row = vec![i + 1];
        for (j, other) in b.iter().enumerate() {
            let replaced = above[j] + usize::from(letter != *other);
            row.push(replaced.min(above[j + 1] + 1).min(row[j] + 1));
        }
        above = row;
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_finds_its_name_and_nonsense_finds_none() {
        let devices = ["abdoulaye", "fatoumata"];
        assert_eq!(nearest("abdulaye", devices), Some("abdoulaye"));
        assert_eq!(nearest("Fatoumatta", devices), Some("fatoumata"));
        assert_eq!(nearest("server", devices), None);
        assert_eq!(nearest("Q", ["X", "Y"]), None);
    }
}
