//! A comparison of two models, or of two training variants, as text and as JSON.

use std::fmt::Write;

use fiducia::report::ModelInfo;
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::table::short;
use super::{Paired, PairedLandmark, Unit};

/// The comparison of two sides, measured on the same images.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Name of the data set.
    pub set: String,
    /// Name of the split.
    pub split: String,
    /// The landmarks that both sides find, in the order of `paired.per_landmark`.
    pub landmarks: Vec<String>,
    /// Unit of every error. The fields of `paired` are named for millimetres, but images without a scale give
    /// pixels.
    pub unit: Unit,
    /// Side A: the minuend of every difference.
    pub model: Side,
    /// Side B: the subtrahend of every difference.
    pub against: Side,
    /// The figures.
    pub paired: Paired,
}

/// One side of a comparison.
#[derive(Clone, Debug, Default)]
pub struct Side {
    /// Its models, one per run.
    pub models: Vec<ModelInfo>,
    /// Images that any of its models refused; they are included in all figures.
    pub refused: Vec<String>,
}

impl Comparison {
    /// The figures for a terminal, one line per landmark.
    pub fn table(&self) -> String {
        let (unit, p) = (self.unit.name(), &self.paired);
        let mut text = format!(
            "{} / {}: {} images, {} landmarks\n",
            self.set,
            self.split,
            p.images,
            self.landmarks.len()
        );
        side(&mut text, "model", &self.model, &p.runs[0], unit);
        side(&mut text, "against", &self.against, &p.runs[1], unit);
        let longest = self.landmarks.iter().map(|l| l.chars().count()).max().unwrap_or(0);
        let width = longest.max("landmark".len());
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "\n{:width$}   model  against  difference    95 % interval  SDR 2 difference",
            "landmark"
        );
        for (name, landmark) in self.landmarks.iter().zip(&p.per_landmark) {
            row(&mut text, width, name, landmark);
        }
        row(&mut text, width, "all", &all(p));
        let [low, high] = p.sdr_2_interval;
        let _ = writeln!(
            text,
            "\nmodel - against, mean radial errors in {unit}: below 0 the model is better; * where the \
             interval leaves out 0\n(paired bootstrap over images). SDR 2 in percentage points, \
             interval {low:+.1} to {high:+.1}.\nLandmarks: {} better, {} worse.",
            p.better, p.worse
        );
        text
    }
}

fn side(text: &mut String, name: &str, side: &Side, mre: &[f64], unit: &str) {
    for (model, mre) in side.models.iter().zip(mre) {
        let _ = writeln!(text, "{name:8} {}: MRE {mre:.3} {unit}", short(model));
    }
    if !side.refused.is_empty() {
        let (count, names) = (side.refused.len(), side.refused.join(", "));
        let _ = writeln!(text, "{:8} refused, included above: {count} ({names})", "");
    }
}

/// The figures over all landmarks, as a row of the table.
fn all(p: &Paired) -> PairedLandmark {
    PairedLandmark {
        mre: p.mre,
        difference: p.difference,
        interval: p.interval,
        sdr_2_difference: p.sdr_2_difference,
    }
}

fn row(text: &mut String, width: usize, name: &str, l: &PairedLandmark) {
    let ([model, against], [low, high]) = (l.mre, l.interval);
    let mark = if low > 0.0 || high < 0.0 { "*" } else { " " };
    let _ = writeln!(
        text,
        "{name:width$}  {model:6.2}   {against:6.2}     {:+7.3}{mark} {low:+7.3} to {high:+7.3} {:+17.1}",
        l.difference, l.sdr_2_difference
    );
}

impl Serialize for Comparison {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (unit, p) = (self.unit.name(), &self.paired);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("images", &p.images)?;
        figures(&mut map, &all(p), unit)?;
        map.serialize_entry(&format!("ci95_sdr_2{unit}_difference"), &p.sdr_2_interval)?;
        map.serialize_entry("better", &p.better)?;
        map.serialize_entry("worse", &p.worse)?;
        map.serialize_entry("per_landmark", &PerLandmark(self))?;
        for (name, side, mre) in
            [("model", &self.model, &p.runs[0]), ("against", &self.against, &p.runs[1])]
        {
            map.serialize_entry(&format!("{name}_runs_mre_{unit}"), mre)?;
            map.serialize_entry(&format!("{name}_runs"), &side.models)?;
            map.serialize_entry(&format!("{name}_refused"), &side.refused)?;
        }
        map.end()
    }
}

/// The keys that the overall figures and those of every landmark have in common.
fn figures<M: SerializeMap>(map: &mut M, l: &PairedLandmark, unit: &str) -> Result<(), M::Error> {
    map.serialize_entry(&format!("model_mre_{unit}"), &l.mre[0])?;
    map.serialize_entry(&format!("against_mre_{unit}"), &l.mre[1])?;
    map.serialize_entry(&format!("difference_{unit}"), &l.difference)?;
    map.serialize_entry(&format!("ci95_difference_{unit}"), &l.interval)?;
    map.serialize_entry(&format!("sdr_2{unit}_difference"), &l.sdr_2_difference)
}

/// A map by landmark name, in the order of the comparison.
struct PerLandmark<'a>(&'a Comparison);

impl Serialize for PerLandmark<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let unit = self.0.unit.name();
        let one = self.0.paired.per_landmark.iter().map(|l| One(l, unit));
        serializer.collect_map(self.0.landmarks.iter().zip(one))
    }
}

/// One landmark and the unit that its keys end in.
struct One<'a>(&'a PairedLandmark, &'static str);

impl Serialize for One<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        figures(&mut map, self.0, self.1)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::super::paired;
    use super::*;

    fn toy() -> Comparison {
        let (a, b) = (vec![vec![1.0, 3.0], vec![1.5, 3.0]], vec![vec![2.5, 1.0], vec![2.5, 1.5]]);
        let model = |name: &str| ModelInfo { name: name.to_owned(), sha256: "0".repeat(64) };
        let side = |name| Side { models: vec![model(name)], refused: vec!["1.png".to_owned()] };
        Comparison {
            set: "toy".to_owned(),
            split: "test".to_owned(),
            landmarks: vec!["p".to_owned(), "q".to_owned()],
            unit: Unit::Mm,
            model: side("new"),
            against: side("old"),
            paired: paired(&[a], &[b]).unwrap(),
        }
    }

    #[test]
    fn json_has_the_documented_keys() {
        let json = serde_json::to_value(toy()).unwrap();
        let keys = [
            "images",
            "model_mre_mm",
            "against_mre_mm",
            "difference_mm",
            "ci95_difference_mm",
            "sdr_2mm_difference",
            "ci95_sdr_2mm_difference",
            "better",
            "worse",
            "per_landmark",
            "model_runs_mre_mm",
            "model_runs",
            "model_refused",
            "against_runs_mre_mm",
            "against_runs",
            "against_refused",
        ];
        assert_eq!(json.as_object().unwrap().len(), keys.len(), "{json}");
        assert!(keys.iter().all(|k| json.get(k).is_some()), "{json}");
        assert_eq!((&json["difference_mm"], &json["better"]), (&0.25.into(), &1.into()));
        let p = &json["per_landmark"]["p"];
        assert_eq!(
            (&p["difference_mm"], &p["sdr_2mm_difference"]),
            (&(-1.25).into(), &100.0.into())
        );
        assert_eq!(json["model_runs"][0]["name"], "new");
    }

    #[test]
    fn the_table_marks_what_is_sure() {
        let table = toy().table();
        let line = |start: &str| table.lines().find(|l| l.starts_with(start)).unwrap();
        assert!(line("p ").contains("-1.250*") && line("q ").contains("+1.750*"), "{table}");
        assert!(table.contains("Landmarks: 1 better, 1 worse."), "{table}");
        assert!(
            line("model ").contains("new") && table.contains("refused, included above: 1 (1.png)")
        );
    }
}
