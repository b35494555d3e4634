//! An error and what is behind it.

use std::error::Error;
use std::iter;

/// An error, its source, the source of that, and so on.
pub(crate) fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> + use<'a> {
    iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (**error).source())
}

/// The last of them: that is where the operating system's own words are.
pub(crate) fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    causes(error).last().unwrap_or(error)
}

/// All of them in words, each part once: some print their source as well.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    causes(error).map(ToString::to_string).fold(String::new(), |text, part| {
        if text.is_empty() {
            part
        } else if text.contains(&part) {
            text
        } else {
            format!("{text}: {part}")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Layer>>,
    }

    fn layers(texts: &[&'static str]) -> Layer {
        let [text, rest @ ..] = texts else { panic!("an error has a text") };
        let source = (!rest.is_empty()).then(|| Box::new(layers(rest)));
        Layer { text, source }
    }

    #[test]
    fn each_cause_is_told_once() {
        let error = layers(&["cannot send: no route", "no route", "os error 113"]);
        assert_eq!(chain(&error), "cannot send: no route: os error 113");
        assert_eq!(innermost(&error).to_string(), "os error 113");
        assert_eq!(chain(&layers(&["alone"])), "alone");
    }
}
