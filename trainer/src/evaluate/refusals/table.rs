//! Refusals as a text table.

use std::fmt::Write;

use super::{Figures, Refusals};

/// The table of `refusals` for a terminal, one line per kind.
pub fn refusal_table(refusals: &Refusals) -> String {
    let Refusals { model, set, split, unit, kinds } = refusals;
    let unit = unit.name();
    let short_hash = model.sha256.get(..12).unwrap_or_default();
    let width = kinds.iter().map(|k| k.name.chars().count()).max().unwrap_or(0).max(4);
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{set} / {split}: refusals by model {} ({short_hash})\n", model.name);
    let _ = writeln!(
        text,
        "{:width$}  images  refused       %  named %   MRE {unit}  worst {unit}  low-conf %  phantoms",
        "kind"
    );
    for kind in kinds {
        row(&mut text, width, &kind.name, &Figures::of(kind));
    }
    text + "\n\
        named: refused with the right orientation issue. The other columns are of the accepted images\n\
        with ground truth: mean error of the landmarks inside the image, the same of the worst image,\n\
        percentage of these landmarks marked as low-confidence, and landmarks outside the image that\n\
        are reported as confident.\n"
}

fn row(text: &mut String, width: usize, name: &str, f: &Figures) {
    let number = |v: Option<f64>, digits: usize| match v {
        Some(v) => format!("{v:.digits$}"),
        None => "-".to_owned(),
    };
    let _ = writeln!(
        text,
        "{name:width$}  {:6}  {:7}  {:>6}  {:>7}  {:>7}  {:>8}  {:>10}  {:>8}",
        f.images,
        f.refused,
        number(f.refused_percent(), 1),
        number(f.named_percent(), 1),
        number(f.mre, 2),
        number(f.worst_mre, 2),
        number(f.low_confidence_percent, 1),
        if f.mre.is_some() { f.phantoms.to_string() } else { "-".to_owned() },
    );
}
