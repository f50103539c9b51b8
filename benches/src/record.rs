//! Measurements as rows of a table: `benches/results/MACHINE/DATE.csv`.

use std::path::Path;

use fiducia::{Error, ErrorKind};

/// One figure of a measurement.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What was measured: `stage/backend/size`.
    pub name: String,
    /// Which figure of it, such as `median`.
    pub figure: String,
    /// A number, or text.
    pub value: String,
    /// `ms`, `bytes`, or empty.
    pub unit: String,
}

impl Row {
    /// A figure that is a number.
    pub fn number(name: &str, figure: &str, value: f64, unit: &str) -> Self {
        // Six digits; more would be noise.
        let text = if value == 0.0 || (0.1..1e15).contains(&value.abs()) {
            let digits = 5.0 - value.abs().max(0.1).log10().floor();
            format!("{value:.*}", digits.clamp(0.0, 6.0) as usize)
        } else {
            format!("{value:.5e}")
        };
        Self {
            name: name.to_owned(),
            figure: figure.to_owned(),
            value: text,
            unit: unit.to_owned(),
        }
    }

    /// A figure that is a name.
    pub fn text(name: &str, figure: &str, value: &str) -> Self {
        let value = value.replace(['"', ',', '\n'], " ");
        Self { name: name.to_owned(), figure: figure.to_owned(), value, unit: String::new() }
    }

    /// A line of the table.
    pub fn line(&self) -> String {
        format!("{},{},{},{}", self.name, self.figure, self.value, self.unit)
    }
}

/// The record of one machine on one day.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// In the order of the file.
    pub rows: Vec<Row>,
}

impl Record {
    /// The first line of the table.
    pub const HEAD: &str = "name,figure,value,unit";

    /// Reads a table.
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`], naming file and line.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let refuse =
            |what: String| Error::new(ErrorKind::Unreadable, format!("{}: {what}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|e| refuse(e.to_string()))?;
        Self::read(&text).map_err(refuse)
    }

    fn read(text: &str) -> Result<Self, String> {
        let mut lines = text.lines();
        if lines.next() != Some(Self::HEAD) {
            return Err(format!("the first line is not {}", Self::HEAD));
        }
        let row = |(i, line): (usize, &str)| match line.split(',').collect::<Vec<_>>()[..] {
            [name, figure, value, unit] => Ok(Row {
                name: name.to_owned(),
                figure: figure.to_owned(),
                value: value.to_owned(),
                unit: unit.to_owned(),
            }),
            _ => Err(format!("line {}: expected four cells", i + 2)),
        };
        Ok(Self { rows: lines.enumerate().map(row).collect::<Result<_, _>>()? })
    }

    /// A numeric figure; the last one if there are several, which was measured last.
    pub fn number(&self, name: &str, figure: &str) -> Option<f64> {
        self.find(name, figure)?.parse().ok()
    }

    /// A figure as text.
    pub fn find(&self, name: &str, figure: &str) -> Option<&str> {
        let of = |row: &&Row| row.name == name && row.figure == figure;
        self.rows.iter().rev().find(of).map(|row| row.value.as_str())
    }

    /// The distinct names that begin with `prefix`, without it, in order.
    pub fn names(&self, prefix: &str) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for name in self.rows.iter().filter_map(|row| row.name.strip_prefix(prefix)) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let rows = vec![
            Row::number("detect/cpu/19", "median", 18.123_456_7, "ms"),
            Row::number("detect/cpu/19", "median", 20.0, "ms"),
            Row::number("memory/cpu/1", "heap", 12_345_678.0, "bytes"),
            Row::number("slope/cpu/1", "low", -1.25e-7, "bytes"),
            Row::text("machine", "processor", "AMD, \"EPYC\""),
        ];
        let lines: Vec<String> = rows.iter().map(Row::line).collect();
        let record = Record::read(&format!("{}\n{}\n", Record::HEAD, lines.join("\n"))).unwrap();
        assert_eq!(record.rows, rows);
        assert_eq!(rows[0].value, "18.1235");
        assert_eq!(record.number("detect/cpu/19", "median"), Some(20.0));
        assert_eq!(record.number("memory/cpu/1", "heap"), Some(12_345_678.0));
        assert_eq!(record.number("slope/cpu/1", "low"), Some(-1.25e-7));
        assert_eq!(record.find("machine", "processor"), Some("AMD   EPYC "));
        assert_eq!(record.names("memory/"), ["cpu/1"]);
        assert_eq!(record.number("detect/cpu/19", "mean"), None);
    }

    #[test]
    fn another_table_is_refused() {
        assert!(Record::read("").is_err());
        assert!(Record::read("a,b,c,d\n").is_err());
        let error = Record::read(&format!("{}\na,b,1,ms\na,b\n", Record::HEAD)).unwrap_err();
        assert!(error.contains("line 3"), "{error}");
    }
}
