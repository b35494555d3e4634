//! The colours can be told apart: WCAG 2.2, 1.4.3 and 1.4.11 (AA).

use std::collections::BTreeMap;

use super::*;

type Palette = BTreeMap<String, [f64; 3]>;

/// The colours of a `:root` rule, each channel from 0 to 1.
fn palette(rule: &str) -> Palette {
    let colours = rule.split(';').filter_map(|line| line.split_once(":#"));
    colours
        .map(|(name, hex)| {
            let digits: String = hex.trim().chars().take_while(char::is_ascii_hexdigit).collect();
            let long = if digits.len() == 3 { digits.chars().flat_map(|c| [c, c]).collect() } else { digits };
            let channel =
                |at: usize| f64::from(u8::from_str_radix(long.get(at..at + 2).unwrap(), 16).unwrap()) / 255.0;
            let name = name.rsplit(['-', '{']).next().unwrap();
            (name.to_owned(), [channel(0), channel(2), channel(4)])
        })
        .collect()
}

/// <https://www.w3.org/TR/WCAG22/#dfn-relative-luminance>
fn luminance(colour: [f64; 3]) -> f64 {
    let linear = |c: f64| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) };
    let [red, green, blue] = colour.map(linear);
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn the_ratio_is_that_of_the_standard() {
    assert!((contrast([0.0; 3], [1.0; 3]) - 21.0).abs() < 0.001);
    let grey = 119.0 / 255.0;
    assert!((contrast([grey; 3], [1.0; 3]) - 4.478).abs() < 0.001);
}

#[test]
fn text_and_graphics_stand_out_by_day_and_by_night() {
    let mut rules = STYLE.split(":root{").skip(1).map(|rule| palette(rule.split('}').next().unwrap()));
    let (light, dark) = (rules.next().unwrap(), rules.next().unwrap());
    assert_eq!(light.keys().collect::<Vec<_>>(), dark.keys().collect::<Vec<_>>());
    for (look, colours) in [("light", light), ("dark", dark)] {
        for ground in ["page", "band"] {
            for text in ["text", "soft", "link", "good", "doubtful", "failing", "run"] {
                let ratio = contrast(colours[text], colours[ground]);
                assert!(ratio >= 4.5, "{look}: {text} on {ground} is {ratio:.2}");
            }
        }
        for drawn in ["good", "doubtful", "failing", "idle", "link"] {
            let ratio = contrast(colours[drawn], colours["page"]);
            assert!(ratio >= 3.0, "{look}: {drawn} is {ratio:.2}");
        }
        // The line of a chart is above its area.
        let ratio = contrast(colours["link"], colours["area"]);
        assert!(ratio >= 3.0, "{look}: the line on its area is {ratio:.2}");
    }
}

#[test]
fn there_are_no_colours_besides_the_palettes() {
    let rest: String =
        STYLE.split('\n').filter(|line| !line.contains(":root{color") && !line.contains("{:root{")).collect();
    assert!(!rest.contains('#') && !rest.contains("rgb"), "{rest}");
}
