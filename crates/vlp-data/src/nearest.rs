/// The name that was probably meant, if one is near enough.
pub(crate) fn nearest<'a>(given: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters = given.chars().count();
    // A part of a name counts as a typo.
    let cost = |name: &str| if letters > 3 && name.contains(given) { 1 } else { strsim::levenshtein(given, name) };
    let (cost, name) = names.into_iter().map(|name| (cost(name), name)).min()?;
    // Half of the letters wrong is another word.
    (2 * cost <= letters).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_of_the_pen_is_found_and_another_word_is_not() {
        let names = ["label", "kind", "caption"];
        assert_eq!(nearest("lable", names), Some("label"));
        assert_eq!(nearest("capt", names), Some("caption"));
        assert_eq!(nearest("zebra", names), None);
        assert_eq!(nearest("kind", []), None);
    }
}
