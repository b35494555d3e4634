//! "Did you mean": the known name that is closest to a mistyped one.

use std::cmp::Reverse;

/// The candidate with the fewest changed letters, if few enough that it is probably meant. Of equals it is the one
/// that starts alike for longer: people get the end wrong, and more than two changes count only there.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    let ranked = candidates.into_iter().filter_map(|candidate| {
        let common = candidate.chars().zip(word.chars()).take_while(|(a, b)| a == b).count();
        let distance = strsim::levenshtein(word, candidate);
        let is_near = distance <= 2 || (common > 0 && distance <= length / 3);
        is_near.then_some((distance, Reverse(common), candidate))
    });
    ranked.min().map(|(_, _, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_probable_name_is_suggested() {
        let names = ["schedule", "keep-last", "keep-daily", "name"];
        assert_eq!(nearest("shedule", names), Some("schedule"));
        assert_eq!(nearest("keep-days", names), Some("keep-daily"));
        assert_eq!(nearest("nmae", names), Some("name"));
        assert_eq!(nearest("retention", ["extension"]), None);
    }
}
